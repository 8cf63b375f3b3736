/* The open pull requests of a repository, against what the projects know of them.
 *
 * Easy to break: each answer of GitHub is read on a fiber of its own, so that a list of thousands leaves only its
 * findings behind; what is kept is copied into s->arena. */
#include "worker/github_inner.h"

#include "base/clock.h"

#define PER_PAGE    50
#define MOST_PAGES  (MOST_LISTED / PER_PAGE)
#define MOST_SINGLE 100 /* pull requests that are asked for one by one in one sweep */

/* ---- what one answer says ---- */

static bool read_facts(const struct json *pull, struct pull_facts *ret)
{
	struct str state = json_text(json_get(pull, "state"), STR(""));
	struct pull_facts facts = { .number = json_int(json_get(pull, "number"), 0),
				    .sha = json_text(json_get(json_get(pull, "head"), "sha"), STR("")),
				    .open = str_eq(state, STR("open")) };

	if (facts.number < 1 || facts.number > INT32_MAX || facts.sha.n == 0 ||
	    (!facts.open && !str_eq(state, STR("closed"))) ||
	    !time_parse(json_text(json_get(pull, "updated_at"), STR("")), &facts.updated_at_ms))
		return false;
	*ret = facts;
	return true;
}

struct known_pulls {
	const struct known_pull *items;
	size_t n;
};

/* Those of one pull request; they stand together. */
static struct known_pulls known_of(const struct known_pulls *known, int64_t number)
{
	size_t from = 0, to;

	while (from < known->n && known->items[from].number != number)
		from++;
	for (to = from; to < known->n && known->items[to].number == number; to++)
		;
	return (struct known_pulls){ known->items + from, to - from };
}

static const struct known_pull *known_to(const struct known_pulls *known, struct str project)
{
	for (size_t i = 0; i < known->n; i++)
		if (str_eq(known->items[i].project_id, project))
			return &known->items[i];
	return NULL;
}

static struct str with(struct arena *arena, struct str list, struct str id)
{
	return arena_printf(arena, "%.*s%.*s,", STR_FMT(list), STR_FMT(id));
}

/* What any project has missed of it; "reopened" before all else, because only that brings back what was closed. */
static struct finding compare(struct arena *arena, const struct sweep *s, const struct known_pulls *known,
			      const struct pull_facts *facts)
{
	struct finding f = { .number = facts->number, .why = facts->open ? "rules" : "closed" };
	const struct known_pulls ours = known_of(known, facts->number);

	for (size_t i = 0; i < s->projects.n; i++) {
		const struct repo_project *project = &s->projects.items[i];
		const struct known_pull *k = known_to(&ours, project->id);
		const char *action = project->rules.is_deleting ? NULL : missed_action(k, facts);

		if (k && k->live)
			f.live = with(arena, f.live, project->id);
		if (!action)
			continue;
		f.missing = arena_printf(arena, "%.*s%.*s %lld,", STR_FMT(f.missing), STR_FMT(project->id),
					 (long long)(k ? k->generation : 0));
		if (!f.action || str_eq(str_of(action), STR("reopened")))
			f.action = action;
	}
	return f;
}

static const struct github_closing *closing_of(const struct sweep *s, int64_t number)
{
	for (size_t i = 0; i < s->n_closings; i++)
		if (s->closings[i].number == number)
			return &s->closings[i];
	return NULL;
}

static bool is_found(const struct sweep *s, int64_t number)
{
	for (size_t i = 0; i < s->n_findings; i++)
		if (s->findings[i].number == number)
			return true;
	return false;
}

static void add_finding(struct sweep *s, const struct finding *found, struct str payload)
{
	const struct github_closing *closing = closing_of(s, found->number);
	struct finding *f;

	if (is_found(s, found->number)) /* listed twice: it moved to another page meanwhile */
		return;
	if (s->n_findings == MOST_FINDINGS || payload.n == 0) {
		s->has_more = true;
		return;
	}
	f = &s->findings[s->n_findings++];
	*f = *found;
	f->payload = payload;
	f->live = arena_str(s->arena, found->live);
	f->missing = arena_str(s->arena, found->missing);
	f->held = closing && closing->held;
	f->confirmed = closing && closing->confirmed && str_eq(closing->why, str_of(f->why));
}

/* Pull requests of one answer. */
static int take(struct call *call, struct sweep *s, const struct json *const *pulls, size_t n)
{
	struct pull_facts *facts = arena_alloc(call->arena, (n + 1) * sizeof(*facts));
	int64_t *numbers = arena_alloc(call->arena, (n + 1) * sizeof(*numbers));
	struct known_pulls known;
	int r;

	for (size_t i = 0; i < n; i++) {
		if (!read_facts(pulls[i], &facts[i]))
			return call_fail(call, E_UPSTREAM, "GitHub listed something that is no pull request");
		numbers[i] = facts[i].number;
	}
	r = github_known(call, s->o->db, s->repo->repo, numbers, n, &known.items, &known.n);
	for (size_t i = 0; r == OK && i < n; i++) {
		struct finding f = compare(call->arena, s, &known, &facts[i]);

		if (f.action)
			add_finding(s, &f, sweep_payload(s->arena, s, pulls[i], f.action));
	}
	return r;
}

/* ---- the list ---- */

struct page {
	struct sweep *s;
	int number;
	struct str etag; /* in: of this page before; out: of what was read */
	bool unchanged, has_next;
	int result;
	struct str why;
};

static int page_result(struct call *call, struct page *page, int r)
{
	page->result = r;
	if (r != OK)
		page->why = arena_str(page->s->arena, str_of(call->why));
	return r;
}

static int take_page(struct call *call, struct sweep *s, const struct json *list)
{
	const struct json **pulls = arena_alloc(call->arena, (list->n + 1) * sizeof(struct json *));
	size_t n = 0;

	for (const struct json *pull = list->child; pull; pull = pull->next) {
		if (s->n_numbers == MOST_LISTED)
			return call_fail(call, E_UPSTREAM,
					 "%.*s has more than %d open pull requests: too many to sweep",
					 STR_FMT(s->repo->spelled), MOST_LISTED);
		s->numbers[s->n_numbers++] = json_int(json_get(pull, "number"), 0);
		pulls[n++] = pull;
	}
	return take(call, s, pulls, n);
}

static void read_page(struct call *call, void *arg)
{
	struct page *page = arg;
	struct sweep *s = page->s;
	const struct github_request request = {
		.method = "GET",
		.etag = page->etag,
		.path = arena_printf(call->arena,
				     "/repos/%.*s/pulls?state=open&sort=created&direction=desc&per_page=%d&page=%d",
				     STR_FMT(s->repo->spelled), PER_PAGE, page->number),
	};
	struct github_answer answer;
	int r = github_ask(call, &s->session, &request, &answer);

	if (page_result(call, page, r) != OK)
		return;
	page->unchanged = answer.status == 304;
	page->has_next = answer.has_next;
	if (answer.status == 404)
		r = call_fail(
			call, E_NOT_FOUND,
			"GitHub does not show %.*s to the token (404): give it read access to the repository's pull "
			"requests, or correct repoFullName",
			STR_FMT(s->repo->spelled));
	else if (!page->unchanged && (!answer.json || answer.json->kind != JSON_ARRAY))
		r = call_fail(call, E_UPSTREAM, "GitHub's list of the pull requests of %.*s is no list",
			      STR_FMT(s->repo->spelled));
	else if (!page->unchanged)
		r = take_page(call, s, answer.json);
	page->etag = arena_str(s->arena, answer.etag);
	page_result(call, page, r);
}

static int ask_page(struct call *call, struct page *page)
{
	int r = sweep_run(call, read_page, page);

	if (r == OK && page->result != OK)
		r = call_fail(call, page->result, "%.*s", STR_FMT(page->why));
	return r;
}

/* Asks whether anything has changed since the last complete list: page by page until one has. The first one, if that
 * has changed, need not be asked for again; *ret is what was read last. */
static int ask_for_changes(struct call *call, struct sweep *s, struct page *ret)
{
	struct str rest = s->repo->etags;
	int r = OK;

	*ret = (struct page){ .s = s, .unchanged = true };
	while (r == OK && rest.n && ret->unchanged && ret->number < MOST_PAGES) {
		*ret = (struct page){ .s = s, .number = ret->number + 1, .etag = str_split(&rest, '\n') };
		r = ask_page(call, ret);
	}
	if (r == OK && !ret->unchanged && ret->number > 1)
		s->n_numbers = s->n_findings = 0;
	return r;
}

/* *ret_complete: the list was read, all of it; false when it is what it was the last time. */
static int read_list(struct call *call, struct sweep *s, struct str *ret_etags, bool *ret_complete)
{
	bool comparable = s->repo->etags.n && str_eq(s->repo->projects, s->repo->compared);
	struct page page = { .s = s, .has_next = true };
	struct buf etags;
	int r = OK;

	buf_init(&etags, 64 * 1024);
	*ret_complete = true;
	if (comparable) {
		r = ask_for_changes(call, s, &page);
		*ret_complete = !page.unchanged;
	}
	if (r == OK && *ret_complete && page.number != 1)
		page = (struct page){ .s = s, .has_next = true };
	else if (r == OK && *ret_complete)
		buf_printf(&etags, "%.*s\n", STR_FMT(page.etag));
	while (r == OK && *ret_complete && page.has_next && page.number < MOST_PAGES) {
		page = (struct page){ .s = s, .number = page.number + 1 };
		r = ask_page(call, &page);
		if (r == OK)
			buf_printf(&etags, "%.*s\n", STR_FMT(page.etag));
	}
	*ret_etags = arena_str(s->arena, etags.overflow ? STR("") : buf_str(&etags));
	buf_done(&etags);
	return r;
}

/* ---- one by one ---- */

struct single {
	struct sweep *s;
	int64_t number;
	int result;
	struct str why;
};

/* Seen missing for the first time, or for long enough. */
static int take_missing(struct call *call, struct sweep *s, int64_t number)
{
	const struct github_closing *before = closing_of(s, number);
	bool twice = before && before->old && str_eq(before->why, STR("gone"));
	struct pull_facts facts = { .number = number };
	struct known_pulls known;
	struct db_rows rows;
	struct finding f;
	int r = github_last_facts(call, s->o->db, s->repo->repo, number, &rows);

	if (r != OK || rows.n_rows == 0)
		return r;
	if (!twice) {
		sweep_say(s,
			  "pull request %lld is not there (404): it would be taken down if it still is not in ten "
			  "minutes",
			  (long long)number);
		return s->report ? OK
				 : github_closing_put(call, s->o->db, s->repo->repo, number, "gone",
						      before && before->held);
	}
	facts.updated_at_ms = db_time(&rows, 0, "pr_updated_at");
	facts.sha = db_text(&rows, 0, "sha");
	r = github_known(call, s->o->db, s->repo->repo, &number, 1, &known.items, &known.n);
	if (r != OK)
		return r;
	f = compare(call->arena, s, &known, &facts);
	f.why = "gone";
	if (f.action)
		add_finding(s, &f, sweep_gone_payload(s->arena, s, &rows, number));
	return OK;
}

static void read_single(struct call *call, void *arg)
{
	struct single *single = arg;
	struct sweep *s = single->s;
	const struct github_request request = { .method = "GET",
						.path = arena_printf(call->arena, "/repos/%.*s/pulls/%lld",
								     STR_FMT(s->repo->spelled),
								     (long long)single->number) };
	struct github_answer answer;
	size_t before = s->n_findings;
	int r = github_ask(call, &s->session, &request, &answer);

	if (r == OK && answer.status == 404)
		r = take_missing(call, s, single->number);
	else if (r == OK && json_int(json_get(answer.json, "number"), 0) != single->number)
		r = call_fail(call, E_UPSTREAM, "GitHub answered for another pull request than %lld",
			      (long long)single->number);
	else if (r == OK)
		r = take(call, s, &answer.json, 1);
	/* nothing is wrong with it any more */
	if (r == OK && answer.status != 404 && s->n_findings == before && closing_of(s, single->number) && !s->report)
		r = github_closings_drop(call, s->o->db, s->repo->repo, &single->number, 1);
	single->result = r;
	if (r != OK)
		single->why = arena_str(s->arena, str_of(call->why));
}

static int ask_single(struct call *call, struct sweep *s, int64_t number)
{
	struct single single = { .s = s, .number = number };
	int r;

	if (is_found(s, number))
		return OK;
	r = sweep_run(call, read_single, &single);
	if (r == OK && single.result != OK)
		r = call_fail(call, single.result, "%.*s", STR_FMT(single.why));
	return r;
}

int sweep_pulls(struct call *call, struct sweep *s, struct github_swept *swept)
{
	const int64_t *absent = NULL;
	struct str etags;
	size_t n = 0;
	bool complete;
	int r = read_list(call, s, &etags, &complete);

	if (r == OK && complete)
		r = github_absent(call, s->o->db, s->repo->repo, s->numbers, s->n_numbers, MOST_SINGLE, &absent, &n);
	if (n == MOST_SINGLE)
		s->has_more = true;
	for (size_t i = 0; r == OK && i < n; i++)
		r = ask_single(call, s, absent[i]);
	/* what is not settled is asked for although the list may not have changed */
	for (size_t i = 0; r == OK && i < s->n_closings && i < MOST_SINGLE; i++)
		r = ask_single(call, s, s->closings[i].number);
	if (r == OK && complete) {
		swept->etags = s->has_more ? STR("") : etags;
		swept->compared = s->repo->projects;
	}
	return r;
}

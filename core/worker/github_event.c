/* From what a sweep has found to a delivery: decided and stored as a webhook is. */
#include "worker/github_inner.h"

#include "crypto/digest.h"
#include "model/pull_request.h"

#include <string.h>

#define MOST_PAYLOAD (256 * 1024)

/* ---- payloads: what model/pull_request.c reads, and nothing else ---- */

static void copy_text(struct json_out *out, const struct json *from, const char *key)
{
	const struct json *value = json_get(from, key);

	if (value && value->kind == JSON_TEXT)
		json_put_text(out, key, value->text);
}

static void begin(struct json_out *out, const char *action, int64_t number)
{
	json_open(out, '{');
	json_put_text(out, "action", str_of(action));
	json_put_int(out, "number", number);
	json_key(out, "pull_request");
	json_open(out, '{');
	json_put_int(out, "number", number);
}

static struct str finish(struct arena *arena, const struct sweep *s, struct json_out *out)
{
	struct str text;

	json_close(out, '}');
	json_key(out, "repository");
	json_open(out, '{');
	json_put_text(out, "full_name", s->repo->spelled);
	json_close(out, '}');
	json_close(out, '}');
	text = out->buf->overflow ? (struct str){ 0 } : arena_str(arena, buf_str(out->buf));
	buf_done(out->buf);
	return text;
}

/* "head" or "base". */
static void copy_side(struct json_out *out, const struct json *pull, const char *name)
{
	const struct json *side = json_get(pull, name), *repo = json_get(side, "repo");
	int64_t id = json_int(json_get(repo, "id"), -1);

	json_key(out, name);
	json_open(out, '{');
	copy_text(out, side, "ref");
	copy_text(out, side, "sha");
	json_key(out, "repo");
	if (id < 0) {
		json_add_null(out);
	} else {
		json_open(out, '{');
		json_put_int(out, "id", id);
		json_close(out, '}');
	}
	json_close(out, '}');
}

static void copy_labels(struct json_out *out, const struct json *pull)
{
	const struct json *labels = json_get(pull, "labels");
	const struct json *label = labels && labels->kind == JSON_ARRAY ? labels->child : NULL;

	json_key(out, "labels");
	json_open(out, '[');
	for (int n = 0; label && n < PR_LABELS; label = label->next, n++) {
		json_open(out, '{');
		copy_text(out, label, "name");
		json_close(out, '}');
	}
	json_close(out, ']');
}

struct str sweep_payload(struct arena *arena, const struct sweep *s, const struct json *pull, const char *action)
{
	static const char *const texts[] = { "title", "html_url", "state", "updated_at", "author_association" };
	const struct json *user = json_get(pull, "user");
	struct json_out out;
	struct buf buf;

	buf_init(&buf, MOST_PAYLOAD);
	out = JSON_OUT(&buf);
	begin(&out, action, json_int(json_get(pull, "number"), 0));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		copy_text(&out, pull, texts[i]);
	json_put_bool(&out, "draft", json_bool(json_get(pull, "draft"), false));
	json_key(&out, "user");
	if (user && user->kind == JSON_OBJECT) {
		json_open(&out, '{');
		copy_text(&out, user, "login");
		json_close(&out, '}');
	} else {
		json_add_null(&out);
	}
	copy_side(&out, pull, "head");
	copy_side(&out, pull, "base");
	copy_labels(&out, pull);
	return finish(arena, s, &out);
}

static void put_side(struct json_out *out, const char *name, struct str ref, struct str sha, bool from_fork)
{
	json_key(out, name);
	json_open(out, '{');
	json_put_text(out, "ref", ref);
	if (sha.n)
		json_put_text(out, "sha", sha);
	json_key(out, "repo");
	if (from_fork)
		json_add_null(out);
	else
		json_add_raw(out, STR("{\"id\":0}"));
	json_close(out, '}');
}

struct str sweep_gone_payload(struct arena *arena, const struct sweep *s, const struct db_rows *facts, int64_t number)
{
	struct json_out out;
	struct buf buf;

	buf_init(&buf, MOST_PAYLOAD);
	out = JSON_OUT(&buf);
	begin(&out, "closed", number);
	json_put_text(&out, "state", STR("closed"));
	json_put_text(&out, "title", db_text(facts, 0, "title"));
	json_put_text(&out, "html_url", db_text(facts, 0, "html_url"));
	/* not now: should it come back, what GitHub says of it must not be older than this */
	json_put_text(&out, "updated_at", db_text(facts, 0, "updated_at"));
	json_key(&out, "user");
	json_open(&out, '{');
	json_put_text(&out, "login", db_text(facts, 0, "author"));
	json_close(&out, '}');
	put_side(&out, "head", db_text(facts, 0, "branch"), db_text(facts, 0, "sha"), db_bool(facts, 0, "from_fork"));
	put_side(&out, "base", db_text(facts, 0, "base_branch"), (struct str){ 0 }, false);
	return finish(arena, s, &out);
}

/* ---- deliveries ---- */

/* Its id says what was found, who had missed it and what was wanted there: the same finding is the same delivery,
 * whoever finds it again; the same facts, missed a second time, are another. */
static int make_delivery(struct call *call, const struct sweep *s, struct finding *f)
{
	const struct str parts[] = { STR("sweep\n"), s->repo->repo, STR("\n"), f->missing, f->payload };
	struct pull_request *pr = arena_alloc(call->arena, sizeof(*pr));
	struct delivery *d = arena_alloc(call->arena, sizeof(*d));
	const char *field = "", *why = "";
	char hex[SHA256_HEX_SIZE];

	if (!pull_request_read(json_parse(call->arena, f->payload, NULL, &why), pr, &field, &why))
		return call_fail(call, E_UPSTREAM,
				 "what GitHub says of pull request %lld of %.*s cannot be used: %s %s",
				 (long long)f->number, STR_FMT(s->repo->spelled), field, why);
	sha256(parts, sizeof(parts) / sizeof(parts[0]), d->digest);
	hex_encode(d->digest, sizeof(d->digest), hex);
	d->id = arena_printf(call->arena, "hook_sweep_%.32s", hex);
	d->event = STR("sweep");
	d->action = pr->action;
	d->repo = s->repo->repo;
	d->payload = f->payload;
	d->pr = pr;
	delivery_decide(call, d, &s->projects);
	f->delivery = d;
	return OK;
}

static bool lists(struct str list, struct str id)
{
	while (list.n)
		if (str_eq(str_split(&list, ','), id))
			return true;
	return false;
}

static size_t count_doomed(const struct finding *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->delivery->n_projects; i++)
		n += f->delivery->decided[i].desired == DESIRED_DESTROYED &&
		     lists(f->live, f->delivery->projects[i]->id);
	return n;
}

/* ---- not too much at once ---- */

/* Takes those that stay away out of the findings. */
static void keep(struct sweep *s, bool (*stays)(const struct finding *f))
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_findings; i++)
		if (stays(&s->findings[i]))
			s->findings[n++] = s->findings[i];
	s->n_findings = n;
}

static bool dooms_nothing(const struct finding *f)
{
	return f->n_doomed == 0;
}

static bool is_harmless_or_confirmed(const struct finding *f)
{
	return f->n_doomed == 0 || f->confirmed;
}

static int hold(struct call *call, struct sweep *s, size_t doomed, size_t live)
{
	bool is_news = false;
	int r = OK;

	for (size_t i = 0; r == OK && i < s->n_findings; i++) {
		const struct finding *f = &s->findings[i];

		if (is_harmless_or_confirmed(f))
			continue;
		is_news |= !f->held;
		sweep_say(s, "pull request %lld (%s) is held back: see opshubd reconcile --confirm",
			  (long long)f->number, f->why);
		if (!s->report)
			r = github_closing_put(call, s->o->db, s->repo->repo, f->number, f->why, true);
	}
	if (is_news && !s->report)
		log_error("Sweep",
			  "A sweep would take down more previews at once than it may; opshubd reconcile --confirm lets "
			  "it",
			  F_STR("repository", s->repo->spelled), F_INT("previews", (int64_t)doomed),
			  F_INT("of", (int64_t)live));
	if (r == OK)
		keep(s, is_harmless_or_confirmed);
	return r;
}

static int hold_too_many(struct call *call, struct sweep *s)
{
	size_t doomed = 0, live = 0;
	int r;

	for (size_t i = 0; i < s->n_findings; i++)
		if (!s->findings[i].confirmed)
			doomed += s->findings[i].n_doomed;
	if (doomed == 0)
		return OK;
	r = github_live(call, s->o->db, s->repo->repo, &live);
	return r != OK || sweep_may_destroy(live, doomed) ? r : hold(call, s, doomed, live);
}

/* ---- the way of a webhook ---- */

static void push(struct call *call, const struct sweep *s, struct str jobs)
{
	size_t n = 1;

	for (size_t i = 0; i < jobs.n; i++)
		n += jobs.p[i] == ',';
	struct job_push *items = arena_alloc(call->arena, n * sizeof(*items));
	struct push_list list = { items, 0 };
	while (jobs.n)
		items[list.n++] = (struct job_push){ str_split(&jobs, ','), STR("preview-queue") };
	queue_push(s->o->queue, &list);
}

static int store_batch(struct call *call, struct sweep *s, const struct finding *findings, size_t n)
{
	struct delivery *deliveries[DELIVERY_BATCH];
	int64_t numbers[DELIVERY_BATCH];
	struct str jobs;
	int r;

	for (size_t i = 0; i < n; i++) {
		deliveries[i] = findings[i].delivery;
		numbers[i] = findings[i].number;
	}
	r = deliveries_ingest(call, s->o->db, deliveries, n, &jobs);
	if (r == OK)
		push(call, s, jobs);
	for (size_t i = 0; r == OK && i < n; i++) {
		if (deliveries[i]->result != OK)
			return call_fail(call, deliveries[i]->result, "pull request %lld could not be stored",
					 (long long)numbers[i]);
		log_info("Sweep", "A webhook was missed; GitHub's state was taken instead",
			 F_STR("repository", s->repo->spelled), F_INT("prNumber", numbers[i]),
			 F_TEXT("action", findings[i].action), F_STR("delivery", deliveries[i]->id),
			 F_STR("outcome", deliveries[i]->duplicate ? STR("duplicate") : deliveries[i]->outcome));
	}
	return r == OK ? github_closings_drop(call, s->o->db, s->repo->repo, numbers, n) : r;
}

int sweep_settle(struct call *call, struct sweep *s, bool partial)
{
	int r = OK;

	for (size_t i = 0; r == OK && i < s->n_findings; i++) {
		r = make_delivery(call, s, &s->findings[i]);
		if (r == OK)
			s->findings[i].n_doomed = count_doomed(&s->findings[i]);
	}
	if (r == OK && partial)
		keep(s, dooms_nothing);
	else if (r == OK)
		r = hold_too_many(call, s);
	for (size_t i = 0; r == OK && s->report && i < s->n_findings; i++)
		sweep_say(s, "pull request %lld: the event \"%s\" was missed%s", (long long)s->findings[i].number,
			  s->findings[i].action, s->findings[i].n_doomed ? "; its preview would be taken down" : "");
	for (size_t i = 0; r == OK && !s->report && i < s->n_findings; i += DELIVERY_BATCH)
		r = store_batch(call, s, &s->findings[i],
				s->n_findings - i < DELIVERY_BATCH ? s->n_findings - i : DELIVERY_BATCH);
	return r;
}

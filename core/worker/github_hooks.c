/* Webhooks that GitHub could not deliver: asked for again. GitHub keeps them for three days and repeats none by itself.
 */
#include "worker/github_inner.h"

#include "base/clock.h"

#define PER_PAGE   100
#define MOST_PAGES 10
#define ROOM       (PER_PAGE * MOST_PAGES)
#define MOST_GUID  64
#define MOST_FAILS 3 /* of requests to deliver again, in one sweep */

/* ---- which webhook is ours ---- */

static bool is_ours(const struct json *hook, struct str url)
{
	struct str config = json_text(json_get(json_get(hook, "config"), "url"), STR(""));

	while (config.n && config.p[config.n - 1] == '/')
		config.n--;
	return str_eq_nocase(config, url) && json_bool(json_get(hook, "active"), false);
}

static int find_hook(struct call *call, struct sweep *s, int64_t *ret_id)
{
	const struct github_request request = { .method = "GET",
						.path = arena_printf(call->arena, "/repos/%.*s/hooks?per_page=%d",
								     STR_FMT(s->repo->spelled), PER_PAGE) };
	struct github_answer answer;
	int r = github_ask(call, &s->session, &request, &answer);
	const struct json *hook;

	*ret_id = 0;
	if (r != OK || answer.status == 404)
		return r;
	hook = answer.json && answer.json->kind == JSON_ARRAY ? answer.json->child : NULL;
	for (; hook && *ret_id <= 0; hook = hook->next)
		if (is_ours(hook, s->o->webhook_url))
			*ret_id = json_int(json_get(hook, "id"), 0);
	return OK;
}

/* ---- what was delivered, and what not ---- */

/* Those that another event or action has would be stored as ignored. */
static bool matters(const struct json *item)
{
	struct str event = json_text(json_get(item, "event"), STR(""));
	struct str action = json_text(json_get(item, "action"), STR(""));

	return str_eq(event, STR("pull_request")) ||
	       (str_eq(event, STR("issue_comment")) && str_eq(action, STR("created")));
}

static bool read_attempt(const struct json *item, struct hook_attempt *ret)
{
	int64_t status = json_int(json_get(item, "status_code"), 0);
	struct hook_attempt attempt = { .id = json_int(json_get(item, "id"), 0),
					.guid = json_text(json_get(item, "guid"), STR("")),
					.ok = status >= 200 && status <= 299,
					.matters = matters(item) };

	if (attempt.id <= 0 || attempt.guid.n == 0 || attempt.guid.n > MOST_GUID ||
	    !time_parse(json_text(json_get(item, "delivered_at"), STR("")), &attempt.delivered_at_ms))
		return false;
	*ret = attempt;
	return true;
}

/* Newest first, back to `since_ms`. *ret_known false: there is no such webhook any more. */
static int read_attempts(struct call *call, struct github_session *session, struct str folder, int64_t since_ms,
			 struct hook_attempt *attempts, size_t *ret_n, bool *ret_known)
{
	struct github_answer answer = { .has_next = true };
	size_t n = 0;
	int r = OK;

	*ret_known = true;
	for (int page = 0; r == OK && answer.has_next && page < MOST_PAGES; page++) {
		struct github_request request = { .method = "GET" };
		const struct json *item;

		request.path = arena_printf(call->arena, "%.*s?per_page=%d%s%.*s", STR_FMT(folder), PER_PAGE,
					    answer.cursor.n ? "&cursor=" : "", STR_FMT(answer.cursor));
		r = github_ask(call, session, &request, &answer);
		if (r != OK)
			break;
		*ret_known = answer.status != 404;
		item = answer.json && answer.json->kind == JSON_ARRAY ? answer.json->child : NULL;
		if (!item || answer.cursor.n == 0)
			answer.has_next = false;
		for (; item && n < ROOM; item = item->next) {
			if (!read_attempt(item, &attempts[n]))
				continue;
			if (attempts[n].delivered_at_ms < since_ms)
				answer.has_next = false;
			else
				n++;
		}
	}
	*ret_n = n;
	return r;
}

static int ask_again(struct call *call, struct sweep *s, struct str folder, int64_t id)
{
	const struct github_request request = { .method = "POST",
						.path = arena_printf(call->arena, "%.*s/%lld/attempts", STR_FMT(folder),
								     (long long)id) };
	struct github_answer answer;
	int r;

	if (s->report) {
		sweep_say(s, "delivery %lld has failed: GitHub would be asked for it again", (long long)id);
		return OK;
	}
	r = github_ask(call, &s->session, &request, &answer);
	if (r == OK && answer.status >= 300)
		r = call_fail(call, E_UPSTREAM, "GitHub answered %d when it was asked for delivery %lld again",
			      answer.status, (long long)id);
	if (r == OK)
		log_info("Sweep", "GitHub was asked to deliver a webhook again", F_STR("repository", s->repo->spelled),
			 F_INT("githubDelivery", id));
	return r;
}

/* `folder`: "/repos/o/r/hooks/1/deliveries". */
static int redeliver(struct call *call, struct sweep *s, struct str folder, struct github_swept *swept, bool *ret_known)
{
	struct hook_attempt *attempts = arena_alloc(call->arena, ROOM * sizeof(*attempts));
	bool *arrived = arena_alloc(call->arena, ROOM * sizeof(*arrived));
	int64_t *ids = arena_alloc(call->arena, ROOM * sizeof(*ids));
	int64_t now_ms = clock_wall_ms(), since_ms = s->repo->deliveries_since_ms;
	size_t n = 0, n_ids;
	int r, failed = OK, fails = 0;

	if (since_ms < now_ms - REDELIVERY_AGE_MS)
		since_ms = now_ms - REDELIVERY_AGE_MS;
	r = read_attempts(call, &s->session, folder, since_ms, attempts, &n, ret_known);
	if (r == OK)
		r = github_deliveries_known(call, s->o->db, attempts, n, arrived);
	if (r != OK)
		return r;
	n_ids = redelivery_plan(attempts, arrived, n, now_ms, ids, &since_ms);
	for (size_t i = n_ids; r == OK && i > 0; i--) { /* oldest first, as they happened */
		r = ask_again(call, s, folder, ids[i - 1]);
		if (r == E_UPSTREAM && ++fails < MOST_FAILS) { /* one that cannot be had holds up no other */
			failed = r;
			r = OK;
		}
	}
	r = r == OK ? failed : r;
	if (r == OK && n > 0)
		swept->deliveries_since_ms = since_ms;
	return r;
}

struct hooks {
	struct sweep *s;
	struct github_swept *swept;
	int result;
	struct str why;
};

static void sweep_hook_fiber(struct call *call, void *arg)
{
	struct hooks *hooks = arg;
	struct sweep *s = hooks->s;
	int64_t id = s->repo->hook_id;
	bool known = true;
	int r = id ? OK : find_hook(call, s, &id);

	if (r == OK && id > 0)
		r = redeliver(call, s,
			      arena_printf(call->arena, "/repos/%.*s/hooks/%lld/deliveries", STR_FMT(s->repo->spelled),
					   (long long)id),
			      hooks->swept, &known);
	hooks->swept->hook_id = known ? id : 0;
	hooks->result = r;
	if (r != OK)
		hooks->why = arena_str(s->arena, str_of(call->why));
}

int sweep_hook(struct call *call, struct sweep *s, struct github_swept *swept)
{
	struct hooks hooks = { .s = s, .swept = swept };
	int r = sweep_run(call, sweep_hook_fiber, &hooks);

	if (r != OK || hooks.result == OK)
		return r;
	if (hooks.result == E_CANCELLED || hooks.result == E_LIMITED || call_left_ms(call) <= 0)
		return call_fail(call, hooks.result, "%.*s", STR_FMT(hooks.why));
	sweep_say(s, "failed deliveries are not looked for: %.*s", STR_FMT(hooks.why));
	if (hooks.result == E_AUTH)
		return OK;
	log_warn("Sweep",
		 "Webhooks that failed could not be asked for again; the pull requests are compared all the same",
		 F_STR("repository", s->repo->spelled), F_STR("error", hooks.why));
	swept->error = hooks.why;
	return OK;
}

int sweep_app_hook(struct call *call, struct sweep *s, struct github_swept *swept)
{
	bool known;
	int r = github_app_session(call, s->o->github, &s->session);

	return r == OK ? redeliver(call, s, STR("/app/hook/deliveries"), swept, &known) : r;
}

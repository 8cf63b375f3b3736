/* A build of a branch is asked for: in its turn, and with its variables.
 *
 * Owns nothing but the instance's memory of when builds were started.
 * Easy to break: Netlify has no idempotency key. POST …/builds is never repeated here; after a lost answer find() looks
 * for the attempt's mark among the site's deploys. What surely started nothing takes its variables back. */
#include "netlify.h"

#include <string.h>

#define FIRST_POLL_MS 2000
#define MINUTE_MS     60000

/* ---- whose turn it is ---- */

/* Netlify starts three builds a minute. Whoever comes on top is told here to come back, before anything is sent: else a
 * hundred pull requests would use up the requests with which builds are looked at. Takes a place that is free. */
static int64_t take_turn(struct pace *pace, int64_t now, int64_t most, int64_t **ret_place)
{
	int64_t *first = &pace->started_ms[0];

	if (pace->refused_until_ms - now > MINUTE_MS) /* the clock was set back */
		pace->refused_until_ms = 0;
	if (pace->refused_until_ms > now)
		return pace->refused_until_ms - now;
	for (int64_t i = 0; i < most; i++) {
		int64_t *place = &pace->started_ms[i];

		if (*place > now)
			*place = 0;
		if (*place < *first)
			first = place;
	}
	if (most > 0 && *first > now - MINUTE_MS)
		return *first + MINUTE_MS - now;
	*first = now;
	*ret_place = first;
	return 0;
}

static opshub_status wait_for_turn(opshub_call *call, struct netlify *n, int64_t **ret_place)
{
	const struct opshub_host *host = n->host;
	int64_t wait = take_turn(&n->pace, host->now_ms(call), n->builds_per_minute, ret_place);

	if (wait == 0)
		return OPSHUB_OK;
	host->retry_after(call, wait);
	return host->fail(call, OPSHUB_E_LIMITED,
			  host->format(call,
				       "Netlify starts few builds a minute, and other pull requests were first: OpsHub "
				       "asks it in %lld s or when there is room",
				       (long long)((wait + 999) / 1000)));
}

/* ---- the build ---- */

static opshub_status ask_for_build(opshub_call *call, struct netlify *n, const struct site *site,
				   const struct opshub_deploy_request *request, struct refusal *refusal,
				   const opshub_json **ret)
{
	const struct opshub_host *host = n->host;
	const char *title = mark_title(call, n, request);
	const struct question q = {
		.method = "POST",
		.path = host->format(call, "/sites/%s/builds?branch=%s&title=%s", host->escape_url(call, site->id),
				     host->escape_url(call, request->branch), host->escape_url(call, title)),
		.purpose = "start a build",
		.ret_refusal = refusal,
	};
	struct answer answer;
	opshub_status r = ask(call, n, &q, &answer);

	if (refusal->limit_ms > 0)
		n->pace.refused_until_ms = host->now_ms(call) + refusal->limit_ms;
	if (r == OPSHUB_E_NOT_FOUND) {
		refusal->why = host->format(
			call,
			"Netlify cannot build branch %s of the site %s: the branch is not there any more, or the site "
			"is not linked to a repository",
			request->branch, site->name);
		return host->fail(call, OPSHUB_E_INVALID, refusal->why);
	}
	if (r == OPSHUB_OK)
		*ret = answer.json;
	return r;
}

static opshub_status start_build(opshub_call *call, struct netlify *n, const struct site *site,
				 const struct opshub_deploy_request *request, struct refusal *refusal,
				 struct opshub_deployment *ret)
{
	const struct opshub_host *host = n->host;
	const opshub_json *build = NULL;
	const char *error;
	opshub_status r = ask_for_build(call, n, site, request, refusal, &build);

	if (r < 0)
		return r;
	ret->id = text_of(call, n, build, "deploy_id");
	error = text_of(call, n, build, "error");
	if (!*ret->id && *error) {
		refusal->why = host->format(call, "Netlify does not build it: %.300s", error);
		return host->fail(call, OPSHUB_E_INVALID, refusal->why);
	}
	if (!*ret->id)
		return host->fail(call, OPSHUB_E_UPSTREAM,
				  "Netlify accepted the build and did not say which deploy it is: OpsHub looks for it");
	ret->state = OPSHUB_STATE_QUEUED;
	ret->attempt_id = request->attempt_id;
	ret->created_at_ms = host->parse_time(call, text_of(call, n, build, "created_at"));
	ret->poll_after_ms = FIRST_POLL_MS;
	if (*site->admin_url)
		ret->inspector_url = host->format(call, "%s/deploys/%s", site->admin_url, ret->id);
	return OPSHUB_OK;
}

/* ---- its variables ---- */

/* The account need not let us see variables when there are none to set. */
static int is_refusal(opshub_status r)
{
	return r == OPSHUB_E_AUTH || r == OPSHUB_E_NOT_FOUND || r == OPSHUB_E_INVALID;
}

static opshub_status set_variables(opshub_call *call, const struct netlify *n, const struct env_place *place,
				   const struct opshub_deploy_request *request, struct variables *v)
{
	opshub_status r = env_load(call, n, place, v);

	if (request->n_env == 0 && is_refusal(r))
		return OPSHUB_OK;
	if (r < 0)
		return r;
	if (request->n_env > 0)
		return env_set(call, v, request);
	return *v->attempt ? env_clear(call, v) : OPSHUB_OK;
}

/* After these no build was started, for certain. */
static int is_certain(opshub_status r)
{
	return r == OPSHUB_E_INVALID || r == OPSHUB_E_AUTH || r == OPSHUB_E_NOT_FOUND || r == OPSHUB_E_CONFLICT ||
	       r == OPSHUB_E_LIMITED || r == OPSHUB_E_QUOTA || r == OPSHUB_E_NETWORK || r == OPSHUB_E_UNSUPPORTED;
}

/* No build was started: what was set for it goes again, and another try sets it again. The first failure is the one to
 * tell, and its wait the one to keep. */
static opshub_status undo(opshub_call *call, const struct netlify *n, const struct variables *set,
			  const struct opshub_deploy_request *request, const struct refusal *refusal, opshub_status r)
{
	const struct opshub_host *host = n->host;
	struct variables v;
	opshub_status undone = env_load(call, n, set->place, &v);

	v.n_changes = set->n_changes;
	if (undone == OPSHUB_OK && strcmp(v.attempt, request->attempt_id) == 0)
		undone = env_clear(call, &v);
	if (undone < 0)
		host->log(call, OPSHUB_LOG_WARN,
			  host->format(call,
				       "Variables of %s stay at Netlify on the branch %s until it is deployed again",
				       request->attempt_id, set->place->branch));
	if (refusal->limit_ms > 0)
		host->retry_after(call, refusal->limit_ms);
	return refusal->why ? host->fail(call, r, refusal->why) : r; /* without an answer the host has said why */
}

/* ---- create ---- */

/* *was_asked becomes 1 when Netlify may have heard of the build. */
static opshub_status build(opshub_call *call, struct netlify *n, const struct opshub_deploy_request *request,
			   int *was_asked, struct opshub_deployment *ret)
{
	struct refusal refusal = { 0 };
	struct variables v = { 0 };
	struct env_place place;
	struct site site;
	opshub_status r = site_get(call, n, n->site_id, &site);

	if (r == OPSHUB_OK)
		r = site_check(call, n, &site, request);
	if (r < 0)
		return r;
	place = (struct env_place){ site.account, site.id, request->branch };
	r = set_variables(call, n, &place, request, &v);
	if (r == OPSHUB_OK) {
		*was_asked = 1;
		r = start_build(call, n, &site, request, &refusal, ret);
	} else {
		refusal = v.refusal;
	}
	if (r < 0 && request->n_env > 0 && v.n_changes > 0 && !env_is_cut(&v) && (!*was_asked || is_certain(r)))
		r = undo(call, n, &v, request, &refusal, r);
	return r;
}

opshub_status create(opshub_call *call, void *instance, const struct opshub_deploy_request *request,
		     struct opshub_deployment *ret)
{
	struct netlify *n = instance;
	int64_t *place = NULL;
	int was_asked = 0;
	opshub_status r;

	if (request->is_fork)
		return n->host->fail(call, OPSHUB_E_UNSUPPORTED,
				     "Netlify builds branches of the repository that its site is linked to, and this "
				     "pull request comes from a fork: push the branch to the repository itself");
	if (!*request->branch)
		return n->host->fail(call, OPSHUB_E_INVALID,
				     "Netlify builds branches, and this pull request has none: its branch was deleted");
	r = wait_for_turn(call, n, &place);
	if (r < 0)
		return r;
	r = build(call, n, request, &was_asked, ret);
	if (!was_asked)
		*place = 0;
	return r;
}

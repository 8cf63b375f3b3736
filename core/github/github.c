/* Requests to GitHub.
 *
 * Easy to break: the bearer must reach no log line and no message; failures name the path, which holds names and
 * numbers only, and GitHub's status. */
#include "github/inner.h"

#include "base/clock.h"
#include "model/github.h"

#define MOST_BODY   ((size_t)16 * 1024 * 1024) /* fifty pull requests with the longest texts are a quarter of it */
#define MOST_TOKENS 400000
#define CLOCKS_MS   60000 /* by which ours and GitHub's may differ before it refuses what we sign */

/* ---- one answer ---- */

static int64_t header_number(const struct net_response *response, const char *name, int64_t otherwise)
{
	int64_t n;

	return str_to_int(net_header(response, name), 0, INT64_MAX / 1000, &n) ? n : otherwise;
}

static bool speaks_of_secondary_limit(struct str body)
{
	const struct str words = STR("secondary rate limit");

	for (size_t i = 0; i + words.n <= body.n; i++)
		if (str_eq_nocase((struct str){ body.p + i, words.n }, words))
			return true;
	return false;
}

static int limited(struct call *call, const struct github_session *session)
{
	int64_t left_ms = session->pause_until_ms - clock_wall_ms();

	call->retry_after_ms = left_ms > 0 ? left_ms : 0;
	return call_fail(call, E_LIMITED,
			 "GitHub's allowance of requests is used up, or down to GITHUB_RATE_RESERVE: in %lld s again",
			 (long long)(call->retry_after_ms / 1000));
}

static bool clocks_differ(const struct net_response *response, int64_t now_ms)
{
	int64_t ahead_ms = now_ms - response->date_ms;

	return response->date_ms > 0 && (ahead_ms > CLOCKS_MS || ahead_ms < -CLOCKS_MS);
}

/* 401 */
static int refused(struct call *call, const struct github_session *session, const struct net_response *response)
{
	int64_t now_ms = clock_wall_ms();
	char ours[TIME_TEXT_MAX], theirs[TIME_TEXT_MAX];

	if (!session->is_signed || !clocks_differ(response, now_ms))
		return call_fail(call, E_AUTH,
				 "GitHub refuses the token (401): set GITHUB_TOKEN, or GITHUB_APP_ID and "
				 "GITHUB_APP_PRIVATE_KEY, anew");
	time_format(now_ms, ours);
	time_format(response->date_ms, theirs);
	return call_fail(call, E_AUTH,
			 "GitHub refuses what the App signs (401) because the clocks differ: GitHub's says %s, this "
			 "server's %s: set this server's clock",
			 theirs, ours);
}

static int refusal(struct call *call, const struct github_session *session, const struct github_request *request,
		   const struct net_response *response)
{
	struct str path = request->path;

	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] == '?')
			path.n = i;
	switch (response->status) {
	case 301:
	case 302:
	case 307:
	case 308:
		return call_fail(call, E_CONFLICT,
				 "GitHub has moved %.*s: change repoFullName to the repository's new name",
				 STR_FMT(path));
	case 401:
		github_session_forget(session);
		return refused(call, session, response);
	case 403:
		github_session_forget(session);
		return call_fail(call, E_AUTH, "GitHub does not allow the token %s %.*s (403): widen its permissions",
				 request->method, STR_FMT(path));
	default:
		return call_fail(call, E_UPSTREAM, "GitHub answered %s %.*s with status %d", request->method,
				 STR_FMT(path), response->status);
	}
}

static int read_body(struct call *call, const struct github_request *request, const struct net_response *response,
		     struct github_answer *ret)
{
	const struct json_limits limits = { .max_text = MOST_BODY, .max_tokens = MOST_TOKENS, .borrow = true };
	const char *why = "";

	if (response->body.n == 0 || response->status == 304)
		return OK;
	ret->text = response->body;
	ret->json = json_parse(call->arena, response->body, &limits, &why);
	if (!ret->json && response->status < 400)
		return call_fail(call, E_UPSTREAM, "GitHub's answer to %s %.*s is not the JSON it should be: %s",
				 request->method, STR_FMT(request->path), why);
	return OK;
}

static bool is_answer(int status)
{
	return (status >= 200 && status <= 299) || status == 304 || status == 404 || status == 422;
}

static int read_answer(struct call *call, struct github_session *session, const struct github_request *request,
		       const struct net_response *response, struct github_answer *ret)
{
	const struct github_allowance allowance = {
		.status = response->status,
		.remaining = header_number(response, "x-ratelimit-remaining", -1),
		.reset_s = header_number(response, "x-ratelimit-reset", 0),
		.date_ms = response->date_ms,
		.retry_after_ms = response->retry_after_ms,
		.secondary = response->status == 403 && speaks_of_secondary_limit(response->body),
	};

	session->pause_until_ms = github_pause_until(&allowance, session->reserve, clock_wall_ms());
	if (github_is_limited(&allowance))
		return limited(call, session);
	if (!is_answer(response->status))
		return refusal(call, session, request, response);
	*ret = (struct github_answer){ .status = response->status,
				       .etag = net_header(response, "etag"),
				       .date_ms = response->date_ms };
	ret->has_next = github_next(net_header(response, "link"), &ret->cursor);
	return read_body(call, request, response, ret);
}

static int fetch(struct call *call, const struct github_session *session, const struct github_request *request,
		 struct net_response *ret)
{
	struct net_header headers[4] = {
		{ STR("accept"), STR("application/vnd.github+json") },
		{ STR("x-github-api-version"), STR("2022-11-28") },
	};
	struct str url = arena_printf(call->arena, "%.*s%.*s", STR_FMT(session->github->base), STR_FMT(request->path));
	struct net_request fetch = { .method = request->method,
				     .url = url.p,
				     .headers = headers,
				     .n_headers = 2,
				     .max_body = MOST_BODY,
				     .timeout_ms = session->github->timeout_ms,
				     .allow_private = true };

	call_secret(call, session->bearer);
	if (session->bearer.n)
		headers[fetch.n_headers++] = (struct net_header){
			STR("authorization"), arena_printf(call->arena, "Bearer %.*s", STR_FMT(session->bearer))
		};
	if (request->etag.n)
		headers[fetch.n_headers++] = (struct net_header){ STR("if-none-match"), request->etag };
	return net_fetch(call, session->github->net, &fetch, ret);
}

int github_ask(struct call *call, struct github_session *session, const struct github_request *request,
	       struct github_answer *ret)
{
	struct net_response response;
	int r;

	if (session->pause_until_ms > clock_wall_ms())
		return limited(call, session);
	r = fetch(call, session, request, &response);
	if (r == OK && response.status == 401 && session->is_kept) {
		r = github_session_renew(call, session);
		if (r == OK)
			r = fetch(call, session, request, &response);
	}
	return r == OK ? read_answer(call, session, request, &response, ret) : r;
}

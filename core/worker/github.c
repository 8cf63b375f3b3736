/* Requests to GitHub.
 *
 * Easy to break: the bearer must reach no log line and no message; failures name the path, which holds names and
 * numbers only, and GitHub's status. */
#include "worker/github.h"

#include "base/clock.h"
#include "crypto/app_jwt.h"
#include "model/github.h"

#define TIMEOUT_MS  20000
#define MOST_BODY   ((size_t)16 * 1024 * 1024) /* fifty pull requests with the longest texts are a quarter of it */
#define MOST_TOKENS 400000
#define BEFORE_S    60  /* GitHub's clock may be behind ours */
#define LIFE_S      540 /* GitHub takes ten minutes at most, by its own clock */
#define MOST_BEARER 4096

bool github_is_configured(const struct github *github)
{
	return github->token.n || github->app_id.n;
}

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

static int refusal(struct call *call, const struct github_request *request, int status)
{
	struct str path = request->path;

	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] == '?')
			path.n = i;
	switch (status) {
	case 301:
	case 302:
	case 307:
	case 308:
		return call_fail(call, E_CONFLICT,
				 "GitHub has moved %.*s: change repoFullName to the repository's new name",
				 STR_FMT(path));
	case 401:
		return call_fail(call, E_AUTH,
				 "GitHub refuses the token (401): set GITHUB_TOKEN, or GITHUB_APP_ID and "
				 "GITHUB_APP_PRIVATE_KEY, anew");
	case 403:
		return call_fail(call, E_AUTH, "GitHub does not allow the token %s %.*s (403): widen its permissions",
				 request->method, STR_FMT(path));
	default:
		return call_fail(call, E_UPSTREAM, "GitHub answered %s %.*s with status %d", request->method,
				 STR_FMT(path), status);
	}
}

static int read_body(struct call *call, const struct github_request *request, const struct net_response *response,
		     struct github_answer *ret)
{
	const struct json_limits limits = { .max_text = MOST_BODY, .max_tokens = MOST_TOKENS, .borrow = true };
	const char *why = "";

	if (response->body.n == 0 || response->status == 304)
		return OK;
	ret->json = json_parse(call->arena, response->body, &limits, &why);
	if (!ret->json && response->status != 404)
		return call_fail(call, E_UPSTREAM, "GitHub's answer to %s %.*s is not the JSON it should be: %s",
				 request->method, STR_FMT(request->path), why);
	return OK;
}

static int read_answer(struct call *call, struct github_session *session, const struct github_request *request,
		       const struct net_response *response, struct github_answer *ret)
{
	const struct github_allowance allowance = {
		.status = response->status,
		.remaining = header_number(response, "x-ratelimit-remaining", -1),
		.reset_s = header_number(response, "x-ratelimit-reset", 0),
		.retry_after_ms = response->retry_after_ms,
		.secondary = response->status == 403 && speaks_of_secondary_limit(response->body),
	};

	session->pause_until_ms = github_pause_until(&allowance, session->github->reserve, clock_wall_ms());
	if (github_is_limited(&allowance))
		return limited(call, session);
	if (response->status != 304 && response->status != 404 && (response->status < 200 || response->status > 299))
		return refusal(call, request, response->status);
	*ret = (struct github_answer){ .status = response->status, .etag = net_header(response, "etag") };
	ret->has_next = github_next(net_header(response, "link"), &ret->cursor);
	return read_body(call, request, response, ret);
}

int github_ask(struct call *call, struct github_session *session, const struct github_request *request,
	       struct github_answer *ret)
{
	struct net_header headers[4] = {
		{ STR("accept"), STR("application/vnd.github+json") },
		{ STR("x-github-api-version"), STR("2022-11-28") },
		{ STR("authorization"), arena_printf(call->arena, "Bearer %.*s", STR_FMT(session->bearer)) },
		{ STR("if-none-match"), request->etag },
	};
	struct str url = arena_printf(call->arena, "%.*s%.*s", STR_FMT(session->github->base), STR_FMT(request->path));
	const struct net_request fetch = { .method = request->method,
					   .url = url.p,
					   .headers = headers,
					   .n_headers = request->etag.n ? 4 : 3,
					   .max_body = MOST_BODY,
					   .timeout_ms = TIMEOUT_MS,
					   .allow_private = true };
	struct net_response response;
	int r;

	if (session->pause_until_ms > clock_wall_ms())
		return limited(call, session);
	call_secret(call, session->bearer);
	r = net_fetch(call, session->github->net, &fetch, &response);
	return r == OK ? read_answer(call, session, request, &response, ret) : r;
}

/* ---- who asks ---- */

int github_app_session(struct call *call, const struct github *github, struct github_session *ret)
{
	int64_t now_s = clock_wall_ms() / 1000;
	const struct app_claims claims = { .issuer = arena_text(call->arena, github->app_id),
					   .issued_s = now_s - BEFORE_S,
					   .expires_s = now_s + LIFE_S };
	char *token = arena_alloc(call->arena, APP_JWT_SIZE);
	const char *why = "";

	if (!app_jwt_sign(github->app_key, &claims, token, &why))
		return call_fail(call, E_INVALID, "GITHUB_APP_PRIVATE_KEY %s", why);
	*ret = (struct github_session){ .github = github, .bearer = str_of(token) };
	return OK;
}

static bool is_bearer(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return s.n > 0 && s.n <= MOST_BEARER;
}

static int installation(struct call *call, struct github_session *app, struct str repo, int64_t *ret_id)
{
	const struct github_request request = {
		.method = "GET", .path = arena_printf(call->arena, "/repos/%.*s/installation", STR_FMT(repo))
	};
	struct github_answer answer;
	int r = github_ask(call, app, &request, &answer);

	if (r != OK)
		return r;
	*ret_id = json_int(json_get(answer.json, "id"), 0);
	if (answer.status != 404 && *ret_id > 0)
		return OK;
	return call_fail(call, E_NOT_FOUND, "the GitHub App is not installed for %.*s: install it there",
			 STR_FMT(repo));
}

int github_session_open(struct call *call, const struct github *github, struct str repo, struct github_session *ret)
{
	struct github_request request = { .method = "POST" };
	struct github_session app;
	struct github_answer answer;
	struct str token;
	int64_t id;
	int r;

	if (github->token.n) {
		*ret = (struct github_session){ .github = github, .bearer = github->token };
		return OK;
	}
	r = github_app_session(call, github, &app);
	if (r == OK)
		r = installation(call, &app, repo, &id);
	if (r != OK)
		return r;
	request.path = arena_printf(call->arena, "/app/installations/%lld/access_tokens", (long long)id);
	r = github_ask(call, &app, &request, &answer);
	if (r != OK)
		return r;
	token = json_text(json_get(answer.json, "token"), (struct str){ 0 });
	if (!is_bearer(token))
		return call_fail(call, E_UPSTREAM, "GitHub gave the App no token for %.*s", STR_FMT(repo));
	*ret = (struct github_session){ .github = github, .bearer = token, .pause_until_ms = app.pause_until_ms };
	return OK;
}

/* Who we are: the project's token, or an installation token of a GitHub App, made with its private key.
 *
 * Owns the instance's cached token. Easy to break: operations interleave wherever they wait, so a token is written into
 * the cache and copied out of it in one go. */
#include "github.h"

#include <string.h>

#define JWT_BEFORE_S 60  /* GitHub's clock may be behind */
#define JWT_AFTER_S  540 /* GitHub takes at most ten minutes */
#define MARGIN_MS    60000
#define SKEW_MS      30000

static opshub_status app_jwt(struct work *work, const char **ret)
{
	const struct github *github = work->github;
	int64_t now_s = (work->host->now_ms(work->call) - github->ahead_ms) / 1000;

	return work->host->sign_jwt_rs256(work->call, github->private_key, github->app_id, now_s - JWT_BEFORE_S,
					  now_s + JWT_AFTER_S, ret);
}

/* A clock that goes wrong is known by the first refusal, and the next token is made by GitHub's. */
opshub_status ask_as_app(struct work *work, const struct request *request, struct opshub_http_response *ret_response,
			 const opshub_json **ret)
{
	for (int attempt = 0;; attempt++) {
		int64_t by = work->github->ahead_ms, off;
		const char *jwt = "";
		opshub_status r = app_jwt(work, &jwt);

		if (r < 0)
			return r;
		r = ask_as(work, jwt, request, ret_response, ret);
		off = work->github->ahead_ms - by;
		if (r != OPSHUB_E_AUTH || ret_response->status != 401 || attempt > 0 ||
		    (off > -SKEW_MS && off < SKEW_MS))
			return r;
	}
}

static opshub_status find_installation(struct work *work, const char *repo, int64_t *ret)
{
	const struct opshub_host *host = work->host;
	const struct request request = {
		.path = host->format(work->call, "/repos/%s/installation", repo),
		.doing = "find the App's installation",
		.needs = "an installation of the App on this repository",
	};
	struct opshub_http_response response;
	const opshub_json *answer = NULL;
	opshub_status r = ask_as_app(work, &request, &response, &answer);

	if (r == OPSHUB_E_AUTH && response.status == 404)
		return host->fail(work->call, r,
				  host->format(work->call,
					       "The GitHub App is not installed on %s: install it there, or give this "
					       "connection a token",
					       repo));
	if (r == OPSHUB_OK)
		*ret = host->json_int(work->call, host->json_get(work->call, answer, "id"), 0);
	return r;
}

/* For this repository alone: the installation may cover others that are not this project's business. */
static const char *only_this(struct work *work, const char *repo, uint64_t *ret_size)
{
	const struct opshub_host *host = work->host;
	opshub_json_out *out = host->json_begin(work->call);
	const char *slash = strchr(repo, '/');

	host->json_open(work->call, out, NULL, OPSHUB_JSON_OBJECT);
	host->json_open(work->call, out, "repositories", OPSHUB_JSON_ARRAY);
	host->json_put_str(work->call, out, NULL, slash ? slash + 1 : repo);
	host->json_close(work->call, out);
	host->json_close(work->call, out);
	return host->json_end(work->call, out, ret_size);
}

static opshub_status make_token(struct work *work, int64_t installation, const char *repo, const char **ret)
{
	const struct opshub_host *host = work->host;
	struct request request = {
		.method = "POST",
		.path = host->format(work->call, "/app/installations/%lld/access_tokens", (long long)installation),
		.doing = "get a token for the App's installation",
		.needs = "an installation that is not suspended",
		.is_repeatable = 1,
	};
	struct opshub_http_response response;
	const opshub_json *answer = NULL;
	struct github *github = work->github;
	int64_t expires_ms;
	opshub_status r;

	request.body = only_this(work, repo, &request.body_size);
	if (!request.body)
		return OPSHUB_E_INTERNAL;
	r = ask_as_app(work, &request, &response, &answer);
	if (r < 0)
		return r;
	*ret = host->json_str(work->call, host->json_get(work->call, answer, "token"), "");
	host->redact(work->call, *ret);
	expires_ms = host->parse_time(work->call,
				      host->json_str(work->call, host->json_get(work->call, answer, "expires_at"), ""));
	if (!**ret)
		return host->fail(work->call, OPSHUB_E_UPSTREAM,
				  "GitHub gave the App's installation no token: tried again later");
	if (strlen(*ret) < TOKEN_MAX && strlen(repo) < REPO_MAX) {
		memcpy(github->installation.token, *ret, strlen(*ret) + 1);
		memcpy(github->installation.repo, repo, strlen(repo) + 1);
		github->installation.until_ms = expires_ms + github->ahead_ms - MARGIN_MS;
	}
	return OPSHUB_OK;
}

void token_forget(struct work *work)
{
	work->github->installation.until_ms = 0;
}

opshub_status token_of(struct work *work, const char **ret, int *ret_is_cached)
{
	struct github *github = work->github;
	const char *repo = work->event->repo;
	int64_t installation = 0;
	opshub_status r;

	*ret_is_cached = 0;
	if (*github->token) {
		*ret = github->token;
		return OPSHUB_OK;
	}
	if (work->host->now_ms(work->call) < github->installation.until_ms &&
	    strcmp(github->installation.repo, repo) == 0) {
		*ret = work->host->format(work->call, "%s", github->installation.token);
		work->host->redact(work->call, *ret);
		*ret_is_cached = 1;
		return OPSHUB_OK;
	}
	r = find_installation(work, repo, &installation);
	return r < 0 ? r : make_token(work, installation, repo, ret);
}

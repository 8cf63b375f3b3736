/* Requests to GitHub's REST API, and what its refusals mean.
 *
 * Owns nothing. Easy to break: a rate limit is 403 as well as 429, and 404 is also what a missing permission looks
 * like. A limit that is taken for a refusal would pause the connection and blame the token. */
#include "github.h"

#include <string.h>

#define API_VERSION   "2022-11-28"
#define SECONDARY_MS  60000 /* doubles with each, up to */
#define SECONDARY_MAX 900000
#define CLOCK_MS      5000  /* clocks differ by that much */
#define SKEW_MS       60000 /* that is worth a word */
#define ANSWER_MAX    (16ull * 1024 * 1024)
#define MESSAGE_BYTES 300

static const char *message_of(struct work *work, const struct opshub_http_response *response, const opshub_json *answer)
{
	const struct opshub_host *host = work->host;
	const char *text = host->json_str(work->call, host->json_get(work->call, answer, "message"), "");

	if (!*text)
		return host->format(work->call, "no reason given, status %u", response->status);
	return host->format(work->call, "%.*s", MESSAGE_BYTES, text);
}

static int contains_word(const char *text, const char *word)
{
	return strstr(text, word) != NULL;
}

static int64_t number(const char *text, int64_t otherwise)
{
	int64_t value = 0;

	if (!*text || strlen(text) > 15)
		return otherwise;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return otherwise;
		value = value * 10 + (*text - '0');
	}
	return value;
}

/* ---- clocks ---- */

/* The answer's date, "Tue, 15 Nov 1994 08:12:31 GMT"; 0 = it has none. */
static int64_t date_ms(struct work *work, const struct opshub_http_response *response)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const struct opshub_host *host = work->host;
	const char *text = host->http_header(work->call, response, "date"), *month;

	if (strlen(text) != 29)
		return 0;
	month = strstr(months, host->format(work->call, "%.3s", text + 8));
	if (!month)
		return 0;
	return host->parse_time(work->call, host->format(work->call, "%.4s-%02d-%.2sT%.8sZ", text + 12,
							 (int)(month - months) / 3 + 1, text + 5, text + 17));
}

static void compare_clocks(struct work *work, const struct opshub_http_response *response)
{
	int64_t theirs = date_ms(work, response), ahead = work->host->now_ms(work->call) - theirs;

	if (theirs > 0) /* it is in whole seconds, and has been on its way */
		work->github->ahead_ms = ahead > -CLOCK_MS && ahead < CLOCK_MS ? 0 : ahead;
}

const char *clock_words(struct work *work)
{
	int64_t ahead = work->github->ahead_ms;

	if (ahead > -SKEW_MS && ahead < SKEW_MS)
		return "";
	return work->host->format(work->call, "this server's clock is %lld s %s GitHub's",
				  (long long)(ahead > 0 ? ahead : -ahead) / 1000, ahead > 0 ? "ahead of" : "behind");
}

/* ---- refusals ---- */

static int64_t secondary_ms(struct github *github)
{
	int64_t pause = SECONDARY_MS;

	for (unsigned i = 0; i < github->n_secondary && pause < SECONDARY_MAX; i++)
		pause *= 2;
	github->n_secondary++;
	return pause < SECONDARY_MAX ? pause : SECONDARY_MAX;
}

/* How long to stay away; 0 = it was no rate limit. A time of day is by GitHub's clock. */
static int64_t limited_ms(struct work *work, const struct opshub_http_response *response, const char *message)
{
	const struct opshub_host *host = work->host;
	const char *remaining = host->http_header(work->call, response, "x-ratelimit-remaining");
	int64_t reset_s = number(host->http_header(work->call, response, "x-ratelimit-reset"), 0);
	int64_t left;

	if (response->status != 403 && response->status != 429)
		return 0;
	if (response->retry_after_ms > 0)
		return response->retry_after_ms;
	if (strcmp(remaining, "0") == 0 && reset_s > 0) {
		left = reset_s * 1000 - (host->now_ms(work->call) - work->github->ahead_ms);
		return left > 1000 ? left : 1000;
	}
	if (response->status == 429 || contains_word(message, "secondary rate limit") ||
	    contains_word(message, "abuse detection"))
		return secondary_ms(work->github);
	return 0;
}

static opshub_status refuse(struct work *work, const struct request *request,
			    const struct opshub_http_response *response, const opshub_json *answer)
{
	const struct opshub_host *host = work->host;
	opshub_call *call = work->call;
	const char *message = message_of(work, response, answer), *what = request->doing;
	int64_t pause = limited_ms(work, response, message);
	const char *skew = clock_words(work);
	uint32_t status = response->status;

	if (pause > 0) {
		host->retry_after(call, pause);
		return host->fail(call, OPSHUB_E_LIMITED,
				  host->format(call,
					       "GitHub's rate limit is reached, could not %s: tried again in %lld s",
					       what, (long long)(pause / 1000)));
	}
	if (status == 401)
		return host->fail(
			call, OPSHUB_E_AUTH,
			host->format(call,
				     "GitHub refused the credentials, could not %s (%s): the token is revoked or "
				     "expired, or the App's id and key do not belong together%s%s%s",
				     what, message, *skew ? "; " : "", skew, *skew ? ": set it right" : ""));
	if (status == 403 || status == 404)
		return host->fail(
			call, OPSHUB_E_AUTH,
			host->format(call,
				     "GitHub did not let us %s (%u, %s): check that the repository exists and that "
				     "the token or App has access to it with \"%s\"",
				     what, status, message, request->needs));
	if (status >= 300 && status < 400)
		return host->fail(
			call, OPSHUB_E_INVALID,
			host->format(call,
				     "GitHub says that the repository has moved (%u), could not %s: change the "
				     "project's repository to its new name",
				     status, what));
	return host->fail(call, status == 410 ? OPSHUB_E_INVALID : opshub_http_code(status),
			  host->format(call, "GitHub answered %u, could not %s: %s", status, what, message));
}

/* GitHub asks for a second between changes. */
static opshub_status keep_pace(struct work *work)
{
	if (work->has_written++ == 0 || work->github->pause_ms == 0)
		return OPSHUB_OK;
	return work->host->sleep(work->call, work->github->pause_ms);
}

opshub_status ask_as(struct work *work, const char *token, const struct request *request,
		     struct opshub_http_response *response, const opshub_json **ret)
{
	const struct opshub_host *host = work->host;
	const struct opshub_http_header headers[] = {
		{ "Accept", "application/vnd.github+json" },
		{ "X-GitHub-Api-Version", API_VERSION },
		{ "Authorization", host->format(work->call, "Bearer %s", token) },
		{ "Content-Type", "application/json" },
	};
	const struct opshub_http_request http = {
		.struct_size = sizeof(http),
		.flags = request->is_repeatable ? OPSHUB_HTTP_IDEMPOTENT : 0,
		.method = request->method,
		.url = host->format(work->call, "%s%s", work->github->api, request->path),
		.headers = headers,
		.n_headers = request->body ? 4 : 3,
		.header_size = sizeof(headers[0]),
		.body = request->body,
		.body_size = request->body_size,
		.max_body = ANSWER_MAX,
	};
	const opshub_json *answer = NULL;
	opshub_status r = request->method ? keep_pace(work) : OPSHUB_OK;
	int is_ok;

	*response = (struct opshub_http_response){ .struct_size = sizeof(*response) };
	if (r == OPSHUB_OK)
		r = host->http(work->call, &http, response);
	if (r < 0)
		return r;
	compare_clocks(work, response);
	is_ok = response->status >= 200 && response->status < 300;
	if (is_ok && request->method)
		work->github->n_secondary = 0;
	/* An error page of a proxy in between is judged by its status. */
	if (response->body_size && (is_ok || response->body[0] == '{'))
		r = host->json_parse(work->call, response->body, response->body_size, &answer);
	if (!is_ok)
		return refuse(work, request, response, answer);
	*ret = answer;
	return r;
}

static const char *repository_path(struct work *work, const char *path)
{
	const struct opshub_host *host = work->host;
	const char *repo = work->event->repo, *slash = strchr(repo, '/');

	if (!slash)
		return host->format(work->call, "/repos/%s%s", host->escape_url(work->call, repo), path);
	return host->format(work->call, "/repos/%s/%s%s",
			    host->escape_url(work->call, host->format(work->call, "%.*s", (int)(slash - repo), repo)),
			    host->escape_url(work->call, slash + 1), path);
}

opshub_status ask_repository(struct work *work, const struct request *request, const opshub_json **ret,
			     uint32_t *ret_status)
{
	struct opshub_http_response response = { .struct_size = sizeof(response) };
	struct request whole = *request;
	const char *token = "";
	int is_cached = 0;
	opshub_status r;

	whole.path = repository_path(work, request->path);
	for (int attempt = 0;; attempt++) {
		r = token_of(work, &token, &is_cached);
		if (r < 0)
			return r;
		r = ask_as(work, token, &whole, &response, ret);
		/* A token of before may have been revoked with the installation; a fresh one says for sure. */
		if (r != OPSHUB_E_AUTH || response.status != 401 || !is_cached || attempt > 0)
			break;
		token_forget(work);
	}
	if (ret_status)
		*ret_status = response.status;
	return r;
}

/* One request to Vercel, and what its answer means when it is not what was asked for.
 *
 * Owns nothing. Easy to break: a POST is not repeated here, whatever happens; and E_UPSTREAM or E_TIMEOUT must come out
 * of everything after which Vercel may have acted, because the host then looks for the deployment instead of sending it
 * again. */
#include "vercel.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX  (8u * 1024 * 1024)
#define QUOTED_MAX  300
#define LIMITED_MS  60000  /* when an answer does not say for how long */
#define LOOKING_MAX 900000 /* looking, and taking down, is tried that often anyway */

struct ask ask_begin(opshub_call *call, const struct vercel *v, const char *goal)
{
	return (struct ask){
		.call = call, .v = v, .host = v->host, .goal = goal, .why = "", .code = "", .remaining = -1
	};
}

const char *text_of(const struct ask *a, const opshub_json *object, const char *key)
{
	return a->host->json_str(a->call, a->host->json_get(a->call, object, key), "");
}

int64_t number_of(const struct ask *a, const opshub_json *object, const char *key)
{
	return a->host->json_int(a->call, a->host->json_get(a->call, object, key), 0);
}

const char *segment(const struct ask *a, const char *text)
{
	return a->host->escape_url(a->call, text);
}

/* ---- failures ---- */

static opshub_status fail(struct ask *a, opshub_status code, const char *why)
{
	a->why = why;
	return a->host->fail(a->call, code, why);
}

/* What Vercel says about it: " (not_found: Project not found. https://...)", or "". */
static const char *quoted(const struct ask *a, const opshub_json *error)
{
	const char *code = text_of(a, error, "code"), *message = text_of(a, error, "message");
	const char *link = text_of(a, error, "link");

	if (!*code && !*message)
		return "";
	return a->host->format(a->call, " (%.100s%s%.*s%s%s)", code, *code && *message ? ": " : "", QUOTED_MAX, message,
			       strncmp(link, "https://", 8) == 0 ? " " : "",
			       strncmp(link, "https://", 8) == 0 && strlen(link) < QUOTED_MAX ? link : "");
}

static opshub_status limited(struct ask *a, const struct opshub_http_response *response, const opshub_json *error)
{
	int64_t wait = quota_wait_ms(a, response, error);
	opshub_status code = a->is_create ? OPSHUB_E_QUOTA : OPSHUB_E_LIMITED;

	if (wait == 0)
		wait = LIMITED_MS;
	if (!a->is_create && wait > LOOKING_MAX)
		wait = LOOKING_MAX;
	a->wait_ms = wait;
	a->host->retry_after(a->call, wait);
	return fail(a, code,
		    a->host->format(a->call,
				    "Vercel lets nobody %s for now, a limit is reached%s: OpsHub tries again %s",
				    a->goal, quoted(a, error), quota_words(a, wait)));
}

static opshub_status unpaid(struct ask *a, const struct opshub_http_response *response, const opshub_json *error)
{
	int64_t wait = quota_wait_ms(a, response, error);

	if (wait > 0 && a->is_create) {
		a->wait_ms = wait;
		a->host->retry_after(a->call, wait);
	}
	return fail(a, OPSHUB_E_QUOTA,
		    a->host->format(a->call,
				    "Vercel has blocked the account, or its plan does not include this%s: look at "
				    "Billing at vercel.com; OpsHub goes on trying",
				    quoted(a, error)));
}

/* The sentence for a status that no case of its own has. */
static const char *refusal(uint32_t status)
{
	switch (status) {
	case 401:
	case 403:
		return "refused the token, or it may not do this: make a token for the team that owns the project, set "
		       "it "
		       "as `token`, and look at `teamId`";
	case 404:
		return "does not know it, or the token may not see it: look at `projectId` and `teamId`, and whether "
		       "Vercel's GitHub app may read the repository";
	case 409:
		return "says that it contradicts what is there";
	case 410:
		return "says that it is gone";
	case 426:
		return "wants a newer version of its API than this plugin speaks: update OpsHub";
	case 408:
	case 504:
		return "gave up waiting for itself";
	default:
		return status >= 500   ? "had a failure of its own: see https://www.vercel-status.com"
		       : status >= 400 ? "refused the request"
				       : "answered with what is no answer of its API: is VERCEL_API_BASE right?";
	}
}

static opshub_status refused(struct ask *a, const struct opshub_http_response *response)
{
	const struct opshub_host *host = a->host;
	const opshub_json *answer = NULL, *error;
	opshub_status code;

	/* What is no JSON is no explanation either: an empty body, or the page of a proxy. */
	if (response->body_size == 0 || host->json_parse(a->call, response->body, response->body_size, &answer) < 0)
		answer = NULL;
	error = host->json_get(a->call, answer, "error");
	a->code = text_of(a, error, "code");
	if (response->status == 429)
		return limited(a, response, error);
	if (response->status == 402)
		return unpaid(a, response, error);
	code = response->status < 400 ? OPSHUB_E_UPSTREAM : opshub_http_code(response->status);
	return fail(a, code,
		    host->format(a->call, "Vercel answered %u when asked to %s: it %s%s", response->status, a->goal,
				 refusal(response->status), quoted(a, error)));
}

/* ---- requests ---- */

static const char *address(const struct ask *a, const char *path)
{
	const char *team = a->v->team;

	if (!*team)
		return a->host->format(a->call, "%s%s", a->v->base, path);
	return a->host->format(a->call, "%s%s%s%s=%s", a->v->base, path, strchr(path, '?') ? "&" : "?",
			       strncmp(team, "team_", 5) == 0 ? "teamId" : "slug", segment(a, team));
}

static opshub_status exchange(struct ask *a, struct opshub_http_request *request, struct opshub_http_response *response)
{
	const struct opshub_host *host = a->host;
	const struct opshub_http_header headers[] = {
		{ "Authorization", host->format(a->call, "Bearer %s", a->v->token) },
		{ "Accept", "application/json" },
		{ "Content-Type", "application/json" },
	};
	const char *left;
	opshub_status r;

	request->struct_size = sizeof(*request);
	request->headers = headers;
	request->n_headers = request->body ? 3 : 2;
	request->header_size = sizeof(headers[0]);
	request->max_body = ANSWER_MAX;
	a->status = 0;
	a->code = "";
	a->remaining = -1;
	r = host->http(a->call, request, response);
	if (r < 0)
		return r;
	a->status = response->status;
	left = host->http_header(a->call, response, "x-ratelimit-remaining");
	if (*left)
		a->remaining = strtoll(left, NULL, 10);
	return OPSHUB_OK;
}

static opshub_status send_request(struct ask *a, struct opshub_http_request *request, const opshub_json **ret)
{
	struct opshub_http_response response = { .struct_size = sizeof(response) };
	const opshub_json *answer = NULL;
	opshub_status r = exchange(a, request, &response);

	if (r < 0)
		return r;
	if (response.status < 200 || response.status > 299)
		return refused(a, &response);
	if (response.body_size > 0 && a->host->json_parse(a->call, response.body, response.body_size, &answer) < 0)
		return fail(
			a, OPSHUB_E_UPSTREAM,
			a->host->format(a->call,
					"Vercel answered %u when asked to %s, but not with JSON: a proxy in between, "
					"or an outage; see https://www.vercel-status.com",
					response.status, a->goal));
	if (ret)
		*ret = answer;
	return OPSHUB_OK;
}

opshub_status ask_get(struct ask *a, const char *path, const opshub_json **ret)
{
	struct opshub_http_request request = { .method = "GET", .url = address(a, path) };

	return send_request(a, &request, ret);
}

opshub_status ask_post(struct ask *a, const char *path, opshub_json_out *body, const opshub_json **ret)
{
	struct opshub_http_request request = { .method = "POST", .url = address(a, path) };

	request.body = a->host->json_end(a->call, body, &request.body_size);
	if (!request.body)
		return a->host->fail(a->call, OPSHUB_E_INVALID,
				     "The variables of this preview are longer than 8 MiB together: Vercel takes less");
	return send_request(a, &request, ret);
}

opshub_status ask_change(struct ask *a, const char *method, const char *path)
{
	struct opshub_http_request request = { .method = method,
					       .url = address(a, path),
					       .flags = OPSHUB_HTTP_IDEMPOTENT };

	return send_request(a, &request, NULL);
}

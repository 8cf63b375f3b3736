/* One request to Netlify's API, and what its refusals mean.
 *
 * Owns nothing.
 * Easy to break: Netlify documents {"code", "message"} for errors and sends plain text, HTML and {"msg"} as well. Its
 * text is told to people when it is JSON and nowhere else: a page of a proxy says nothing. */
#include "netlify.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LIMIT_WAIT_MS 20000 /* builds are limited to three a minute, and such answers do not say until when */
#define WINDOW_MS     60000 /* no limit of Netlify's lasts longer; a reset beyond it is a clock that goes wrong */
#define FEW_LEFT      50

const char *text_of(opshub_call *call, const struct netlify *n, const opshub_json *object, const char *key)
{
	return n->host->json_str(call, n->host->json_get(call, object, key), "");
}

int mentions(const char *text, const char *words)
{
	for (; *text; text++)
		if (strncasecmp(text, words, strlen(words)) == 0)
			return 1;
	return 0;
}

/* Of a header with a whole number; -1 = absent or something else. */
static int64_t header_number(opshub_call *call, const struct netlify *n, const struct opshub_http_response *response,
			     const char *name)
{
	const char *text = n->host->http_header(call, response, name);
	char *end = NULL;
	long long number = strtoll(text, &end, 10);

	return *text && !*end ? number : -1;
}

/* Until X-RateLimit-Reset, which is in seconds since 1970; 0 = not said. */
static int64_t reset_ms(opshub_call *call, const struct netlify *n, const struct opshub_http_response *response)
{
	int64_t reset = header_number(call, n, response, "X-RateLimit-Reset"), wait;

	if (reset <= 0 || reset > INT64_MAX / 1000)
		return 0;
	wait = reset * 1000 - n->host->now_ms(call);
	return wait < 1000 ? 1000 : wait > WINDOW_MS ? WINDOW_MS : wait;
}

static int is_json(opshub_call *call, const struct netlify *n, const struct opshub_http_response *response)
{
	return strstr(n->host->http_header(call, response, "Content-Type"), "json") != NULL;
}

/* Netlify's own words, "" when it gave none. */
static const char *words_of(opshub_call *call, const struct netlify *n, const struct opshub_http_response *response)
{
	const opshub_json *body = NULL;
	const char *words;

	if (!is_json(call, n, response) || n->host->json_parse(call, response->body, response->body_size, &body) < 0)
		return "";
	words = text_of(call, n, body, "message");
	if (!*words)
		words = text_of(call, n, body, "msg");
	return n->host->format(call, "%.300s", words);
}

/* Netlify has no status of its own for an allowance that is used up. */
static int tells_of_allowance(const char *words)
{
	static const char *const signs[] = { "usage limit", "usage exceeded", "build minutes", "credit", "quota" };

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (mentions(words, signs[i]))
			return 1;
	return 0;
}

static opshub_status fail(opshub_call *call, const struct netlify *n, const struct question *q, opshub_status code,
			  const char *why)
{
	if (q->ret_refusal)
		q->ret_refusal->why = why;
	return n->host->fail(call, code, why);
}

static opshub_status limited(opshub_call *call, const struct netlify *n, const struct question *q,
			     const struct opshub_http_response *response)
{
	const struct opshub_host *host = n->host;
	int64_t wait = response->retry_after_ms > 0 ? response->retry_after_ms : reset_ms(call, n, response);

	wait = wait > 0 ? wait : LIMIT_WAIT_MS;
	host->retry_after(call, wait);
	if (q->ret_refusal)
		q->ret_refusal->limit_ms = wait;
	return fail(call, n, q, OPSHUB_E_LIMITED,
		    host->format(call,
				 "Netlify was asked to %s too often (it starts three builds a minute and answers "
				 "500 requests): OpsHub asks again in %lld s",
				 q->purpose, (long long)((wait + 999) / 1000)));
}

/* What to do about a status, for the end of the sentence; NULL = Netlify's words say it. */
static const char *advice_of(opshub_status code, uint32_t status)
{
	if (status == 401)
		return "it did not accept the token. Make a new personal access token at "
		       "app.netlify.com/user/applications and save it as netlifyToken";
	if (code == OPSHUB_E_AUTH)
		return "the owner of the token may not do that. Use the token of somebody who is a member of the "
		       "site's team";
	if (code == OPSHUB_E_QUOTA)
		return "an allowance of the account is used up. Raise it in the team's billing settings, or wait until "
		       "it is renewed";
	if (code == OPSHUB_E_NOT_FOUND)
		return "it does not know it, or the token may not see it. Check netlifySiteId and whose token it is";
	if (code == OPSHUB_E_UPSTREAM || code == OPSHUB_E_TIMEOUT)
		return "that is a fault of Netlify's or of something on the way. See netlifystatus.com";
	return NULL;
}

static opshub_status refused(opshub_call *call, const struct netlify *n, const struct question *q,
			     const struct opshub_http_response *response)
{
	const struct opshub_host *host = n->host;
	opshub_status code = opshub_http_code(response->status);
	const char *words, *advice;

	if (code == OPSHUB_E_LIMITED)
		return limited(call, n, q, response);
	words = words_of(call, n, response);
	if ((code == OPSHUB_E_INVALID || response->status == 403) && tells_of_allowance(words))
		code = OPSHUB_E_QUOTA;
	advice = advice_of(code, response->status);
	return fail(call, n, q, code,
		    host->format(call, "Netlify answered %u when asked to %s%s%s%s%s", response->status, q->purpose,
				 advice ? ": " : "", advice ? advice : "", *words ? ". It says: " : "", words));
}

static opshub_status unreadable(opshub_call *call, const struct netlify *n, const struct question *q)
{
	return fail(call, n, q, OPSHUB_E_UPSTREAM,
		    n->host->format(call,
				    "Netlify's answer when asked to %s was no JSON: something on the way "
				    "answers in its place, or it is out of order. See netlifystatus.com",
				    q->purpose));
}

opshub_status ask(opshub_call *call, const struct netlify *n, const struct question *q, struct answer *ret)
{
	const struct opshub_host *host = n->host;
	const struct opshub_http_header headers[] = {
		{ "Authorization", host->format(call, "Bearer %s", n->token) },
		{ "Accept", "application/json" },
		{ "Content-Type", "application/json" },
	};
	const struct opshub_http_request request = {
		.struct_size = sizeof(request),
		.flags = q->flags,
		.method = q->method,
		.url = host->format(call, "%s%s", n->api_base, q->path),
		.headers = headers,
		.n_headers = q->body ? 3 : 2,
		.header_size = sizeof(headers[0]),
		.body = q->body,
		.body_size = q->body_size,
	};
	struct opshub_http_response response = { .struct_size = sizeof(response) };
	struct answer answer = { 0 };
	opshub_status r = host->http(call, &request, &response);

	if (r < 0)
		return r;
	if (opshub_http_code(response.status) < 0)
		return refused(call, n, q, &response);
	if (response.body_size && host->json_parse(call, response.body, response.body_size, &answer.json) < 0)
		return unreadable(call, n, q);
	answer.left = header_number(call, n, &response, "X-RateLimit-Remaining");
	answer.limit = header_number(call, n, &response, "X-RateLimit-Limit");
	if (answer.left < 0 || answer.limit <= 0)
		answer.left = answer.limit = 0;
	else if (answer.left < FEW_LEFT)
		answer.wait_ms = reset_ms(call, n, &response);
	*ret = answer;
	return OPSHUB_OK;
}

opshub_status get(opshub_call *call, const struct netlify *n, const char *path, const char *purpose, struct answer *ret)
{
	return ask(call, n, &(struct question){ .method = "GET", .path = path, .purpose = purpose }, ret);
}

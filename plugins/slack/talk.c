/* One request to Slack's Web API and its answer.
 *
 * Owns nothing. Easy to break: Slack answers 200 also when it refuses, and the body of a 429 may be empty; so the
 * status is looked at first and "ok" before anything else of the body. The token goes into a header, never into the
 * URL. */
#include "slack.h"

#include <string.h>

#define ANSWER_MAX (1024 * 1024)
#define PAUSE_MS   30000 /* after a refusal for too many requests that does not say how long */

static opshub_status refused_by_status(opshub_call *call, const struct slack *slack,
				       const struct slack_request *request, const struct opshub_http_response *response)
{
	const struct opshub_host *host = slack->host;
	uint32_t status = response->status;

	if (status == 429) {
		if (response->retry_after_ms == 0)
			host->retry_after(call, PAUSE_MS);
		return host->fail(call, OPSHUB_E_LIMITED,
				  host->format(call,
					       "Slack takes no more %s requests for now (429): it is sent again after "
					       "the pause that Slack asks for",
					       request->method));
	}
	if (status >= 500)
		return host->fail(call, status == 504 ? OPSHUB_E_TIMEOUT : OPSHUB_E_UPSTREAM,
				  host->format(call, "Slack answered %u to %s: it is out of order, this is tried again",
					       status, request->method));
	return host->fail(call, OPSHUB_E_UPSTREAM,
			  host->format(call,
				       "%s answered %u to %s, which Slack itself never does: look for a proxy in "
				       "between, and at SLACK_API_BASE",
				       slack->base, status, request->method));
}

/* "ok" and "error" of the answer. What is no JSON object comes from something between us and Slack. */
static opshub_status read_answer(opshub_call *call, const struct slack *slack, const struct slack_request *request,
				 const struct opshub_http_response *response, struct slack_answer *ret)
{
	const struct opshub_host *host = slack->host;
	const opshub_json *json = NULL;
	const char *error = "";

	if (host->json_parse(call, response->body, response->body_size, &json) < 0 ||
	    host->json_type(call, host->json_get(call, json, "ok")) != OPSHUB_JSON_BOOL)
		return host->fail(call, OPSHUB_E_UPSTREAM,
				  host->format(call,
					       "Slack's answer to %s is not what Slack sends (no JSON, or no \"ok\"): "
					       "look for a proxy in between, and at SLACK_API_BASE",
					       request->method));
	if (!host->json_bool(call, host->json_get(call, json, "ok"), 0))
		error = host->json_str(call, host->json_get(call, json, "error"), "unknown_error");
	if (strcmp(error, "ratelimited") == 0 || strcmp(error, "rate_limited") == 0)
		host->retry_after(call, response->retry_after_ms ? response->retry_after_ms : PAUSE_MS);
	*ret = (struct slack_answer){ json, error, host->http_header(call, response, "x-oauth-scopes") };
	return OPSHUB_OK;
}

opshub_status slack_ask(opshub_call *call, const struct slack *slack, const struct slack_request *request,
			struct slack_answer *ret)
{
	const struct opshub_host *host = slack->host;
	const char *url = host->format(call, "%s/%s%s%s", slack->base, request->method, request->query ? "?" : "",
				       request->query ? request->query : "");
	const struct opshub_http_header headers[] = {
		{ "Authorization", host->format(call, "Bearer %s", slack->token) },
		{ "Accept", "application/json" },
		{ "Content-Type", "application/json; charset=utf-8" },
	};
	const struct opshub_http_request exchange = {
		.struct_size = sizeof(exchange),
		.flags = request->flags,
		.method = request->query ? "GET" : "POST",
		.url = url,
		.headers = headers,
		.n_headers = request->body ? 3 : 2,
		.header_size = sizeof(headers[0]),
		.body = request->body,
		.body_size = request->size,
		.max_body = ANSWER_MAX,
	};
	struct opshub_http_response response = { .struct_size = sizeof(response) };
	opshub_status r = host->http(call, &exchange, &response);

	if (r < 0)
		return r;
	if (response.status != 200)
		return refused_by_status(call, slack, request, &response);
	return read_answer(call, slack, request, &response, ret);
}

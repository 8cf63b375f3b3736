/* What handlers say: headers, JSON, the error object, and how a failure code becomes a status.
 *
 * Owns nothing: the answer's body is the exchange's, header values are in the call's arena.
 * Easy to break: what a person reads in "message" comes from call->why, except at 500, where it may hold things that
 * are nobody's business; then the message is fixed and the reason goes to the log. */
#include "http/server.h"

#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	int status;
	const char *reason, *error;
} statuses[] = {
	{ 200, "OK", NULL },
	{ 201, "Created", NULL },
	{ 202, "Accepted", NULL },
	{ 204, "No Content", NULL },
	{ 301, "Moved Permanently", NULL },
	{ 302, "Found", NULL },
	{ 303, "See Other", NULL },
	{ 304, "Not Modified", NULL },
	{ 400, "Bad Request", "BadRequestError" },
	{ 401, "Unauthorized", "UnauthorizedError" },
	{ 403, "Forbidden", "ForbiddenError" },
	{ 404, "Not Found", "NotFoundError" },
	{ 405, "Method Not Allowed", "MethodNotAllowedError" },
	{ 408, "Request Timeout", "RequestTimeoutError" },
	{ 409, "Conflict", "ConflictError" },
	{ 410, "Gone", "GoneError" },
	{ 413, "Content Too Large", "PayloadTooLargeError" },
	{ 414, "URI Too Long", "UriTooLongError" },
	{ 415, "Unsupported Media Type", "UnsupportedMediaTypeError" },
	{ 417, "Expectation Failed", "ExpectationFailedError" },
	{ 422, "Unprocessable Content", "ValidationError" },
	{ 429, "Too Many Requests", "RateLimitError" },
	{ 431, "Request Header Fields Too Large", "HeadersTooLargeError" },
	{ 500, "Internal Server Error", "InternalError" },
	{ 501, "Not Implemented", "NotImplementedError" },
	{ 502, "Bad Gateway", "UpstreamError" },
	{ 503, "Service Unavailable", "UnavailableError" },
	{ 505, "HTTP Version Not Supported", "HttpVersionError" },
};

const char *answer_reason(int status)
{
	for (size_t i = 0; i < LENGTH(statuses); i++)
		if (statuses[i].status == status)
			return statuses[i].reason;
	return "Unknown";
}

static const char *error_name(int status)
{
	for (size_t i = 0; i < LENGTH(statuses); i++)
		if (statuses[i].status == status && statuses[i].error)
			return statuses[i].error;
	return status < 500 ? "BadRequestError" : "InternalError";
}

int http_status_of(int code)
{
	switch (code) {
	case OK:
		return 200;
	case E_INVALID:
		return 422;
	case E_AUTH:
		return 401;
	case E_NOT_FOUND:
		return 404;
	case E_CONFLICT:
		return 409;
	case E_LIMITED:
	case E_QUOTA:
		return 429;
	case E_UPSTREAM:
	case E_NETWORK:
	case E_TIMEOUT:
	case E_CANCELLED:
		return 503;
	case E_UNSUPPORTED:
		return 501;
	default:
		return 500;
	}
}

/* What http_answer_error returns: a failure, so that a guard stops and `return http_answer_error(...)` works. */
static int code_of(int status)
{
	switch (status) {
	case 401:
	case 403:
		return E_AUTH;
	case 404:
		return E_NOT_FOUND;
	case 409:
		return E_CONFLICT;
	case 429:
		return E_LIMITED;
	case 503:
		return E_NETWORK;
	default:
		return status < 500 ? E_INVALID : E_INTERNAL;
	}
}

/* ---- reading the request ---- */

struct str http_request_header(const struct exchange *x, const char *name)
{
	struct str wanted = str_of(name);

	for (size_t i = 0; i < x->n_headers; i++)
		if (str_eq(x->headers[i].name, wanted))
			return x->headers[i].value;
	return STR("");
}

size_t http_request_header_count(const struct exchange *x, const char *name)
{
	struct str wanted = str_of(name);
	size_t n = 0;

	for (size_t i = 0; i < x->n_headers; i++)
		n += str_eq(x->headers[i].name, wanted);
	return n;
}

/* ---- the answer ---- */

static bool is_clean(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return false;
	return true;
}

bool http_answer_header(struct exchange *x, const char *name, struct str value)
{
	struct str key = str_of(name);

	if (key.n == 0 || !is_clean(key) || !is_clean(value) || x->answer.n_headers == LENGTH(x->answer.headers))
		return false;
	x->answer.headers[x->answer.n_headers++] = (struct http_header){ arena_str(x->call->arena, key),
									 arena_str(x->call->arena, value) };
	return true;
}

struct json_out http_answer_json(struct exchange *x, int status)
{
	x->answer.status = status;
	x->answer.type = NULL;
	buf_clear(&x->answer.body);
	x->answer.body.overflow = false;
	return JSON_OUT(&x->answer.body);
}

int http_answer_error(struct exchange *x, int status, struct str message)
{
	struct json_out out = http_answer_json(x, status);

	json_open(&out, '{');
	json_put_text(&out, "error", str_of(error_name(status)));
	json_put_text(&out, "message", message);
	json_put_int(&out, "statusCode", status);
	json_put_text(&out, "requestId", x->request_id);
	json_close(&out, '}');
	return code_of(status);
}

/* The error object ends in the request id's quote, or, once it has details, in "]}". */
void http_answer_detail(struct exchange *x, const char *field, struct str message)
{
	struct buf *body = &x->answer.body;
	struct json_out out = JSON_OUT(body);
	bool first;

	if (body->overflow || body->n < 2)
		return;
	first = body->p[body->n - 2] != ']';
	body->n -= first ? 1 : 2;
	buf_add_str(body, first ? STR(",\"details\":[") : STR(","));
	json_open(&out, '{');
	json_put_text(&out, "field", str_of(field));
	json_put_text(&out, "message", message);
	json_close(&out, '}');
	buf_add_str(body, STR("]}"));
}

struct str answer_header(const struct exchange *x, const char *name)
{
	struct str wanted = str_of(name);

	for (size_t i = 0; i < x->answer.n_headers; i++)
		if (str_eq(x->answer.headers[i].name, wanted))
			return x->answer.headers[i].value;
	return (struct str){ NULL, 0 };
}

static void add_retry_after(struct exchange *x, int64_t ms)
{
	struct str seconds = arena_printf(x->call->arena, "%lld", (long long)(ms > 0 ? (ms + 999) / 1000 : 5));

	http_answer_header(x, "retry-after", seconds);
}

void answer_failure(struct exchange *x, int code)
{
	int status = http_status_of(code);
	struct str why = str_of(x->call->why);

	if (status >= 500)
		log_warn("HTTP", "A request failed", F_INT("status", status), F_TEXT("code", status_name(code)),
			 F_TEXT("path", x->route->path), F_STR("reason", why));
	if (status == 500 || why.n == 0)
		why = status == 500
			      ? STR("Something failed on this server; its log has the reason under this request id.")
			      : str_of(answer_reason(status));
	http_answer_error(x, status, why);
	if (status == 429 || status == 503)
		add_retry_after(x, x->call->retry_after_ms);
}

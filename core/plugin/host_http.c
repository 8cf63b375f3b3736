/* HTTP for plugins: one exchange, sent again when that is safe.
 *
 * Owns nothing; the answer lies in the call's arena.
 * Easy to break: what may be sent twice. A request that creates something is repeated only when it surely had no
 * effect: it never got there (E_NETWORK), or was turned away at the door (429).
 *
 *              never sent   429   502 503 504   broken or late answer   anything else
 *   idempotent    again    again     again              again               answer
 *   other         again    again    answer             failure              answer */
#include "plugin/host.h"

#include "base/clock.h"
#include "base/id.h"

#include <string.h>

#define REQUEST_SIZE_1_0  (offsetof(struct opshub_http_request, timeout_ms) + sizeof(int64_t))
#define RESPONSE_SIZE_1_0 (offsetof(struct opshub_http_response, retry_after_ms) + sizeof(int64_t))
#define HEADERS_MAX       64
#define BODY_MAX          (8ull * 1024 * 1024)
#define ANSWER_DEFAULT    (4ull * 1024 * 1024)
#define ANSWER_MAX        (16ull * 1024 * 1024)
#define TIMEOUT_MS        30000
#define EXCHANGES_MAX     64
#define RETRIES           2
#define BACKOFF_MS        250
#define PATIENCE_MS       10000 /* a longer Retry-After is the caller's business */
#define URL_MAX           8192

struct exchange {
	const struct opshub_http_request *request;
	struct opshub_http_response *response;
};

static int wrong(struct opshub_call *c, const char *what)
{
	c->plugins->faults++;
	return call_fail(c->call, E_INTERNAL, "The plugin %s made a wrong HTTP request in %s: %s",
			 c->plugin->about.name, c->operation, what);
}

static bool name_is(const char *name, const char *wanted)
{
	return str_eq_nocase(str_of(name), str_of(wanted));
}

/* The plugin's request as ours. Only fields it knew of are read. */
static int translate(struct opshub_call *c, const struct opshub_http_request *theirs, struct net_request *ret,
		     bool *ret_idempotent)
{
	struct opshub_http_request ours = { 0 };
	struct net_header *headers;
	bool names_itself = false;

	if (!theirs || theirs->struct_size < REQUEST_SIZE_1_0)
		return wrong(c, "set request.struct_size to sizeof(request)");
	memcpy(&ours, theirs, theirs->struct_size < sizeof(ours) ? theirs->struct_size : sizeof(ours));
	if (!ours.url || strnlen(ours.url, URL_MAX + 1) > URL_MAX)
		return wrong(c, "its url is missing or longer than 8 KiB");
	if (ours.n_headers > HEADERS_MAX ||
	    (ours.n_headers && (!ours.headers || ours.header_size < sizeof(*ours.headers))))
		return wrong(c, "it has more than 64 headers or no header_size");
	if (ours.body_size > BODY_MAX || (ours.body_size && !ours.body))
		return wrong(c, "its body is missing or longer than 8 MiB");
	headers = arena_alloc(c->call->arena, (ours.n_headers + 1) * sizeof(*headers));
	for (uint32_t i = 0; i < ours.n_headers; i++) {
		const struct opshub_http_header *h = (const void *)((const char *)ours.headers +
								    (size_t)i * ours.header_size);
		if (!h->name || !h->value)
			return wrong(c, "a header is NULL");
		headers[i] = (struct net_header){ str_of(h->name), str_of(h->value) };
		names_itself |= name_is(h->name, "user-agent");
	}
	if (!names_itself)
		headers[ours.n_headers++] = (struct net_header){ STR("User-Agent"), STR("OpsHub/" OPSHUB_VERSION) };
	*ret = (struct net_request){
		.method = ours.method ? ours.method : "GET",
		.url = ours.url,
		.headers = headers,
		.n_headers = ours.n_headers,
		.body = { ours.body, ours.body ? ours.body_size : 0 },
		.max_body = ours.max_body == 0           ? ANSWER_DEFAULT
			    : ours.max_body > ANSWER_MAX ? ANSWER_MAX
							 : ours.max_body,
		.timeout_ms = ours.timeout_ms > 0 ? ours.timeout_ms : TIMEOUT_MS,
		.allow_private = c->allow_private,
	};
	*ret_idempotent = (ours.flags & OPSHUB_HTTP_IDEMPOTENT) || name_is(ret->method, "GET") ||
			  name_is(ret->method, "HEAD");
	return OK;
}

static bool worth_again(int r, const struct net_response *response, bool is_idempotent)
{
	if (r == E_NETWORK)
		return true;
	if (r == E_UPSTREAM || r == E_TIMEOUT)
		return is_idempotent;
	if (r < 0)
		return false;
	/* who does not say when has a window of a minute or more: a second later only uses up more of it */
	return (response->status == 429 && response->retry_after_ms > 0) ||
	       (is_idempotent && (response->status == 502 || response->status == 503 || response->status == 504));
}

/* Exponential with full jitter on top of the half, not before Retry-After. */
static int64_t pause_ms(unsigned attempt, const struct net_response *response)
{
	int64_t half = (int64_t)BACKOFF_MS << attempt;
	uint16_t random;

	random_bytes(&random, sizeof(random));
	half += half * random / UINT16_MAX;
	return response->retry_after_ms > half ? response->retry_after_ms : half;
}

static void log_exchange(const struct opshub_call *c, const struct net_request *request, int r,
			 const struct net_response *response)
{
	size_t n = strcspn(request->url, "?#");

	log_debug("Provider", "Provider request", F_TEXT("plugin", c->plugin->about.name),
		  F_TEXT("operation", c->operation), F_TEXT("method", request->method),
		  F_STR("url", ((struct str){ request->url, n })), F_INT("status", r < 0 ? r : response->status),
		  F_INT("durationMs", response->total_us / 1000));
}

static int fetch(struct opshub_call *c, const struct net_request *request, bool is_idempotent, struct net_response *ret)
{
	int r;

	for (unsigned attempt = 0;; attempt++) {
		struct net_response response = { 0 };
		int64_t pause;

		r = c->plugins->fetch(c->call, c->plugins->fetch_arg, request, &response);
		log_exchange(c, request, r, &response);
		pause = c->plugins->is_strict ? 0 : pause_ms(attempt, &response);
		if (attempt == RETRIES || !worth_again(r, &response, is_idempotent) || pause > PATIENCE_MS ||
		    pause >= call_left_ms(c->call)) {
			*ret = response;
			return r;
		}
		r = fiber_sleep(c->call, pause);
		if (r < 0)
			return r;
	}
}

static int answer(struct opshub_call *c, const struct net_response *response, struct opshub_http_response *ret)
{
	struct opshub_http_response ours = { .struct_size = ret->struct_size };
	struct opshub_http_header *headers;

	headers = arena_alloc(c->call->arena, (response->n_headers + 1) * sizeof(*headers));
	for (size_t i = 0; i < response->n_headers; i++)
		headers[i] = (struct opshub_http_header){ arena_text(c->call->arena, response->headers[i].name),
							  arena_text(c->call->arena, response->headers[i].value) };
	ours.status = (uint32_t)response->status;
	ours.headers = headers;
	ours.n_headers = (uint32_t)response->n_headers;
	ours.header_size = sizeof(*headers);
	ours.body = arena_text(c->call->arena, response->body);
	ours.body_size = response->body.n;
	ours.retry_after_ms = response->retry_after_ms;
	memcpy(ret, &ours, ours.struct_size < sizeof(ours) ? ours.struct_size : sizeof(ours));
	return OK;
}

static int exchange_here(struct opshub_call *c, void *arg)
{
	const struct exchange *x = arg;
	struct net_response response = { 0 };
	struct net_request request;
	bool is_idempotent = false;
	int r;

	if (!x->response || x->response->struct_size < RESPONSE_SIZE_1_0)
		r = wrong(c, "set response.struct_size to sizeof(response)");
	else if (c->n_exchanges++ >= EXCHANGES_MAX)
		r = wrong(c, "more than 64 exchanges in one operation");
	else
		r = translate(c, x->request, &request, &is_idempotent);
	if (r == OK)
		r = fetch(c, &request, is_idempotent, &response);
	c->has_failed |= r < 0;
	if (response.retry_after_ms)
		c->retry_after_ms = response.retry_after_ms;
	return r < 0 ? r : answer(c, &response, x->response);
}

opshub_status host_http(opshub_call *c, const struct opshub_http_request *request,
			struct opshub_http_response *response)
{
	return host_run(c, exchange_here, &(struct exchange){ request, response });
}

const char *host_http_header(opshub_call *c, const struct opshub_http_response *response, const char *name)
{
	(void)c;
	for (uint32_t i = 0; response && name && i < response->n_headers; i++) {
		const struct opshub_http_header *h = (const void *)((const char *)response->headers +
								    (size_t)i * response->header_size);
		if (name_is(h->name, name))
			return h->value;
	}
	return "";
}

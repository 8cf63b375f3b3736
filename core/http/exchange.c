/* A request on its way through: taken in from h2o, routed, run on a fiber, handed to send.c.
 *
 * Owns: `struct work`, one block of memory with copies of all that a handler may read.
 * Easy to break: request and handler die in either order. The slot (in the request's pool) and the work point at each
 * other weakly; whichever dies first clears the other's pointer. A handler runs on although its client has left: a
 * webhook that was taken in is finished.
 *
 *   h2o_req_t  --pool-->  slot  <--weak-->  work  <--arg--  fiber
 *                        dispose hook       freed in on_done, on the loop's stack */
#include "http/query.h"
#include "http/server.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MAX_BODY (64 * 1024)
/* Fewer than a loop has fibers: handlers may wait for work that needs one too (a batch of webhooks), and must not take
 * the last. */
#define MOST_REQUESTS 960

/* ---- lifetimes ---- */

static void on_slot_dispose(void *arg)
{
	struct slot *slot = arg;
	struct work *work = slot->work;

	if (work)
		work->slot = NULL;
	connection_idle(slot->connection);
	buf_done(&slot->body);
}

static void take_request_id(struct work *work, const struct gate_head *head)
{
	static const char digits[] = "0123456789abcdef";
	struct http_server *server = work->server;
	struct str given = { NULL, 0 };
	uint64_t count = ++server->id_count;

	for (size_t i = 0; head && i < head->n_headers; i++)
		if (str_eq_nocase(head->headers[i].name, STR("x-request-id")))
			given = head->headers[i].value;
	if (given.n >= 8 && given.n <= REQUEST_ID_MAX) {
		static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

		memcpy(work->id, given.p, given.n);
		if (strspn(work->id, allowed) == given.n) {
			work->x.request_id = (struct str){ work->id, given.n };
			return;
		}
	}
	/* Says which process and which request; need not be unguessable. */
	for (int i = 0; i < 16; i++)
		work->id[i] = digits[(server->id_salt >> (60 - 4 * i)) & 15];
	work->id[16] = '-';
	for (int i = 0; i < 8; i++)
		work->id[17 + i] = digits[(count >> (28 - 4 * i)) & 15];
	work->id[25] = '\0';
	work->x.request_id = (struct str){ work->id, 25 };
}

static struct work *work_new(struct http_server *server, h2o_req_t *req, size_t n_bytes, const struct gate_head *head)
{
	struct work *work = h2o_mem_alloc(sizeof(*work) + n_bytes);
	struct slot *slot = h2o_mem_alloc_shared(&req->pool, sizeof(*slot), on_slot_dispose);

	memset(work, 0, sizeof(*work));
	work->server = server;
	work->slot = slot;
	work->started_us = clock_mono_us();
	work->x.app = server->options.app;
	work->x.tls = connection_of(req)->tls != NULL;
	work->x.query = work->x.method = work->x.path = STR("");
	buf_init(&work->x.answer.body, HTTP_MAX_ANSWER);
	take_request_id(work, head);
	*slot = (struct slot){ .req = req, .connection = connection_of(req), .work = work };
	buf_init(&slot->body, HTTP_MAX_ANSWER);
	connection_busy(slot->connection);
	return work;
}

/* For answers that need no fiber: a call with memory and a log scope, and nothing to wait on. */
static void call_open(struct work *work)
{
	struct http_server *server = work->server;

	work->direct = (struct call){ .loop = server->loop,
				      .arena = arena_new(),
				      .why = "",
				      .deadline_ms = work->started_us / 1000 + server->options.response_timeout_ms };
	log_scope_set(&work->direct.log, F_STR("requestId", work->x.request_id));
	work->x.call = &work->direct;
}

struct work *work_free(struct work *work)
{
	if (!work)
		return NULL;
	if (work->slot)
		work->slot->work = NULL;
	buf_done(&work->x.answer.body);
	arena_free(work->direct.arena);
	free(work);
	return NULL;
}

struct work *work_bare(struct http_server *server, h2o_req_t *req)
{
	struct work *work = work_new(server, req, 0, NULL);

	work->x.client.n = address_format(&work->slot->connection->address, work->client);
	work->x.client.p = work->client;
	call_open(work);
	return work;
}

/* ---- taking it in ---- */

/* The same slice of the copy of the head, NUL-terminated: what stands behind a method, target, name or value in a head
 * is a delimiter that nobody needs any more. */
static struct str moved(struct str slice, const char *from, char *to)
{
	char *at = to + (slice.p - from);

	at[slice.n] = '\0';
	return (struct str){ at, slice.n };
}

static void lower_case(struct str name)
{
	for (char *p = (char *)name.p, *end = p + name.n; p < end; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 0x20);
}

static void copy_headers(struct work *work, const struct gate_head *head, const char *raw, char *copy, char *at)
{
	struct http_header *headers = (struct http_header *)(void *)at;

	for (size_t i = 0; i < head->n_headers; i++) {
		headers[i].name = moved(head->headers[i].name, raw, copy);
		headers[i].value = moved(head->headers[i].value, raw, copy);
		lower_case(headers[i].name);
	}
	work->x.headers = headers;
	work->x.n_headers = head->n_headers;
}

static void name_client(struct work *work, const struct connection *connection)
{
	const struct proxies *proxies = &work->server->proxies;
	struct address client = connection->address;

	if (proxies->n && !connection->counted) {
		client = proxies_client(proxies, &client, work->x.headers, work->x.n_headers);
		work->x.tls = work->x.tls ||
			      str_eq_nocase(http_request_header(&work->x, "x-forwarded-proto"), STR("https"));
	}
	work->x.client = (struct str){ work->client, address_format(&client, work->client) };
}

/* Parameters are slices of the path; the copies have a NUL behind them. */
static void copy_params(struct work *work, const struct router_match *match)
{
	char *at = work->params;

	for (size_t i = 0; i < match->n_params; i++) {
		struct str param = match->params[i];

		memcpy(at, param.p, param.n);
		at[param.n] = '\0';
		work->x.params[i] = (struct str){ at, param.n };
		at += param.n + 1;
	}
}

/* bytes:  headers[] | copy of the head | decoded path | parameters | body     each text with a NUL behind it */
static struct work *take_in(struct http_server *server, h2o_req_t *req, const char *raw, const struct gate_head *head,
			    const char **ret_why)
{
	size_t table = head->n_headers * sizeof(struct http_header);
	struct str body = { req->entity.base, req->entity.base ? req->entity.len : 0 };
	size_t n_path = head->target.n + 1, n = table + head->size + 1 + n_path + n_path + HTTP_PARAMS + body.n + 1;
	struct work *work = work_new(server, req, n, head);
	char *copy = work->bytes + table, *path = copy + head->size + 1, *end;
	struct str target, raw_path;

	*ret_why = NULL;
	memcpy(copy, raw, head->size);
	copy[head->size] = '\0';
	copy_headers(work, head, raw, copy, work->bytes);
	work->x.method = moved(head->method, raw, copy);
	target = moved(head->target, raw, copy);
	raw_path = str_split(&target, '?');
	work->x.query = target;
	work->params = path + n_path;
	end = work->params + n_path + HTTP_PARAMS;
	if (!path_decode(raw_path, path, &work->x.path, ret_why))
		work->x.path = STR("");
	else if (!percent_decode(target, true, work->params,
				 &n)) /* only tried: parameters are decoded when asked for */
		*ret_why = "The query is not well encoded: escape it as %XX of UTF-8 text without NUL.";
	if (body.n)
		memcpy(end, body.p, body.n);
	end[body.n] = '\0';
	work->x.body = (struct str){ end, body.n };
	work->head_only = str_eq(work->x.method, STR("HEAD"));
	name_client(work, work->slot->connection);
	return work;
}

/* ---- running it ---- */

static void run(struct call *call, void *arg)
{
	struct work *work = arg;
	struct exchange *x = &work->x;
	int r = OK;

	x->call = call;
	if (work->server->options.guard && call->fiber)
		r = work->server->options.guard(x);
	if (r == OK)
		r = x->route->handler(x);
	if (r != OK && x->answer.status < 400)
		answer_failure(x, r);
	else if (r == OK && call->fiber)
		represent(work);
}

static void on_done(struct call *call, void *arg)
{
	struct work *work = arg;

	(void)call;
	work->server->n_fibers--;
	send_answer(work);
	work_free(work);
}

static void answer_here(struct work *work)
{
	send_answer(work);
	work_free(work);
}

static void run_here(struct work *work)
{
	struct log_scope *before;

	call_open(work);
	before = log_scope_swap(&work->direct.log);
	run(&work->direct, work);
	log_scope_swap(before);
	answer_here(work);
}

static void start(struct work *work)
{
	struct fiber_options options = { .name = work->x.route->path,
					 .timeout_ms = work->server->options.response_timeout_ms,
					 .on_done = on_done };

	log_scope_set(&options.log, F_STR("requestId", work->x.request_id));
	if (work->server->n_fibers < MOST_REQUESTS &&
	    fiber_start(work->server->loop, &options, run, work, NULL) == OK) {
		work->server->n_fibers++;
		return;
	}
	call_open(work);
	http_answer_error(&work->x, 503,
			  STR("The server is answering as many requests as it can. Try again in a second."));
	http_answer_header(&work->x, "retry-after", STR("1"));
	answer_here(work);
}

/* The route of the request, or NULL with the answer filled in. */
static const struct http_route *choose(struct work *work)
{
	struct exchange *x = &work->x;
	const struct http_route *route;
	struct router_match match;
	struct str allow;
	int method;
	size_t max;

	if (!router_find(work->server->router, x->path, &match)) {
		http_answer_error(x, 404,
				  STR("There is nothing at this path: check its spelling, and that the id in it has "
				      "its prefix."));
		return NULL;
	}
	method = router_method(x->method);
	route = method >= 0 ? match.routes[method] : NULL;
	if (!route) {
		call_open(work);
		allow = router_allow(&match, x->call->arena);
		http_answer_header(x, "allow", allow);
		if (str_eq(x->method, STR("OPTIONS"))) {
			x->answer.status = 204;
			cors_preflight(x, allow);
			return NULL;
		}
		http_answer_error(x, 405, STR("This path does not take this method; Allow lists those it takes."));
		return NULL;
	}
	max = route->max_body ? route->max_body : DEFAULT_MAX_BODY;
	if (x->body.n > max) {
		char why[96];
		int n = snprintf(why, sizeof(why), "The body has %zu bytes; this path takes at most %zu.", x->body.n,
				 max);

		http_answer_error(x, 413, (struct str){ why, (size_t)n });
		return NULL;
	}
	copy_params(work, &match);
	return route;
}

static void dispatch(struct work *work, const char *why)
{
	struct exchange *x = &work->x;

	if (why)
		http_answer_error(x, 400, str_of(why));
	else
		x->route = choose(work);
	if (!x->route)
		answer_here(work);
	else if (x->route->flags & ROUTE_DIRECT)
		run_here(work);
	else
		start(work);
}

/* May the connection be used again? Its body's end must be something no two parsers can disagree about: there is none,
 * or one Content-Length in an HTTP/1.1 request announced exactly what h2o has read. Chunks h2o has decoded in place, so
 * they cannot be checked any more, and its decoder is lenient ("3XYZ" is 3). */
static bool is_reusable(const struct gate_head *head)
{
	return head->framing == GATE_NO_BODY || (head->framing == GATE_LENGTH && head->minor == 1);
}

static void refuse(struct http_server *server, h2o_req_t *req, int status, const char *why)
{
	struct work *work = work_bare(server, req);

	req->http1_is_persistent = 0;
	http_answer_error(&work->x, status, str_of(why));
	answer_here(work);
}

int exchange_on_request(h2o_handler_t *handler, h2o_req_t *req)
{
	struct http_server *server = connection_of(req)->server;
	h2o_buffer_t *input = req->conn->callbacks->get_socket(req->conn)->input;
	struct gate_head *head = &server->head;
	const char *why;
	struct work *work;
	int status;

	(void)handler;
	status = req->version >= 0x200 ? 505 : gate_read((struct str){ input->bytes, input->size }, head, &why);
	if (!status && head->framing == GATE_LENGTH && req->entity.len != head->length) {
		status = 400;
		why = "The body is not as long as Content-Length says.";
	}
	if (status) {
		refuse(server, req, status,
		       status == 505 && req->version >= 0x200 ? "HTTP/2 is not served here." : why);
		return 0;
	}
	if (!is_reusable(head) || server->draining)
		req->http1_is_persistent = 0;
	work = take_in(server, req, input->bytes, head, &why);
	dispatch(work, why);
	return 0;
}

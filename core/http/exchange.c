/* A request on its way through: taken in from h2o, routed, run on a fiber, handed to send.c.
 *
 * Owns nothing for long: what a handler reads is in the work (http/work.c).
 * Easy to break: a handler runs on although its client has left: a webhook that was taken in is finished. */
#include "http/query.h"
#include "http/server.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_MAX_BODY (64 * 1024)
#define BORROW_FROM      (256 * 1024) /* shorter ones are copied: so h2o's buffer goes with its connection */
/* Fewer than a loop has fibers: handlers may wait for work that needs one too (a batch of webhooks), and must not take
 * the last. */
#define MOST_REQUESTS 960

/* ---- taking it in ---- */

/* The same slice of the copy of the head, NUL-terminated: what stands behind a method, target, name or value in a head
 * is a delimiter that nobody needs any more. */
static struct str moved(struct str slice, const char *from, char *to)
{
	char *at = to + (slice.p - from);

	at[slice.n] = '\0';
	return (struct str){ at, slice.n };
}

static void copy_headers(struct work *work, const struct gate_head *head, const char *raw, char *copy, char *at)
{
	struct http_header *headers = (struct http_header *)(void *)at;

	for (size_t i = 0; i < head->n_headers; i++) {
		headers[i].name = moved(head->headers[i].name, raw, copy);
		headers[i].value = moved(head->headers[i].value, raw, copy);
		text_to_lower((char *)headers[i].name.p, headers[i].name.n);
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

/* A long body is read where h2o has put it: nothing else reads or writes there until the request has been answered, and
 * when the connection ends before that, the work takes the memory over (http/work.c). */
static bool lies_well(h2o_buffer_t *input, struct str body)
{
	const char *end = body.p + body.n;

	return body.n >= BORROW_FROM && end == input->bytes + input->size && end < input->_buf + input->capacity;
}

/* bytes:  headers[] | copy of the head | decoded path | parameters | short body     each text with a NUL behind it */
static struct work *take_in(struct http_server *server, h2o_req_t *req, h2o_buffer_t *input,
			    const struct gate_head *head, const char **ret_why)
{
	const char *raw = input->bytes;
	size_t table = head->n_headers * sizeof(struct http_header);
	struct str body = { req->entity.base, req->entity.base ? req->entity.len : 0 };
	bool borrowed = lies_well(input, body);
	size_t n_path = head->target.n + 1,
	       n = table + head->size + 1 + n_path + n_path + HTTP_PARAMS + (borrowed ? 0 : body.n) + 1;
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
	if (borrowed)
		end = (char *)body.p;
	else if (body.n) {
		memcpy(end, body.p, body.n);
		explicit_bzero(req->entity.base, body.n); /* what h2o reuses holds no secret of it */
	}
	end[body.n] = '\0';
	work->borrows = borrowed;
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

/* The body of a call whose memory is wiped: nothing needs it any more. */
static void wipe_body(struct work *work, const struct call *call)
{
	work->is_wiped = arena_is_wiped(call->arena);
	if (work->is_wiped && work->x.body.n)
		explicit_bzero((char *)work->x.body.p, work->x.body.n);
}

static void on_done(struct call *call, void *arg)
{
	struct work *work = arg;

	wipe_body(work, call);
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

	work_call_open(work);
	before = log_scope_swap(&work->direct.log);
	run(&work->direct, work);
	log_scope_swap(before);
	wipe_body(work, &work->direct);
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
	work_call_open(work);
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
		work_call_open(work);
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
	work = take_in(server, req, input, head, &why);
	dispatch(work, why);
	return 0;
}

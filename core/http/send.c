/* From an answer to bytes: status line, headers, body, the response deadline and the access log line.
 *
 * Owns: nothing for long; the answer's body moves into the request's slot and is freed with the request, so it is
 * never copied.
 * Easy to break: h2o aborts the process when a request is answered twice. Only send_answer answers, it runs on the
 * loop's stack, and it takes the work off the slot. */
#include "http/server.h"

#include "base/clock.h"

#include <string.h>

static h2o_generator_t ours; /* marks answers of send_answer; h2o calls neither of its functions for a whole answer */

static void replace_overflown(struct work *work)
{
	log_error("HTTP", "An answer was longer than 32 MiB", F_STR("requestId", work->x.request_id),
		  F_STR("path", work->x.path));
	http_answer_error(&work->x, 500, STR("The answer would be longer than 32 MiB: ask for fewer rows."));
}

/* Fills in req->res; returns the body to send. What a handler added points into its call's arena: h2o must have
 * written the head before that goes. */
static h2o_iovec_t prepare(struct work *work)
{
	struct exchange *x = &work->x;
	h2o_req_t *req = work->slot->req;
	bool bodiless;

	if (x->answer.body.overflow)
		replace_overflown(work);
	if (x->answer.status == 0)
		x->answer.status = 200;
	bodiless = x->answer.status == 204 || x->answer.status == 304;
	buf_done(&work->slot->body);
	work->slot->body = x->answer.body;
	work->slot->is_wiped = work->is_wiped;
	buf_init(&x->answer.body, HTTP_MAX_ANSWER);

	req->res.status = x->answer.status;
	req->res.reason = answer_reason(x->answer.status);
	req->res.content_length = bodiless ? SIZE_MAX : work->slot->body.n;
	headers_put(work, req, bodiless);
	if (bodiless || work->head_only)
		return (h2o_iovec_t){ NULL, 0 };
	return (h2o_iovec_t){ work->slot->body.p, work->slot->body.n };
}

static void log_access(const struct work *work, size_t bytes, bool delivered)
{
	const struct exchange *x = &work->x;

	if (x->route && (x->route->flags & ROUTE_QUIET))
		return;
	log_info("HTTP", delivered ? "Request answered" : "Request finished after its client had left",
		 F_STR("method", x->method), F_STR("path", x->path), F_INT("status", x->answer.status),
		 F_INT("duration", (clock_mono_us() - work->started_us) / 1000), F_STR("requestId", x->request_id),
		 F_STR("client", x->client), F_INT("bytes", (int64_t)bytes));
}

void send_answer(struct work *work)
{
	struct slot *slot = work->slot;
	h2o_iovec_t body;

	if (!slot) {
		log_access(work, 0, false);
		return;
	}
	body = prepare(work);
	if (work->server->draining)
		slot->req->http1_is_persistent = 0;
	slot->work = NULL;
	work->slot = NULL;
	connection_sending(slot->connection);
	log_access(work, body.len, true);
	h2o_start_response(slot->req, &ours);
	h2o_send(slot->req, &body, body.len ? 1 : 0, H2O_SEND_STATE_FINAL);
	server_stay_awake(work->server);
}

/* ---- answers that h2o makes itself ---- */

struct replacement {
	h2o_ostream_t super;
	h2o_iovec_t body;
};

static void send_replacement(h2o_ostream_t *stream, h2o_req_t *req, h2o_iovec_t *bufs, size_t n, h2o_send_state_t state)
{
	struct replacement *replacement = (struct replacement *)stream;

	(void)bufs;
	(void)n;
	h2o_ostream_send_next(stream, req, &replacement->body, replacement->body.len ? 1 : 0, state);
}

static struct str explain(int status)
{
	switch (status) {
	case 413:
		return STR("The body is longer than 25 MiB, which is the most that any path takes.");
	case 417:
		return STR("The only expectation that is understood is \"100-continue\".");
	default:
		return STR("The body cannot be read: its Content-Length or its chunks are malformed.");
	}
}

void send_on_setup(h2o_filter_t *filter, h2o_req_t *req, h2o_ostream_t **slot)
{
	struct replacement *replacement;
	struct work *work;

	(void)filter;
	if (req->_generator != &ours) {
		work = work_bare(connection_of(req)->server, req);
		work->x.method = (struct str){ req->input.method.base, req->input.method.len };
		work->x.path = (struct str){ req->input.path.base, req->input.path.len };
		work->x.path = str_split(&work->x.path, '?');
		work->head_only = str_eq(work->x.method, STR("HEAD"));
		http_answer_error(&work->x, req->res.status, explain(req->res.status));
		replacement = (struct replacement *)h2o_add_ostream(req, sizeof(*replacement), slot);
		replacement->super.do_send = send_replacement;
		replacement->body = prepare(work);
		connection_sending(work->slot->connection);
		log_access(work, replacement->body.len, true);
		work_free(work);
		slot = &replacement->super.next;
	}
	h2o_setup_next_ostream(req, slot);
}

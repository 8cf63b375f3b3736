/* Our side of a request: made, named, and freed whichever side of it dies first.
 *
 * Owns: `struct work`, one block of memory with copies of all that a handler may read, but a long body.
 * Easy to break: request and handler die in either order. The slot (in the request's pool) and the work point at each
 * other weakly; whichever dies first clears the other's pointer. A long body lies in the buffer of h2o's socket; the
 * slot is disposed of before h2o frees that, so a work that goes on takes it over then.
 *
 *   h2o_req_t  --pool-->  slot  <--weak-->  work  <--arg--  fiber
 *                        dispose hook       freed in on_done, on the loop's stack */
#include "http/server.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

/* The connection goes, the handler runs on: its body stays. */
static void take_over(struct work *work, h2o_socket_t *socket)
{
	work->input = socket->input;
	h2o_buffer_init(&socket->input, &h2o_socket_buffer_prototype);
}

static void on_slot_dispose(void *arg)
{
	struct slot *slot = arg;
	struct work *work = slot->work;

	if (work) {
		work->slot = NULL;
		if (work->borrows)
			take_over(work, slot->connection->socket);
	}
	connection_idle(slot->connection);
	if (slot->is_wiped && slot->body.p)
		explicit_bzero(slot->body.p, slot->body.n);
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

struct work *work_new(struct http_server *server, h2o_req_t *req, size_t n_bytes, const struct gate_head *head)
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

void work_call_open(struct work *work)
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
	if (work->input)
		h2o_buffer_dispose(&work->input);
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
	work_call_open(work);
	return work;
}

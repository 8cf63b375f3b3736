/* What the files of this folder that know h2o share: the server, its connections, and a request on its way. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/client.h"
#include "http/etag.h"
#include "http/gate.h"
#include "http/router.h"

#include <h2o.h>

_Static_assert(H2O_USE_LIBUV == 0, "h2o's structs have another size with its libuv binding: see core/CMakeLists.txt");

#define HTTP_MAX_BODY   (25 * 1024 * 1024 + 64 * 1024)
#define HTTP_MAX_ANSWER (32 * 1024 * 1024)
#define HTTP_TICK_MS    100

struct gzip;

struct http_server {
	struct loop *loop;
	struct http_options options;
	struct router *router;
	struct proxies proxies;
	struct census *census;
	struct {
		char origin[HTTP_ORIGIN_MAX]; /* of options.web_url */
		size_t n;                     /* 0 = nobody else's page may read answers */
		h2o_header_t headers[3];
	} web;
	struct gzip *gzip; /* for what is short enough to be packed on the loop */
	h2o_globalconf_t config;
	h2o_context_t context;
	h2o_accept_ctx_t accept;
	h2o_evloop_t *evloop;
	uv_poll_t ready; /* h2o's epoll descriptor */
	uv_poll_t listener;
	uv_timer_t tick;
	uv_idle_t awake; /* runs while h2o has work left, so that the loop does not sleep on it */
	unsigned open_handles;
	struct loop_hook source;
	bool woken; /* h2o's descriptors may be ready */
	bool draining, accepting;
	int64_t full_logged_ms;
	h2o_linklist_t connections;
	h2o_linklist_t due; /* answers on their way out, oldest first */
	unsigned n_connections, n_requests, n_fibers;
	struct gate_head head; /* of the request that is being taken in */
	uint64_t id_salt, id_count;
};

struct connection {
	struct http_server *server;
	h2o_socket_t *socket;
	struct address address;
	struct census_entry *counted; /* NULL for trusted proxies */
	SSL_CTX *tls;                 /* a reference; NULL = not encrypted */
	bool busy;                    /* a request is being answered */
	int64_t due_ms;
	h2o_linklist_t link, due_link;
};

/* The h2o side of a request, in its pool: dies with it. */
struct slot {
	h2o_req_t *req;
	struct connection *connection;
	struct work *work; /* weak: NULL once answered */
	struct buf body;   /* of the answer, while it is being sent */
	bool is_wiped;     /* the body, when it has been sent */
};

#define REQUEST_ID_MAX 64

/* Our side of a request: lives until it is answered, whether or not somebody still waits for that. */
struct work {
	struct exchange x; /* first: handlers have a pointer to it */
	struct http_server *server;
	struct slot *slot;  /* weak: NULL when the client has gone */
	struct call direct; /* the call of what is answered on the loop's stack */
	bool head_only;
	bool is_wiped;        /* the call's memory is: see arena_wipe() */
	bool borrows;         /* the body lies in the socket's buffer */
	h2o_buffer_t *input;  /* that buffer, when the connection has gone; else NULL */
	bool packed;          /* the answer's body is gzip */
	char etag[ETAG_SIZE]; /* of the answer; "" = none */
	int64_t started_us;
	char client[ADDRESS_TEXT_MAX];
	char id[REQUEST_ID_MAX + 1];
	char *params;
	char bytes[] __attribute__((aligned(16))); /* copies: headers, head, path, parameters, body */
};

/* accept.c */
int accept_open(struct http_server *server);
void accept_stop(struct http_server *server); /* also closes the listening socket; may be called again */
void accept_tick(struct http_server *server, int64_t now_ms);
void connections_close(struct http_server *server, bool idle_only);
struct connection *connection_of(h2o_req_t *req);
void connection_busy(struct connection *connection);
void connection_sending(struct connection *connection); /* starts the response deadline */
void connection_idle(struct connection *connection);

/* tls.c */
bool tls_open(struct http_server *server); /* false, with the reason in the log, when its certificate is no good */
void tls_close(struct http_server *server);
void tls_enter(struct connection *connection);
void tls_leave(struct connection *connection);

/* server.c */
void server_on_closed(uv_handle_t *handle);         /* the last one frees the server */
void server_stay_awake(struct http_server *server); /* until h2o has seen what was changed behind its back */

/* exchange.c */
int exchange_on_request(h2o_handler_t *handler, h2o_req_t *req);

/* work.c */
/* With room for n_bytes of copies; `head` may be NULL. */
struct work *work_new(struct http_server *server, h2o_req_t *req, size_t n_bytes, const struct gate_head *head);
/* For answers that need no fiber: a call with memory and a log scope, and nothing to wait on. */
void work_call_open(struct work *work);
/* A request that h2o or the gate has refused: an exchange with nothing in it. */
struct work *work_bare(struct http_server *server, h2o_req_t *req);
struct work *work_free(struct work *work);

/* send.c */
void send_answer(struct work *work);
/* Gives answers that h2o makes itself (body too long, bad chunks) the form of ours. */
void send_on_setup(h2o_filter_t *filter, h2o_req_t *req, h2o_ostream_t **slot);

/* represent.c: turns a handler's 200 into 304, or packs its body, as the request asks. */
AWAITS void represent(struct work *work);

/* headers.c: all of req->res.headers. */
void headers_put(const struct work *work, h2o_req_t *req, bool bodiless);

/* cors.c */
void cors_open(struct http_server *server);
void cors_preflight(struct exchange *x, struct str allow); /* adds to the answer of OPTIONS; `allow` is Allow's value */

/* answer.c */
struct str answer_header(const struct exchange *x, const char *name); /* as set by the handler; .p == NULL when not */
void answer_failure(struct exchange *x, int code);
const char *answer_reason(int status);

#endif

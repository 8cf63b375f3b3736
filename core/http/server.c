/* The server: h2o's event loop nested in the libuv loop, and the life of the whole.
 *
 * Owns: h2o's loop, context and configuration, the uv handles, the route tree.
 * Easy to break: h2o registers what it waits for only at the start of h2o_evloop_run. Whatever makes it change its mind
 * outside of that (an accepted connection, an answer that was sent) must be followed by another run before the process
 * sleeps, or the connection hangs until the next tick. settle() sees to that by looking at h2o's own lists.
 *
 *   uv loop --uv_poll--> h2o's epoll descriptor --> woken
 *   each turn: settle() as LOOP_SOURCE starts fibers -> they run, their answers are sent -> settle() in the next turn
 *   tick, 100 ms: h2o's time-outs, response deadlines, accepting again */
#include "http/server.h"

#include "base/clock.h"
#include "base/id.h"
#include "http/gzip.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUNDS              4 /* of h2o's loop in one turn of ours, before others get theirs */
#define DEFAULT_CONNECTIONS 8192
#define DEFAULT_PER_ADDRESS 256
#define DEFAULT_BUFFERED    (512UL * 1024 * 1024)
#define DEFAULT_TIMEOUT_MS  30000
#define HANDSHAKE_MS        5000

static bool has_work(const struct http_server *server)
{
	const h2o_evloop_t *evloop = server->evloop;

	return server->woken || evloop->_statechanged.head || evloop->_pending_as_server || evloop->_pending_as_client;
}

static void on_awake(uv_idle_t *idle)
{
	(void)idle;
}

void server_stay_awake(struct http_server *server)
{
	uv_idle_start(&server->awake, on_awake);
}

static void settle(void *arg)
{
	struct http_server *server = arg;

	/* Finished writes first: their connections are reading again before h2o compares what it has registered with
	 * what it wants, which saves two epoll_ctl calls for each request that a fiber answered. */
	if (server->evloop->_pending_as_server)
		h2o_timeout__do_post_callback(server->evloop);
	for (int i = 0; i < ROUNDS && has_work(server); i++) {
		server->woken = false;
		h2o_evloop_run(server->evloop, 0);
	}
	if (has_work(server))
		server_stay_awake(server);
	else
		uv_idle_stop(&server->awake);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct http_server *server = poll->data;

	(void)status;
	(void)events;
	server->woken = true;
}

static void on_tick(uv_timer_t *timer)
{
	struct http_server *server = timer->data;

	server->woken = true;
	accept_tick(server, clock_mono_ms());
}

/* ---- making ---- */

/* The epoll descriptor stands right behind the public part of h2o's loop; checked by asking the kernel what it is. */
static int epoll_of(h2o_evloop_t *evloop)
{
	int fd = ((struct {
			 h2o_evloop_t super;
			 int epoll;
		 } *)(void *)evloop)
			 ->epoll;
	char path[32], target[32] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, target, sizeof(target) - 1) < 0 || !str_eq(str_of(target), STR("anon_inode:[eventpoll]"))) {
		fprintf(stderr, "libh2o-evloop is not the version this program was built for\n");
		abort();
	}
	return fd;
}

static void set_defaults(struct http_options *options)
{
	if (!options->max_connections)
		options->max_connections = DEFAULT_CONNECTIONS;
	if (!options->max_per_address)
		options->max_per_address = DEFAULT_PER_ADDRESS;
	if (!options->max_buffered)
		options->max_buffered = DEFAULT_BUFFERED;
	if (!options->request_timeout_ms)
		options->request_timeout_ms = DEFAULT_TIMEOUT_MS;
	if (!options->response_timeout_ms)
		options->response_timeout_ms = DEFAULT_TIMEOUT_MS;
}

static void set_up_h2o(struct http_server *server)
{
	h2o_hostconf_t *host;

	/* Else h2o puts bodies above 16 MiB into a file in /tmp: webhooks on disk, and lost where /tmp is read-only. */
	h2o_socket_buffer_mmap_settings.threshold = SIZE_MAX;
	h2o_config_init(&server->config);
	server->config.server_name = h2o_iovec_init("", 0);
	server->config.max_request_entity_size = HTTP_MAX_BODY;
	server->config.http1.req_timeout = (uint64_t)server->options.request_timeout_ms;
	server->config.http1.upgrade_to_http2 = 0;
	server->config.handshake_timeout = HANDSHAKE_MS;
	server->config.http2.callbacks =
		(h2o_protocol_callbacks_t){ 0 }; /* else its shutdown timer outlives the server */
	host = h2o_config_register_host(&server->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
	h2o_create_handler(&host->fallback_path, sizeof(h2o_handler_t))->on_req = exchange_on_request;
	h2o_create_filter(&host->fallback_path, sizeof(h2o_filter_t))->on_setup_ostream = send_on_setup;
	server->evloop = h2o_evloop_create();
	h2o_context_init(&server->context, server->evloop, &server->config);
	server->accept = (h2o_accept_ctx_t){ .ctx = &server->context, .hosts = server->config.hosts };
}

static void set_up_loop(struct http_server *server)
{
	uv_loop_t *uv = loop_uv(server->loop);

	server->ready.data = server->tick.data = server->awake.data = server;
	uv_poll_init(uv, &server->ready, epoll_of(server->evloop));
	uv_poll_start(&server->ready, UV_READABLE, on_ready);
	uv_timer_init(uv, &server->tick);
	uv_timer_start(&server->tick, on_tick, HTTP_TICK_MS, HTTP_TICK_MS);
	uv_idle_init(uv, &server->awake);
	server->open_handles += 3;
	server->source = (struct loop_hook){ .fn = settle, .arg = server };
	loop_hook_add(server->loop, LOOP_SOURCE, &server->source);
}

struct http_server *http_server_new(struct loop *loop, const struct http_options *options)
{
	struct http_server *server = h2o_mem_alloc(sizeof(*server));

	memset(server, 0, sizeof(*server));
	server->loop = loop;
	server->options = *options;
	set_defaults(&server->options);
	if (!proxies_parse(options->trusted_proxies, &server->proxies)) {
		log_error("HTTP",
			  "The list of trusted proxies holds something that is neither an address nor a network");
		free(server);
		return NULL;
	}
	server->census = census_new();
	server->router = router_new(options->routes);
	server->gzip = gzip_new();
	cors_open(server);
	random_bytes(&server->id_salt, sizeof(server->id_salt));
	h2o_linklist_init_anchor(&server->connections);
	h2o_linklist_init_anchor(&server->due);
	signal(SIGPIPE, SIG_IGN);
	set_up_h2o(server);
	set_up_loop(server);
	if (!tls_open(server))
		return http_server_free(server);
	if (accept_open(server) != 0) {
		log_error("HTTP", "The listening socket cannot be used");
		return http_server_free(server);
	}
	return server;
}

/* ---- ending ---- */

void http_server_drain(struct http_server *server)
{
	if (server->draining)
		return;
	server->draining = true;
	accept_stop(server);
	h2o_context_request_shutdown(&server->context);
	connections_close(server, true);
}

unsigned http_server_busy(const struct http_server *server)
{
	return server->n_requests + server->n_connections;
}

void server_on_closed(uv_handle_t *handle)
{
	struct http_server *server = handle->data;

	if (--server->open_handles == 0)
		free(server);
}

struct http_server *http_server_free(struct http_server *server)
{
	h2o_multithread_queue_t *queue;
	int epoll;

	if (!server)
		return NULL;
	assert(server->n_fibers == 0); /* cancel the loop's fibers and let them finish first */
	epoll = epoll_of(server->evloop);
	loop_hook_remove(server->loop, LOOP_SOURCE, &server->source);
	for (int i = 0; i < 100 && server->n_connections > 0; i++) {
		connections_close(server, false);
		h2o_evloop_run(server->evloop, 10);
	}
	uv_close((uv_handle_t *)&server->ready, server_on_closed);
	accept_stop(server);
	uv_close((uv_handle_t *)&server->tick, server_on_closed);
	uv_close((uv_handle_t *)&server->awake, server_on_closed);
	queue = server->context.queue;
	h2o_context_dispose(&server->context);
	free(queue); /* disposed of, but not freed, by h2o */
	h2o_config_dispose(&server->config);
	close(epoll);
	h2o_evloop_destroy(server->evloop);
	tls_close(server);
	server->router = router_free(server->router);
	server->census = census_free(server->census);
	server->gzip = gzip_free(server->gzip);
	return NULL;
}

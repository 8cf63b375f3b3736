/* The yardstick for /healthz: libh2o on the same nested loop, answering a constant, and nothing of ours around it.
 *
 * hello    prints "port N" and serves until it is killed */
#include <arpa/inet.h>
#include <h2o.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_accept_ctx_t accepting;
static h2o_evloop_t *evloop;
static int listener;

static int on_request(h2o_handler_t *handler, h2o_req_t *req)
{
	static h2o_generator_t generator;
	h2o_iovec_t body = { H2O_STRLIT("{\"ok\":true}") };

	(void)handler;
	req->res.status = 200;
	req->res.content_length = body.len;
	h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
		       H2O_STRLIT("application/json; charset=utf-8"));
	h2o_start_response(req, &generator);
	h2o_send(req, &body, 1, H2O_SEND_STATE_FINAL);
	return 0;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	int fd;

	(void)poll;
	(void)status;
	(void)events;
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		h2o_accept(&accepting, h2o_evloop_socket_create(evloop, fd, H2O_SOCKET_FLAG_IS_ACCEPTED_CONNECTION));
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	(void)poll;
	(void)status;
	(void)events;
}

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

static void on_prepare(uv_prepare_t *prepare)
{
	(void)prepare;
	h2o_evloop_run(evloop, 0);
}

static int listen_on_loopback(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);

	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 4096) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) != 0)
		return -1;
	return ntohs(address.sin_port);
}

int main(void)
{
	h2o_hostconf_t *host;
	uv_poll_t ready, incoming;
	uv_prepare_t prepare;
	uv_timer_t tick;
	int port = listen_on_loopback();

	if (port < 0) {
		perror("hello: cannot listen");
		return 1;
	}
	h2o_config_init(&config);
	config.http1.upgrade_to_http2 = 0;
	config.server_name = h2o_iovec_init("", 0);
	host = h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
	h2o_create_handler(&host->fallback_path, sizeof(h2o_handler_t))->on_req = on_request;
	evloop = h2o_evloop_create();
	h2o_context_init(&context, evloop, &config);
	accepting = (h2o_accept_ctx_t){ .ctx = &context, .hosts = config.hosts };

	uv_poll_init(uv_default_loop(), &ready, *(int *)(evloop + 1));
	uv_poll_start(&ready, UV_READABLE, on_ready);
	uv_poll_init(uv_default_loop(), &incoming, listener);
	uv_poll_start(&incoming, UV_READABLE, on_connection);
	uv_prepare_init(uv_default_loop(), &prepare);
	uv_prepare_start(&prepare, on_prepare);
	uv_timer_init(uv_default_loop(), &tick);
	uv_timer_start(&tick, on_tick, 100, 100);
	printf("port %d\n", port);
	fflush(stdout);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

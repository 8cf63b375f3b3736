/* A server on core/http alone, for the raw-socket tests (tests/api/edge.test.mjs) and the benchmark of the edge.
 *
 * edge_server [key=value]...   request=ms response=ms connections=n per_address=n buffered=bytes fibers=n proxies=list
 * web=URL cert=file key=file production=1 log=1. Prints "port N" when it listens. SIGTERM drains and ends; the exit
 * status is 0 when nothing was left over. */
#include "http/http.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct http_server *server;
static struct loop *loop;
static int64_t finished; /* handlers of /late that ran to their end */
static int64_t drain_until, grace_ms = 10000;
static uv_timer_t drain_timer;
static uv_signal_t term_signal;

static int hello(struct exchange *x)
{
	struct json_out out = http_answer_json(x, 200);

	json_open(&out, '{');
	json_put_bool(&out, "ok", true);
	json_close(&out, '}');
	return OK;
}

static int echo(struct exchange *x)
{
	struct json_out out = http_answer_json(x, 200);
	struct str probe = http_query(x, "q"), cookie = http_cookie(x, "c");

	json_open(&out, '{');
	json_put_text(&out, "method", x->method);
	json_put_text(&out, "path", x->path);
	json_put_text(&out, "query", x->query);
	json_put_int(&out, "headers", (int64_t)x->n_headers);
	json_put_text(&out, "host", http_request_header(x, "host"));
	json_put_text(&out, "client", x->client);
	json_put_bool(&out, "tls", x->tls);
	json_put_text(&out, "requestId", x->request_id);
	json_key(&out, "q");
	if (probe.p)
		json_add_text(&out, probe);
	else
		json_add_null(&out);
	json_key(&out, "cookie");
	if (cookie.p)
		json_add_text(&out, cookie);
	else
		json_add_null(&out);
	json_put_int(&out, "length", (int64_t)x->body.n);
	json_put_text(&out, "body", (struct str){ x->body.p, x->body.n < 4096 ? x->body.n : 4096 });
	json_close(&out, '}');
	return OK;
}

static int64_t number_of(struct exchange *x, unsigned param, int64_t max)
{
	int64_t n = 0;

	return str_to_int(x->params[param], 0, max, &n) ? n : 0;
}

static int nap(struct exchange *x)
{
	int r = fiber_sleep(x->call, number_of(x, 0, 60000));

	if (r != OK)
		return r;
	finished++;
	return echo(x);
}

/* Reads the whole body, which may have come by a connection that is gone. */
static int late(struct exchange *x)
{
	struct json_out out;
	int64_t sum = 0;
	int r = fiber_sleep(x->call, 300);

	if (r != OK)
		return r;
	for (size_t i = 0; i < x->body.n; i++)
		sum += x->body.p[i];
	finished += x->body.p[x->body.n] == '\0';
	out = http_answer_json(x, 200);
	json_open(&out, '{');
	json_put_int(&out, "sum", sum);
	json_close(&out, '}');
	return OK;
}

static int count(struct exchange *x)
{
	struct json_out out = http_answer_json(x, 200);

	json_open(&out, '{');
	json_put_int(&out, "finished", finished);
	json_put_int(&out, "busy", http_server_busy(server));
	json_put_int(&out, "fibers", loop_fibers(x->call->loop));
	json_close(&out, '}');
	return OK;
}

static int big(struct exchange *x)
{
	int64_t n = number_of(x, 0, 64LL * 1024 * 1024);

	x->answer.type = "application/octet-stream";
	for (int64_t left = n; left > 0; left -= 1024) {
		char block[1024];

		memset(block, 'x', sizeof(block));
		buf_add(&x->answer.body, block, left < 1024 ? (size_t)left : 1024);
	}
	return OK;
}

static int list(struct exchange *x)
{
	struct json_out out = http_answer_json(x, 200);

	json_open(&out, '[');
	for (int64_t n = number_of(x, 0, 200000); n > 0; n--) {
		json_open(&out, '{');
		json_put_int(&out, "number", n);
		json_put_text(&out, "status", STR("READY"));
		json_close(&out, '}');
	}
	json_close(&out, ']');
	http_answer_header(x, "link", STR("</list/1>; rel=\"next\""));
	return OK;
}

static int secret(struct exchange *x)
{
	http_answer_header(x, "cache-control", STR("no-store"));
	return hello(x);
}

static int fail(struct exchange *x)
{
	return call_fail(x->call, -(int)number_of(x, 0, 99), "the reason of %s", "code");
}

static int refuse(struct exchange *x)
{
	int r = http_answer_error(x, 422, STR("two fields are wrong"));

	http_answer_detail(x, "url", STR("not a \"URL\""));
	http_answer_detail(x, "name", STR("missing"));
	return r;
}

static int headers(struct exchange *x)
{
	bool injected = http_answer_header(x, "location", STR("/a\r\nx-evil: 1"));

	http_answer_header(x, "cache-control", STR("max-age=60"));
	http_answer_header(x, "x-refused", injected ? STR("no") : STR("yes"));
	x->answer.status = 204;
	return OK;
}

static int guard(struct exchange *x)
{
	if (x->route->access == 1)
		return http_answer_error(x, 403, STR("not you"));
	return OK;
}

static const struct http_route routes[] = {
	{ HTTP_GET, "/healthz", hello, 0, ROUTE_DIRECT | ROUTE_QUIET, 0 },
	{ HTTP_GET, "/fiber", hello, 0, ROUTE_QUIET, 0 },
	{ HTTP_GET, "/echo", echo, 0, 0, 0 },
	{ HTTP_POST, "/echo", echo, 0, 0, 0 },
	{ HTTP_PUT, "/echo/:name", echo, 0, 0, 0 },
	{ HTTP_POST, "/upload", echo, 0, ROUTE_QUIET, 25 * 1024 * 1024 },
	{ HTTP_GET, "/sleep/:ms", nap, 0, 0, 0 },
	{ HTTP_POST, "/sleep/:ms", nap, 0, 0, 0 },
	{ HTTP_POST, "/late", late, 0, ROUTE_QUIET, 25 * 1024 * 1024 },
	{ HTTP_GET, "/count", count, 0, ROUTE_QUIET, 0 },
	{ HTTP_GET, "/big/:bytes", big, 0, 0, 0 },
	{ HTTP_GET, "/list/:rows", list, 0, ROUTE_QUIET, 0 },
	{ HTTP_GET, "/secret", secret, 0, 0, 0 },
	{ HTTP_GET, "/fail/:code", fail, 0, 0, 0 },
	{ HTTP_POST, "/refuse", refuse, 0, 0, 0 },
	{ HTTP_DELETE, "/headers", headers, 0, 0, 0 },
	{ HTTP_GET, "/forbidden", hello, 1, 0, 0 },
	{ 0 },
};

static void on_closed(uv_handle_t *handle)
{
	(void)handle;
}

static void on_drain_tick(uv_timer_t *timer)
{
	if (http_server_busy(server) > 0 && clock_mono_ms() < drain_until)
		return;
	uv_close((uv_handle_t *)timer, on_closed);
	loop_stop(loop);
}

static void on_term(uv_signal_t *signal, int number)
{
	(void)number;
	uv_close((uv_handle_t *)signal, on_closed);
	http_server_drain(server);
	drain_until = clock_mono_ms() + grace_ms;
	uv_timer_init(loop_uv(loop), &drain_timer);
	uv_timer_start(&drain_timer, on_drain_tick, 10, 10);
}

static void take_number(struct http_options *options, unsigned *fibers, struct str key, struct str value)
{
	int64_t n = 0;

	if (!str_to_int(value, 0, INT32_MAX, &n)) {
		fprintf(stderr, "edge_server: %s: not a number\n", value.p);
		exit(2);
	}
	if (str_eq(key, STR("request")))
		options->request_timeout_ms = n;
	else if (str_eq(key, STR("response")))
		options->response_timeout_ms = n;
	else if (str_eq(key, STR("connections")))
		options->max_connections = (unsigned)n;
	else if (str_eq(key, STR("per_address")))
		options->max_per_address = (unsigned)n;
	else if (str_eq(key, STR("buffered")))
		options->max_buffered = (size_t)n;
	else if (str_eq(key, STR("grace")))
		grace_ms = n;
	else if (str_eq(key, STR("production")))
		options->is_production = n;
	else if (str_eq(key, STR("fibers")))
		*fibers = (unsigned)n;
	else if (str_eq(key, STR("log")) && n)
		log_set_level(LOG_INFO);
}

static void take_option(struct http_options *options, unsigned *fibers, const char *argument)
{
	struct str value = str_of(argument), key = str_split(&value, '=');

	if (str_eq(key, STR("proxies")))
		options->trusted_proxies = value.p;
	else if (str_eq(key, STR("web")))
		options->web_url = value.p;
	else if (str_eq(key, STR("cert")))
		options->tls_cert = value.p;
	else if (str_eq(key, STR("key")))
		options->tls_key = value.p;
	else
		take_number(options, fibers, key, value);
}

static int port_of(int fd)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
		return -1;
	return ntohs(address.sin_port);
}

int main(int argc, char **argv)
{
	struct http_options options = { .routes = routes, .guard = guard, .trusted_proxies = "" };
	unsigned fibers = 0;

	log_open(STDERR_FILENO, LOG_WARN);
	for (int i = 1; i < argc; i++)
		take_option(&options, &fibers, argv[i]);
	options.listen_fd = http_listen("127.0.0.1", 0);
	if (options.listen_fd < 0) {
		fprintf(stderr, "edge_server: cannot listen: %s\n", strerror(-options.listen_fd));
		return 1;
	}
	loop = loop_new(fibers);
	server = http_server_new(loop, &options);
	if (!server)
		return 1;
	uv_signal_init(loop_uv(loop), &term_signal);
	uv_signal_start(&term_signal, on_term, SIGTERM);
	printf("port %d\n", port_of(options.listen_fd));
	fflush(stdout);
	loop_run(loop);
	loop_cancel_all(loop);
	for (int i = 0; i < 100 && loop_fibers(loop) > 0; i++)
		uv_run(loop_uv(loop), UV_RUN_NOWAIT);
	server = http_server_free(server);
	loop = loop_free(loop);
	return 0;
}

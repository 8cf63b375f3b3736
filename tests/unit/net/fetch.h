/* One net_fetch on one fiber, and what came of it. */
#ifndef TEST_FETCH_H
#define TEST_FETCH_H

#include "base/clock.h"
#include "net/net.h"
#include "unit/net/server.h"

static struct server server;
static struct loop *loop;
static struct net *net;

static inline int setup(void **state)
{
	(void)state;
	server_start(&server);
	loop = loop_new(0);
	loop_watchdog(loop, 1000);
	net = net_open(loop);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	net = net_close(net);
	loop = loop_free(loop);
	server_stop(&server);
	return 0;
}

/* ---- one fetch on one fiber ---- */

struct fetch {
	struct net_request request;
	int64_t deadline_ms;
	int code;
	int64_t took_ms;
	char why[512];
	int status;
	size_t n_headers;
	char *body;
	size_t n_body;
	char retry[32], mixed[64], late[8], early[8], remote_ip[64];
	bool has_empty, wrote_on_failure;
	int64_t retry_after_ms, total_us;
};

static inline void keep(char *ret, size_t max, struct str text)
{
	snprintf(ret, max, "%.*s", STR_FMT(text));
}

static inline void fetch_fiber(struct call *call, void *arg)
{
	struct fetch *f = arg;
	struct net_response response = { .status = -7 };
	int64_t before = clock_mono_ms();

	f->code = net_fetch(call, net, &f->request, &response);
	f->took_ms = clock_mono_ms() - before;
	f->status = response.status;
	f->wrote_on_failure = f->code != OK && response.status != -7;
	if (f->code != OK) {
		keep(f->why, sizeof(f->why), str_of(call->why));
		return;
	}
	f->n_headers = response.n_headers;
	f->body = malloc(response.body.n + 1);
	memcpy(f->body, response.body.p, response.body.n);
	f->body[response.body.n] = '\0';
	f->n_body = response.body.n;
	keep(f->mixed, sizeof(f->mixed), net_header(&response, "x-mixed-case"));
	keep(f->late, sizeof(f->late), net_header(&response, "X-Late"));
	keep(f->early, sizeof(f->early), net_header(&response, "X-Early"));
	keep(f->remote_ip, sizeof(f->remote_ip), response.remote_ip);
	f->has_empty = net_header(&response, "x-empty").p != NULL;
	f->retry_after_ms = response.retry_after_ms;
	f->total_us = response.total_us;
}

static inline void stop_when_alone(struct call *call, void *arg)
{
	(void)arg;
	if (loop_fibers(call->loop) <= 1)
		loop_stop(call->loop);
}

static inline struct fiber *begin(struct fetch *f)
{
	struct fiber_options options = { .name = "fetch", .timeout_ms = f->deadline_ms, .on_done = stop_when_alone };
	struct fiber *fiber;

	assert_int_equal(fiber_start(loop, &options, fetch_fiber, f, &fiber), OK);
	return fiber;
}

static inline void run(struct fetch *f)
{
	f->request.method = f->request.method ? f->request.method : "GET";
	fiber_unref(begin(f));
	loop_run(loop);
	assert_false(f->wrote_on_failure);
}

#define URL(path) url_of((char[128]){ 0 }, path)
static inline const char *url_of(char *room, const char *path)
{
	snprintf(room, 128, "http://127.0.0.1:%d%s", server.port, path);
	return room;
}

static inline void fetch_path(const char *path, struct fetch *f)
{
	f->request.url = URL(path);
	f->request.allow_private = true;
	run(f);
}

static inline void done(struct fetch *f)
{
	free(f->body);
}

#endif

/* The driver: curl's multi handle in the libuv loop.
 *
 * Owns: the multi handle, one timer, one uv_poll for each socket that curl watches, and every transfer until it
 * completes.
 * Easy to break: curl is called on the loop's stack only. A fiber puts its record on a list; the sink hook, which runs
 * after the fibers of each turn, starts what is queued and ends what was abandoned. And nothing completes a record
 * inside a curl callback.
 *
 *   net_fetch -> queued --hook--> running --curl is done--> judged, completed
 *                   |                |
 *                   +-- fiber gone --+--> abandoned --hook--> completed, nobody listens */
#include "net/inner.h"

#include "base/clock.h"
#include "net/curl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_CONNECTIONS 64L
/* curl's own time-out comes first and knows whether the request left; this is for a curl that fails to speak. */
#define GRACE_MS 1000

struct net {
	struct loop *loop;
	CURLM *multi;
	uv_timer_t timer;
	struct loop_hook hook;
	struct transfer_list queued, running, abandoned;
	unsigned n_running, n_transfers;
	struct watch *watches;
	unsigned n_handles; /* of libuv that are open */
	bool closing;
};

/* One socket that curl waits for. */
struct watch {
	uv_poll_t poll;
	struct net *net;
	struct watch *prev, *next;
	CURL *easy; /* the transfer it serves */
	curl_socket_t fd;
};

/* ---- lists ---- */

static void list_add(struct transfer_list *list, struct transfer *t)
{
	t->list = list;
	t->prev = list->last;
	t->next = NULL;
	if (list->last)
		list->last->next = t;
	else
		list->first = t;
	list->last = t;
}

static void list_remove(struct transfer *t)
{
	if (t->prev)
		t->prev->next = t->next;
	else
		t->list->first = t->next;
	if (t->next)
		t->next->prev = t->prev;
	else
		t->list->last = t->prev;
	t->list = NULL;
}

/* ---- the end of a watch ---- */

static void free_when_closed(struct net *net)
{
	if (--net->n_handles == 0 && net->closing)
		free(net);
}

static void on_watch_closed(uv_handle_t *handle)
{
	struct watch *watch = handle->data;
	struct net *net = watch->net;

	free(watch);
	free_when_closed(net);
}

static void watch_end(struct watch *watch)
{
	curl_multi_assign(watch->net->multi, watch->fd, NULL);
	if (watch->prev)
		watch->prev->next = watch->next;
	else
		watch->net->watches = watch->next;
	if (watch->next)
		watch->next->prev = watch->prev;
	uv_poll_stop(&watch->poll);
	uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

/* Before a transfer is taken from curl half-way: curl 7.88 closes a socket that is still connecting first and reports
 * it as gone afterwards, when its number may already be another thread's. */
static void watches_end_of(struct net *net, const CURL *easy)
{
	for (struct watch *watch = net->watches, *next; watch; watch = next) {
		next = watch->next;
		if (watch->easy == easy)
			watch_end(watch);
	}
}

/* ---- transfers ---- */

/* Code and why are set. The record may be gone afterwards. */
static void end(struct net *net, struct transfer *t)
{
	if (t->easy) {
		if (t->list != &net->queued) {
			curl_multi_remove_handle(net->multi, t->easy);
			net->n_running--;
		}
		curl_easy_cleanup(t->easy);
		t->easy = NULL;
	}
	curl_slist_free_all(t->header_lines);
	t->header_lines = NULL;
	list_remove(t);
	net->n_transfers--;
	wait_complete(&t->wait, OK);
}

static void start(struct net *net, struct transfer *t)
{
	if (!transfer_prepare(t)) {
		end(net, t);
		return;
	}
	if (curl_multi_add_handle(net->multi, t->easy) != CURLM_OK) {
		transfer_fail(t, E_INTERNAL, "curl did not take a request to %s", t->host);
		end(net, t);
		return;
	}
	list_remove(t);
	list_add(&net->running, t);
	net->n_running++;
}

static void on_sink(void *arg)
{
	struct net *net = arg;

	while (net->abandoned.first) {
		watches_end_of(net, net->abandoned.first->easy);
		end(net, net->abandoned.first);
	}
	while (net->queued.first && net->n_running < RUNNING_MAX)
		start(net, net->queued.first);
}

static void cancel_all(struct net *net, struct transfer_list *list)
{
	while (list->first) {
		transfer_fail(list->first, E_CANCELLED, "this process is stopping");
		watches_end_of(net, list->first->easy);
		end(net, list->first);
	}
}

static void collect_done(struct net *net)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(net->multi, &left))) {
		CURLcode result = message->data.result;
		char *t = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
		transfer_judge((struct transfer *)(void *)t, result);
		end(net, (struct transfer *)(void *)t);
	}
}

/* ---- curl and libuv ---- */

static void on_timer(uv_timer_t *timer)
{
	struct net *net = timer->data;
	int running;

	curl_multi_socket_action(net->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect_done(net);
}

static int on_timer_change(CURLM *multi, long timeout_ms, void *arg)
{
	struct net *net = arg;

	(void)multi;
	if (net->closing)
		return 0;
	if (timeout_ms < 0) {
		uv_timer_stop(&net->timer);
	} else {
		uv_update_time(loop_uv(net->loop));
		uv_timer_start(&net->timer, on_timer, (uint64_t)timeout_ms, 0);
	}
	return 0;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	struct net *net = watch->net;
	int action = 0, running;

	if (status < 0)
		action = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		action |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		action |= CURL_CSELECT_OUT;
	/* `watch` may be closed inside. */
	curl_multi_socket_action(net->multi, watch->fd, action, &running);
	collect_done(net);
}

static struct watch *watch_new(struct net *net, curl_socket_t fd)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->net = net;
	watch->fd = fd;
	if (uv_poll_init_socket(loop_uv(net->loop), &watch->poll, fd) != 0) {
		free(watch);
		return NULL;
	}
	watch->poll.data = watch;
	net->n_handles++;
	watch->next = net->watches;
	if (watch->next)
		watch->next->prev = watch;
	net->watches = watch;
	curl_multi_assign(net->multi, fd, watch);
	return watch;
}

static int on_socket_change(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct net *net = arg;
	struct watch *watch = socket_arg;
	int events = 0;

	if (what == CURL_POLL_REMOVE) {
		if (watch)
			watch_end(watch);
		return 0;
	}
	if (!watch)
		watch = watch_new(net, fd);
	if (!watch)
		return -1;
	watch->easy = easy;
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	return uv_poll_start(&watch->poll, events, on_ready) == 0 ? 0 : -1;
}

static void on_timer_closed(uv_handle_t *handle)
{
	free_when_closed(handle->data);
}

/* ---- public ---- */

struct net *net_open(struct loop *loop)
{
	struct net *net = calloc(1, sizeof(*net));

	curl_start();
	if (!net || !(net->multi = curl_multi_init())) {
		fprintf(stderr, "out of memory: outgoing requests\n");
		abort();
	}
	net->loop = loop;
	curl_multi_setopt(net->multi, CURLMOPT_SOCKETFUNCTION, on_socket_change);
	curl_multi_setopt(net->multi, CURLMOPT_SOCKETDATA, net);
	curl_multi_setopt(net->multi, CURLMOPT_TIMERFUNCTION, on_timer_change);
	curl_multi_setopt(net->multi, CURLMOPT_TIMERDATA, net);
	curl_multi_setopt(net->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS);
	uv_timer_init(loop_uv(loop), &net->timer);
	net->timer.data = net;
	net->n_handles = 1;
	net->hook = (struct loop_hook){ .fn = on_sink, .arg = net };
	loop_hook_add(loop, LOOP_SINK, &net->hook);
	return net;
}

struct net *net_close(struct net *net)
{
	if (!net)
		return NULL;
	loop_hook_remove(net->loop, LOOP_SINK, &net->hook);
	cancel_all(net, &net->abandoned);
	cancel_all(net, &net->running);
	cancel_all(net, &net->queued);
	net->closing = true;
	curl_multi_cleanup(net->multi);
	uv_close((uv_handle_t *)&net->timer, on_timer_closed);
	return NULL;
}

/* On the fiber's stack, so curl must not be called here. */
static void on_leave(struct wait *wait)
{
	struct transfer *t = (struct transfer *)wait;
	struct net *net = t->net;

	if (wait->done)
		return;
	list_remove(t);
	list_add(&net->abandoned, t);
}

int net_fetch(struct call *call, struct net *net, const struct net_request *request, struct net_response *ret)
{
	struct transfer *t;
	int64_t timeout_ms;
	int r;

	if (net->n_transfers >= TRANSFERS_MAX)
		return call_fail(call, E_LIMITED, "too many outgoing requests are waiting: try again later");
	t = transfer_new(call, net, request, &r);
	if (!t)
		return r;
	t->wait.on_leave = on_leave;
	net->n_transfers++;
	list_add(&net->queued, t);
	timeout_ms = t->deadline_ms - clock_mono_ms() + GRACE_MS;
	r = await(call, &t->wait, timeout_ms > 0 ? timeout_ms : 0);
	if (r == OK) {
		r = t->code;
		if (r < 0)
			call_fail(call, r, "%s", t->why);
		else
			transfer_take(call, t, ret);
	}
	wait_unref(&t->wait);
	return r;
}

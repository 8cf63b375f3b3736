/* The driver: curl's multi handle in the libuv loop, for thousands of short transfers a second.
 *
 * Owns: the multi handle, one epoll set with curl's sockets in it, of which libuv watches the one descriptor; the
 * slots; every probe until its end. Easy to break: curl is called on the loop's stack only, and a probe ends outside of
 * curl's callbacks. So probe_start() puts it on a list, and the sink hook, which runs in each turn before the loop
 * sleeps, takes it from there.
 *
 *                        name unknown           found
 *   queued --hook--> aim ------------> looking --------> waiting --a slot is free--> running --> verdict --> done
 *                     |                    '-- not found, too late --> done             |           |
 *                     '-- an address, or a known name ---> waiting          head only: cut          '-- redirect: aim
 *
 * An epoll set of our own costs a system call a change and nothing else: no handle to allocate, and none that outlives
 * its socket. */
#include "probe/inner.h"

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "net/curl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define AT_ONCE     2000
#define LOOKUPS     64
#define IDLE        1000
#define CONNECTIONS 100000L
#define BATCH       128 /* sockets that are served before the loop gets its turn */
#define SWEEP_MS    20  /* how late those may be told that wait for a name or a slot */

struct probes {
	struct loop *loop;
	struct probes_options o;
	CURLM *multi;
	int epoll;
	uv_poll_t poll;
	uv_timer_t timer, sweep;
	struct loop_hook hook;
	struct lookups *lookups;
	struct slot *slots; /* free ones */
	struct probe_list queued, looking, lost, waiting, running, cut;
	unsigned n, n_running, n_handles;
	unsigned n_sockets, n_headless; /* of curl; probes that run and have no head of an answer */
	bool closing;
};

const struct probe_rules *probes_rules(const struct probes *probes)
{
	return probes->o.rules;
}

void probes_count_socket(struct probes *probes, int step)
{
	probes->n_sockets += (unsigned)step;
}

/* ---- lists ---- */

static void list_add(struct probe_list *list, struct probe *p)
{
	p->list = list;
	p->prev = list->last;
	p->next = NULL;
	if (list->last)
		list->last->next = p;
	else
		list->first = p;
	list->last = p;
}

static void list_add_first(struct probe_list *list, struct probe *p)
{
	p->list = list;
	p->prev = NULL;
	p->next = list->first;
	if (list->first)
		list->first->prev = p;
	else
		list->last = p;
	list->first = p;
}

static void list_remove(struct probe *p)
{
	if (p->prev)
		p->prev->next = p->next;
	else
		p->list->first = p->next;
	if (p->next)
		p->next->prev = p->prev;
	else
		p->list->last = p->prev;
	p->list = NULL;
}

/* ---- the end of a probe ---- */

/* It is on no list and has no slot. */
static void finish(struct probes *probes, struct probe *p, struct probe_result *result)
{
	int64_t now_us = clock_mono_us();

	probes->n--;
	result->started_ms = p->started_ms ? p->started_ms : clock_wall_ms();
	result->total_us = p->started_us ? now_us - p->started_us : 0;
	result->dns_us = p->dns_us;
	result->redirects = p->n_redirects;
	result->login_redirect = p->login_redirect;
	result->remembered = p->remembered && result->end == PROBE_DNS_FAILED;
	p->done(p->arg, result);
	probe_free(p);
}

static struct probe_result nothing(enum probe_end end)
{
	return (struct probe_result){
		.end = end, .dns_us = -1, .connect_us = -1, .tls_us = -1, .first_byte_us = -1, .body = STR("")
	};
}

static void finish_early(struct probes *probes, struct probe *p, enum probe_end end)
{
	struct probe_result result = nothing(end);

	lookup_leave(probes->lookups, &p->wait);
	list_remove(p);
	finish(probes, p, &result);
}

/* ---- to a slot ---- */

static void start_clock(struct probe *p)
{
	p->started_ms = clock_wall_ms();
	p->started_us = clock_mono_us();
	p->deadline_us = p->started_us + p->timeout_ms * 1000;
}

static void take_found(struct probe *p, const struct found *found)
{
	size_t size = strlen(found->list) + HOST_MAX + 16;

	p->is_public = found->has_public;
	p->resolve = malloc(size);
	if (!p->resolve) {
		fprintf(stderr, "out of memory: the addresses of a probe\n");
		abort();
	}
	snprintf(p->resolve, size, "+%s:%u:%s", p->place.host, p->place.port, found->list);
}

/* A look-up has ended. Nothing but lists is touched: the resolver is in the midst of its own. */
static void on_lookup(void *arg, struct lookup_wait *wait, const struct found *found)
{
	struct probes *probes = arg;
	struct probe *p = (struct probe *)(void *)((char *)wait - offsetof(struct probe, wait));

	p->dns_us = clock_mono_us() - p->lookup_us;
	list_remove(p);
	if (found->list)
		take_found(p, found);
	list_add(found->list ? &probes->waiting : &probes->lost, p);
}

/* On no list; its place is known. Puts it on the one where it waits for its addresses or for a slot. */
static void aim(struct probes *probes, struct probe *p)
{
	unsigned how = (p->fresh && !p->again ? LOOKUP_FRESH : 0) | (p->first ? LOOKUP_FIRST : 0);
	enum lookup_state state = LOOKUP_FOUND;
	struct found found;

	p->dns_us = -1;
	if (p->place.is_address) {
		p->is_public = address_classify(&p->place.address.any, NULL) == ADDRESS_PUBLIC;
	} else {
		state = lookup(probes->lookups, p->place.host, how, &p->wait, &found);
		if (state == LOOKUP_FOUND)
			take_found(p, &found);
	}
	if (state != LOOKUP_FOUND) {
		if (!p->deadline_us)
			start_clock(p);
		p->lookup_us = clock_mono_us();
		p->remembered = state == LOOKUP_FAILED;
		list_add(p->remembered ? &probes->lost : &probes->looking, p);
		return;
	}
	if (p->deadline_us)
		list_add_first(&probes->waiting, p);
	else
		list_add(&probes->waiting, p);
}

static enum probe_end check(struct probes *probes, struct probe *p)
{
	struct place place;
	const char *word;

	if (p->wrong != PROBE_ANSWERED)
		return p->wrong;
	if (place_read(NULL, str_of(p->place.url), &place))
		return PROBE_BAD_URL;
	p->place = place;
	if (!p->allow_private && !probe_port_allowed(probes->o.rules, place.port))
		return PROBE_PORT_NOT_ALLOWED;
	if (place.is_address && !probe_address_allowed(probes->o.rules, &place.address.any, p->allow_private, &word))
		return PROBE_ADDRESS_NOT_ALLOWED;
	return PROBE_ANSWERED;
}

static void begin(struct probes *probes, struct probe *p)
{
	enum probe_end wrong = check(probes, p);

	if (wrong != PROBE_ANSWERED) {
		finish_early(probes, p, wrong);
		return;
	}
	list_remove(p);
	aim(probes, p);
}

static struct slot *take_slot(struct probes *probes)
{
	struct slot *slot = probes->slots;

	if (!slot)
		return slot_new(probes->o.ca_file);
	probes->slots = slot->next;
	return slot;
}

static void give_slot_back(struct probes *probes, struct probe *p)
{
	p->slot->next = probes->slots;
	probes->slots = p->slot;
	p->slot = NULL;
}

static void leave_curl(struct probes *probes, struct probe *p)
{
	curl_multi_remove_handle(probes->multi, p->slot->easy);
	probes->n_running--;
	if (!p->has_head)
		probes->n_headless--;
	give_slot_back(probes, p);
}

static void run(struct probes *probes, struct probe *p)
{
	int64_t left_us;

	if (!p->deadline_us)
		start_clock(p);
	left_us = p->deadline_us - clock_mono_us();
	if (left_us <= 0) {
		finish_early(probes, p, PROBE_TIMEOUT);
		return;
	}
	if (p->needs_tls && !p->place.is_https && p->is_public) {
		finish_early(probes, p, PROBE_HEADERS_NEED_TLS);
		return;
	}
	p->slot = take_slot(probes);
	if (!p->slot) {
		finish_early(probes, p, PROBE_INTERNAL);
		return;
	}
	if (!hop_prepare(p, (long)((left_us + 999) / 1000)) ||
	    curl_multi_add_handle(probes->multi, p->slot->easy) != CURLM_OK) {
		give_slot_back(probes, p);
		finish_early(probes, p, PROBE_INTERNAL);
		return;
	}
	list_remove(p);
	list_add(&probes->running, p);
	probes->n_running++;
	probes->n_headless++;
}

/* ---- in each turn of the loop ---- */

static void sweep(struct probes *probes, struct probe_list *list, enum probe_end end)
{
	int64_t now_us = clock_mono_us();

	for (struct probe *p = list->first, *next; p; p = next) {
		next = p->next;
		if (p->deadline_us && now_us >= p->deadline_us)
			finish_early(probes, p, end);
	}
}

static void on_sweep(uv_timer_t *timer)
{
	struct probes *probes = timer->data;

	sweep(probes, &probes->looking, PROBE_DNS_FAILED);
	sweep(probes, &probes->waiting, PROBE_INTERNAL); /* for a slot: too much is under way */
}

static void on_sink(void *arg)
{
	struct probes *probes = arg;
	struct probe *last = probes->queued.last; /* callbacks may add more: those are for the next turn */

	for (struct probe *p = probes->queued.first, *next; p; p = next) {
		next = p == last ? NULL : p->next;
		begin(probes, p);
	}
	while (probes->lost.first)
		finish_early(probes, probes->lost.first, PROBE_DNS_FAILED);
	while (probes->waiting.first && probes->n_running < probes->o.at_once)
		run(probes, probes->waiting.first);
	if (probes->queued.first) /* by a callback of just now, and the loop is about to sleep */
		uv_timer_start(&probes->sweep, on_sweep, 0, SWEEP_MS);
	else if (!probes->looking.first && !probes->waiting.first)
		uv_timer_stop(&probes->sweep);
	else if (!uv_is_active((uv_handle_t *)&probes->sweep))
		uv_timer_start(&probes->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

/* ---- what curl has done ---- */

/* A kept connection leads where this probe may not go; its name may lead elsewhere by now. */
static bool was_misled(const struct probe *p, CURLcode code)
{
	return code == CURLE_ABORTED_BY_CALLBACK && p->refused && !p->opened && !p->again;
}

static void end_hop(struct probes *probes, struct probe *p, CURLcode code)
{
	struct probe_result result = nothing(PROBE_INTERNAL);
	bool again = was_misled(p, code);

	verdict(p, code, &result);
	leave_curl(probes, p);
	list_remove(p);
	if (again || redirect_next(p, probes->o.rules, &result)) {
		hop_done(p);
		p->again = again;
		aim(probes, p);
		return;
	}
	finish(probes, p, &result);
}

/* Connections that are there stay. Were the oldest ones closed for new ones, as curl does it, more targets than
 * connections would mean that none is there when its next probe comes. */
void probe_has_head(struct probe *p)
{
	struct probes *probes = p->probes;

	probes->n_headless--;
	if (probes->n_sockets > probes->n_headless + probes->o.idle)
		curl_easy_setopt(p->slot->easy, CURLOPT_FORBID_REUSE, 1L);
	if (p->wants_body)
		return;
	list_remove(p);
	list_add(&probes->cut, p);
}

static void collect(struct probes *probes)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(probes->multi, &left))) {
		CURLcode code = message->data.result;
		char *p = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &p);
		end_hop(probes, (struct probe *)(void *)p, code);
	}
	/* Whose answer did not end with the packet that its head came in: the rest is not waited for. */
	while (probes->cut.first)
		end_hop(probes, probes->cut.first, CURLE_OK);
}

/* ---- curl and libuv ---- */

static void on_timer(uv_timer_t *timer)
{
	struct probes *probes = timer->data;
	int running;

	curl_multi_socket_action(probes->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(probes);
}

static int on_timer_change(CURLM *multi, long timeout_ms, void *arg)
{
	struct probes *probes = arg;

	(void)multi;
	if (probes->closing)
		return 0;
	if (timeout_ms < 0) {
		uv_timer_stop(&probes->timer);
	} else {
		uv_update_time(loop_uv(probes->loop));
		uv_timer_start(&probes->timer, on_timer, (uint64_t)timeout_ms, 0);
	}
	return 0;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct probes *probes = poll->data;
	struct epoll_event ready[BATCH];
	int n = epoll_wait(probes->epoll, ready, BATCH, 0), running;

	(void)status;
	(void)events;
	for (int i = 0; i < n; i++) {
		int action = 0;

		if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			action |= CURL_CSELECT_IN;
		if (ready[i].events & EPOLLOUT)
			action |= CURL_CSELECT_OUT;
		curl_multi_socket_action(probes->multi, ready[i].data.fd, action, &running);
	}
	collect(probes);
}

static int on_socket_change(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct probes *probes = arg;
	struct epoll_event event = { .data.fd = fd };

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(probes->epoll, EPOLL_CTL_DEL, fd, &event); /* one that is closed has left by itself */
		return 0;
	}
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (!known)
		curl_multi_assign(probes->multi, fd, probes);
	if (epoll_ctl(probes->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	return epoll_ctl(probes->epoll, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) == 0 ? 0 : -1;
}

/* ---- public ---- */

/* A half for those under way, which may have two sockets for a moment, one for each family of addresses; a quarter for
 * kept ones. */
static void cap_by_descriptors(struct probes_options *o)
{
	unsigned room = descriptors_for_connections(), at_once = o->at_once, idle = o->idle;

	o->at_once = at_once > room / 2 ? room / 2 + (room < 2) : at_once;
	o->idle = idle > room / 4 ? room / 4 : idle;
	if (o->at_once < at_once || o->idle < idle)
		log_warn("Prober",
			 "There are not enough file descriptors: fewer probes are under way at once, and fewer "
			 "connections are kept; raise the limit (ulimit -n, LimitNOFILE)",
			 F_INT("atOnce", o->at_once), F_INT("wanted", at_once), F_INT("kept", o->idle));
}

struct probes *probes_open(struct loop *loop, const struct probes_options *options)
{
	struct probes *probes = calloc(1, sizeof(*probes));
	uv_loop_t *uv = loop_uv(loop);

	curl_start();
	if (!probes || !(probes->multi = curl_multi_init()) || (probes->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0 ||
	    uv_poll_init(uv, &probes->poll, probes->epoll) != 0) {
		fprintf(stderr, "out of memory or descriptors: probes\n");
		abort();
	}
	probes->loop = loop;
	probes->o = *options;
	probes->o.at_once = options->at_once ? options->at_once : AT_ONCE;
	probes->o.lookups = options->lookups ? options->lookups : LOOKUPS;
	probes->o.idle = options->idle ? options->idle : IDLE;
	cap_by_descriptors(&probes->o);
	curl_multi_setopt(probes->multi, CURLMOPT_SOCKETFUNCTION, on_socket_change);
	curl_multi_setopt(probes->multi, CURLMOPT_SOCKETDATA, probes);
	curl_multi_setopt(probes->multi, CURLMOPT_TIMERFUNCTION, on_timer_change);
	curl_multi_setopt(probes->multi, CURLMOPT_TIMERDATA, probes);
	curl_multi_setopt(probes->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS); /* see probe_has_head() */
	/* A connection serves one probe at a time: nobody waits for another's answer. */
	curl_multi_setopt(probes->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	uv_timer_init(uv, &probes->timer);
	uv_timer_init(uv, &probes->sweep);
	probes->poll.data = probes->timer.data = probes->sweep.data = probes;
	probes->n_handles = 3;
	uv_poll_start(&probes->poll, UV_READABLE, on_ready);
	probes->lookups = lookups_open(loop, probes->o.lookups, probes->o.known_ms, on_lookup, probes);
	probes->hook = (struct loop_hook){ .fn = on_sink, .arg = probes };
	loop_hook_add(loop, LOOP_SINK, &probes->hook);
	return probes;
}

static void stop_list(struct probes *probes, struct probe_list *list)
{
	while (list->first) {
		struct probe *p = list->first;

		if (p->slot)
			leave_curl(probes, p);
		finish_early(probes, p, PROBE_STOPPED);
	}
}

static void on_closed(uv_handle_t *handle)
{
	struct probes *probes = handle->data;

	if (--probes->n_handles > 0)
		return;
	close(probes->epoll);
	free(probes);
}

struct probes *probes_close(struct probes *probes)
{
	if (!probes)
		return NULL;
	probes->closing = true;
	loop_hook_remove(probes->loop, LOOP_SINK, &probes->hook);
	stop_list(probes, &probes->lost);
	stop_list(probes, &probes->running);
	stop_list(probes, &probes->cut);
	stop_list(probes, &probes->looking);
	stop_list(probes, &probes->waiting);
	stop_list(probes, &probes->queued);
	curl_multi_cleanup(probes->multi);
	while (probes->slots) {
		struct slot *slot = probes->slots;

		probes->slots = slot->next;
		slot_free(slot);
	}
	lookups_close(probes->lookups);
	uv_close((uv_handle_t *)&probes->poll, on_closed);
	uv_close((uv_handle_t *)&probes->timer, on_closed);
	uv_close((uv_handle_t *)&probes->sweep, on_closed);
	return NULL;
}

unsigned probes_running(const struct probes *probes)
{
	return probes->n;
}

unsigned probes_at_once(const struct probes *probes)
{
	return probes->o.at_once;
}

void probes_forget_failures(struct probes *probes)
{
	lookups_forget_failures(probes->lookups);
}

void probe_start(struct probes *probes, const struct probe_request *request, probe_done_fn *done, void *arg)
{
	struct probe *p = probe_new(probes, request, done, arg);

	probes->n++;
	list_add(&probes->queued, p);
}

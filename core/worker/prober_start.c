/* Claims that wait for their slot, and probes under way.
 *
 * One timer stands at the earliest slot. Easy to break: the heap is ordered by start_ms and nothing else knows a place
 * in it, so a claim leaves it from the top only, or with all the others. */
#include "worker/prober_inner.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define STARTS_MAX       100          /* in one turn of the loop */
#define COSTLY_MS        (10 * 60000) /* a pattern that took too long is not tried */
#define INTERNAL_TOLD_MS 60000

static void put(struct prober *p, size_t at, struct claim *claim)
{
	p->heap[at] = claim;
}

static void heap_add(struct prober *p, struct claim *claim)
{
	size_t at = p->n_heap++;

	for (; at && p->heap[(at - 1) / 2]->start_ms > claim->start_ms; at = (at - 1) / 2)
		put(p, at, p->heap[(at - 1) / 2]);
	put(p, at, claim);
}

static struct claim *heap_take(struct prober *p)
{
	struct claim *first = p->heap[0], *last = p->heap[--p->n_heap];
	size_t at = 0, child;

	for (; (child = 2 * at + 1) < p->n_heap; at = child) {
		if (child + 1 < p->n_heap && p->heap[child + 1]->start_ms < p->heap[child]->start_ms)
			child++;
		if (p->heap[child]->start_ms >= last->start_ms)
			break;
		put(p, at, p->heap[child]);
	}
	put(p, at, last);
	return first;
}

/* ---- the end of a probe ---- */

static int64_t rounded_ms(int64_t us)
{
	return us < 0 ? -1 : (us + 500) / 1000;
}

static void keep_certificate(struct claim *claim, const struct probe_certificate *seen)
{
	if (!seen->seen || !seen->sha256[0])
		return;
	memcpy(claim->certificate_text, seen->sha256, sizeof(claim->certificate_text));
	claim->certificate = claim->certificate_text;
	claim->certificate_ends_ms = seen->expires_ms;
}

static void keep_trace(struct claim *claim, const struct probe_result *result)
{
	claim->trace = malloc(sizeof(*claim->trace));
	if (!claim->trace)
		return; /* who waits is told the verdict without it */
	*claim->trace = *result;
	claim->trace->body = (struct str){ 0 };
}

/* A change of the pattern is another one. */
static struct costly_pattern *costly_slot(const struct claim *claim, uint64_t *ret_key)
{
	*ret_key = str_hash(claim->due.check_id) * 31 + str_hash(claim->due.expect.matches);
	return &claim->prober->costly[*ret_key % PROBER_COSTLY];
}

static const char *judge_answer(const struct claim *claim, const struct probe_result *result)
{
	struct expectation expect = claim->due.expect;
	struct arena *arena = arena_new();
	const char *error;
	struct costly_pattern *slot;
	uint64_t key;

	slot = costly_slot(claim, &key);
	expect.is_costly = slot->key == key && clock_mono_ms() < slot->until_ms;
	error = expectation_judge(arena, &expect, result->status, result->login_redirect, result->body,
				  claim->latency_ms);
	if (error && strcmp(error, "PATTERN_COST") == 0 && !expect.is_costly)
		*slot = (struct costly_pattern){ key, clock_mono_ms() + COSTLY_MS };
	arena_free(arena);
	return error;
}

static void count_internal(struct prober *p)
{
	int64_t now_ms = clock_mono_ms();

	p->n_internal++;
	if (now_ms < p->internal_told_ms + INTERNAL_TOLD_MS)
		return;
	log_warn("Prober",
		 "Probes end for want of file descriptors, local ports or memory, and say nothing: raise the limit "
		 "(ulimit -n), or lower PROBES_AT_ONCE",
		 F_INT("probes", p->n_internal));
	p->n_internal = 0;
	p->internal_told_ms = now_ms;
}

/* Where a body goes on behind what is read, what was read may well be enough. */
static bool is_cut(const struct claim *claim, const struct probe_result *result)
{
	return result->end == PROBE_BODY_TOO_LONG && (result->status < 300 || result->status > 399) &&
	       !(str_eq(claim->due.http_version, STR("2")) && result->http_version != 20);
}

static const char *error_of(const struct claim *claim, const struct probe_result *result)
{
	const char *error;

	if (result->end != PROBE_ANSWERED && !is_cut(claim, result))
		return probe_end_word(result->end);
	error = judge_answer(claim, result);
	if (error && result->end != PROBE_ANSWERED && (strcmp(error, "BODY") == 0 || strcmp(error, "JSON") == 0))
		return probe_end_word(result->end);
	return error;
}

static void on_probe_done(void *arg, const struct probe_result *result)
{
	struct claim *claim = arg;
	struct prober *p = claim->prober;

	if (p->closing)
		return;
	claim->latency_ms = rounded_ms(result->total_us);
	claim->status_code = result->status;
	keep_certificate(claim, &result->certificate);
	if (claim->due.wanted)
		keep_trace(claim, result);
	claim->error = error_of(claim, result);
	claim->ok = !claim->error;
	claim->is_ours = result->end == PROBE_INTERNAL || result->end == PROBE_STOPPED;
	claim->is_remembered = result->remembered;
	if (result->end == PROBE_INTERNAL)
		count_internal(p);
	if (probe_end_is_of_network(result->end) && !result->is_private)
		sentinels_hold(claim); /* are we online? No reason for a private address not to answer */
	else
		prober_settle(claim);
}

/* ---- the start ---- */

static enum probe_http http_version(struct str word)
{
	return str_eq(word, STR("1.1")) ? PROBE_HTTP_1 : str_eq(word, STR("2")) ? PROBE_HTTP_2 : PROBE_HTTP_AUTO;
}

static void start(struct claim *claim)
{
	struct prober *p = claim->prober;
	const struct probe_due *due = &claim->due;
	struct probe_request request = {
		.url = due->url,
		.method = due->method.p,
		.headers = claim->plain,
		.n_headers = claim->n_plain,
		.secret_headers = claim->secret,
		.n_secret_headers = claim->n_secret,
		.host_headers = claim->of_host,
		.n_host_headers = claim->n_of_host,
		.timeout_ms = due->timeout_ms,
		.redirects = (unsigned)due->redirects,
		.http = http_version(due->http_version),
		.skip_tls_verify = !due->verify_tls,
		.fresh = due->wanted,
		.allow_private = claim->allow_private,
		.wants_body = expectation_wants_body(&due->expect),
	};

	claim->state = CLAIM_RUNNING;
	claim->began_ms = clock_mono_ms();
	claim->at_ms = prober_now(p);
	if (claim->no_headers) {
		claim->latency_ms = -1;
		claim->error = claim->no_headers;
		claim->is_ours = true;
		prober_settle(claim);
		return;
	}
	probe_start(p->probes, &request, on_probe_done, claim);
	claim->headers = arena_free(claim->headers); /* the probe has a copy */
	claim->plain = claim->secret = claim->of_host = NULL;
}

static void set_timer(struct prober *p)
{
	int64_t left;

	if (p->n_heap == 0)
		return;
	left = p->heap[0]->start_ms - clock_mono_ms();
	uv_update_time(loop_uv(p->o.loop));
	uv_timer_start(&p->slots, prober_on_slot, left > 0 ? (uint64_t)left : 0, 0);
}

void prober_on_slot(uv_timer_t *timer)
{
	struct prober *p = timer->data;
	int64_t now = clock_mono_ms();

	for (unsigned n = 0; n < STARTS_MAX && p->n_heap && p->heap[0]->start_ms <= now; n++)
		start(heap_take(p));
	set_timer(p);
}

void prober_schedule(struct claim *claim)
{
	struct prober *p = claim->prober;

	heap_add(p, claim);
	if (p->heap[0] == claim)
		set_timer(p);
}

void prober_give_up_waiting(struct prober *p)
{
	p->n_heap = 0;
	uv_timer_stop(&p->slots);
}

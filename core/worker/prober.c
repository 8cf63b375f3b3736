/* The prober's life: its loops, and the way out. */
#include "worker/prober_inner.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

#define CLAIM_EVERY_MS 300
#define CLAIM_MS       5000
#define RENEW_EVERY_MS (PROBER_LEASE_MS / 3)
#define DRAIN_MS       3000 /* for probes under way, when this worker is to end */

/* ---- lists ---- */

void claim_push(struct claim_list *list, struct claim *claim)
{
	claim->link = NULL;
	if (list->last)
		list->last->link = claim;
	else
		list->first = claim;
	list->last = claim;
	list->n++;
}

struct claim *claim_pop(struct claim_list *list)
{
	struct claim *claim = list->first;

	if (!claim)
		return NULL;
	list->first = claim->link;
	if (!list->first)
		list->last = NULL;
	list->n--;
	return claim;
}

int64_t prober_now(const struct prober *p)
{
	return clock_mono_ms() + p->db_ahead_ms;
}

size_t prober_has(const struct prober *p)
{
	return p->n_claims + p->ended.n + p->n_taken;
}

/* ---- loops ---- */

static void claim_loop(struct call *call, void *arg)
{
	struct fiber_options options = { .name = "probes-claim", .timeout_ms = CLAIM_MS };
	struct prober *p = arg;

	while (!p->draining) {
		int r = event_wait(call, &p->wake, CLAIM_EVERY_MS);

		if (r == E_CANCELLED || p->draining)
			return;
		if (!db_is_up(p->o.db) || p->ended.n > PROBER_RESULTS_MAX / 4)
			continue;
		p->claiming = true;
		call_shield(call); /* what it has claimed must come to the heap */
		fiber_run(call, &options, prober_claim, p);
		call_unshield(call);
		p->claiming = false;
	}
}

static void renew_loop(struct call *call, void *arg)
{
	struct fiber_options options = { .name = "probes-renew", .timeout_ms = CLAIM_MS };
	struct prober *p = arg;

	while (fiber_sleep(call, RENEW_EVERY_MS) == OK)
		if (p->claims)
			fiber_run(call, &options, prober_renew, p);
}

/* ---- life ---- */

static void on_closed(uv_handle_t *handle)
{
	struct prober *p = handle->data;

	if (--p->open_handles == 0) {
		free(p->heap);
		free(p);
	}
}

struct prober *prober_open(const struct prober_options *options)
{
	struct fiber_options claiming = { .name = "prober" }, renewing = { .name = "probes-leases" };
	struct fiber_options writing = { .name = "probes-writer" };
	struct probes_options probes = { .rules = options->rules, .at_once = options->at_once };
	struct prober *p = calloc(1, sizeof(*p));

	if (p) {
		p->o = *options;
		p->probes = probes_open(options->loop, &probes);
		p->o.at_once = probes_at_once(p->probes);
		p->heap = calloc(p->o.at_once, sizeof(struct claim *));
	}
	if (!p || !p->heap) {
		fprintf(stderr, "out of memory: %u probes\n", options->at_once);
		abort();
	}
	uv_timer_init(loop_uv(options->loop), &p->slots);
	p->slots.data = p;
	p->internal_told_ms = -60000;
	p->open_handles = 2;
	sentinels_init(p);
	fiber_start(options->loop, &claiming, claim_loop, p, NULL);
	fiber_start(options->loop, &renewing, renew_loop, p, NULL);
	fiber_start(options->loop, &writing, prober_write_loop, p, NULL);
	return p;
}

void prober_wake(void *prober)
{
	struct prober *p = prober;

	if (p)
		event_set(&p->wake);
}

/* Those that were never started, or all: also those whose result could not be written. */
static void give_back(struct call *call, struct prober *p, bool all)
{
	struct claim *claim, *next;
	struct str *checks = arena_alloc(call->arena, (prober_has(p) + 1) * sizeof(*checks));
	int64_t *fences = arena_alloc(call->arena, (prober_has(p) + 1) * sizeof(*fences));
	size_t n = 0;

	for (claim = p->claims; claim; claim = next) {
		next = claim->next;
		if (claim->state != CLAIM_WAITING && !all)
			continue;
		checks[n] = arena_str(call->arena, claim->due.check_id);
		fences[n++] = claim->due.fence;
		if (claim->state == CLAIM_WAITING)
			claim_free(claim);
	}
	if (n && probes_give_back(call, p->o.db, checks, fences, n) != OK)
		log_warn("Prober", "Probes that are not stored could not be given back: their leases run out",
			 F_TEXT("error", call->why));
}

void prober_give_back(struct call *call, void *arg)
{
	struct prober *p = arg;

	give_back(call, p, false);
	p->giving_back = false;
}

void prober_release(struct call *call, struct prober *p)
{
	if (p)
		give_back(call, p, true);
}

void prober_drain(struct prober *p)
{
	struct fiber_options options = { .name = "probes-give-back", .timeout_ms = CLAIM_MS };

	if (!p || p->draining)
		return;
	p->draining = true;
	p->drained_ms = clock_mono_ms();
	prober_give_up_waiting(p);
	event_set(&p->wake);
	p->giving_back = fiber_start(p->o.loop, &options, prober_give_back, p, NULL) == OK;
}

unsigned prober_active(struct prober *p)
{
	if (!p || clock_mono_ms() - p->drained_ms > DRAIN_MS)
		return 0;
	return (unsigned)prober_has(p) + p->giving_back + p->claiming;
}

struct prober *prober_close(struct prober *p)
{
	if (!p)
		return NULL;
	p->closing = true;
	p->probes = probes_close(p->probes);
	while (p->claims)
		claim_free(p->claims);
	uv_close((uv_handle_t *)&p->slots, on_closed);
	uv_close((uv_handle_t *)&p->sentinels.timer, on_closed);
	return NULL;
}

void prober_take_over(struct call *call, struct db *db, struct str predecessor)
{
	size_t n = 0;

	if (probes_take_over(call, db, predecessor, &n) != OK)
		log_warn("Prober", "Probes of a worker that ended could not be taken over: their leases run out",
			 F_TEXT("error", call->why));
	else if (n)
		log_info("Prober", "Probes of a worker that ended were taken over", F_INT("checks", (int64_t)n));
}

/* The sweeper: whatever was lost between two steps of the queue's protocol comes back. Each worker runs it; two at once
 * do each other no harm, because rows are skipped when locked and ids in Redis may be doubled. */
#include "worker/inner.h"

#include "kv/waiting.h"

#include <stdlib.h>
#include <string.h>

#define MOST_ATTEMPTS 20    /* claims that ended without a word before a job is dead */
#define MOST_WAITING  10000 /* looked at in one repair */

static int by_text(const void *a, const void *b)
{
	const struct str *x = a, *y = b;
	int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return order ? order : (x->n > y->n) - (x->n < y->n);
}

/* Waiting for a while, but not in the list: popped by a worker that died before its claim, or Redis lost it. */
static void push_missing(struct call *call, struct queue *queue)
{
	struct push_list waiting = { 0 };
	const struct str *listed = NULL;
	struct str *sorted;
	size_t n = 0, pushed = 0;

	if (!kv_is_up(queue->commands) ||
	    jobs_waiting_ids(call, queue->o.db, queue->o.name, MOST_WAITING, &waiting) != OK || waiting.n == 0 ||
	    waiting_list(call, queue->commands, queue->o.name, MOST_WAITING, &listed, &n) != OK)
		return;
	if (n == MOST_WAITING) /* there is more than was looked at: what seems to be missing may stand behind */
		return;
	sorted = arena_alloc(call->arena, (n + 1) * sizeof(*sorted));
	memcpy(sorted, listed, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_text);
	for (size_t i = 0; i < waiting.n; i++) {
		if (bsearch(&waiting.items[i].id, sorted, n, sizeof(*sorted), by_text))
			continue;
		waiting_push(queue->commands, queue->o.name, &waiting.items[i].id, 1);
		pushed++;
	}
	if (pushed)
		log_info("Queue", "Waiting jobs were put back into the Redis list", F_INT("jobs", (int64_t)pushed));
}

static void repair(struct call *call, void *arg)
{
	struct queue *queue = arg;
	struct push_list healed = { 0 };

	push_missing(call, queue);
	if (queue->o.only_list)
		return;
	if (jobs_heal(call, queue->o.db, &healed) == OK && healed.n) {
		log_warn("Queue", "Previews that were not settled had no job and got one",
			 F_INT("previews", (int64_t)healed.n));
		queue_push(queue, &healed);
	}
}

static void sweep(struct call *call, void *arg)
{
	struct queue *queue = arg;
	struct push_list back = { 0 };

	if (jobs_sweep(call, queue->o.db, MOST_ATTEMPTS, &back) == OK)
		queue_push(queue, &back);
}

/* Leases of what runs here are extended at a third of their length. */
static void extend(struct call *call, void *arg)
{
	struct queue *queue = arg;
	struct str *ids = arena_alloc(call->arena, (queue->n_running + 1) * sizeof(*ids));
	int64_t *fences = arena_alloc(call->arena, (queue->n_running + 1) * sizeof(*fences));
	size_t n = running_list(queue, call->arena, ids, fences);
	if (n)
		jobs_extend(call, queue->o.db, ids, fences, n, queue->o.lease_ms);
}

struct beat {
	struct queue *queue;
	fiber_fn *fn;
	int64_t every_ms;
};

static void beat(struct call *call, void *arg)
{
	struct beat *b = arg;
	struct fiber_options options = { .name = "sweep", .timeout_ms = 10000 };

	while (fiber_sleep(call, b->every_ms) == OK)
		fiber_run(call, &options, b->fn, b->queue);
}

static void on_beat_done(struct call *call, void *arg)
{
	(void)call;
	free(arg);
}

static void start(struct queue *queue, fiber_fn *fn, int64_t every_ms)
{
	struct fiber_options options = { .name = "sweeper", .on_done = on_beat_done };
	struct beat *b = malloc(sizeof(*b));

	if (!b)
		abort();
	*b = (struct beat){ queue, fn, every_ms };
	if (fiber_start(queue->o.loop, &options, beat, b, NULL) != OK)
		free(b);
}

void sweep_start(struct queue *queue)
{
	if (!queue->o.only_list)
		start(queue, sweep, queue->o.sweep_ms);
	start(queue, repair, queue->o.repair_ms);
	start(queue, extend, queue->o.lease_ms / 3);
}

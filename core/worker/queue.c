/* Taking jobs, running them, taking them out. */
#include "worker/inner.h"

#include "kv/waiting.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS     200 /* without Redis */
#define POP_WAIT_MS 1000

/* One claimed job on its fiber. */
struct running {
	struct queue *queue;
	struct job job; /* texts are our own */
	struct running *prev, *next;
};

static void running_free(struct running *run)
{
	struct queue *queue = run->queue;

	if (run->prev)
		run->prev->next = run->next;
	else
		queue->running = run->next;
	if (run->next)
		run->next->prev = run->prev;
	queue->n_running--;
	event_set(&queue->room);
	free((char *)run->job.id.p);
	free((char *)run->job.kind.p);
	free((char *)run->job.key.p);
	free(run);
}

static struct str own(struct str s)
{
	char *copy = strndup(s.p, s.n);

	if (!copy)
		abort();
	return (struct str){ copy, s.n };
}

size_t running_list(const struct queue *queue, struct arena *arena, struct str *ret_ids, int64_t *ret_fences)
{
	size_t n = 0;

	for (const struct running *run = queue->running; run; run = run->next, n++) {
		ret_ids[n] = arena_str(arena, run->job.id);
		ret_fences[n] = run->job.fence;
	}
	return n;
}

/* ---- out ---- */

static void add_done(struct queue *queue, const struct job *job)
{
	assert(queue->n_done < FINISH_BATCH);
	queue->done_ids[queue->n_done] = strndup(job->id.p, job->id.n);
	queue->done_fences[queue->n_done++] = job->fence;
	queue->n_leaving++;
	event_set(&queue->done);
}

static void finish_round(struct call *call, void *arg)
{
	struct queue *queue = arg;
	size_t n = queue->n_done;
	struct str *ids = arena_alloc(call->arena, n * sizeof(*ids));
	int64_t *fences = arena_alloc(call->arena, n * sizeof(*fences));
	struct push_list again = { 0 };

	for (size_t i = 0; i < n; i++) {
		ids[i] = arena_str(call->arena, str_of(queue->done_ids[i]));
		fences[i] = queue->done_fences[i];
		free(queue->done_ids[i]);
	}
	queue->n_done = 0;
	/* a failure leaves the rows to the sweep: their lease expires and they run once more, which is harmless */
	if (jobs_done(call, queue->o.db, ids, fences, n, &again) != OK)
		jobs_done(call, queue->o.db, ids, fences, n, &again);
	queue_push(queue, &again);
	queue->n_leaving -= (unsigned)n;
	event_set(&queue->room);
}

/* Takes out what has finished since it last looked: while one batch commits the next one gathers. */
static void finisher(struct call *call, void *arg)
{
	struct queue *queue = arg;
	struct fiber_options options = { .name = "queue-finish" };

	while (event_wait(call, &queue->done, -1) == OK)
		while (queue->n_done > 0 && fiber_run(call, &options, finish_round, queue) == OK)
			;
}

static void hand_back(struct call *call, struct queue *queue, const struct job *job, const struct outcome *outcome)
{
	bool waits = false;
	struct job_push push = { job->id, queue->o.name };

	if (jobs_delay(call, queue->o.db, job, outcome->delay_ms, outcome->error, &waits) == OK && waits)
		queue_push(queue, &(struct push_list){ &push, 1 });
}

/* ---- run ---- */

static struct outcome run_handler(struct call *call, struct queue *queue, const struct job *job)
{
	for (const struct job_handler *h = queue->o.handlers; h->kind; h++)
		if (str_eq(job->kind, str_of(h->kind)))
			return h->run(call, h->arg, job);
	log_error("Queue", "A job of a kind this version does not know is left for a newer worker",
		  F_STR("kind", job->kind));
	return OUTCOME_LATER(60000);
}

static void run_job(struct call *call, void *arg)
{
	struct running *run = arg;
	struct outcome outcome;

	log_scope_set(&call->log, F_STR("jobId", run->job.id));
	outcome = run_handler(call, run->queue, &run->job);
	if (outcome.done) {
		add_done(run->queue, &run->job);
	} else {
		call_shield(call);
		hand_back(call, run->queue, &run->job, &outcome);
		call_unshield(call);
	}
}

static void on_job_done(struct call *call, void *arg)
{
	(void)call;
	running_free(arg);
}

/* What finds no fiber stays active in the database until its lease expires; `room` keeps that from happening. */
static void start_job(struct queue *queue, const struct job *job)
{
	struct fiber_options options = { .name = "job", .on_done = on_job_done };
	struct running *run = calloc(1, sizeof(*run));

	if (!run)
		abort();
	run->queue = queue;
	run->job = *job;
	run->job.id = own(job->id);
	run->job.kind = own(job->kind);
	run->job.key = own(job->key);
	run->next = queue->running;
	if (run->next)
		run->next->prev = run;
	queue->running = run;
	queue->n_running++;
	if (fiber_start(queue->o.loop, &options, run_job, run, NULL) != OK) {
		log_warn("Queue", "No fiber is left for a job; it is retried when its lease expires",
			 F_STR("jobId", job->id));
		running_free(run);
	}
}

/* ---- in ---- */

static int64_t room_left(const struct queue *queue)
{
	int64_t used = queue->n_running + queue->n_leaving;

	return used < queue->o.concurrency ? (int64_t)queue->o.concurrency - used : 0;
}

/* One round on a fiber of its own, so that what it allocates does not pile up. */
static void take_round(struct call *call, void *arg)
{
	struct queue *queue = arg;
	struct job_list list = { 0 };
	const struct str *ids = NULL;
	size_t n = 0;
	int r = E_NETWORK;

	if (kv_is_up(queue->pop))
		r = waiting_pop(call, queue->pop, queue->o.name, room_left(queue), POP_WAIT_MS, &ids, &n);
	if (r == OK && n > 0 && queue->draining) { /* they came while it was told to stop: for another worker */
		waiting_push(queue->commands, queue->o.name, ids, n);
		return;
	}
	if (r == OK && n > 0)
		r = jobs_claim(call, queue->o.db, ids, n, queue->o.worker, queue->o.lease_ms, &list);
	/* Redis is away, refuses to push (full) or to pop (the key has another type), or nothing came for a while */
	else if (!queue->draining)
		r = jobs_claim_next(call, queue->o.db, queue->o.name, queue->o.worker, queue->o.lease_ms,
				    room_left(queue), &list) == OK
			    ? r
			    : E_UPSTREAM;
	for (size_t i = 0; i < list.n; i++)
		start_job(queue, &list.jobs[i]);
	if (r != OK && list.n == 0)
		fiber_sleep(call, POLL_MS);
}

static void taker(struct call *call, void *arg)
{
	struct queue *queue = arg;
	struct fiber_options options = { .name = "queue-take" };

	while (!queue->draining && !call_cancelled(call)) {
		if (room_left(queue) == 0)
			event_wait(call, &queue->room, 1000);
		else if (fiber_run(call, &options, take_round, queue) != OK)
			fiber_sleep(call, POLL_MS);
	}
}

/* ---- the whole ---- */

struct queue *queue_open(const struct queue_options *options)
{
	struct queue *queue = calloc(1, sizeof(*queue));
	struct fiber_options take = { .name = "queue-taker" }, finish = { .name = "queue-finisher" };

	if (!queue)
		abort();
	queue->o = *options;
	if (!queue->o.concurrency || queue->o.concurrency > FINISH_BATCH)
		queue->o.concurrency = 256;
	queue->pop = kv_open(options->loop, options->redis_url, "opshub-worker-pop");
	queue->commands = kv_open(options->loop, options->redis_url, "opshub-worker");
	fiber_start(options->loop, &take, taker, queue, NULL);
	fiber_start(options->loop, &finish, finisher, queue, NULL);
	sweep_start(queue);
	return queue;
}

void queue_drain(struct queue *queue)
{
	queue->draining = true;
	event_set(&queue->room);
}

bool queue_is_draining(const struct queue *queue)
{
	return queue->draining;
}

unsigned queue_active(const struct queue *queue)
{
	return queue->n_running + queue->n_leaving;
}

void queue_push(struct queue *queue, const struct push_list *list)
{
	struct str ids[64];
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		ids[n++] = list->items[i].id;
		if (n == 64 || i + 1 == list->n || !str_eq(list->items[i + 1].queue, list->items[i].queue)) {
			waiting_push(queue->commands, list->items[i].queue, ids, n);
			n = 0;
		}
	}
}

void queue_release(struct call *call, struct queue *queue)
{
	struct push_list list = { 0 };

	if (jobs_release(call, queue->o.db, queue->o.worker, &list) == OK)
		queue_push(queue, &list);
}

struct queue *queue_close(struct queue *queue)
{
	if (!queue)
		return NULL;
	queue->pop = kv_close(queue->pop);
	queue->commands = kv_close(queue->commands);
	for (size_t i = 0; i < queue->n_done; i++)
		free(queue->done_ids[i]);
	free(queue);
	return NULL;
}

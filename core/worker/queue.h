/* The queue's worker side. A row of `jobs` is the truth, Redis carries its id here faster.
 *
 *   api:    insert job (waiting) ... commit ... RPUSH id
 *   worker: BLMPOP ids -> claim in PostgreSQL (waiting -> active, fence + 1, lease) -> run on a fiber -> done | delay
 *   sweep:  lease expired -> waiting; delayed and due -> waiting; waiting but not in the list -> RPUSH
 *
 * A doubled or stale id claims nothing. A lost id is found by the sweep. Without Redis the same claim takes the next
 * rows with SKIP LOCKED. A claim raises the job's fence, and every write of its run carries it: a worker that lost its
 * lease (stopped, swapped out, partitioned) writes nothing any more. Finished jobs are taken out in batches. Easy to
 * break: a handler returns OUTCOME_DONE only when nothing is left to do; asking again while it runs sets `again` on the
 * row, and the row waits again when it is done. */
#ifndef WORKER_QUEUE_H
#define WORKER_QUEUE_H

#include "kv/kv.h"
#include "store/jobs.h"

struct queue;

struct outcome {
	bool done;
	int64_t delay_ms; /* when not done: not before */
	struct str error; /* shown with the job; empty = none */
};
#define OUTCOME_DONE      ((struct outcome){ .done = true })
#define OUTCOME_LATER(ms) ((struct outcome){ .delay_ms = (ms) })

struct job_handler {
	const char *kind;
	AWAITS struct outcome (*run)(struct call *call, void *arg, const struct job *job);
	void *arg;
};

struct queue_options {
	struct loop *loop;
	struct db *db;
	const char *redis_url;
	struct str name;      /* "preview-queue" */
	struct str worker;    /* id of this worker: holds the leases */
	unsigned concurrency; /* jobs at once, 0 = 256 */
	int64_t lease_ms;
	int64_t sweep_ms;                   /* leases and due jobs */
	int64_t repair_ms;                  /* what is missing in the Redis list, previews without a job */
	const struct job_handler *handlers; /* ends with kind NULL */
	bool only_list; /* another queue of this process sees to due jobs, lost leases and unsettled previews */
};

struct queue *queue_open(const struct queue_options *options);
void queue_drain(struct queue *queue); /* take no more; handlers ask queue_is_draining() between steps */
bool queue_is_draining(const struct queue *queue);
unsigned queue_active(const struct queue *queue);                  /* jobs that run now or are not yet taken out */
AWAITS void queue_release(struct call *call, struct queue *queue); /* give back every lease that is left */
struct queue *queue_close(struct queue *queue); /* its fibers must have ended: loop_cancel_all first */
/* Put ids into their lists. */
void queue_push(struct queue *queue, const struct push_list *list);

#endif

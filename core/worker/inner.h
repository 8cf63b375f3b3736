/* What the queue's files share. */
#ifndef WORKER_INNER_H
#define WORKER_INNER_H

#include "worker/queue.h"

#define FINISH_BATCH 512

struct queue {
	struct queue_options o;
	struct kv *pop;      /* blocks in BLMPOP */
	struct kv *commands; /* pushes and looks */
	struct running *running;
	unsigned n_running;
	struct event room; /* a job has ended */
	/* finished jobs on their way out */
	char *done_ids[FINISH_BATCH];
	int64_t done_fences[FINISH_BATCH];
	size_t n_done;
	unsigned n_leaving;
	struct event done;
	bool draining;
};

/* queue.c: what runs now; room for n_running. Copies, because the jobs may end while a query waits. */
size_t running_list(const struct queue *queue, struct arena *arena, struct str *ret_ids, int64_t *ret_fences);

/* sweep.c */
void sweep_start(struct queue *queue);

#endif

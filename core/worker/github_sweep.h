/* Sweeps: what GitHub's webhooks did not bring is asked for.
 *
 *   claim a repository that is due (a lease: one worker at a time)
 *     -> deliveries that failed are asked for again          github_hooks.c
 *     -> the open pull requests, with entity tags            github_pulls.c
 *     -> those that are open here and not in the list, one by one
 *     -> what was missed goes the way of a webhook           github_event.c
 *
 * GitHub never repeats a webhook by itself. A sweep decides nothing: each finding becomes a delivery of the event
 * "sweep", by the same rules and in the same statement as a webhook. What it may not do is in model/sweep.h. */
#ifndef WORKER_GITHUB_SWEEP_H
#define WORKER_GITHUB_SWEEP_H

#include "github/github.h"
#include "worker/queue.h"

struct github_sweeper {
	struct github *github;
	struct db *db;
	struct queue *queue;
	struct str worker;      /* id of this worker: holds the leases */
	struct str webhook_url; /* where GitHub delivers to: tells our webhook from others */
	int64_t every_ms;
};

/* Does nothing when neither a token nor an App is configured. The sweeper must live as long as the loop. */
void github_sweep_start(struct loop *loop, struct github_sweeper *sweeper);

/* What the next sweep of every repository would do, one line a finding, and does none of it. The sweeper needs no
 * queue. */
AWAITS int github_sweep_report(struct call *call, const struct github_sweeper *sweeper, struct buf *report);

#endif

/* Retention: deletes what is older than the operator wants to keep, in batches with pauses, so that nobody who writes
 * webhooks at the same time notices. Every worker runs it: rows that another one holds are skipped. */
#ifndef WORKER_RETENTION_H
#define WORKER_RETENTION_H

#include "worker/partitions.h"
#include "worker/queue.h"

struct retention {
	struct db *db;
	const struct queue *queue; /* nothing is begun while it drains */
	int64_t every_ms;
	int64_t delivery_days, build_log_days; /* 0 = kept for ever */
	struct health_days health;
};

void retention_start(struct loop *loop, struct retention *retention);

#endif

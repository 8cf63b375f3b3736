/* Partitions of samples and rollups: made some days ahead, dropped when all in them is too old.
 *
 * Every worker may do it at any time: one does, the others find nothing to do. Each step is a transaction of its own
 * that gives up rather than let others wait behind it; what was given up is done another time. Owns nothing.
 * Easy to break: without a partition for today rows go to the default one, where they are slow to read and to delete,
 * so a worker calls this before it probes. */
#ifndef WORKER_PARTITIONS_H
#define WORKER_PARTITIONS_H

#include "db/db.h"

/* How long health is kept; 1 or more. */
struct health_days {
	int64_t samples, rollups_5m, rollups_1h, rollups_1d;
};

/* A failure is in the log. */
AWAITS void partitions_keep(struct call *call, struct db *db, const struct health_days *days);

#endif

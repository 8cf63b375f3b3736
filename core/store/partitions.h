/* Partitions of samples and rollups, a step at a time. */
#ifndef STORE_PARTITIONS_H
#define STORE_PARTITIONS_H

#include "db/db.h"

struct partition_step {
	enum {
		PARTITION_NOTHING, /* all are as they should be, or somebody else is at it */
		PARTITION_MADE,
		PARTITION_DROPPED,
		PARTITION_BUSY, /* it would have had to wait */
	} done;
	struct str name; /* of the partition */
	int64_t moved;   /* rows that lay outside of it before */
};

/* The next one; *_days: how long the rows of each table are kept. */
AWAITS int partition_step(struct call *call, struct db *db, int64_t sample_days, int64_t rollup_5m_days,
			  int64_t rollup_1h_days, struct partition_step *ret);
/* Rows outside of all partitions; counted up to 1,000 a table. */
AWAITS int partition_strays(struct call *call, struct db *db, int64_t *ret_samples, int64_t *ret_rollups);

#endif

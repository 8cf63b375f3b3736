/* Partitions of samples and rollups, a step at a time. */
#include "store/partitions.h"

int partition_step(struct call *call, struct db *db, int64_t sample_days, int64_t rollup_5m_days,
		   int64_t rollup_1h_days, struct partition_step *ret)
{
	struct db_rows rows;
	struct str done;
	int r = db_query(call, db, Q_PARTITION_STEP, &rows, A_INT(sample_days), A_INT(rollup_5m_days),
			 A_INT(rollup_1h_days));

	if (r != OK)
		return r;
	done = db_text(&rows, 0, "done");
	*ret = (struct partition_step){ .done = str_eq(done, STR("MADE"))      ? PARTITION_MADE
						: str_eq(done, STR("DROPPED")) ? PARTITION_DROPPED
						: str_eq(done, STR("BUSY"))    ? PARTITION_BUSY
									       : PARTITION_NOTHING,
					.name = db_text(&rows, 0, "name"),
					.moved = db_int(&rows, 0, "moved") };
	return OK;
}

int partition_strays(struct call *call, struct db *db, int64_t *ret_samples, int64_t *ret_rollups)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_PARTITION_STRAYS, &rows, );

	if (r == OK) {
		*ret_samples = db_int(&rows, 0, "samples");
		*ret_rollups = db_int(&rows, 0, "rollups");
	}
	return r;
}

/* What is kept for a while only. */
#include "store/retention.h"

static int delete_batch(struct call *call, struct db *db, enum query query, int64_t days, int64_t most, int64_t *ret_n)
{
	struct db_rows rows;
	int r = db_query(call, db, query, &rows, A_INT(days), A_INT(most));

	if (r == OK)
		*ret_n = rows.n_rows;
	return r;
}

int retention_deliveries(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n)
{
	return delete_batch(call, db, Q_RETENTION_DELIVERIES, days, most, ret_n);
}

int retention_build_logs(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n)
{
	return delete_batch(call, db, Q_RETENTION_BUILD_LOGS, days, most, ret_n);
}

int retention_rollups(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n)
{
	return delete_batch(call, db, Q_RETENTION_ROLLUPS, days, most, ret_n);
}

int retention_stray_samples(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n)
{
	return delete_batch(call, db, Q_RETENTION_STRAY_SAMPLES, days, most, ret_n);
}

int retention_stray_rollups_5m(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n)
{
	return delete_batch(call, db, Q_RETENTION_STRAY_ROLLUPS_5M, days, most, ret_n);
}

int retention_stray_rollups_1h(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n)
{
	return delete_batch(call, db, Q_RETENTION_STRAY_ROLLUPS_1H, days, most, ret_n);
}

int retention_gone_checks(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_RETENTION_GONE_CHECKS, &rows, A_INT(most));

	(void)days;
	if (r == OK)
		*ret_n = rows.n_rows;
	return r;
}

int retention_health_runs(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n)
{
	return delete_batch(call, db, Q_HEALTH_RUNS_DELETE, days, most, ret_n);
}

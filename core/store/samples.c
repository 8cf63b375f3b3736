/* Results of a health check. */
#include "store/samples.h"

static struct db_arg before(const struct sample_range *range)
{
	return range->before_us ? A_INT(range->before_us) : A_NULL;
}

int samples_raw(struct call *call, struct db *db, struct str check, const struct sample_range *range,
		struct db_rows *ret)
{
	return db_query(call, db, Q_SAMPLES_RAW, ret, A_STR(check), A_TIME(range->from_ms), A_TIME(range->to_ms),
			before(range), A_STR(range->before_id), A_INT(range->limit));
}

int samples_rolled(struct call *call, struct db *db, struct str check, int64_t minutes,
		   const struct sample_range *range, struct db_rows *ret)
{
	return db_query(call, db, Q_SAMPLES_ROLLED, ret, A_STR(check), A_INT(minutes), A_TIME(range->from_ms),
			A_TIME(range->to_ms), before(range), A_INT(range->limit));
}

int check_uptime(struct call *call, struct db *db, struct str check, struct db_rows *ret)
{
	return db_query(call, db, Q_CHECK_UPTIME, ret, A_STR(check));
}

/* Results of a health check: rows whose column names are the JSON keys. What is old lies in rollups alone. */
#ifndef STORE_SAMPLES_H
#define STORE_SAMPLES_H

#include "db/db.h"

struct sample_range {
	int64_t from_ms, to_ms; /* to_ms is exclusive */
	int64_t before_us;      /* behind the row of this time, in microseconds, and id; 0 = from the newest */
	struct str before_id;   /* of samples alone */
	int64_t limit;
};

/* Newest first. "_cursor" is what `before` of the next page is read from: "at_<microseconds>.<id>". */
AWAITS int samples_raw(struct call *call, struct db *db, struct str check, const struct sample_range *range,
		       struct db_rows *ret);
/* What they came to in each step of 5, 60 or 1440 minutes; the step under way is not among those of five minutes. */
AWAITS int samples_rolled(struct call *call, struct db *db, struct str check, int64_t minutes,
			  const struct sample_range *range, struct db_rows *ret);

/* One row a window: "1h", "24h", "7d", "30d", "90d". */
AWAITS int check_uptime(struct call *call, struct db *db, struct str check, struct db_rows *ret);

#endif

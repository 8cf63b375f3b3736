/* Windows of maintenance: rows whose column names are the JSON keys. Each change writes its audit row in its own
 * statement. */
#ifndef STORE_MAINTENANCE_H
#define STORE_MAINTENANCE_H

#include "store/access.h"

#define MOST_WINDOWS     100 /* of one project */
#define WINDOW_CHECKS    100 /* named by one */
#define WINDOW_WEEKDAYS  7
#define WINDOW_TIME_SIZE 6 /* "HH:MM" */

struct window_change {
	struct str name; /* .p == NULL: as it is */
	bool has_checks; /* they are set, to all of the project when is_for_all */
	bool is_for_all;
	struct str check_ids[WINDOW_CHECKS];
	size_t n_check_ids;
	bool has_times;             /* they are set, to one of the two */
	int64_t starts_ms, ends_ms; /* once; 0 = weekly */
	int64_t weekdays[WINDOW_WEEKDAYS];
	size_t n_weekdays;
	struct str start_time, zone;
	int64_t duration_min;
};

/* `id` empty: all, newest first. E_NOT_FOUND. */
AWAITS int windows_of(struct call *call, struct db *db, struct str project_id, struct str id, struct db_rows *ret);
/* Faults that only the database can find: *ret_missing is a check that is not of the project, else empty. */
AWAITS int window_judge(struct call *call, struct db *db, struct str project_id, const struct window_change *change,
			struct str *ret_missing, bool *ret_zone_known);
/* Name and times are set. E_CONFLICT: the project has MOST_WINDOWS, or is being deleted. */
AWAITS int window_add(struct call *call, struct db *db, struct str project_id, const struct window_change *fields,
		      const struct audit *audit, struct str *ret_id);
AWAITS int window_change(struct call *call, struct db *db, struct str project_id, struct str id,
			 const struct window_change *change, const struct audit *audit);
AWAITS int window_remove(struct call *call, struct db *db, struct str project_id, struct str id,
			 const struct audit *audit);

#endif

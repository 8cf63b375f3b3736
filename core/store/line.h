/* The line of previews that wait for room, and what has had its time. Who may go is decided by the SQL functions
 * build_admit() and build_admission(), in sql/migrations/0013_limits.sql. */
#ifndef STORE_LINE_H
#define STORE_LINE_H

#include "store/jobs.h"

/* Those for whom there is room now wait no longer: their jobs. */
AWAITS int line_wake(struct call *call, struct db *db, int64_t account_builds, struct push_list *ret);

#define EXPIRY_BATCH 100
/* Previews whose time is over are not wanted any more: their jobs that wait now. *ret_n: how many previews. */
AWAITS int line_expire(struct call *call, struct db *db, struct push_list *ret, size_t *ret_n);

#endif

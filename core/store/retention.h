/* What is kept for a while only. Each deletes one batch, the oldest first. *ret_n: how many; fewer than `most` means
 * that nothing that old is left. */
#ifndef STORE_RETENTION_H
#define STORE_RETENTION_H

#include "db/db.h"

/* Webhook deliveries, payload and decision. */
AWAITS int retention_deliveries(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n);
/* Build output of attempts whose deployment went away so long ago; counts attempts. */
AWAITS int retention_build_logs(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n);
/* Probes that somebody waited for. */
AWAITS int retention_health_runs(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n);

/* Rollups of days, by their day. */
AWAITS int retention_rollups(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n);
/* What lies outside of the partitions of samples, and of rollups of five minutes and of hours. */
AWAITS int retention_stray_samples(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n);
AWAITS int retention_stray_rollups_5m(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n);
AWAITS int retention_stray_rollups_1h(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n);
/* Rollups of hours and days of checks that were deleted; counts checks, `days` says nothing. */
AWAITS int retention_gone_checks(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n);

#endif

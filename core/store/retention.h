/* What is kept for a while only. Each deletes one batch, the oldest first. *ret_n: how many; fewer than `most` means
 * that nothing that old is left. */
#ifndef STORE_RETENTION_H
#define STORE_RETENTION_H

#include "db/db.h"

/* Webhook deliveries, payload and decision. */
AWAITS int retention_deliveries(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n);
/* Build output of attempts whose deployment went away so long ago; counts attempts. */
AWAITS int retention_build_logs(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n);

#endif

/* Bringing the database to this version's schema, and checking that it is there.
 *
 * Migrations are applied in order, each in a transaction of its own under an advisory lock, with the checksum of its
 * text. Easy to break: a migration that was released is never edited; the next one repairs it. */
#ifndef DAEMON_MIGRATE_H
#define DAEMON_MIGRATE_H

#include "base/buf.h"
#include "fiber/fiber.h"

/* What was done or found, a line each, goes to `report`. E_INVALID when the database has a migration this version does
 * not have, or one that was changed. */
AWAITS int migrate_deploy(struct call *call, const char *url, struct buf *report);
AWAITS int migrate_status(struct call *call, const char *url, struct buf *report);
/* Every migration applied and every statement prepares. */
AWAITS int schema_check(struct call *call, const char *url, struct buf *report);
AWAITS int seed(struct call *call, const char *url);

#endif

/* The ledger of orphans: where a provider's inventory and our rows differ.
 *
 *   UNKNOWN    made by this installation, but its database does not know the attempt
 *   DUPLICATE  a second deployment of one attempt
 *   UNWANTED   its attempt is written off, and yet it stands
 *   VANISHED   a preview is READY, and the provider says that its deployment does not exist
 */
#ifndef STORE_ORPHANS_H
#define STORE_ORPHANS_H

#include "db/db.h"

struct orphan {
	struct str found_by; /* project whose settings found it */
	struct str provider, provider_id, attempt_id, url;
	struct str project_id; /* empty = not known */
	const char *kind;
	const char *action; /* "NAMED", "DESTROYED", "DESTROYING" */
};
AWAITS int orphan_put(struct call *call, struct db *db, const struct orphan *orphan);
/* What a complete inventory, begun at since_ms, did not show any more. */
AWAITS int orphans_resolve(struct call *call, struct db *db, struct str found_by, struct str provider,
			   int64_t since_ms);
/* Rows id, provider_id, url, project_id of attempts that are READY and not among the listed ones. */
AWAITS int orphans_ready(struct call *call, struct db *db, struct str found_by, struct str provider, int64_t since_ms,
			 const struct str *listed, size_t n, int64_t most, struct db_rows *ret);
/* Column names are JSON keys. `before` empty = from the newest. */
AWAITS int orphans_list(struct call *call, struct db *db, struct str project_id, struct str before, int64_t limit,
			bool settled, struct db_rows *ret);
/* Rows provider, kind, provider_id, action, since. */
AWAITS int orphans_all(struct call *call, struct db *db, int64_t most, struct db_rows *ret);

/* A provider's account is asked by one worker in each interval. */
struct inventory {
	struct str project_id; /* with whose settings it is asked */
	struct str provider, worker;
};
/* *ret: it is due, and this worker's for lease_ms; the next one is due in every_ms. */
AWAITS int inventory_claim(struct call *call, struct db *db, const struct inventory *inventory, int64_t lease_ms,
			   int64_t every_ms, bool *ret);
/* E_CONFLICT: the lease ran out, and another worker has it. */
AWAITS int inventory_extend(struct call *call, struct db *db, const struct inventory *inventory, int64_t lease_ms);
/* again: it did not come to its end, and is due at once. Without a project: all that the worker has. */
AWAITS int inventory_release(struct call *call, struct db *db, const struct inventory *inventory, bool again);

#endif

/* Lockdown of an organization: its people are logged out, their tokens are revoked, and nothing new is deployed until
 * it is lifted. Each change writes its audit row, which keeps the reason. */
#ifndef STORE_LOCKDOWN_H
#define STORE_LOCKDOWN_H

#include "db/db.h"

#define REASON_MAX 500 /* bytes */

/* Who does it: what audit_add takes. */
struct lockdown_by {
	struct db_arg audit_id, audit_who;
	struct str session; /* stays alive; empty = none */
};

/* One row: id, frozenAt, reason, revokedSessions, revokedTokens. Locking again revokes again. E_NOT_FOUND. */
AWAITS int lockdown_start(struct call *call, struct db *db, struct str org, struct str reason,
			  const struct lockdown_by *by, struct db_rows *ret);
/* One row: id, previews (how many are worked on again). E_CONFLICT when it is not locked down. */
AWAITS int lockdown_end(struct call *call, struct db *db, struct str org, struct str reason,
			const struct lockdown_by *by, struct db_rows *ret);
/* Every session and token of the installation. One row: revokedSessions, revokedTokens. */
AWAITS int lockdown_everybody(struct call *call, struct db *db, struct str reason, const struct lockdown_by *by,
			      struct db_rows *ret);
/* Rows of id and locked, in the order of their ids. */
AWAITS int lockdown_organizations(struct call *call, struct db *db, struct str after, int64_t limit,
				  struct db_rows *ret);

#endif

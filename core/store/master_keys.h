/* A change of the master key, batch by batch: wrap the data keys anew, and seal with them what a master key had sealed
 * itself. Every write compares with the bytes that were read, so it can be stopped at any row, run again, and run twice
 * at once; what somebody else changes meanwhile stays as he left it. */
#ifndef STORE_MASTER_KEYS_H
#define STORE_MASTER_KEYS_H

#include "crypto/envelope.h"
#include "db/db.h"

/* Columns id, projects, secrets, canary: what each master key still seals, those included that are not here. */
AWAITS int masters_in_use(struct call *call, struct db *db, struct db_rows *ret);
/* From now on nothing new is sealed with any key of the ring but the current one. */
AWAITS int masters_retire(struct call *call, struct db *db, const struct key_ring *master);
/* What was done goes on record, and in the same statement the canary, if there is one to write (else empty). */
AWAITS int masters_audit(struct call *call, struct db *db, const struct key_ring *master, const struct db_arg audit[2],
			 int64_t projects, int64_t secrets, bool others_are_free, struct str canary);

#define KEYS_A_BATCH 500
struct key_walk {
	struct str at[4]; /* where it is; texts of the caller's */
	int64_t version;
	int64_t done, failed;
	bool ended;
	char why[512]; /* of the first that failed */
};
/* One batch each, from walk->at on: the texts there become the call's. Rows that do not open are counted and passed
 * over. */
AWAITS int project_keys_rewrap(struct call *call, struct db *db, const struct key_ring *master, struct key_walk *walk);
AWAITS int secrets_reseal(struct call *call, struct db *db, const struct key_ring *master, struct key_walk *walk);

#endif

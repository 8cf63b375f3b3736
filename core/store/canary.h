/* A text that the master key sealed at the first start: whoever cannot open it has another key than the database. */
#ifndef STORE_CANARY_H
#define STORE_CANARY_H

#include "crypto/envelope.h"
#include "db/db.h"

/* Makes it when there is none; any number of processes may do so at once. E_INVALID: the wrong key, or one that a
 * rotation has retired; call->why names both keys by their ids and says what to do. */
AWAITS int canary_check(struct call *call, struct db *db, const struct key_ring *master);
/* The same for `opshubd keys`, which may begin with a key that was retired. */
AWAITS int canary_check_any(struct call *call, struct db *db, const struct key_ring *master);
/* What the row holds when it is sealed with the ring's current key: see masters_audit(). */
struct str canary_seal(struct arena *arena, const struct key_ring *master);

#endif

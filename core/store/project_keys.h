/* A project's data key: seals the project's secrets, and is itself sealed by the master key. The first secret makes it.
 */
#ifndef STORE_PROJECT_KEYS_H
#define STORE_PROJECT_KEYS_H

#include "crypto/envelope.h"
#include "db/db.h"

/* The project's ring: its data key seals, and what an earlier master key sealed itself still opens. Freed with the
 * call. E_NOT_FOUND: the project is gone. E_INVALID: its key is damaged. E_UPSTREAM: this process has not the master
 * key for it, or may not make one; another process may, and call->why says what to do. */
AWAITS int project_ring(struct call *call, struct db *db, const struct key_ring *master, struct str project_id,
			const struct key_ring **ret);
/* The same from project_keys.wrapped as hex, for a query that has read it; empty = the project has no key yet, which
 * opens only what a master key sealed itself. */
int project_ring_open(struct call *call, const struct key_ring *master, struct str project_id, struct str wrapped_hex,
		      const struct key_ring **ret);

/* ---- for a change of the master key ---- */
/* The data key itself, wiped with the call; errors as above. */
int project_key_open(struct call *call, const struct key_ring *master, struct str project_id, struct str wrapped_hex,
		     struct str *ret);
struct wrapped_key {
	struct str wrapped;           /* bytes */
	struct str key_id, master_id; /* hex */
};
/* `bytes`: SECRET_KEY_SIZE. Sealed with the ring's current key. */
void project_key_wrap(struct call *call, const struct key_ring *master, struct str project_id, struct str bytes,
		      struct wrapped_key *ret);
/* key_ring_size() of them, the current one first. */
const struct str *key_ring_ids(struct call *call, const struct key_ring *ring);

#endif

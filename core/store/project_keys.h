/* A project's data key: seals the project's secrets, and is itself sealed by the master key. The first secret makes it.
 */
#ifndef STORE_PROJECT_KEYS_H
#define STORE_PROJECT_KEYS_H

#include "crypto/envelope.h"
#include "db/db.h"

/* The project's ring: its data key seals, and what an earlier master key sealed itself still opens. Freed with the
 * call. E_NOT_FOUND: the project is gone. E_INVALID: its key does not open; call->why says what to do. */
AWAITS int project_ring(struct call *call, struct db *db, const struct key_ring *master, struct str project_id,
			const struct key_ring **ret);
/* The same from project_keys.wrapped as hex, for a query that has read it; empty = the project has no key yet, which
 * opens only what a master key sealed itself. */
int project_ring_open(struct call *call, const struct key_ring *master, struct str project_id, struct str wrapped_hex,
		      const struct key_ring **ret);

#endif

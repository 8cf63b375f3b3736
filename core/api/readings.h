/* Identical readings made once. Every open dashboard reloads the same list after each change; those who ask for the
 * same while it is being read wait for the NEXT reading, and all get its answer:
 *
 *   asked      A    B  C        D
 *   reading    |-- A's --||-- B's, for B and C --||-- D's --|
 *
 * A reading begins after everybody it answers has asked, so nobody sees a state older than his request, and what one
 * has written before he asks is in what he reads. Nothing is kept once it is answered: this is no cache.
 *
 * Whoever makes the reading is one of those who wait. When he gives up (cancelled, or his own time is over) another one
 * takes over; when a reading fails it is tried a second time by another, then all who waited for it get the failure.
 * Each waits within the deadline of his own call.
 * Easy to break: who may see the answer is decided before; the key must name everything the answer depends on.
 * Bounded by the loop's fibers: each key has one that reads, each who waits is one. */
#ifndef API_READINGS_H
#define API_READINGS_H

#include "base/buf.h"
#include "fiber/fiber.h"

#define READING_CURSOR_MAX 80

struct reading {
	struct buf body;                 /* JSON, at most 32 MiB */
	char cursor[READING_CURSOR_MAX]; /* of the next page; "" = there is none */
};

struct readings *readings_new(void);
struct readings *readings_free(struct readings *readings); /* nobody reads any more; accepts NULL, returns NULL */

/* Fills in the empty *ret. It runs on the fiber of whoever makes the reading. */
typedef int reading_fn(struct call *call, void *arg, struct reading *ret);
/* *ret is valid as long as the call and is shared: do not change it. A failure is read()'s own, E_TIMEOUT or
 * E_CANCELLED. */
AWAITS int readings_join(struct call *call, struct readings *readings, struct str key, reading_fn *read, void *arg,
			 const struct reading **ret);

#endif

/* Memory that dies together: everything with the life of one call comes from its arena, so handlers free nothing.
 * Allocation never fails: running out of memory aborts with a message. Sizes that come from outside are
 * limited before they get here. Not for objects of libraries (PGresult, CURL, ...): those belong to drivers. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena;

struct arena *arena_new(void);
struct arena *arena_free(struct arena *arena); /* accepts NULL, returns NULL; runs deferred functions, newest first */

void *arena_alloc(struct arena *arena, size_t size);                   /* zeroed, aligned for any type */
void *arena_raw(struct arena *arena, size_t size);                     /* not zeroed, byte-aligned: for text */
char *arena_copy(struct arena *arena, const void *bytes, size_t size); /* NUL added behind */
struct str arena_str(struct arena *arena, struct str s);               /* copy, NUL added behind */
char *arena_text(struct arena *arena, struct str s);                   /* the same, as char * */
struct str arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, in memory for secrets (base/secret_memory.h), wiped when the arena is freed. The chunks of an arena that
 * gave such memory out are wiped as well: what was made from a secret may have left a copy there. */
void *arena_secret(struct arena *arena, size_t size); /* zeroed, aligned for any type */
/* Wipe its chunks when it is freed. */
void arena_wipe(struct arena *arena);
bool arena_is_wiped(const struct arena *arena);
/* An arena whose chunks are all memory for secrets. */
struct arena *arena_new_secret(void);

/* Does the address lie in memory of this arena? For checks of foreign pointers. */
bool arena_holds(const struct arena *arena, const void *address);

/* Call fn(arg) when the arena is freed. */
void arena_defer(struct arena *arena, void (*fn)(void *arg), void *arg);

#endif

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

/* Does the address lie in memory of this arena? For checks of foreign pointers. */
bool arena_holds(const struct arena *arena, const void *address);

/* Call fn(arg) when the arena is freed. */
void arena_defer(struct arena *arena, void (*fn)(void *arg), void *arg);

#endif

/* Memory for keys and plaintexts: locked, so that it is never swapped out; left out of core dumps; empty in a child
 * that forks; wiped when it is given back.
 *
 * At most SECRET_MEMORY_MAX in one process, of which little is used: running out of it aborts with a message, as every
 * allocation does. So whoever opens what others have stored asks secret_memory_is_short() first. Where the system
 * refuses to lock (RLIMIT_MEMLOCK) the memory is used all the same, and that is logged once. May be used from any
 * thread. */
#ifndef BASE_SECRET_MEMORY_H
#define BASE_SECRET_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#define SECRET_MEMORY_MAX ((size_t)512 * 1024 * 1024)

void *secret_alloc(size_t size); /* zeroed, aligned for any type */
/* Three quarters are in use: who can wait opens nothing more now. */
bool secret_memory_is_short(void);
void secret_free(void *p); /* NULL is fine */

/* malloc's of a library whose memory may have held secrets: what they give back has been wiped. */
void *wiped_realloc(void *p, size_t size);
void wiped_free(void *p);

#endif

/* Who may do what, remembered for a few seconds: the identity behind a bearer's text, and somebody's standing in an
 * organization, a project, a deployment. A read then costs one query.
 *
 * What takes rights away (a logout, a revoked token, a changed role) is told to every process by PostgreSQL with its
 * commit, and everything is forgotten then; ACCESS_TTL_MS is for what was missed. */
#ifndef API_ACCESS_H
#define API_ACCESS_H

#include "store/access.h"

#define ACCESS_TTL_MS  3000
#define ACCESS_CHANNEL "opshub_access"

struct access_cache;

struct access_cache *access_cache_new(void);
struct access_cache *access_cache_free(struct access_cache *cache); /* accepts NULL, returns NULL */
void access_forget(void *cache);                                    /* everything */

/* `bearer` is the whole text that was sent. False when nothing is known; the texts are the call's. */
bool access_known_identity(struct call *call, struct access_cache *cache, struct str bearer, struct identity *ret);
bool access_known_standing(struct call *call, struct access_cache *cache, struct str user_id,
			   const struct target *target, struct standing *ret);
/* Counts how often all was forgotten. `age` is taken before the question: an answer that was overtaken by a change is
 * not remembered. */
uint64_t access_age(const struct access_cache *cache);
void access_remember_identity(struct access_cache *cache, uint64_t age, struct str bearer,
			      const struct identity *identity);
void access_remember_standing(struct call *call, struct access_cache *cache, uint64_t age, struct str user_id,
			      const struct target *target, const struct standing *standing);

#endif

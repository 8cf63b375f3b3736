/* Who may see what, remembered for a few seconds: the session, and the role in a project or of a deployment. A read
 * then costs one query, and a logout or a changed role still acts within ACCESS_TTL_MS on every instance. */
#ifndef API_ACCESS_H
#define API_ACCESS_H

#include "store/people.h"

#define ACCESS_TTL_MS 3000

struct access_cache *access_cache_new(void);
struct access_cache *access_cache_free(struct access_cache *cache); /* accepts NULL, returns NULL */

/* E_AUTH when the session is over. The texts are the call's. */
AWAITS int access_session(struct call *call, struct access_cache *cache, struct db *db, struct str session_id,
			  struct person *ret);
/* ROLE_NONE when the user may not know of it. */
AWAITS int access_role_in_project(struct call *call, struct access_cache *cache, struct db *db, struct str user_id,
				  struct str project_id, enum role *ret);
AWAITS int access_role_in_preview(struct call *call, struct access_cache *cache, struct db *db, struct str user_id,
				  struct str preview_id, enum role *ret, struct str *ret_project_id);
/* A session that ended here is forgotten here at once. */
void access_forget(struct access_cache *cache, struct str session_id);

#endif

/* People, their sessions, and what they may see. */
#ifndef STORE_PEOPLE_H
#define STORE_PEOPLE_H

#include "db/db.h"
#include "model/roles.h"

struct person {
	struct str id, email, name, avatar_url;
};

/* E_NOT_FOUND when the session is over, revoked, or its user inactive. */
AWAITS int session_find(struct call *call, struct db *db, struct str session_id, struct person *ret);
/* Test login: the user is made when there is none. */
AWAITS int session_start(struct call *call, struct db *db, struct str email, struct str name, struct str session_id,
			 int64_t lasts_ms, struct person *ret);
AWAITS int session_end(struct call *call, struct db *db, struct str session_id);
/* ROLE_NONE when the user may not know of it, or it does not exist. */
AWAITS int access_project(struct call *call, struct db *db, struct str project_id, struct str user_id, enum role *ret);
AWAITS int access_preview(struct call *call, struct db *db, struct str preview_id, struct str user_id, enum role *ret,
			  struct str *ret_project_id);
AWAITS int organizations_of(struct call *call, struct db *db, struct str user_id, struct db_rows *ret);
AWAITS int projects_of(struct call *call, struct db *db, struct str user_id, struct str before, int64_t limit,
		       struct db_rows *ret);

#endif

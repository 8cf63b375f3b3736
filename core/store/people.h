/* People, their sessions, and what they may see. */
#ifndef STORE_PEOPLE_H
#define STORE_PEOPLE_H

#include "db/db.h"
#include "model/roles.h"

struct person {
	struct str id, email, name, avatar_url;
};

/* Test login: the user is made when there is none. */
AWAITS int session_start(struct call *call, struct db *db, struct str email, struct str name, struct str session_id,
			 int64_t lasts_ms, struct person *ret);
AWAITS int session_end(struct call *call, struct db *db, struct str session_id);
AWAITS int organizations_of(struct call *call, struct db *db, struct str user_id, struct db_rows *ret);

#endif

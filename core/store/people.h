/* People, and what they may see. */
#ifndef STORE_PEOPLE_H
#define STORE_PEOPLE_H

#include "db/db.h"
#include "model/roles.h"

struct person {
	struct str id, email, name, avatar_url;
};

/* Himself as /me shows him, with his organizations. */
AWAITS int person_get(struct call *call, struct db *db, struct str user_id, struct db_rows *ret);

#endif

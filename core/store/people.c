/* People. */
#include "store/people.h"

int person_get(struct call *call, struct db *db, struct str user_id, struct db_rows *ret)
{
	return db_query(call, db, Q_ME, ret, A_STR(user_id));
}

int projects_of(struct call *call, struct db *db, struct str user_id, struct str before, int64_t limit,
		struct db_rows *ret)
{
	return db_query(call, db, Q_PROJECTS_OF, ret, A_STR(user_id), A_STR(before.n ? before : STR("~")),
			A_INT(limit));
}

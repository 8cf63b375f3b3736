/* People. */
#include "store/people.h"

int person_get(struct call *call, struct db *db, struct str user_id, struct db_rows *ret)
{
	return db_query(call, db, Q_ME, ret, A_STR(user_id));
}

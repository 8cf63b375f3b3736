/* People, sessions, access. */
#include "store/people.h"

#include "base/id.h"

static struct person read_person(const struct db_rows *rows)
{
	return (struct person){ db_text(rows, 0, "id"), db_text(rows, 0, "email"), db_text(rows, 0, "name"),
				db_text(rows, 0, "avatarUrl") };
}

int session_start(struct call *call, struct db *db, struct str email, struct str name, struct str session_id,
		  int64_t lasts_ms, struct person *ret)
{
	char user[ID_MAX];
	struct db_rows rows;
	int r;

	id_new(user, "user_");
	r = db_query(call, db, Q_SESSION_START, &rows, A_TEXT(user), A_STR(email), A_STR(name), A_STR(session_id),
		     A_INT(lasts_ms));
	if (r == OK)
		*ret = read_person(&rows);
	return r;
}

int session_end(struct call *call, struct db *db, struct str session_id)
{
	return db_query(call, db, Q_SESSION_REVOKE, NULL, A_STR(session_id));
}

int organizations_of(struct call *call, struct db *db, struct str user_id, struct db_rows *ret)
{
	return db_query(call, db, Q_ORGANIZATIONS_OF, ret, A_STR(user_id));
}

/* People, sessions, access. */
#include "store/people.h"

#include "base/id.h"

static struct person read_person(const struct db_rows *rows)
{
	return (struct person){ db_text(rows, 0, "id"), db_text(rows, 0, "email"), db_text(rows, 0, "name"),
				db_text(rows, 0, "avatarUrl") };
}

int session_find(struct call *call, struct db *db, struct str session_id, struct person *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_SESSION_FIND, &rows, A_STR(session_id));

	if (r != OK)
		return r;
	if (rows.n_rows == 0)
		return call_fail(call, E_NOT_FOUND, "this session is over");
	*ret = read_person(&rows);
	return OK;
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

int access_project(struct call *call, struct db *db, struct str project_id, struct str user_id, enum role *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_ACCESS_PROJECT, &rows, A_STR(project_id), A_STR(user_id));

	if (r == OK)
		*ret = rows.n_rows ? role_read(db_text(&rows, 0, "role")) : ROLE_NONE;
	return r;
}

int access_preview(struct call *call, struct db *db, struct str preview_id, struct str user_id, enum role *ret,
		   struct str *ret_project_id)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_ACCESS_PREVIEW, &rows, A_STR(preview_id), A_STR(user_id));

	if (r != OK)
		return r;
	*ret = rows.n_rows ? role_read(db_text(&rows, 0, "role")) : ROLE_NONE;
	*ret_project_id = rows.n_rows ? db_text(&rows, 0, "project_id") : (struct str){ 0 };
	return OK;
}

int organizations_of(struct call *call, struct db *db, struct str user_id, struct db_rows *ret)
{
	return db_query(call, db, Q_ORGANIZATIONS_OF, ret, A_STR(user_id));
}

int projects_of(struct call *call, struct db *db, struct str user_id, struct str before, int64_t limit,
		struct db_rows *ret)
{
	return db_query(call, db, Q_PROJECTS_OF, ret, A_STR(user_id), A_STR(before.n ? before : STR("~")),
			A_INT(limit));
}

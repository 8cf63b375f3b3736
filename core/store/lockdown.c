/* Lockdown. */
#include "store/lockdown.h"

int lockdown_start(struct call *call, struct db *db, struct str org, struct str reason, const struct lockdown_by *by,
		   struct db_rows *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_LOCKDOWN_START, &rows, A_STR(org), A_STR(reason), A_STR_OR_NULL(by->session),
			 by->audit_id, by->audit_who);

	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_NOT_FOUND, "there is no organization %.*s", STR_FMT(org));
	if (r == OK)
		*ret = rows;
	return r;
}

int lockdown_end(struct call *call, struct db *db, struct str org, struct str reason, const struct lockdown_by *by,
		 struct db_rows *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_LOCKDOWN_END, &rows, A_STR(org), A_STR(reason), by->audit_id, by->audit_who);

	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_CONFLICT, "the organization %.*s is not locked down", STR_FMT(org));
	if (r == OK)
		*ret = rows;
	return r;
}

int lockdown_everybody(struct call *call, struct db *db, struct str reason, const struct lockdown_by *by,
		       struct db_rows *ret)
{
	return db_query(call, db, Q_LOCKDOWN_EVERYBODY, ret, A_STR(reason), by->audit_id, by->audit_who);
}

int lockdown_organizations(struct call *call, struct db *db, struct str after, int64_t limit, struct db_rows *ret)
{
	return db_query(call, db, Q_LOCKDOWN_ORGANIZATIONS, ret, A_STR(after), A_INT(limit));
}

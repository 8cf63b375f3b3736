/* People, as the administrator sees them. */
#include "store/users.h"

#include "base/id.h"

#define ORGANIZATIONS_MAX 10000

int users_list(struct call *call, struct db *db, int64_t inactive_days, struct str after, struct db_rows *ret)
{
	return db_query(call, db, Q_USERS_LIST, ret, inactive_days < 0 ? A_NULL : A_INT(inactive_days), A_STR(after),
			A_INT(USERS_PAGE));
}

/* A row for each organization that he is in; for the installation itself when he is in none. */
static int set_active(struct call *call, struct db_tx *tx, struct str user, bool active, const struct db_rows *orgs,
		      struct str actor, bool *ret_changed)
{
	size_t n = orgs->n_rows ? (size_t)orgs->n_rows : 1;
	struct str *ids = arena_alloc(call->arena, 2 * n * sizeof(*ids)), *names = ids + n;
	struct str who[] = { STR("cli"), STR(""), actor, STR(""), STR("opshubd"), STR("") };
	struct db_rows rows;
	int r;

	for (size_t i = 0; i < n; i++) {
		ids[i] = id_text(call->arena, "audit_");
		names[i] = orgs->n_rows ? db_text(orgs, (int)i, "id") : STR("");
	}
	r = db_tx_query(call, tx, Q_USER_SET_ACTIVE, &rows, A_STR(user), A_BOOL(active), A_TEXTS(ids, n),
			A_TEXTS(names, n), A_TEXTS(who, 6));
	if (r == OK)
		*ret_changed = rows.n_rows > 0;
	return r;
}

int user_set_active(struct call *call, struct db *db, struct str email, bool active, struct str actor,
		    bool *ret_changed)
{
	struct db_rows orgs, user;
	struct db_tx *tx = NULL;
	bool changed = false;
	int r = db_begin(call, db, &tx);

	if (r == OK)
		r = db_tx_query(call, tx, Q_USER_ORGANIZATIONS, &orgs, A_STR(email), A_INT(ORGANIZATIONS_MAX));
	if (r == OK)
		r = db_tx_query(call, tx, Q_USER_LOCK, &user, A_STR(email));
	if (r != OK)
		goto out;
	if (user.n_rows == 0)
		r = call_fail(call, E_NOT_FOUND, "nobody here has the e-mail %.*s: `opshubd users list` shows them all",
			      STR_FMT(email));
	else if (!active && !db_is_null(&user, 0, "only_owner_of"))
		r = call_fail(call, E_CONFLICT,
			      "%.*s is the only active owner of organization %s: make somebody else its owner first",
			      STR_FMT(email), db_text(&user, 0, "only_owner_of").p);
	if (r == OK)
		r = set_active(call, tx, db_text(&user, 0, "id"), active, &orgs, actor, &changed);
	if (r == OK)
		r = db_commit(call, tx);
	if (r == OK)
		*ret_changed = changed;
out:
	tx = db_rollback(call, tx);
	return r;
}

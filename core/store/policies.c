/* Policies of rotation. */
#include "store/policies.h"

#include "base/id.h"

static struct db_arg flag_or_null(int flag)
{
	return flag < 0 ? A_NULL : A_BOOL(flag);
}

static int name_taken(struct call *call, struct str name)
{
	return call_fail(call, E_CONFLICT, "this project has a policy called \"%.*s\" already: send another name",
			 STR_FMT(name));
}

static int not_there(struct call *call, struct str id)
{
	return call_fail(call, E_NOT_FOUND, "there is no policy %.*s in this project", STR_FMT(id));
}

int policies_of(struct call *call, struct db *db, struct str project_id, struct str id, struct db_rows *ret)
{
	int r = db_query(call, db, Q_POLICIES_OF, ret, A_STR(project_id), A_STR_OR_NULL(id));

	return r == OK && id.n && ret->n_rows == 0 ? not_there(call, id) : r;
}

int policy_add(struct call *call, struct db *db, struct str project_id, const struct policy_change *f,
	       const struct audit *audit, struct str *ret_id)
{
	struct db_rows rows;
	char id[ID_MAX];
	int r;

	id_new(id, "policy_");
	r = db_query(call, db, Q_POLICY_ADD, &rows, A_STR(project_id), A_TEXT(id), A_STR(f->name),
		     A_STR(f->environment), A_STR(f->key_pattern), A_INT(f->days), A_STR(f->generator_json),
		     A_BOOL(f->notify), A_BOOL(f->verify), A_BOOL(f->enabled), audit->id, audit->who,
		     A_INT(MOST_POLICIES));
	if (r == E_CONFLICT)
		return name_taken(call, f->name);
	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_CONFLICT,
			      "this project is being deleted, or has %d policies, which is the most there can be",
			      MOST_POLICIES);
	if (r == OK)
		*ret_id = db_text(&rows, 0, "id");
	return r;
}

int policy_change(struct call *call, struct db *db, struct str project_id, struct str id, const struct policy_change *c,
		  const struct audit *audit)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_POLICY_CHANGE, &rows, A_STR(project_id), A_STR(id), A_STR_OR_NULL(c->name),
			 A_STR_OR_NULL(c->environment), A_STR_OR_NULL(c->key_pattern),
			 c->days ? A_INT(c->days) : A_NULL, A_STR_OR_NULL(c->generator_json), flag_or_null(c->notify),
			 flag_or_null(c->verify), flag_or_null(c->enabled), audit->id, audit->who);

	if (r == E_CONFLICT)
		return name_taken(call, c->name);
	return r == OK && rows.n_rows == 0 ? not_there(call, id) : r;
}

int policy_remove(struct call *call, struct db *db, struct str project_id, struct str id, const struct audit *audit)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_POLICY_DELETE, &rows, A_STR(project_id), A_STR(id), audit->id, audit->who);

	return r == OK && rows.n_rows == 0 ? not_there(call, id) : r;
}

int policy_claim(struct call *call, struct db *db, struct str worker, int64_t lease_ms, struct str *ret_id,
		 struct str *ret_project)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_POLICY_CLAIM, &rows, A_STR(worker), A_INT(lease_ms));

	if (r == OK && rows.n_rows == 0)
		return call_fail(call, E_NOT_FOUND, "no policy is due");
	if (r == OK) {
		*ret_id = db_text(&rows, 0, "id");
		*ret_project = db_text(&rows, 0, "project_id");
	}
	return r;
}

int policy_evaluated(struct call *call, struct db *db, struct str id, struct str worker, int64_t next_ms)
{
	return db_query(call, db, Q_POLICY_EVALUATED, NULL, A_STR(id), A_STR_OR_NULL(worker), A_INT(next_ms));
}

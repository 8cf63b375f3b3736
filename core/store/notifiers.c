/* Notifiers of a project. */
#include "store/notifiers.h"

#include "base/id.h"
#include "store/project_keys.h"

static struct db_arg flag_or_null(int flag)
{
	return flag < 0 ? A_NULL : A_BOOL(flag);
}

static int name_taken(struct call *call, struct str name)
{
	return call_fail(call, E_CONFLICT, "this project has a notifier called \"%.*s\" already: send another name",
			 STR_FMT(name));
}

static int not_there(struct call *call, struct str id)
{
	return call_fail(call, E_NOT_FOUND, "there is no notifier %.*s in this project, or it is being deleted",
			 STR_FMT(id));
}

int notifiers_of(struct call *call, struct db *db, struct str project_id, struct str id, struct str notifier,
		 struct db_rows *ret)
{
	return db_query(call, db, Q_NOTIFIERS_OF, ret, A_STR(project_id), A_STR_OR_NULL(id), A_STR_OR_NULL(notifier));
}

int notifier_slack(struct call *call, struct db *db, struct str project_id, struct db_rows *ret)
{
	return db_query(call, db, Q_NOTIFIER_SLACK, ret, A_STR(project_id));
}

int notifier_form(struct call *call, struct db *db, struct str project_id, struct str id, struct str notifier,
		  struct db_rows *ret)
{
	return db_query(call, db, Q_NOTIFIER_FORM, ret, A_STR(project_id), A_STR_OR_NULL(id), A_STR_OR_NULL(notifier));
}

int notifier_save(struct call *call, struct db *db, const struct key_ring *master, struct str project_id,
		  const struct notifier_change *change, const struct audit *audit)
{
	const struct provider_change *c = &change->settings;
	const struct secret_place place = { "notifier_secrets", change->id, c->provider, "notifier" };
	const struct key_ring *ring = master;
	struct sealed_secrets s;
	struct db_rows rows;
	int r = c->n_secrets ? project_ring(call, db, master, project_id, &ring) : OK;

	if (r == OK)
		r = secrets_seal(call, ring, &place, c->keys, c->plains, c->n_secrets, &s);
	if (r != OK)
		return r;
	r = db_query(call, db, Q_NOTIFIER_SAVE, &rows, A_STR(project_id), A_STR(change->id), A_STR(c->provider),
		     A_STR_OR_NULL(change->name), flag_or_null(change->enabled), A_STR(c->settings_json),
		     A_TEXTS(c->keys, c->n_secrets), A_TEXTS(s.sealed, c->n_secrets), A_TEXTS(s.key_ids, c->n_secrets),
		     A_TEXTS(s.masks, c->n_secrets), A_TEXTS(c->removed, c->n_removed), audit->id, audit->who,
		     A_INT(MOST_NOTIFIERS));
	if (r == E_CONFLICT)
		return name_taken(call, change->name.n ? change->name : c->provider);
	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_CONFLICT,
			      "this project is being deleted, or has %d notifiers, which is the most there can be",
			      MOST_NOTIFIERS);
	return r;
}

int notifier_change(struct call *call, struct db *db, struct str project_id, const struct notifier_change *change,
		    const struct audit *audit)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_NOTIFIER_CHANGE, &rows, A_STR(project_id), A_STR(change->id),
			 A_STR_OR_NULL(change->name), flag_or_null(change->enabled), audit->id, audit->who);

	if (r == E_CONFLICT)
		return name_taken(call, change->name);
	return r == OK && rows.n_rows == 0 ? not_there(call, change->id) : r;
}

int notifier_delete(struct call *call, struct db *db, struct str project_id, struct str id, const struct audit *audit)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_NOTIFIER_DELETE, &rows, A_STR(project_id), A_STR(id), audit->id, audit->who);

	return r == OK && rows.n_rows == 0 ? not_there(call, id) : r;
}

int notifiers_test(struct call *call, struct db *db, struct str project_id, struct str id, const struct audit *audit,
		   struct str *ret_jobs)
{
	struct db_rows rows;
	char job[ID_MAX];
	int r;

	id_new(job, "job_");
	r = db_query(call, db, Q_NOTIFIERS_TEST, &rows, A_STR(project_id), A_STR_OR_NULL(id), A_TEXT(job), audit->id,
		     audit->who);
	if (r == OK && rows.n_rows == 0)
		r = id.n ? not_there(call, id)
			 : call_fail(call, E_NOT_FOUND, "this project has no notifier: add one first");
	if (r == OK)
		*ret_jobs = db_text(&rows, 0, "_jobs");
	return r;
}

int notifiers_tested(struct call *call, struct db *db, struct str project_id, struct str id, struct db_rows *ret)
{
	return db_query(call, db, Q_NOTIFIERS_TESTED, ret, A_STR(project_id), A_STR_OR_NULL(id));
}

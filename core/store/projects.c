/* Projects. */
#include "store/projects.h"

#include "base/id.h"

#define NEWEST STR("~") /* behind every id */

int projects_of(struct call *call, struct db *db, struct str user_id, struct str org_id, struct str only_project,
		const struct list_page *page, struct db_rows *ret)
{
	return db_query(call, db, Q_PROJECTS_OF, ret, A_STR(user_id), A_STR(page->before.n ? page->before : NEWEST),
			A_INT(page->limit), A_STR_OR_NULL(org_id), A_STR_OR_NULL(only_project));
}

static int check_found(struct call *call, int r, const struct db_rows *rows, struct str id)
{
	if (r == OK && rows->n_rows == 0)
		r = call_fail(call, E_NOT_FOUND, "the project %.*s is gone", STR_FMT(id));
	return r;
}

/* No row of a change: the guard has seen the project, so it is on its way out. */
static int check_changed(struct call *call, int r, const struct db_rows *rows)
{
	if (r == OK && rows->n_rows == 0)
		r = call_fail(call, E_CONFLICT, "this project is being deleted: it cannot be changed any more");
	return r;
}

int project_get(struct call *call, struct db *db, struct str id, enum role role, struct db_rows *ret)
{
	return check_found(call, db_query(call, db, Q_PROJECT_GET, ret, A_STR(id), A_TEXT(role_word(role))), ret, id);
}

/* The only unique key besides the id is the name. */
static int name_taken(struct call *call, struct str name)
{
	return call_fail(call, E_CONFLICT, "this organization has a project called \"%.*s\" already: send another name",
			 STR_FMT(name));
}

int project_create(struct call *call, struct db *db, struct str org_id, const struct project_change *fields,
		   const struct audit *audit, struct str *ret_id)
{
	struct db_rows rows;
	char id[ID_MAX];
	int r;

	id_new(id, "proj_");
	r = db_query(call, db, Q_PROJECT_CREATE, &rows, A_TEXT(id), A_STR(org_id), A_STR(fields->name),
		     A_STR(fields->repo), A_STR(fields->default_branch), A_STR(fields->description),
		     A_INT(MOST_PROJECTS), audit->id, audit->who);
	if (r == E_CONFLICT)
		return name_taken(call, fields->name);
	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_CONFLICT,
			      "this organization is being deleted, or has %d projects, which is the most there can be",
			      MOST_PROJECTS);
	if (r == OK)
		*ret_id = db_text(&rows, 0, "id");
	return r;
}

static struct db_arg or_as_it_is(struct str text)
{
	return text.p ? A_STR(text) : A_NULL;
}

int project_update(struct call *call, struct db *db, struct str id, const struct project_change *change,
		   const struct audit *audit)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_PROJECT_UPDATE, &rows, A_STR(id), or_as_it_is(change->name),
			 or_as_it_is(change->repo), or_as_it_is(change->default_branch),
			 or_as_it_is(change->description),
			 change->preview_checks < 0 ? A_NULL : A_BOOL(change->preview_checks), audit->id, audit->who);

	if (r == E_CONFLICT && change->name.p)
		return name_taken(call, change->name);
	return check_changed(call, r, &rows);
}

int project_repo(struct call *call, struct db *db, struct str id, struct db_rows *ret)
{
	return check_found(call, db_query(call, db, Q_PROJECT_REPO, ret, A_STR(id)), ret, id);
}

int project_rules(struct call *call, struct db *db, struct str id, struct db_rows *ret)
{
	return check_found(call, db_query(call, db, Q_PROJECT_RULES, ret, A_STR(id)), ret, id);
}

int project_rules_save(struct call *call, struct db *db, struct str id, struct str rules_json,
		       const struct audit *audit)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_PROJECT_RULES_SAVE, &rows, A_STR(id), A_STR(rules_json), audit->id, audit->who);

	return check_changed(call, r, &rows);
}

/* Roles in one project, above those in its organization. Decided under the organization's lock, as members.c does. */
#include "store/organizations.h"

#define NEWEST STR("~") /* behind every id */

int project_members_list(struct call *call, struct db *db, struct str project_id, const struct list_page *page,
			 struct db_rows *ret)
{
	return db_query(call, db, Q_PROJECT_MEMBERS_LIST, ret, A_STR(project_id),
			A_STR(page->before.n ? page->before : NEWEST), A_INT(page->limit));
}

int project_member_get(struct call *call, struct db *db, struct str project_id, struct str user_id, struct db_rows *ret)
{
	int r = db_query(call, db, Q_PROJECT_MEMBER_GET, ret, A_STR(project_id), A_STR(user_id));

	if (r == OK && ret->n_rows == 0)
		r = call_fail(call, E_NOT_FOUND, "%.*s has no role of his own in this project", STR_FMT(user_id));
	return r;
}

struct roles {
	enum role actor;               /* the higher of his two */
	enum role target, target_here; /* in the organization, in the project */
};

static int read_roles(struct call *call, struct db_tx *tx, struct str org_id, struct str project_id, struct str actor,
		      struct str user_id, struct roles *ret)
{
	struct db_rows rows;
	enum role here;
	int r = db_tx_query(call, tx, Q_ORGANIZATION_LOCK, NULL, A_STR(org_id));

	if (r == OK)
		r = db_tx_query(call, tx, Q_PROJECT_MEMBER_ROLES, &rows, A_STR(project_id), A_STR(actor),
				A_STR(user_id));
	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_NOT_FOUND, "the project %.*s is gone", STR_FMT(project_id));
	if (r != OK)
		return r;
	*ret = (struct roles){ role_read(db_text(&rows, 0, "actor")), role_read(db_text(&rows, 0, "target")),
			       role_read(db_text(&rows, 0, "target_here")) };
	here = role_read(db_text(&rows, 0, "actor_here"));
	if (ret->actor != ROLE_NONE && here > ret->actor)
		ret->actor = here;
	return OK;
}

/* `role`: the new one, ROLE_NONE to remove. */
static int check(struct call *call, const struct roles *roles, enum role role)
{
	if (!role_manages(roles->actor, roles->target_here) || !role_manages(roles->actor, role))
		return call_fail(call, E_AUTH,
				 "your role %s does not reach: maintainers of a project are made, changed and removed "
				 "by an OWNER of its organization",
				 role_word(roles->actor));
	if (roles->target == ROLE_NONE)
		return call_fail(call, E_NOT_FOUND,
				 "there is no such member in the project's organization: add him there first");
	if (role == ROLE_NONE && roles->target_here == ROLE_NONE)
		return call_fail(call, E_NOT_FOUND, "this member has no role of his own in this project");
	if (role != ROLE_NONE && role <= roles->target)
		return call_fail(call, E_INVALID,
				 "role must be above the one that the member has in the organization, which is %s",
				 role_word(roles->target));
	return OK;
}

static int change(struct call *call, struct db *db, struct str org_id, struct str project_id, struct str actor,
		  struct str user_id, enum role role, const struct audit *audit)
{
	struct db_tx *tx = NULL;
	struct roles roles;
	int r = db_begin(call, db, &tx);

	if (r == OK)
		r = read_roles(call, tx, org_id, project_id, actor, user_id, &roles);
	if (r == OK)
		r = check(call, &roles, role);
	if (r == OK && role == ROLE_NONE)
		r = db_tx_query(call, tx, Q_PROJECT_MEMBER_REMOVE, NULL, A_STR(project_id), A_STR(user_id), audit->id,
				audit->who);
	else if (r == OK && role != roles.target_here)
		r = db_tx_query(call, tx, Q_PROJECT_MEMBER_SAVE, NULL, A_STR(project_id), A_STR(user_id),
				A_TEXT(role_word(role)), audit->id, audit->who);
	if (r == OK)
		r = db_commit(call, tx);
	tx = db_rollback(call, tx);
	return r;
}

int project_member_set(struct call *call, struct db *db, struct str org_id, struct str project_id, struct str actor,
		       struct str user_id, enum role role, const struct audit *audit)
{
	return change(call, db, org_id, project_id, actor, user_id, role, audit);
}

int project_member_remove(struct call *call, struct db *db, struct str org_id, struct str project_id, struct str actor,
			  struct str user_id, const struct audit *audit)
{
	return change(call, db, org_id, project_id, actor, user_id, ROLE_NONE, audit);
}

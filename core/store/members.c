/* Who belongs to an organization.
 *
 * Easy to break: whatever is decided here is decided after organization_lock, in the same transaction, from rows read
 * under it. What the guard knew of the caller's role may be seconds old, and of two owners who lower each other at the
 * same moment one must be told no. */
#include "store/organizations.h"

#include "base/id.h"

#define NEWEST STR("~") /* behind every id */

int members_list(struct call *call, struct db *db, struct str org_id, const struct list_page *page, struct db_rows *ret)
{
	return db_query(call, db, Q_MEMBERS_LIST, ret, A_STR(org_id), A_STR(page->before.n ? page->before : NEWEST),
			A_INT(page->limit));
}

int member_get(struct call *call, struct db *db, struct str org_id, struct str id, struct db_rows *ret)
{
	int r = db_query(call, db, Q_MEMBER_GET, ret, A_STR(org_id), A_STR(id));

	if (r == OK && ret->n_rows == 0)
		r = call_fail(call, E_NOT_FOUND, "there is no member or invitation %.*s in this organization",
			      STR_FMT(id));
	return r;
}

static int not_allowed(struct call *call, enum role actor, enum role role)
{
	if (actor == ROLE_NONE)
		return call_fail(call, E_AUTH, "you do not belong to this organization any more");
	return call_fail(call, E_AUTH,
			 "your role %s does not reach: owners and maintainers are made, changed and removed by an "
			 "OWNER, this is about the role %s",
			 role_word(actor), role_word(role));
}

static int lock(struct call *call, struct db *db, struct str org_id, struct db_tx **ret, bool *ret_deleting)
{
	struct db_rows rows;
	int r = db_begin(call, db, ret);

	if (r == OK)
		r = db_tx_query(call, *ret, Q_ORGANIZATION_LOCK, &rows, A_STR(org_id));
	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_NOT_FOUND, "the organization %.*s is gone", STR_FMT(org_id));
	if (r == OK)
		*ret_deleting = db_bool(&rows, 0, "deleting");
	return r;
}

struct roles {
	enum role actor, target;
	int64_t other_owners; /* besides the target, who can log in */
};

static int read_roles(struct call *call, struct db_tx *tx, struct str org_id, struct str actor, struct str target,
		      struct roles *ret)
{
	struct db_rows rows;
	int r = db_tx_query(call, tx, Q_MEMBER_ROLES, &rows, A_STR(org_id), A_STR(actor), A_STR(target));

	if (r != OK)
		return r;
	*ret = (struct roles){ role_read(db_text(&rows, 0, "actor")), role_read(db_text(&rows, 0, "target")),
			       db_int(&rows, 0, "owners") };
	return OK;
}

/* ---- in ---- */

/* Makes the member, or the invitation, that `known` says is missing. */
static int add_or_invite(struct call *call, struct db_tx *tx, struct str org_id, struct str actor,
			 const struct member_wish *wish, const struct db_rows *known, const struct audit *audit,
			 struct str *ret_id)
{
	struct str invitation = db_text(known, 0, "invitation"), user = db_text(known, 0, "user_id");
	struct db_rows rows;
	char id[ID_MAX];
	int r;

	if (user.n) {
		r = db_tx_query(call, tx, Q_MEMBER_ADD, &rows, A_STR(org_id), A_STR(user),
				A_TEXT(role_word(wish->role)), audit->id, audit->who);
	} else {
		id_new(id, "inv_");
		r = db_tx_query(call, tx, Q_INVITATION_SAVE, &rows, invitation.n ? A_STR(invitation) : A_TEXT(id),
				A_STR(org_id), A_STR(wish->email.n ? wish->email : STR("")),
				A_STR(wish->github_login.n ? wish->github_login : STR("")),
				A_TEXT(role_word(wish->role)), A_STR(actor), A_INT(INVITATION_DAYS), audit->id,
				audit->who);
	}
	if (r == OK)
		*ret_id = db_text(&rows, 0, "id");
	return r;
}

static int check_add(struct call *call, const struct member_wish *wish, const struct db_rows *known, enum role actor,
		     bool deleting)
{
	enum role invited = role_read(db_text(known, 0, "invited_role"));

	if (!role_manages(actor, wish->role))
		return not_allowed(call, actor, wish->role);
	if (!role_manages(actor, invited))
		return not_allowed(call, actor, invited);
	if (deleting)
		return call_fail(call, E_CONFLICT, "this organization is being deleted: nobody can be added any more");
	if (wish->user_id.n && db_is_null(known, 0, "user_id"))
		return call_fail(call, E_INVALID, "userId is nobody's id: send email or githubLogin to invite");
	if (!db_is_null(known, 0, "role"))
		return call_fail(call, E_CONFLICT, "this person is a member already: change the role with PATCH");
	if (db_is_null(known, 0, "invitation") && db_int(known, 0, "size") >= MOST_MEMBERS)
		return call_fail(call, E_CONFLICT,
				 "this organization has %d members and invitations, which is the most there can be",
				 MOST_MEMBERS);
	return OK;
}

int member_add(struct call *call, struct db *db, struct str org_id, struct str actor, const struct member_wish *wish,
	       const struct audit *audit, struct str *ret_id)
{
	struct db_tx *tx = NULL;
	struct roles roles;
	struct db_rows known;
	bool deleting = false;
	int r = lock(call, db, org_id, &tx, &deleting);

	if (r == OK)
		r = read_roles(call, tx, org_id, actor, actor, &roles);
	if (r == OK)
		r = db_tx_query(call, tx, Q_MEMBER_FIND, &known, A_STR(org_id), A_STR_OR_NULL(wish->user_id),
				A_STR_OR_NULL(wish->email), A_STR_OR_NULL(wish->github_login));
	if (r == OK)
		r = check_add(call, wish, &known, roles.actor, deleting);
	if (r == OK)
		r = add_or_invite(call, tx, org_id, actor, wish, &known, audit, ret_id);
	if (r == OK)
		r = db_commit(call, tx);
	tx = db_rollback(call, tx);
	return r;
}

/* ---- change, out ---- */

/* `role`: the new one, ROLE_NONE to remove. */
static int check_change(struct call *call, const struct roles *roles, bool is_self, enum role role)
{
	if (!is_self && !role_manages(roles->actor, ROLE_NONE))
		return call_fail(call, E_AUTH, "this needs the role MAINTAINER; yours is %s", role_word(roles->actor));
	if (roles->target == ROLE_NONE)
		return call_fail(call, E_NOT_FOUND, "there is no such member or invitation in this organization");
	if (!(is_self && role <= roles->target)) {
		if (!role_manages(roles->actor, roles->target))
			return not_allowed(call, roles->actor, roles->target);
		if (!role_manages(roles->actor, role))
			return not_allowed(call, roles->actor, role);
	}
	return OK;
}

/* An invitation to be an owner owns nothing. */
static int check_last_owner(struct call *call, const struct roles *roles, struct str id, enum role role)
{
	if (roles->target != ROLE_OWNER || role == ROLE_OWNER || roles->other_owners > 0 || str_starts(id, STR("inv_")))
		return OK;
	return call_fail(call, E_CONFLICT,
			 "an organization keeps at least one owner who can log in: make somebody else an OWNER first");
}

static int change(struct call *call, struct db *db, struct str org_id, struct str actor, struct str id, enum role role,
		  const struct audit *audit)
{
	struct db_tx *tx = NULL;
	struct roles roles;
	bool deleting = false;
	int r = lock(call, db, org_id, &tx, &deleting);

	if (r == OK)
		r = read_roles(call, tx, org_id, actor, id, &roles);
	if (r == OK)
		r = check_change(call, &roles, str_eq(actor, id), role);
	if (r == OK)
		r = check_last_owner(call, &roles, id, role);
	if (r == OK && role == ROLE_NONE)
		r = db_tx_query(call, tx, Q_MEMBER_REMOVE, NULL, A_STR(org_id), A_STR(id), audit->id, audit->who);
	else if (r == OK && role != roles.target)
		r = db_tx_query(call, tx, Q_MEMBER_ROLE, NULL, A_STR(org_id), A_STR(id), A_TEXT(role_word(role)),
				audit->id, audit->who);
	if (r == OK)
		r = db_commit(call, tx);
	tx = db_rollback(call, tx);
	return r;
}

int member_set_role(struct call *call, struct db *db, struct str org_id, struct str actor, struct str id,
		    enum role role, const struct audit *audit)
{
	return change(call, db, org_id, actor, id, role, audit);
}

int member_remove(struct call *call, struct db *db, struct str org_id, struct str actor, struct str id,
		  const struct audit *audit)
{
	return change(call, db, org_id, actor, id, ROLE_NONE, audit);
}

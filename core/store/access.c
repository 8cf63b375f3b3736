/* Identity and standing. */
#include "store/access.h"

static const char *const scopes[] = { "", "read", "write", "admin" };

enum scope scope_read(struct str word)
{
	for (int i = SCOPE_READ; i <= SCOPE_ADMIN; i++)
		if (str_eq(word, str_of(scopes[i])))
			return (enum scope)i;
	return SCOPE_NONE;
}

const char *scope_word(enum scope scope)
{
	return scopes[scope];
}

static void read_identity(const struct db_rows *rows, struct identity *ret)
{
	*ret = (struct identity){ .person = { db_text(rows, 0, "id"), db_text(rows, 0, "email"),
					      db_text(rows, 0, "name"), db_text(rows, 0, "avatar_url") },
				  .session = db_text(rows, 0, "session_id"),
				  .token = db_text(rows, 0, "token_id"),
				  .scope = scope_read(db_text(rows, 0, "scope")),
				  .only_project = db_text(rows, 0, "project_id") };
}

static void read_standing(const struct db_rows *rows, struct standing *ret)
{
	enum role in_org, in_project;

	*ret = (struct standing){ .role = ROLE_NONE };
	if (rows->n_rows == 0)
		return;
	in_org = role_read(db_text(rows, 0, "role"));
	in_project = role_read(db_text(rows, 0, "project_role"));
	*ret = (struct standing){ .role = in_project > in_org ? in_project : in_org,
				  .org = db_text(rows, 0, "org_id"),
				  .project = db_text(rows, 0, "project_id") };
}

#define STANDING_ARGS(user, hash, target)                                                                              \
	{                                                                                                              \
		A_STR_OR_NULL(user), (hash).n ? A_BYTES(hash) : A_NULL, A_STR_OR_NULL((target)->org),                  \
			A_STR_OR_NULL((target)->project), A_STR_OR_NULL((target)->preview),                            \
			A_STR_OR_NULL((target)->environment), A_STR_OR_NULL((target)->check)                           \
	}

int access_find(struct call *call, struct db *db, const struct credential *credential, const struct target *target,
		struct identity *ret, struct standing *ret_standing)
{
	struct str hash = credential->token_hash;
	const struct db_arg who[] = { A_STR_OR_NULL(credential->session), hash.n ? A_BYTES(hash) : A_NULL };
	const struct db_arg standing[] = STANDING_ARGS(credential->user, hash, target);
	bool has_target = target->org.n || target->project.n || target->preview.n || target->environment.n ||
			  target->check.n;
	struct db_stmt stmts[] = { { .query = Q_ACCESS_IDENTITY, .args = who, .n_args = 2 },
				   { .query = Q_ACCESS_STANDING, .args = standing, .n_args = 7 } };
	/* atomic: both leave on one connection, in one write, and are committed once */
	int r = db_batch(call, db, stmts, has_target ? 2 : 1, true);

	if (r != OK)
		return r;
	if (stmts[0].rows.n_rows == 0)
		return call_fail(call, E_AUTH, "this %s is over, was revoked, or its user is inactive",
				 hash.n ? "token" : "session");
	if (credential->user.n && !str_eq(credential->user, db_text(&stmts[0].rows, 0, "id")))
		return call_fail(call, E_AUTH, "this session is not this user's: log in again");
	read_identity(&stmts[0].rows, ret);
	*ret_standing = (struct standing){ .role = ROLE_NONE };
	if (has_target)
		read_standing(&stmts[1].rows, ret_standing);
	return OK;
}

int access_standing(struct call *call, struct db *db, struct str user_id, const struct target *target,
		    struct standing *ret)
{
	const struct db_arg args[] = STANDING_ARGS(user_id, (struct str){ 0 }, target);
	struct db_rows rows;
	int r = db_query_args(call, db, Q_ACCESS_STANDING, &rows, args, 7);

	if (r == OK)
		read_standing(&rows, ret);
	return r;
}

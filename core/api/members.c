/* Who belongs to an organization, and with which role; roles in one project. The rules are in store/members.c, where
 * they are checked under a lock; what the guard let through is only the least. */
#include "store/organizations.h"

#include "api/access.h"
#include "api/input.h"
#include "base/id.h"
#include "model/names.h"

static const char *const roles[] = { "OWNER", "MAINTAINER", "DEVELOPER", "VIEWER", NULL };

/* ---- of an organization ---- */

int members_index(struct exchange *x)
{
	struct list_page page;
	struct db_rows rows;
	int r = page_read(x, &page.limit, &page.before, "");

	if (r == OK && page.before.n && !str_starts(page.before, STR("user_")) && !str_starts(page.before, STR("inv_")))
		r = answer_field(x, 422, "cursor", "is not one of this list's");
	if (r == OK)
		r = members_list(x->call, api_of(x)->db, x->params[0], &page, &rows);
	if (r != OK)
		return r;
	page_link(x, &rows, page.limit, "id");
	return answer_rows(x, &rows);
}

static int read_wish(struct exchange *x, struct member_wish *ret)
{
	struct input in;
	struct str role = { 0 };
	const char *why;
	unsigned n = 0;
	int r = input_open(x, &in);

	if (r != OK)
		return r;
	if (input_text(&in, "userId", 0, 1, ID_MAX - 1, &ret->user_id) && !str_starts(ret->user_id, STR("user_")))
		input_fault(&in, "userId", "is not a user's id");
	if (input_text(&in, "email", 0, 1, EMAIL_MAX, &ret->email) && (why = email_why(ret->email)))
		input_fault(&in, "email", why);
	if (input_text(&in, "githubLogin", 0, 1, 100, &ret->github_login) &&
	    (why = github_login_why(ret->github_login)))
		input_fault(&in, "githubLogin", why);
	for (const char *const *field = (const char *const[]){ "userId", "email", "githubLogin", NULL }; *field;
	     field++)
		n += json_get(in.body, *field) != NULL;
	if (n != 1)
		input_fault(&in, "body", "must name somebody by exactly one of userId, email and githubLogin");
	if (input_word(&in, "role", INPUT_REQUIRED, roles, &role))
		ret->role = role_read(role);
	return input_close(&in);
}

int member_create(struct exchange *x)
{
	struct api *api = api_of(x);
	struct member_wish wish = { .role = ROLE_NONE };
	struct audit audit = audit_of(x);
	struct db_rows rows;
	struct str id;
	int r = read_wish(x, &wish);

	if (r == OK)
		r = member_add(x->call, api->db, x->params[0], caller_id(x), &wish, &audit, &id);
	if (r == OK)
		r = member_get(x->call, api->db, x->params[0], id, &rows);
	if (r != OK)
		return answer_refused(x, r);
	return answer_created(x, arena_printf(x->call->arena, "/orgs/%.*s/members", STR_FMT(x->params[0])).p, &rows);
}

static int read_role(struct exchange *x, const char *const *words, enum role *ret)
{
	struct input in;
	struct str role = { 0 };
	int r = input_open(x, &in);

	if (r != OK)
		return r;
	if (input_word(&in, "role", INPUT_REQUIRED, words, &role))
		*ret = role_read(role);
	return input_close(&in);
}

int member_change(struct exchange *x)
{
	struct api *api = api_of(x);
	struct audit audit = audit_of(x);
	enum role role = ROLE_NONE;
	struct db_rows rows;
	int r = read_role(x, roles, &role);

	if (r == OK)
		r = member_set_role(x->call, api->db, x->params[0], caller_id(x), x->params[1], role, &audit);
	if (r != OK)
		return answer_refused(x, r);
	access_forget(api->access); /* the other processes hear of it from the database */
	r = member_get(x->call, api->db, x->params[0], x->params[1], &rows);
	return r == OK ? answer_row(x, &rows) : r;
}

int member_delete(struct exchange *x)
{
	struct api *api = api_of(x);
	struct audit audit = audit_of(x);
	int r;

	/* the route is open to every member, who may leave; so the guard took it for a small thing */
	if (caller_of(x)->identity.scope < SCOPE_ADMIN)
		return http_answer_error(x, 403, STR("this needs a token with the scope admin"));
	r = member_remove(x->call, api->db, x->params[0], caller_id(x), x->params[1], &audit);
	if (r != OK)
		return answer_refused(x, r);
	access_forget(api->access);
	return answer_deleted(x);
}

/* ---- of a project ---- */

int project_members_index(struct exchange *x)
{
	struct list_page page;
	struct db_rows rows;
	int r = page_read(x, &page.limit, &page.before, "user_");

	if (r == OK)
		r = project_members_list(x->call, api_of(x)->db, x->params[0], &page, &rows);
	if (r != OK)
		return r;
	page_link(x, &rows, page.limit, "id");
	return answer_rows(x, &rows);
}

int project_member_put(struct exchange *x)
{
	struct api *api = api_of(x);
	struct audit audit = audit_of(x);
	enum role role = ROLE_NONE;
	struct db_rows rows;
	int r = read_role(x, roles + 1, &role); /* OWNER is a role in organizations only */

	if (r == OK)
		r = project_member_set(x->call, api->db, caller_of(x)->standing.org, x->params[0], caller_id(x),
				       x->params[1], role, &audit);
	if (r != OK)
		return answer_refused(x, r);
	access_forget(api->access);
	r = project_member_get(x->call, api->db, x->params[0], x->params[1], &rows);
	return r == OK ? answer_row(x, &rows) : r;
}

int project_member_delete(struct exchange *x)
{
	struct api *api = api_of(x);
	struct audit audit = audit_of(x);
	int r = project_member_remove(x->call, api->db, caller_of(x)->standing.org, x->params[0], caller_id(x),
				      x->params[1], &audit);

	if (r != OK)
		return answer_refused(x, r);
	access_forget(api->access);
	return answer_deleted(x);
}

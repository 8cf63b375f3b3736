/* Projects: the list, one of them, making, changing and deleting. What they deploy with is in provider.c, what deploys
 * in rules.c. */
#include "store/projects.h"

#include "api/input.h"
#include "base/id.h"
#include "model/names.h"
#include "store/deletion.h"

#define NAME_MAX_BYTES        80
#define DESCRIPTION_MAX_BYTES 500

int projects_index(struct exchange *x)
{
	const struct identity *who = &caller_of(x)->identity;
	struct str org = http_query(x, "orgId");
	struct list_page page;
	struct db_rows rows;
	int r = page_read(x, &page.limit, &page.before, "proj_");

	if (r == OK && org.p && (!str_starts(org, STR("org_")) || org.n >= ID_MAX))
		r = answer_field(x, 422, "orgId", "is not an organization's id");
	if (r == OK)
		r = projects_of(x->call, api_of(x)->db, who->person.id, org, who->only_project, &page, &rows);
	if (r != OK)
		return r;
	page_link(x, &rows, page.limit, "id");
	return answer_rows(x, &rows);
}

static int answer_project(struct exchange *x, struct str id, enum role role)
{
	struct db_rows rows;
	int r = project_get(x->call, api_of(x)->db, id, role, &rows);

	return r == OK ? answer_row(x, &rows) : r;
}

int project_show(struct exchange *x)
{
	return answer_project(x, x->params[0], caller_of(x)->standing.role);
}

/* ---- fields ---- */

/* `flags`: INPUT_REQUIRED where one must be there to make a project. */
static void read_fields(struct input *in, unsigned flags, struct project_change *ret)
{
	const char *why;

	input_name(in, "name", flags, NAME_MAX_BYTES, &ret->name);
	if (input_text(in, "repoFullName", flags, 1, 300, &ret->repo) && (why = repo_why(ret->repo)))
		input_fault(in, "repoFullName", why);
	if (input_text(in, "defaultBranch", 0, 0, 1000, &ret->default_branch) &&
	    (why = branch_why(ret->default_branch)))
		input_fault(in, "defaultBranch", why);
	input_text(in, "description", 0, 0, DESCRIPTION_MAX_BYTES, &ret->description);
}

#define NEW_PROJECT                                                                                                    \
	{                                                                                                              \
		.default_branch = STR("main"), .description = STR("")                                                  \
	}

static int create(struct exchange *x, struct str org, enum role role, const struct project_change *fields)
{
	struct audit audit = audit_of(x);
	struct db_rows rows;
	struct str id;
	int r = project_create(x->call, api_of(x)->db, org, fields, &audit, &id);

	if (r == OK)
		r = project_get(x->call, api_of(x)->db, id, role, &rows);
	return r == OK ? answer_created(x, "/projects", &rows) : r;
}

int project_create_in_path(struct exchange *x)
{
	struct project_change fields = NEW_PROJECT;
	struct input in;
	int r = input_open(x, &in);

	if (r != OK)
		return r;
	read_fields(&in, INPUT_REQUIRED, &fields);
	r = input_close(&in);
	return r == OK ? create(x, x->params[0], caller_of(x)->standing.role, &fields) : r;
}

/* The organization is in the body, so the guard has not seen it. */
int project_create_in_body(struct exchange *x)
{
	struct project_change fields = NEW_PROJECT;
	struct standing standing = { .role = ROLE_NONE };
	struct str org = { 0 };
	struct input in;
	int r = input_open(x, &in);

	if (r != OK)
		return r;
	if (input_text(&in, "orgId", INPUT_REQUIRED, 1, ID_MAX - 1, &org) && !str_starts(org, STR("org_")))
		input_fault(&in, "orgId", "is not an organization's id");
	read_fields(&in, INPUT_REQUIRED, &fields);
	r = input_close(&in);
	if (r == OK)
		r = access_standing(x->call, api_of(x)->db, caller_id(x), &(struct target){ .org = org }, &standing);
	if (r != OK)
		return r;
	if (standing.role == ROLE_NONE)
		return call_fail(x->call, E_NOT_FOUND, "there is no organization %.*s, or you may not see it",
				 STR_FMT(org));
	if (standing.role < ROLE_MAINTAINER)
		return http_answer_error(x, 403,
					 arena_printf(x->call->arena, "this needs the role MAINTAINER; yours is %s",
						      role_word(standing.role)));
	return create(x, org, standing.role, &fields);
}

int project_change(struct exchange *x)
{
	struct audit audit = audit_of(x);
	struct project_change change = { .preview_checks = -1 };
	bool preview_checks = false;
	struct input in;
	int r = input_open(x, &in);

	if (r != OK)
		return r;
	read_fields(&in, 0, &change);
	if (input_bool(&in, "previewChecks", 0, &preview_checks))
		change.preview_checks = preview_checks;
	r = input_close(&in);
	if (r == OK && !change.name.p && !change.repo.p && !change.default_branch.p && !change.description.p &&
	    change.preview_checks < 0)
		r = answer_field(x, 422, "body",
				 "has nothing to change: send name, repoFullName, defaultBranch, description or "
				 "previewChecks");
	if (r == OK)
		r = project_update(x->call, api_of(x)->db, x->params[0], &change, &audit);
	return r == OK ? answer_project(x, x->params[0], caller_of(x)->standing.role) : r;
}

int project_remove(struct exchange *x)
{
	struct audit audit = audit_of(x);
	int r = project_delete(x->call, api_of(x)->db, x->params[0], &audit);

	return r == OK ? answer_deleting(x, x->params[0], (struct str){ 0 }) : r;
}

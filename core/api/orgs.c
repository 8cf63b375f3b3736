/* Organizations. */
#include "store/organizations.h"

#include "api/access.h"
#include "api/input.h"
#include "model/names.h"
#include "store/deletion.h"

#define NAME_MAX_BYTES        80
#define DESCRIPTION_MAX_BYTES 500

int orgs_index(struct exchange *x)
{
	struct list_page page;
	struct db_rows rows;
	int r = page_read(x, &page.limit, &page.before, "org_");

	if (r == OK)
		r = organizations_list(x->call, api_of(x)->db, caller_id(x), caller_of(x)->identity.only_project, &page,
				       &rows);
	if (r != OK)
		return r;
	page_link(x, &rows, page.limit, "id");
	return answer_rows(x, &rows);
}

/* The fields of a body; those that are absent stay NULL. */
static int read_fields(struct exchange *x, unsigned name_flags, struct organization_change *ret)
{
	struct input in;
	const char *why;
	int r = input_open(x, &in);

	if (r != OK)
		return r;
	input_name(&in, "name", name_flags, NAME_MAX_BYTES, &ret->name);
	if (input_text(&in, "slug", 0, 0, 200, &ret->slug) && (why = slug_why(ret->slug)))
		input_fault(&in, "slug", why);
	input_text(&in, "description", 0, 0, DESCRIPTION_MAX_BYTES, &ret->description);
	if (name_flags & INPUT_REQUIRED && ret->name.p && !ret->slug.p && !input_value(&in, "slug", 0)) {
		ret->slug = slug_from_name(x->call->arena, ret->name);
		if (slug_why(ret->slug))
			input_fault(&in, "slug", "cannot be made from this name: send one");
	}
	return input_close(&in);
}

int org_create(struct exchange *x)
{
	struct organization_change fields = { .description = STR("") };
	struct audit audit = audit_of(x);
	struct db_rows rows;
	int r = read_fields(x, INPUT_REQUIRED, &fields);

	if (r == OK)
		r = organization_create(x->call, api_of(x)->db, caller_id(x), &fields, &audit, &rows);
	return r == OK ? answer_created(x, "/orgs", &rows) : r;
}

static int answer_org(struct exchange *x)
{
	struct db_rows rows;
	int r = organization_get(x->call, api_of(x)->db, x->params[0], caller_id(x), &rows);

	return r == OK ? answer_row(x, &rows) : r;
}

int org_show(struct exchange *x)
{
	return answer_org(x);
}

int org_change(struct exchange *x)
{
	struct organization_change change = { .name = { 0 } };
	struct audit audit = audit_of(x);
	int r = read_fields(x, 0, &change);

	if (r == OK && !change.name.p && !change.slug.p && !change.description.p)
		r = answer_field(x, 422, "body", "has nothing to change: send name, slug or description");
	if (r == OK)
		r = organization_update(x->call, api_of(x)->db, x->params[0], &change, &audit);
	return r == OK ? answer_org(x) : r;
}

int org_delete(struct exchange *x)
{
	struct audit audit = audit_of(x);
	int r = organization_delete(x->call, api_of(x)->db, x->params[0], &audit);

	return r == OK ? answer_deleting(x, (struct str){ 0 }, x->params[0]) : r;
}

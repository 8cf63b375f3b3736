/* Health checks: the list, one of them, making, changing, switching and deleting. What a body may hold is in
 * health_check_body.c. */
#include "api/health_checks.h"

static struct str project_of(const struct exchange *x)
{
	return caller_of(x)->standing.project;
}

int health_checks_index(struct exchange *x)
{
	struct list_page page;
	struct db_rows rows;
	int r = page_read(x, &page.limit, &page.before, "check_");

	if (r == OK)
		r = health_checks_of(x->call, api_of(x)->db, x->params[0], &page, &rows);
	if (r != OK)
		return r;
	page_link(x, &rows, page.limit, "id");
	return answer_rows(x, &rows);
}

static int stored(struct exchange *x, struct db_rows *ret)
{
	return health_check_get(x->call, api_of(x)->db, project_of(x), check_id_of(x), ret);
}

int health_check_show(struct exchange *x)
{
	struct db_rows rows;
	int r = stored(x, &rows);

	return r == OK ? answer_row(x, &rows) : r;
}

/* What the store found in the field dependsOn is a fault of the body. */
static int refused(struct exchange *x, int r, const char *why)
{
	return r == E_INVALID && why ? answer_field(x, 422, "dependsOn", why) : r;
}

int health_check_create(struct exchange *x)
{
	struct check_fields *fields = arena_alloc(x->call->arena, sizeof(*fields));
	struct audit audit = audit_of(x);
	const char *why = NULL;
	struct db_rows rows;
	struct str id;
	int r;

	*fields = check_defaults;
	r = check_body_read(x, NULL, fields);

	if (r != OK)
		return r;
	r = health_check_add(x->call, api_of(x)->db, api_of(x)->o.keys, x->params[0], fields, &audit, &id, &why);
	if (r == OK)
		r = health_check_get(x->call, api_of(x)->db, x->params[0], id, &rows);
	return r == OK ? answer_created(x, "/health-checks", &rows) : refused(x, r, why);
}

static int save(struct exchange *x, const struct db_rows *rows, const struct check_fields *fields, const char *action)
{
	struct audit audit = audit_of(x);
	const char *why = NULL;
	int r = health_check_change(x->call, api_of(x)->db, api_of(x)->o.keys, project_of(x), check_id_of(x),
				    db_text(rows, 0, "_version"), action, fields, &audit, &why);

	return r == OK ? health_check_show(x) : refused(x, r, why);
}

int health_check_patch(struct exchange *x)
{
	struct check_fields *fields = arena_alloc(x->call->arena, sizeof(*fields));
	struct db_rows rows;
	int r = stored(x, &rows);

	if (r != OK)
		return r;
	check_fields_of(x, &rows, fields);
	r = check_body_read(x, &rows, fields);
	return r == OK ? save(x, &rows, fields, "check.change") : r;
}

static int set_enabled(struct exchange *x, bool enabled, const char *action)
{
	struct check_fields *fields = arena_alloc(x->call->arena, sizeof(*fields));
	struct input *in = arena_alloc(x->call->arena, sizeof(*in));
	struct db_rows rows;
	int r = input_open(x, in);

	if (r == OK)
		r = input_close(in);
	if (r == OK)
		r = stored(x, &rows);
	if (r != OK)
		return r;
	check_fields_of(x, &rows, fields);
	if (fields->enabled == enabled)
		return answer_row(x, &rows);
	fields->enabled = enabled;
	return save(x, &rows, fields, action);
}

int health_check_enable(struct exchange *x)
{
	return set_enabled(x, true, "check.enable");
}

int health_check_disable(struct exchange *x)
{
	return set_enabled(x, false, "check.disable");
}

int health_check_delete(struct exchange *x)
{
	struct audit audit = audit_of(x);
	int r = health_check_remove(x->call, api_of(x)->db, project_of(x), check_id_of(x), &audit);

	return r == OK ? answer_deleted(x) : r;
}

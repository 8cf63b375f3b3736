/* Incidents and alerts of health checks: the lists, and saying that somebody looks after one. */
#include "store/incidents.h"

#include "api/input.h"

#define NOTE_BYTES 500

static int answer_list(struct exchange *x, const struct list_page *page, const struct db_rows *rows)
{
	page_link(x, rows, page->limit, "id");
	return answer_rows(x, rows);
}

int alerts_index(struct exchange *x)
{
	struct list_page page;
	struct db_rows rows;
	int r = page_read(x, &page.limit, &page.before, "alert_");

	if (r == OK)
		r = alerts_of_check(x->call, api_of(x)->db, check_id_of(x), &page, &rows);
	return r == OK ? answer_list(x, &page, &rows) : r;
}

int incidents_index(struct exchange *x)
{
	struct list_page page;
	struct db_rows rows;
	int r = page_read(x, &page.limit, &page.before, "inc_");

	if (r == OK)
		r = incidents_of_check(x->call, api_of(x)->db, check_id_of(x), &page, &rows);
	return r == OK ? answer_list(x, &page, &rows) : r;
}

int project_incidents_index(struct exchange *x)
{
	struct str open = http_query(x, "open");
	struct list_page page;
	struct db_rows rows;
	int r = page_read(x, &page.limit, &page.before, "inc_");

	if (r == OK && open.p && !str_eq(open, STR("true")) && !str_eq(open, STR("false")))
		r = answer_field(x, 422, "open", "must be true or false");
	if (r == OK)
		r = incidents_of_project(x->call, api_of(x)->db, x->params[0], str_eq(open, STR("true")), &page, &rows);
	return r == OK ? answer_list(x, &page, &rows) : r;
}

int incident_acknowledge_post(struct exchange *x)
{
	struct input *in = arena_alloc(x->call->arena, sizeof(*in));
	struct str check = check_id_of(x), id = x->params[check.p == x->params[0].p ? 1 : 2], note = { 0 };
	struct audit audit = audit_of(x);
	struct db_rows rows;
	int r = input_open(x, in);

	if (r != OK)
		return r;
	input_text(in, "note", 0, 1, NOTE_BYTES, &note);
	r = input_close(in);
	if (r == OK)
		r = incident_acknowledge(x->call, api_of(x)->db, check, id, note, &audit);
	if (r == OK)
		r = incident_load(x->call, api_of(x)->db, check, id, &rows);
	return r == OK ? answer_row(x, &rows) : r;
}

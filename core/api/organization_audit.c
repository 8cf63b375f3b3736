/* Reading an organization's audit: JSON a page at a time, CSV by the file. */
#include "store/audit.h"

#include "api/table.h"

#define CSV_STEP  500                /* rows read at once */
#define CSV_BYTES (24 * 1024 * 1024) /* then the page ends, however many rows it has; an answer has at most 32 MiB */

static int read_filter(struct exchange *x, struct audit_filter *ret)
{
	int r;

	*ret = (struct audit_filter){ .actor = http_query(x, "actor"),
				      .action = http_query(x, "action"),
				      .project = http_query(x, "project"),
				      .ip = http_query(x, "ip") };
	r = table_time(x, "from", &ret->from_ms);
	return r == OK ? table_time(x, "to", &ret->to_ms) : r;
}

static int answer_json(struct exchange *x, const struct table *table, const struct audit_filter *filter)
{
	struct db_rows rows;
	struct json_out out;
	struct audit_row row;
	int r = audit_list(x->call, api_of(x)->db, x->params[0], filter, table->cursor, table->limit, &rows);

	if (r != OK)
		return r;
	page_link(x, &rows, table->limit, "id");
	out = http_answer_json(x, 200);
	json_open(&out, '[');
	for (int i = 0; i < rows.n_rows; i++) {
		audit_row_read(&rows, i, &row);
		json_open(&out, '{');
		audit_row_json(x->call, &row, &out);
		json_close(&out, '}');
	}
	json_close(&out, ']');
	return OK;
}

/* Adds rows until there is no room for more; rows->n_rows becomes how many went in. */
static bool add_rows(struct csv_out *out, struct db_rows *rows)
{
	struct audit_row row;

	for (int i = 0; i < rows->n_rows; i++) {
		if (i > 0 && out->buf->n >= CSV_BYTES) {
			rows->n_rows = i;
			return false;
		}
		audit_row_read(rows, i, &row);
		audit_row_csv(&row, out);
	}
	return true;
}

static int answer_csv(struct exchange *x, const struct table *table, const struct audit_filter *filter)
{
	struct csv_out out = CSV_OUT(&x->answer.body);
	struct str before = table->cursor;
	int64_t left = table->limit;
	struct db_rows rows;
	bool more, room;
	int r;

	audit_csv_head(&out);
	do {
		int64_t step = left < CSV_STEP ? left : CSV_STEP;

		r = audit_list(x->call, api_of(x)->db, x->params[0], filter, before, step, &rows);
		if (r != OK)
			return r;
		more = rows.n_rows == step;
		room = add_rows(&out, &rows);
		left -= rows.n_rows;
		if (rows.n_rows)
			before = db_text(&rows, rows.n_rows - 1, "id");
	} while (more && room && left > 0 && out.buf->n < CSV_BYTES);
	if (more || !room)
		page_link(x, &rows, rows.n_rows, "id");
	table_answer_csv(x, "audit");
	return OK;
}

int organization_audit(struct exchange *x)
{
	struct audit_filter filter;
	struct table table;
	int r = table_read(x, "audit_", &table);

	if (r == OK)
		r = read_filter(x, &filter);
	if (r != OK)
		return r;
	return table.csv ? answer_csv(x, &table, &filter) : answer_json(x, &table, &filter);
}

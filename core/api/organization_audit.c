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
	page_link(x, &rows, table->limit);
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

static int answer_csv(struct exchange *x, const struct table *table, const struct audit_filter *filter)
{
	struct str before = table->cursor;
	int64_t left = table->limit, step;
	struct db_rows rows;
	struct audit_row row;
	struct csv_out out = table_csv(x, "audit");
	int r;

	audit_csv_head(&out);
	do {
		step = left < CSV_STEP ? left : CSV_STEP;
		r = audit_list(x->call, api_of(x)->db, x->params[0], filter, before, step, &rows);
		if (r != OK)
			return r;
		for (int i = 0; i < rows.n_rows; i++) {
			audit_row_read(&rows, i, &row);
			audit_row_csv(&row, &out);
			before = row.id;
		}
		left -= rows.n_rows;
	} while (left > 0 && rows.n_rows == step && out.buf->n < CSV_BYTES);
	page_link(x, &rows, step);
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

/* Lists that are also given as CSV. */
#include "api/table.h"

#include "base/clock.h"

static bool accepts_csv(struct exchange *x)
{
	struct str rest = http_request_header(x, "accept"), one;

	while (rest.n) {
		one = str_split(&rest, ',');
		if (str_eq_nocase(str_trim(str_split(&one, ';')), STR("text/csv")))
			return true;
	}
	return false;
}

int table_read(struct exchange *x, const char *cursor_prefix, struct table *ret)
{
	struct str format = http_query(x, "format"), limit = http_query(x, "limit");
	struct table t = { .csv = format.p ? str_eq(format, STR("csv")) : accepts_csv(x), .limit = CSV_ROWS_MAX };
	int r;

	if (format.p && !t.csv && !str_eq(format, STR("json")))
		return answer_field(x, 422, "format", "must be json or csv");
	if (t.csv && limit.p && !str_to_int(limit, 1, CSV_ROWS_MAX, &t.limit))
		return answer_field(x, 422, "limit", "must be a whole number from 1 to 10000");
	r = t.csv ? page_cursor(x, &t.cursor, cursor_prefix) : page_read(x, &t.limit, &t.cursor, cursor_prefix);
	if (r == OK)
		*ret = t;
	return r;
}

void table_answer_csv(struct exchange *x, const char *name)
{
	x->answer.status = 200;
	x->answer.type = "text/csv; charset=utf-8";
	http_answer_header(x, "content-disposition",
			   arena_printf(x->call->arena, "attachment; filename=\"%s.csv\"", name));
}

int table_time(struct exchange *x, const char *name, int64_t *ret_ms)
{
	struct str text = http_query(x, name);

	*ret_ms = 0;
	if (!text.p)
		return OK;
	if (text.n == 10)
		text = arena_printf(x->call->arena, "%.*sT00:00:00Z", STR_FMT(text));
	if (!time_parse(text, ret_ms))
		return answer_field(x, 422, name, "must be a date (2026-11-23) or a time (2026-11-23T10:00:00Z)");
	return OK;
}

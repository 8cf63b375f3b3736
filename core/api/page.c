/* What handlers share: pages of a list, rows as an answer, refusals. */
#include "api/api.h"
#include "api/readings.h"
#include "kv/waiting.h"
#include "store/deletion.h"

#include <string.h>

#define PAGE_DEFAULT 50
#define PAGE_MAX     200
#define CURSOR_MAX   100

int answer_field(struct exchange *x, int status, const char *field, const char *why)
{
	int r = http_answer_error(x, status, arena_printf(x->call->arena, "%s %s", field, why));

	http_answer_detail(x, field, str_of(why));
	return r;
}

int page_cursor(struct exchange *x, struct str *ret_cursor, const char *cursor_prefix)
{
	struct str cursor = http_query(x, "cursor");

	*ret_cursor = (struct str){ 0 };
	if (cursor.p && (!str_starts(cursor, str_of(cursor_prefix)) || cursor.n > CURSOR_MAX))
		return answer_field(x, 422, "cursor", "is not one of this list's");
	if (cursor.p)
		*ret_cursor = cursor;
	return OK;
}

int page_read(struct exchange *x, int64_t *ret_limit, struct str *ret_cursor, const char *cursor_prefix)
{
	struct str limit = http_query(x, "limit");

	*ret_limit = PAGE_DEFAULT;
	if (limit.p && !str_to_int(limit, 1, PAGE_MAX, ret_limit))
		return answer_field(x, 422, "limit", "must be a whole number from 1 to 200");
	return page_cursor(x, ret_cursor, cursor_prefix);
}

/* The query without its cursor, so that filters stay in the link. */
static struct str other_parameters(struct exchange *x)
{
	struct str rest = x->query, pair;
	struct buf kept;
	struct str text;

	buf_init(&kept, 8192);
	while (rest.n) {
		pair = str_split(&rest, '&');
		if (pair.n && !str_starts(pair, STR("cursor="))) {
			buf_add_str(&kept, pair);
			buf_add_char(&kept, '&');
		}
	}
	text = arena_str(x->call->arena, buf_str(&kept));
	buf_done(&kept);
	return text;
}

static void link_to(struct exchange *x, struct str cursor)
{
	http_answer_header(x, "link",
			   arena_printf(x->call->arena, "<%.*s%.*s?%.*scursor=%.*s>; rel=\"next\"",
					STR_FMT(api_of(x)->o.base_url), STR_FMT(x->path), STR_FMT(other_parameters(x)),
					STR_FMT(cursor)));
}

void page_link(struct exchange *x, const struct db_rows *rows, int64_t limit, const char *column)
{
	if (rows->n_rows >= limit)
		link_to(x, db_text(rows, rows->n_rows - 1, column));
}

int answer_rows(struct exchange *x, const struct db_rows *rows)
{
	struct json_out out = http_answer_json(x, 200);

	db_rows_json(rows, &out);
	return OK;
}

int answer_row(struct exchange *x, const struct db_rows *rows)
{
	struct json_out out = http_answer_json(x, 200);

	db_row_json(rows, 0, &out);
	return OK;
}

int answer_created(struct exchange *x, const char *folder, const struct db_rows *rows)
{
	http_answer_header(x, "location",
			   arena_printf(x->call->arena, "%.*s%s/%.*s", STR_FMT(api_of(x)->o.base_url), folder,
					STR_FMT(db_text(rows, 0, "id"))));
	answer_row(x, rows);
	x->answer.status = 201;
	return OK;
}

void answer_cookie(struct exchange *x, const char *name, const char *path, struct str value, int64_t seconds)
{
	http_answer_header(x, "set-cookie",
			   arena_printf(x->call->arena, "%s=%.*s; Path=%s; HttpOnly; SameSite=Lax; Max-Age=%lld%s",
					name, STR_FMT(value), path, (long long)seconds,
					api_of(x)->o.is_production ? "; Secure" : ""));
}

int answer_deleted(struct exchange *x)
{
	x->answer.status = 204;
	return OK;
}

int answer_deleting(struct exchange *x, struct str project_id, struct str org_id)
{
	struct api *api = api_of(x);
	struct push_list push = { 0 };
	struct json_out out;
	size_t told;

	if (deletion_take_down(x->call, api->db, project_id, org_id, &push, &told) == OK)
		for (size_t i = 0; i < push.n; i++)
			waiting_push(api->kv, push.items[i].queue, &push.items[i].id, 1);
	out = http_answer_json(x, 202);
	json_open(&out, '{');
	json_put_text(&out, "status", STR("deleting"));
	json_close(&out, '}');
	return OK;
}

int answer_refused(struct exchange *x, int r)
{
	return r == E_AUTH ? http_answer_error(x, 403, str_of(x->call->why)) : r;
}
void reading_rows(const struct db_rows *rows, int64_t limit, struct reading *ret)
{
	struct str last;

	db_rows_json(rows, &JSON_OUT(&ret->body));
	if (rows->n_rows < limit)
		return;
	last = db_text(rows, rows->n_rows - 1, "id");
	if (last.n < sizeof(ret->cursor))
		memcpy(ret->cursor, last.p, last.n + 1);
}

int answer_reading(struct exchange *x, const struct reading *reading)
{
	struct json_out out = http_answer_json(x, 200);

	buf_add_str(out.buf, buf_str(&reading->body));
	out.buf->overflow |= reading->body.overflow;
	if (reading->cursor[0])
		link_to(x, str_of(reading->cursor));
	return OK;
}

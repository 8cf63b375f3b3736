/* Rows of the audit: read, and shown. */
#include "store/audit.h"

#include "base/json_read.h"

void audit_row_read(const struct db_rows *rows, int row, struct audit_row *ret)
{
	*ret = (struct audit_row){
		.org = db_text(rows, row, "org_id"),
		.id = db_text(rows, row, "id"),
		.at = db_text(rows, row, "at"),
		.seq = db_int(rows, row, "seq"),
		.at_us = db_int(rows, row, "at_us"),
		.kind = db_text(rows, row, "actor_kind"),
		.actor_id = db_text(rows, row, "actor_id"),
		.actor = db_text(rows, row, "actor_name"),
		.ip = db_text(rows, row, "ip"),
		.user_agent = db_text(rows, row, "user_agent"),
		.request_id = db_text(rows, row, "request_id"),
		.action = db_text(rows, row, "action"),
		.target_kind = db_text(rows, row, "target_kind"),
		.target_id = db_text(rows, row, "target_id"),
		.project_id = db_text(rows, row, "project_id"),
		.before = db_text(rows, row, "before"),
		.after = db_text(rows, row, "after"),
		.prev_hash = db_text(rows, row, "prev_hash"),
		.hash = db_text(rows, row, "hash"),
	};
}

/* A row that was tampered with may hold anything: then it is shown as the text it is. */
static void put_json(struct call *call, struct json_out *out, const char *key, struct str json)
{
	const char *why;

	json_key(out, key);
	if (json.n == 0)
		json_add_null(out);
	else if (json_parse(call->arena, json, NULL, &why))
		json_add_raw(out, json);
	else
		json_add_text(out, json);
}

static void put_text_or_null(struct json_out *out, const char *key, struct str text)
{
	if (text.n) {
		json_put_text(out, key, text);
	} else {
		json_key(out, key);
		json_add_null(out);
	}
}

void audit_row_json(struct call *call, const struct audit_row *row, struct json_out *out)
{
	json_put_text(out, "id", row->id);
	json_put_text(out, "at", row->at);
	json_key(out, "actor");
	json_open(out, '{');
	json_put_text(out, "kind", row->kind);
	put_text_or_null(out, "id", row->actor_id);
	put_text_or_null(out, "name", row->actor);
	json_close(out, '}');
	json_put_text(out, "ip", row->ip);
	json_put_text(out, "userAgent", row->user_agent);
	json_put_text(out, "requestId", row->request_id);
	json_put_text(out, "action", row->action);
	json_key(out, "target");
	json_open(out, '{');
	json_put_text(out, "kind", row->target_kind);
	json_put_text(out, "id", row->target_id);
	json_close(out, '}');
	put_text_or_null(out, "projectId", row->project_id);
	put_json(call, out, "before", row->before);
	put_json(call, out, "after", row->after);
}

void audit_csv_head(struct csv_out *out)
{
	static const struct str names[] = {
		STR("id"),       STR("at"),        STR("actorKind"), STR("actorId"), STR("actorName"),
		STR("ip"),       STR("userAgent"), STR("requestId"), STR("action"),  STR("targetKind"),
		STR("targetId"), STR("projectId"), STR("before"),    STR("after"),
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		csv_cell(out, names[i]);
	csv_end(out);
}

void audit_row_csv(const struct audit_row *row, struct csv_out *out)
{
	const struct str cells[] = {
		row->id,        row->at,         row->kind,       row->actor_id, row->actor,
		row->ip,        row->user_agent, row->request_id, row->action,   row->target_kind,
		row->target_id, row->project_id, row->before,     row->after,
	};

	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		csv_cell(out, cells[i]);
	csv_end(out);
}

#define A_TIME_OR_NULL(ms) ((ms) ? A_TIME(ms) : A_NULL)

int audit_list(struct call *call, struct db *db, struct str org, const struct audit_filter *filter,
	       struct str before_id, int64_t limit, struct db_rows *ret)
{
	bool is_prefix = str_ends(filter->action, STR("."));

	return db_query(call, db, Q_AUDIT_LIST, ret, A_STR(org), A_STR_OR_NULL(before_id), A_INT(limit),
			A_STR_OR_NULL(filter->actor), is_prefix ? A_NULL : A_STR_OR_NULL(filter->action),
			is_prefix ? A_STR(filter->action) : A_NULL, A_STR_OR_NULL(filter->project),
			A_STR_OR_NULL(filter->ip), A_TIME_OR_NULL(filter->from_ms), A_TIME_OR_NULL(filter->to_ms));
}

int audit_walk(struct call *call, struct db *db, struct str org, int64_t after, int64_t to, int64_t from_ms,
	       int64_t to_ms, int64_t limit, struct db_rows *ret)
{
	return db_query(call, db, Q_AUDIT_WALK, ret, A_STR(org), A_INT(after), A_INT(to), A_TIME_OR_NULL(from_ms),
			A_TIME_OR_NULL(to_ms), A_INT(limit));
}

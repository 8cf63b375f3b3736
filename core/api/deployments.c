/* Previews: the list, one of them, its log and its history, and a person's wishes. */
#include "store/deployments.h"
#include "store/decoys.h"

#include "api/input.h"
#include "api/readings.h"
#include "kv/waiting.h"

#define LONGEST_EXTENSION_MS (90ll * 24 * 60 * 60 * 1000)

static bool is_status(struct str s)
{
	return str_eq(s, STR("QUEUED")) || str_eq(s, STR("BUILDING")) || str_eq(s, STR("READY")) ||
	       str_eq(s, STR("ERROR")) || str_eq(s, STR("DESTROYED"));
}

struct list_question {
	struct db *db;
	struct str project_id;
	struct deployments_page page;
};

static int read_list(struct call *call, void *arg, struct reading *ret)
{
	const struct list_question *q = arg;
	struct db_rows rows;
	int r = deployments_list(call, q->db, q->project_id, &q->page, &rows);

	if (r == OK)
		reading_rows(&rows, q->page.limit, ret);
	return r;
}

int deployments_index(struct exchange *x)
{
	struct list_question q = { .db = api_of(x)->db, .project_id = x->params[0] };
	struct str status = http_query(x, "status"), pr = http_query(x, "pr"), key;
	const struct reading *reading;
	int r = page_read(x, &q.page.limit, &q.page.before, "deploy_");

	if (r != OK)
		return r;
	if (status.p && !is_status(status))
		return answer_field(x, 422, "status", "must be QUEUED, BUILDING, READY, ERROR or DESTROYED");
	if (pr.p && !str_to_int(pr, 1, INT32_MAX, &q.page.pr_number))
		return answer_field(x, 422, "pr", "must be a pull request's number");
	q.page.status = status;
	key = arena_printf(x->call->arena, "deployments %.*s %lld %.*s %.*s %lld", STR_FMT(q.project_id),
			   (long long)q.page.limit, STR_FMT(q.page.before), STR_FMT(q.page.status),
			   (long long)q.page.pr_number);
	r = readings_join(x->call, api_of(x)->readings, key, read_list, &q, &reading);
	return r == OK ? answer_reading(x, reading) : r;
}

static struct str preview_id(const struct exchange *x)
{
	return x->params[1].n ? x->params[1] : x->params[0];
}

int deployment_show(struct exchange *x)
{
	struct json_out out;
	struct db_rows rows;
	int r = deployment_get(x->call, api_of(x)->db, preview_id(x), &rows);

	if (r != OK)
		return r;
	if (rows.n_rows == 0)
		return call_fail(x->call, E_NOT_FOUND, "there is no deployment %.*s, or you may not see it",
				 STR_FMT(preview_id(x)));
	out = http_answer_json(x, 200);
	db_row_json(&rows, 0, &out);
	return OK;
}

int deployment_logs_show(struct exchange *x)
{
	struct str attempt = http_query(x, "attempt"), after = http_query(x, "after");
	struct db_rows rows;
	int64_t after_seq = 0;
	int r;

	if (after.p && !str_to_int(after, 0, INT32_MAX, &after_seq))
		return answer_field(x, 422, "after", "must be the seq of a part that was read");
	r = deployment_logs(x->call, api_of(x)->db, preview_id(x), attempt, after_seq, 200, &rows);
	return r == OK ? answer_rows(x, &rows) : r;
}

int deployment_events_show(struct exchange *x)
{
	struct str cursor;
	struct db_rows rows;
	int64_t limit;
	int r = page_read(x, &limit, &cursor, "evt_");

	if (r == OK)
		r = deployment_events(x->call, api_of(x)->db, preview_id(x), cursor, limit, &rows);
	if (r != OK)
		return r;
	page_link(x, &rows, limit, "id");
	return answer_rows(x, &rows);
}

/* `job`: what has work to do now; empty = nothing. */
static int answer_wish(struct exchange *x, const struct db_rows *rows, struct str job)
{
	struct json_out out;

	if (job.n)
		waiting_push(api_of(x)->kv, STR("preview-queue"), &job, 1);
	out = http_answer_json(x, 202);
	db_row_json(rows, 0, &out);
	return OK;
}

static int wish(struct exchange *x, enum wish what, struct str sha)
{
	struct db_rows rows;
	struct str job;
	const struct asking asking = { .user = caller_id(x),
				       .audit_id = audit_id(x),
				       .audit_who = audit_who(x),
				       .may_approve = caller_of(x)->standing.role >= ROLE_MAINTAINER };
	int r = deployment_wish(x->call, api_of(x)->db, preview_id(x), what, sha, &asking, &rows, &job);

	return r == OK ? answer_wish(x, &rows, job) : r;
}

int deployment_retry(struct exchange *x)
{
	return wish(x, WISH_RETRY, (struct str){ 0 });
}
int deployment_cancel(struct exchange *x)
{
	return wish(x, WISH_CANCEL, (struct str){ 0 });
}
int deployment_destroy(struct exchange *x)
{
	return wish(x, WISH_DESTROY, (struct str){ 0 });
}

int deployment_unfreeze_post(struct exchange *x)
{
	struct audit audit = audit_of(x);
	struct db_rows rows;
	struct str job;
	int r = deployment_unfreeze(x->call, api_of(x)->db, preview_id(x), &audit, &rows, &job);

	return r == OK ? answer_wish(x, &rows, job) : r;
}

/* Of one commit, which the body names: what was pushed while somebody looked is not approved with it. */
int deployment_approve(struct exchange *x)
{
	struct str sha = { 0 };
	struct input in;
	int r = input_open(x, &in);

	if (r != OK)
		return r;
	if (input_text(&in, "sha", INPUT_REQUIRED, 1, 64, &sha) && sha.n != 40 && sha.n != 64)
		input_fault(&in, "sha", "must be the whole id of the commit that may be deployed");
	r = input_close(&in);
	return r == OK ? wish(x, WISH_APPROVE, sha) : r;
}

int deployment_extend_post(struct exchange *x)
{
	struct audit audit = audit_of(x);
	struct db_rows rows;
	struct json_out out;
	struct input in;
	int64_t for_ms = 0;
	int r = input_open(x, &in);

	if (r != OK)
		return r;
	input_int(&in, "forMs", INPUT_REQUIRED, 60000, LONGEST_EXTENSION_MS, &for_ms);
	r = input_close(&in);
	if (r == OK)
		r = deployment_extend(x->call, api_of(x)->db, preview_id(x), for_ms, &audit, &rows);
	if (r != OK)
		return r;
	out = http_answer_json(x, 200);
	db_row_json(&rows, 0, &out);
	return OK;
}

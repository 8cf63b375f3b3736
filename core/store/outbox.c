/* Rows of the outbox. */
#include "store/outbox.h"

#define BATCH           500
#define DEAD_KEPT_DAYS  7
#define THREAD_MAX_DAYS 180 /* not heard of for so long: a later event begins a new message */

static struct push_list read_pushes(struct call *call, const struct db_rows *rows)
{
	struct job_push *items = arena_alloc(call->arena, (size_t)rows->n_rows * sizeof(*items) + 1);

	for (int i = 0; i < rows->n_rows; i++)
		items[i] = (struct job_push){ db_text(rows, i, "id"), db_text(rows, i, "queue") };
	return (struct push_list){ items, (size_t)rows->n_rows };
}

int outbox_schedule(struct call *call, struct db *db, struct push_list *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_NOTIFY_SCHEDULE, &rows, );

	if (r == OK)
		*ret = read_pushes(call, &rows);
	return r;
}

static struct outbox_target read_target(const struct db_rows *rows)
{
	return (struct outbox_target){
		.id = db_text(rows, 0, "notifier_id"),
		.notifier = db_text(rows, 0, "notifier"),
		.settings_json = db_text(rows, 0, "settings"),
		.secrets_json = db_text(rows, 0, "secrets"),
		.wrapped = db_text(rows, 0, "wrapped"),
		.settings_version = db_int(rows, 0, "settings_version"),
		.failures = db_int(rows, 0, "failures"),
		.project_id = db_text(rows, 0, "project_id"),
		.project = db_text(rows, 0, "project"),
		.repo = db_text(rows, 0, "repo"),
		.org = db_text(rows, 0, "org"),
	};
}

int outbox_take(struct call *call, struct db *db, const struct job *job, int64_t call_ms, struct outbox_row *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_NOTIFY_TAKE, &rows, A_STR(job->id), A_INT(job->fence), A_INT(call_ms));

	if (r != OK)
		return r;
	if (rows.n_rows == 0)
		return call_fail(call, E_NOT_FOUND, "nothing is due, or the job's lease was lost");
	*ret = (struct outbox_row){
		.target = read_target(&rows),
		.seq = db_int(&rows, 0, "seq"),
		.tries = db_int(&rows, 0, "tries"),
		.interrupted = db_int(&rows, 0, "interrupted"),
		.at_ms = db_time(&rows, 0, "created_at"),
		.id = db_text(&rows, 0, "id"),
		.kind = db_text(&rows, 0, "kind"),
		.thread_key = db_text(&rows, 0, "thread_key"),
		.facts_json = db_text(&rows, 0, "facts"),
		.receipt = db_text(&rows, 0, "receipt"),
	};
	return OK;
}

int outbox_sent(struct call *call, struct db *db, const struct outbox_row *row, struct str receipt)
{
	return db_query(call, db, Q_NOTIFY_SENT, NULL, A_INT(row->seq), A_STR_OR_NULL(receipt));
}

int outbox_failed(struct call *call, struct db *db, const struct outbox_row *row, const struct outbox_failure *f)
{
	return db_query(call, db, Q_NOTIFY_FAILED, NULL, A_INT(row->seq), A_INT(row->tries), A_BOOL(f->is_dead),
			A_INT(f->delay_ms), A_INT(f->pause_ms), A_TEXT(f->code), A_STR(f->why));
}

int outbox_put_back(struct call *call, struct db *db, const struct outbox_row *row)
{
	return db_query(call, db, Q_NOTIFY_PUT_BACK, NULL, A_INT(row->seq), A_INT(row->tries));
}

int outbox_skip(struct call *call, struct db *db, const struct outbox_row *row)
{
	return db_query(call, db, Q_NOTIFY_SKIP, NULL, A_INT(row->seq));
}

int outbox_expire(struct call *call, struct db *db, int64_t age_ms, struct db_rows *ret)
{
	return db_query(call, db, Q_NOTIFY_EXPIRE, ret, A_INT(age_ms), A_INT(BATCH));
}

int outbox_clean(struct call *call, struct db *db)
{
	int r = db_query(call, db, Q_NOTIFY_CLEAN_DEAD, NULL, A_INT(DEAD_KEPT_DAYS), A_INT(BATCH));

	if (r == OK)
		r = db_query(call, db, Q_NOTIFY_CLEAN_THREADS, NULL, A_INT(THREAD_MAX_DAYS), A_INT(BATCH));
	return r;
}

int outbox_defaults(struct call *call, struct db *db, const struct str *notifiers, size_t n)
{
	return db_query(call, db, Q_NOTIFY_DEFAULTS, NULL, A_TEXTS(notifiers, n));
}

int outbox_test_take(struct call *call, struct db *db, const struct job *job, struct outbox_target *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_NOTIFY_TEST_TAKE, &rows, A_STR(job->id), A_INT(job->fence));

	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_NOT_FOUND, "the notifier is gone, or the job's lease was lost");
	if (r == OK)
		*ret = read_target(&rows);
	return r;
}

int outbox_test_save(struct call *call, struct db *db, struct str notifier_id, const char *code, struct str why,
		     struct str result_json)
{
	return db_query(call, db, Q_NOTIFY_TEST_SAVE, NULL, A_STR(notifier_id), A_BOOL(code == NULL),
			code ? A_TEXT(code) : A_NULL, A_STR_OR_NULL(why), A_STR(result_json));
}

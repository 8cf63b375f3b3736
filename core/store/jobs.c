/* The queue's rows. */
#include "store/jobs.h"

#include "base/id.h"

static struct job_list read_jobs(struct call *call, const struct db_rows *rows)
{
	struct job *jobs = arena_alloc(call->arena, (size_t)rows->n_rows * sizeof(*jobs) + 1);

	for (int i = 0; i < rows->n_rows; i++)
		jobs[i] = (struct job){
			.id = db_text(rows, i, "id"),
			.kind = db_text(rows, i, "kind"),
			.key = db_text(rows, i, "key"),
			.fence = db_int(rows, i, "fence"),
			.attempts = db_int(rows, i, "attempts"),
			.crashes = db_int(rows, i, "crashes"),
		};
	return (struct job_list){ jobs, (size_t)rows->n_rows };
}

struct push_list push_list_read(struct call *call, const struct db_rows *rows)
{
	struct job_push *items = arena_alloc(call->arena, (size_t)rows->n_rows * sizeof(*items) + 1);

	for (int i = 0; i < rows->n_rows; i++)
		items[i] = (struct job_push){ db_text(rows, i, "id"), db_text(rows, i, "queue") };
	return (struct push_list){ items, (size_t)rows->n_rows };
}

struct push_list push_list_read_waiting(struct call *call, const struct db_rows *rows)
{
	struct job_push *items = arena_alloc(call->arena, (size_t)rows->n_rows * sizeof(*items) + 1);
	size_t n = 0;

	for (int i = 0; i < rows->n_rows; i++)
		if (str_eq(db_text(rows, i, "state"), STR("waiting")))
			items[n++] = (struct job_push){ db_text(rows, i, "id"), db_text(rows, i, "queue") };
	return (struct push_list){ items, n };
}

int jobs_claim(struct call *call, struct db *db, const struct str *ids, size_t n, struct str worker, int64_t lease_ms,
	       struct job_list *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_JOBS_CLAIM, &rows, A_TEXTS(ids, n), A_STR(worker), A_INT(lease_ms));

	if (r == OK)
		*ret = read_jobs(call, &rows);
	return r;
}

int jobs_claim_next(struct call *call, struct db *db, struct str queue, struct str worker, int64_t lease_ms,
		    int64_t most, struct job_list *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_JOBS_CLAIM_NEXT, &rows, A_STR(queue), A_STR(worker), A_INT(lease_ms), A_INT(most));

	if (r == OK)
		*ret = read_jobs(call, &rows);
	return r;
}

int jobs_done(struct call *call, struct db *db, const struct str *ids, const int64_t *fences, size_t n,
	      struct push_list *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_JOBS_DONE, &rows, A_TEXTS(ids, n), A_INTS(fences, n));

	if (r == OK)
		*ret = push_list_read(call, &rows);
	return r;
}

int jobs_delay(struct call *call, struct db *db, const struct job *job, int64_t delay_ms, struct str error,
	       bool *ret_waits)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_JOBS_DELAY, &rows, A_STR(job->id), A_INT(job->fence), A_INT(delay_ms),
			 A_STR_OR_NULL(error));

	if (r == OK)
		*ret_waits = rows.n_rows > 0 && str_eq(db_text(&rows, 0, "state"), STR("waiting"));
	return r;
}

int jobs_extend(struct call *call, struct db *db, const struct str *ids, const int64_t *fences, size_t n,
		int64_t lease_ms)
{
	return db_query(call, db, Q_JOBS_EXTEND, NULL, A_TEXTS(ids, n), A_INTS(fences, n), A_INT(lease_ms));
}

int jobs_release(struct call *call, struct db *db, struct str worker, struct push_list *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_JOBS_RELEASE, &rows, A_STR(worker));

	if (r == OK)
		*ret = push_list_read(call, &rows);
	return r;
}

int jobs_crashed(struct call *call, struct db *db, struct str job, struct str worker, struct str why, int64_t strikes,
		 struct push_list *ret, bool *ret_dead)
{
	char event[ID_MAX];
	struct db_rows rows;
	int r;

	id_new(event, "evt_");
	r = db_query(call, db, Q_JOBS_CRASHED, &rows, A_STR(job), A_STR(worker), A_STR(why), A_INT(strikes),
		     A_TEXT(event));

	if (r != OK)
		return r;
	*ret_dead = rows.n_rows > 0 && str_eq(db_text(&rows, 0, "state"), STR("dead"));
	*ret = *ret_dead ? (struct push_list){ 0 } : push_list_read(call, &rows);
	return OK;
}

int jobs_sweep(struct call *call, struct db *db, int64_t most_attempts, struct push_list *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_JOBS_SWEEP, &rows, A_INT(most_attempts));

	if (r == OK)
		*ret = push_list_read(call, &rows);
	return r;
}

int jobs_waiting_ids(struct call *call, struct db *db, struct str queue, int64_t most, struct push_list *ret)
{
	struct db_rows rows;
	struct job_push *items;
	int r = db_query(call, db, Q_JOBS_WAITING_IDS, &rows, A_STR(queue), A_INT(most));

	if (r != OK)
		return r;
	items = arena_alloc(call->arena, (size_t)rows.n_rows * sizeof(*items) + 1);
	for (int i = 0; i < rows.n_rows; i++)
		items[i] = (struct job_push){ db_text(&rows, i, "id"), queue };
	*ret = (struct push_list){ items, (size_t)rows.n_rows };
	return OK;
}

int jobs_heal(struct call *call, struct db *db, struct push_list *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_JOBS_HEAL, &rows, );

	if (r == OK)
		*ret = push_list_read(call, &rows);
	return r;
}

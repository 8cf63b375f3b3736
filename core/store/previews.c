/* Previews and their attempts, for the reconciler. */
#include "store/previews.h"

#include "base/id.h"

static void read_preview(const struct db_rows *rows, struct preview_row *p)
{
	struct str desired = db_text(rows, 0, "desired");

	p->id = db_text(rows, 0, "id");
	p->project_id = db_text(rows, 0, "project_id");
	p->project_name = db_text(rows, 0, "project_name");
	p->repo = db_text(rows, 0, "repo_full_name");
	p->provider = db_text(rows, 0, "provider");
	p->settings = db_text(rows, 0, "provider_settings");
	p->settings_version = db_int(rows, 0, "settings_version");
	p->title = db_text(rows, 0, "title");
	p->branch = db_text(rows, 0, "branch");
	p->sha = db_text(rows, 0, "sha");
	p->why = db_text(rows, 0, "desired_why");
	p->status = db_text(rows, 0, "status");
	p->detail = db_text(rows, 0, "detail");
	p->instance_id = db_text(rows, 0, "instance_id");
	p->pr_number = db_int(rows, 0, "pr_number");
	p->from_fork = db_bool(rows, 0, "from_fork");
	p->decoys = db_bool(rows, 0, "decoys");
	p->frozen_why = db_text(rows, 0, "frozen_why");
	p->created_at_ms = db_time(rows, 0, "created_at");
	p->model.desired = str_eq(desired, STR("deployed")) ? DESIRED_DEPLOYED
			   : str_eq(desired, STR("held"))   ? DESIRED_HELD
							    : DESIRED_DESTROYED;
	p->model.cancelled = str_eq(p->why, STR("CANCELLED"));
	p->model.generation = db_int(rows, 0, "generation");
	p->model.settled = db_int(rows, 0, "settled_generation") >= p->model.generation;
	p->model.frozen = db_bool(rows, 0, "frozen");
	p->model.held = str_eq(p->detail, STR(PREVIEW_FROZEN));
	p->model.now_ms = db_time(rows, 0, "now");
}

static void read_attempts(struct call *call, const struct db_rows *rows, struct preview_row *p)
{
	struct attempt_row *attempts = arena_alloc(call->arena, (size_t)rows->n_rows * sizeof(*attempts) + 1);
	struct attempt *model = arena_alloc(call->arena, (size_t)rows->n_rows * sizeof(*model) + 1);

	for (int i = 0; i < rows->n_rows; i++) {
		attempts[i] = (struct attempt_row){
			.id = db_text(rows, i, "id"),
			.sha = db_text(rows, i, "sha"),
			.branch = db_text(rows, i, "branch"),
			.provider = db_text(rows, i, "provider"),
			.provider_id = db_text(rows, i, "provider_id"),
			.url = db_text(rows, i, "url"),
			.log_cursor = db_text(rows, i, "log_cursor"),
			.error_reason = db_text(rows, i, "error_reason"),
			.log_bytes = db_int(rows, i, "log_bytes"),
			.created_at_ms = db_time(rows, i, "created_at"),
			.has_variables = db_bool(rows, i, "has_variables"),
			.has_decoy = db_bool(rows, i, "has_decoy"),
		};
		model[i] = (struct attempt){
			.generation = db_int(rows, i, "generation"),
			.cancelled = db_bool(rows, i, "cancelled"),
			.tries = db_int(rows, i, "tries"),
			.next_at_ms = db_time(rows, i, "next_at"),
			.deadline_ms = db_time(rows, i, "deadline_at"),
			.sent_at_ms = db_time(rows, i, "sent_at"),
		};
		attempt_state_read(db_text(rows, i, "state"), &model[i].state);
		build_status_read(db_text(rows, i, "status"), &model[i].status);
	}
	p->attempts = attempts;
	p->model.attempts = model;
	p->model.n_attempts = (unsigned)rows->n_rows;
}

int preview_load(struct call *call, struct db *db, const struct job *job, struct preview_row *ret)
{
	const struct db_arg fenced[] = { A_STR(job->id), A_INT(job->fence) };
	const struct db_arg only_job[] = { A_STR(job->id) };
	struct db_stmt stmts[] = {
		{ .query = Q_RECONCILE_PREVIEW, .args = fenced, .n_args = 2 },
		{ .query = Q_RECONCILE_ATTEMPTS, .args = only_job, .n_args = 1 },
	};
	struct preview_row p = { 0 };
	int r = db_batch(call, db, stmts, 2, true);

	if (r != OK)
		return r;
	if (stmts[0].rows.n_rows == 0)
		return call_fail(call, E_NOT_FOUND, "the job's lease was lost or its preview is gone");
	read_preview(&stmts[0].rows, &p);
	read_attempts(call, &stmts[1].rows, &p);
	*ret = p;
	return OK;
}

/* Rows that say how many were fenced and written: none fenced is a lost lease, none written another generation. */
static int check_written(struct call *call, int r, const struct db_rows *rows)
{
	if (r != OK)
		return r;
	if (db_int(rows, 0, "fenced") == 0)
		return call_fail(call, E_CONFLICT, "the job's lease was lost");
	if (db_int(rows, 0, "written") == 0)
		return call_fail(call, E_CONFLICT, "something else is wanted by now");
	return OK;
}

int attempt_insert(struct call *call, struct db *db, const struct job *job, int64_t generation, struct str attempt_id,
		   struct str provider, int64_t deadline_ms, int64_t account_builds, bool *ret_waits)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_ATTEMPT_INSERT, &rows, A_STR(job->id), A_INT(job->fence), A_STR(attempt_id),
			 A_INT(generation), A_STR(provider), A_STR(id_text(call->arena, "evt_")), A_INT(deadline_ms),
			 A_INT(account_builds));

	r = check_written(call, r, &rows);
	if (r == OK)
		*ret_waits = db_bool(&rows, 0, "waits");
	return r;
}

int attempt_sent(struct call *call, struct db *db, const struct job *job, struct str attempt_id, int64_t call_ms,
		 const struct deploy_variables *variables, struct str decoy_hash)
{
	struct str *ids = arena_alloc(call->arena, (variables->n + 1) * sizeof(*ids));
	struct str *fingerprints = arena_alloc(call->arena, (variables->n + 1) * sizeof(*fingerprints));
	int64_t *versions = arena_alloc(call->arena, (variables->n + 1) * sizeof(*versions));
	struct db_rows rows;
	int r;

	for (size_t i = 0; i < variables->n; i++) {
		ids[i] = variables->items[i].id;
		versions[i] = variables->items[i].version;
		fingerprints[i] = variables->items[i].fingerprint;
	}
	r = db_query(call, db, Q_ATTEMPT_SENT, &rows, A_STR(job->id), A_INT(job->fence), A_STR(attempt_id),
		     A_INT(call_ms), A_TEXTS(ids, variables->n), A_INTS(versions, variables->n),
		     A_TEXTS(fingerprints, variables->n), decoy_hash.n ? A_BYTES(decoy_hash) : A_NULL);
	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_CONFLICT,
			      "it is not sent: the job's lease was lost or ends too soon, or a variable was changed");
	return r;
}

static struct db_arg text_or_null(const char *text)
{
	return text ? A_TEXT(text) : A_NULL;
}

int attempt_write(struct call *call, struct db *db, const struct job *job, const struct attempt_change *c)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_ATTEMPT_WRITE, &rows, A_STR(job->id), A_INT(job->fence), A_STR(c->attempt_id),
			 text_or_null(c->state), text_or_null(c->status), A_STR_OR_NULL(c->provider_id),
			 A_STR_OR_NULL(c->url), A_STR_OR_NULL(c->inspector_url), A_STR_OR_NULL(c->error_reason),
			 A_STR_OR_NULL(c->message), c->tries < 0 ? A_NULL : A_INT(c->tries),
			 c->cancelled < 0 ? A_NULL : A_BOOL(c->cancelled), A_INT(c->next_ms),
			 c->deadline_ms < 0 ? A_NULL : A_INT(c->deadline_ms), A_INT(c->generation),
			 text_or_null(c->preview_status), text_or_null(c->preview_detail), A_BOOL(c->settled),
			 c->stage ? A_STR(id_text(call->arena, "evt_")) : A_NULL, text_or_null(c->stage),
			 A_STR(c->event), A_STR_OR_NULL(c->probe_headers), A_STR(c->probe_key_id));

	return check_written(call, r, &rows);
}

int preview_settle(struct call *call, struct db *db, const struct job *job, const struct preview_end *end)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_PREVIEW_SETTLE, &rows, A_STR(job->id), A_INT(job->fence), A_INT(end->generation),
			 text_or_null(end->status), text_or_null(end->detail), text_or_null(end->reason),
			 A_STR_OR_NULL(end->message), end->status ? A_STR(id_text(call->arena, "evt_")) : A_NULL,
			 text_or_null(end->status), A_STR_OR_NULL(end->url));

	return check_written(call, r, &rows);
}

int preview_hold(struct call *call, struct db *db, const struct job *job, int64_t generation, const char *detail,
		 struct str message)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_PREVIEW_HOLD, &rows, A_STR(job->id), A_INT(job->fence), A_INT(generation),
			 A_TEXT(detail), A_STR(message));

	return check_written(call, r, &rows);
}

int build_log_add(struct call *call, struct db *db, const struct job *job, struct str attempt_id, struct str text,
		  int64_t bytes, struct str cursor)
{
	return db_query(call, db, Q_BUILD_LOG_ADD, NULL, A_STR(job->id), A_INT(job->fence), A_STR(attempt_id),
			A_STR(text), A_STR(cursor), A_INT(bytes));
}

int reap_targets(struct call *call, struct db *db, struct reap_targets *ret, struct str *ret_instance_id)
{
	struct db_rows rows;
	struct reap_target *items;
	int r = db_query(call, db, Q_REAP_PROJECTS, &rows, );

	if (r != OK)
		return r;
	items = arena_alloc(call->arena, (size_t)rows.n_rows * sizeof(*items) + 1);
	for (int i = 0; i < rows.n_rows; i++)
		items[i] = (struct reap_target){ db_text(&rows, i, "id"), db_text(&rows, i, "provider"),
						 db_text(&rows, i, "provider_settings"),
						 db_int(&rows, i, "settings_version") };
	*ret = (struct reap_targets){ items, (size_t)rows.n_rows };
	*ret_instance_id = rows.n_rows ? db_text(&rows, 0, "instance_id") : (struct str){ 0 };
	return OK;
}

int reap_known(struct call *call, struct db *db, const struct str *attempt_ids, size_t n,
	       const struct known_attempt **ret, size_t *ret_n)
{
	struct db_rows rows;
	struct known_attempt *items;
	int r = db_query(call, db, Q_REAP_KNOWN, &rows, A_TEXTS(attempt_ids, n));

	if (r != OK)
		return r;
	items = arena_alloc(call->arena, (size_t)rows.n_rows * sizeof(*items) + 1);
	for (int i = 0; i < rows.n_rows; i++)
		items[i] = (struct known_attempt){ db_text(&rows, i, "id"), db_text(&rows, i, "provider_id"),
						   db_text(&rows, i, "state"), db_text(&rows, i, "project_id") };
	*ret = items;
	*ret_n = (size_t)rows.n_rows;
	return OK;
}

int reap_revive(struct call *call, struct db *db, struct str attempt_id, struct str provider_id, struct push_list *ret)
{
	char job[ID_MAX];
	struct job_push *item;
	struct db_rows rows;
	int r;

	id_new(job, "job_");
	r = db_query(call, db, Q_REAP_REVIVE, &rows, A_STR(attempt_id), A_STR(provider_id), A_TEXT(job));
	if (r != OK)
		return r;
	*ret = (struct push_list){ 0 };
	if (rows.n_rows > 0 && str_eq(db_text(&rows, 0, "state"), STR("waiting"))) {
		item = arena_alloc(call->arena, sizeof(*item));
		*item = (struct job_push){ db_text(&rows, 0, "id"), db_text(&rows, 0, "queue") };
		*ret = (struct push_list){ item, 1 };
	}
	return OK;
}

/* Probes that somebody waits for. */
#include "store/health_runs.h"

#include "base/id.h"

int health_run_ask(struct call *call, struct db *db, struct str check_id, struct str asked_by, struct str *ret_run,
		   int64_t *ret_timeout_ms)
{
	struct str run = id_text(call->arena, "run_");
	struct db_rows rows;
	int r = db_query(call, db, Q_HEALTH_RUN_ASK, &rows, A_STR(run), A_STR(check_id), A_STR(asked_by));

	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_NOT_FOUND, "the health check %.*s is gone", STR_FMT(check_id));
	if (r != OK)
		return r;
	*ret_run = run;
	*ret_timeout_ms = db_int(&rows, 0, "timeout_ms");
	return OK;
}

int health_run_look(struct call *call, struct db *db, struct str run, struct health_run *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_HEALTH_RUN_LOOK, &rows, A_STR(run));

	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_NOT_FOUND, "the health check was deleted while it was probed");
	if (r != OK)
		return r;
	*ret = (struct health_run){ .result = db_text(&rows, 0, "result"), .taken = db_bool(&rows, 0, "taken") };
	return OK;
}

/* A health check probed now, for somebody who waits. Workers alone probe: this asks and waits for what one writes.
 *
 * Easy to break: the wait ends before the request's own time does, so that the caller is told what goes on. */
#include "store/health_runs.h"

#include "api/api.h"

#define FIRST_PAUSE_MS 50
#define MOST_PAUSE_MS  250
#define PATIENCE_MS    10000 /* over the check's own time-out: to be claimed, asked whether we are online, written */
#define RESERVE_MS     1000
#define RETRY_AFTER_MS 5000

static int await_result(struct exchange *x, struct str run, int64_t left_ms, struct health_run *ret)
{
	int64_t pause = FIRST_PAUSE_MS;
	int r = OK;

	while (r == OK && !ret->result.n && left_ms > 0) {
		r = fiber_sleep(x->call, pause);
		left_ms -= pause;
		pause = pause * 2 < MOST_PAUSE_MS ? pause * 2 : MOST_PAUSE_MS;
		if (r == OK)
			r = health_run_look(x->call, api_of(x)->db, run, ret);
	}
	return r;
}

static int nobody_answered(struct exchange *x, const struct health_run *run)
{
	int r = run->taken
			? call_fail(
				  x->call, E_UPSTREAM,
				  "a worker probes this health check, and its result was not stored in time: read the "
				  "check's samples in a minute; when none is there, look whether PostgreSQL is well")
			: call_fail(x->call, E_UPSTREAM,
				    "no worker probed this health check in time: look whether one runs, with PROBES=1, "
				    "and "
				    "whether PROBES_AT_ONCE is too low for the checks there are");

	x->call->retry_after_ms = RETRY_AFTER_MS;
	return r;
}

int health_check_run(struct exchange *x)
{
	struct health_run result = { 0 };
	struct json_out out;
	struct str run;
	int64_t timeout_ms = 0, left_ms;
	int r = health_run_ask(x->call, api_of(x)->db, check_id_of(x), caller_id(x), &run, &timeout_ms);

	if (r != OK)
		return r;
	left_ms = call_left_ms(x->call) - RESERVE_MS;
	if (left_ms > timeout_ms + PATIENCE_MS)
		left_ms = timeout_ms + PATIENCE_MS;
	r = await_result(x, run, left_ms, &result);
	if (r != OK)
		return r;
	if (!result.result.n)
		return nobody_answered(x, &result);
	out = http_answer_json(x, 200);
	json_add_raw(&out, result.result);
	return OK;
}

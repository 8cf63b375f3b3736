/* Would a deployment work? A worker asks the provider, since plugins run there alone; this waits for what it writes.
 *
 * Easy to break: the wait ends before the request's own time does, so that the caller is told what goes on. */
#include "store/provider_checks.h"

#include "api/api.h"
#include "kv/waiting.h"

#define FIRST_LOOK_MS 20
#define MOST_PAUSE_MS 500
#define PATIENCE_MS   45000
#define RESERVE_MS    1000

int provider_verify_post(struct exchange *x)
{
	struct api *api = api_of(x);
	struct audit audit = audit_of(x);
	int64_t asked = 0, pause = FIRST_LOOK_MS, left = call_left_ms(x->call) - RESERVE_MS;
	struct json_out out;
	struct str job, report;
	int r = provider_check_ask(x->call, api->db, x->params[0], &audit, &asked, &job);

	if (r != OK)
		return r;
	if (job.n)
		waiting_push(api->kv, STR("preview-queue"), &job, 1);
	if (left > PATIENCE_MS)
		left = PATIENCE_MS;
	for (r = E_NOT_FOUND; r == E_NOT_FOUND && left > 0; left -= pause) {
		pause = pause * 2 < MOST_PAUSE_MS ? pause * 2 : MOST_PAUSE_MS;
		r = fiber_sleep(x->call, pause);
		if (r == OK)
			r = provider_check_report(x->call, api->db, x->params[0], asked, &report);
	}
	if (r == E_NOT_FOUND)
		return call_fail(
			x->call, E_TIMEOUT,
			"the provider was not heard of in time: ask again in a minute; when that stays so, look "
			"whether a worker runs");
	if (r != OK)
		return r;
	out = http_answer_json(x, 200);
	json_add_raw(&out, report);
	return OK;
}

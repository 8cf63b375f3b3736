/* Probes that somebody waits for: the API asks and looks, a worker that claims the check answers. */
#ifndef STORE_HEALTH_RUNS_H
#define STORE_HEALTH_RUNS_H

#include "db/db.h"

#define HEALTH_RUNS_CHANNEL "health_runs" /* workers that listen need not wait for their next look */

/* *ret_run: its id. *ret_timeout_ms: of the check. E_NOT_FOUND: the check is gone. */
AWAITS int health_run_ask(struct call *call, struct db *db, struct str check_id, struct str asked_by,
			  struct str *ret_run, int64_t *ret_timeout_ms);
struct health_run {
	struct str result; /* JSON; empty = it goes on */
	bool taken;        /* a worker is at it */
};
/* E_NOT_FOUND: it is gone, with its check. */
AWAITS int health_run_look(struct call *call, struct db *db, struct str run, struct health_run *ret);

#endif

/* What the api and the worker process have in common: loop, heart, name at the database, the way out on SIGTERM. */
#ifndef DAEMON_PROCESS_H
#define DAEMON_PROCESS_H

#include "daemon/child.h"
#include "db/db.h"

struct process {
	const struct config *config;
	struct loop *loop;
	struct heart *heart;
	char application[64]; /* "opshub-api/0": application_name */
	int exit_status;
	/* inside */
	void (*on_stop)(void *arg);
	void *arg;
	bool stopping;
	uv_signal_t term, interrupt;
	uv_timer_t grace;
};

/* on_stop(arg) is called on the first SIGTERM or SIGINT: it begins the drain and ends with loop_stop, which is called
 * for it SHUTDOWN_GRACE_MS later. max_fibers as in loop_new. */
void process_init(struct process *p, const struct config *config, const struct child_options *options,
		  unsigned max_fibers, void (*on_stop)(void *arg), void *arg);
/* Waits for the database however long it takes. False: the process is to end, cancelled or because the schema is not
 * this version's, which waiting would not help; then its loop has been stopped. */
AWAITS bool process_await_db(struct call *call, struct process *p, struct db *db);
/* Behind process_await_db: do the master keys fit the database? False: the process is to end with CONFIG_EXIT, and its
 * loop has been stopped. */
AWAITS bool process_check_keys(struct call *call, struct process *p, struct db *db, const struct key_ring *keys);
/* Cancels every fiber and turns the loop until none is left. */
void process_run_out(struct process *p);
/* Turns the loop until no fiber is left. */
void process_finish_fibers(struct process *p);
void process_done(struct process *p); /* no fiber may be left, and nothing else on the loop */

#endif

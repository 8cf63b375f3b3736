/* The supervisor: the first process. It has no database, no plugin and no event loop, so there is little in it to fail.
 *
 * It starts the api and worker processes (and the mock provider when that is asked for), starts again what dies with a
 * growing delay, replaces a child that hangs, passes SIGTERM on and waits for the drain, replaces the workers one by
 * one on SIGHUP, reaps every orphan when it is PID 1, and tells systemd. */
#ifndef DAEMON_SUPERVISOR_H
#define DAEMON_SUPERVISOR_H

#include "daemon/config.h"

struct supervisor_options {
	const char *config_file; /* as given, for the children and for SIGHUP; NULL = default */
	bool run_api, run_worker;
};

int supervise(const struct config *config, const struct supervisor_options *options); /* the exit status */

#endif

/* Between the supervisor and its children: how they are started, and what they say.
 *
 *   supervisor --posix_spawn--> opshubd --child=worker --index=0 --id=w-... [--predecessor=w-...] [--crash=...]
 *   fd 3: the child writes READY once and ALIVE every second; it hangs up when it dies
 *   fd 4: the listening socket (api)
 *   fd 5: a struct crash_record when a plugin takes the child down (worker)
 * A child dies with its supervisor: the kernel sends it SIGTERM, and it drains. */
#ifndef DAEMON_CHILD_H
#define DAEMON_CHILD_H

#include "daemon/config.h"

#define CHILD_STATUS_FD 3
#define CHILD_LISTEN_FD 4
#define CHILD_CRASH_FD  5
#define CHILD_READY     'R'
#define CHILD_ALIVE     'A'
#define CHILD_ID_MAX    64

/* What a child is told on its command line. */
struct child_options {
	const char *kind;        /* "api", "worker" */
	int index;               /* among its kind: for application_name and logs */
	const char *id;          /* of this process: holds its leases */
	const char *predecessor; /* whose leases go back at once; NULL = none */
	/* what the predecessor was doing when a plugin crashed; job NULL = it did not */
	const char *crash_job, *crash_why;
};

/* The process of each kind; they return its exit status. */
int run_api(const struct config *config, const struct child_options *options);
int run_worker(const struct config *config, const struct child_options *options);

/* ---- for both ---- */
struct loop;
struct heart;
/* Ties the process to its supervisor and starts the heartbeat. Without one (status fd not open) it does nothing. */
struct heart *heart_start(struct loop *loop);
void heart_ready(struct heart *heart);
struct heart *heart_stop(struct heart *heart);

#endif

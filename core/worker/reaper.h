/* The reaper: compares what providers list of ours with what we know, every few minutes.
 *
 *   listed, known as gone                   -> its preview's reconciler destroys it
 *   listed, known under another id          -> a second deployment of one attempt: destroyed, the adopted one stays
 *   listed, unknown, made by this installation, older than an hour -> an orphan (a restored backup, say): only
 *                                              destroyed when the operator said so, else named in the log
 *
 * Nothing is ever done because something is *not* listed. An account is asked by one worker in each interval, which
 * holds a lease on it. */
#ifndef WORKER_REAPER_H
#define WORKER_REAPER_H

#include "worker/reconcile.h"

struct reaper {
	struct reconciler *rec;
	struct str worker; /* id of this worker: holds the leases */
	int64_t every_ms;
	bool destroy_orphans;
	int64_t orphan_age_ms;
};

void reaper_start(struct loop *loop, struct reaper *reaper);
/* Gives back what a worker that has ended was at. */
AWAITS int reaper_release(struct call *call, struct db *db, struct str worker);

#endif

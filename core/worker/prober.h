/* The prober: asks the targets of health checks whether they are well, thousands a second, each exactly at its slot.
 *
 *   every 300 ms   claim what is due within the next 1.2 s           SKIP LOCKED: any number of workers share the
 * checks
 *                  -> due_at = end of the lease, fence + 1           prober_claim.c
 *   at its slot    the probe starts; its end is a callback           prober_start.c, core/probe
 *                  failed for the network's reasons: are we online?  prober_sentinels.c
 *   every 100 ms   what ended is judged, with its parents' state,    prober_write.c, prober_judge.c
 *                  and written in one statement
 *                  -> sample, state, sums, next due_at               guarded by worker and fence
 *   every 5 s      leases of what goes on are renewed
 *
 * A claim is like a message of a queue that is invisible for a while: whoever dies over it leaves it due, in the same
 * slot. A result is written by who holds the claim still, or by nobody, so a slot has one sample. Slots that nobody
 * could see to are not made up for: the next one is always the first that lies ahead.
 *
 * Times of the database's clock decide; this process's own clock says only how much later it is than its last claim.
 * Easy to break: everything the judgement needs was read with the claim, and whatever else changes those columns of
 * health_states while a claim holds would be lost. */
#ifndef WORKER_PROBER_H
#define WORKER_PROBER_H

#include "probe/probe.h"
#include "worker/providers.h"

struct prober;

struct prober_options {
	struct loop *loop;
	struct db *db;
	const struct key_ring *keys;       /* the master keys: open secret headers */
	const struct providers *providers; /* whose previews may have private addresses */
	const struct probe_rules *rules;   /* where probes may go */
	struct str worker;                 /* id of this worker: holds the claims */
	unsigned at_once;                  /* probes claimed or under way */
	/* Addresses that are known to be well, comma-separated: when none of them answers it is us who are offline.
	 * "none" = nobody is asked. */
	struct str sentinels;
};

/* Starts probing at once. The options' pointers must live as long as the prober. */
struct prober *prober_open(const struct prober_options *options);
void prober_wake(void *prober);                /* somebody wants a probe now; on the loop's stack. Accepts NULL */
void prober_drain(struct prober *prober);      /* claims nothing more, starts nothing more. Accepts NULL */
unsigned prober_active(struct prober *prober); /* results that are still worth waiting for; 0 for NULL */
/* Gives back what was claimed and has no result. Accepts NULL. */
AWAITS void prober_release(struct call *call, struct prober *prober);
struct prober *prober_close(struct prober *prober); /* its fibers must have ended; accepts NULL */
/* A worker has ended: its claims are due again at once. */
AWAITS void prober_take_over(struct call *call, struct db *db, struct str predecessor);

#endif

/* The reconciler: brings the provider to what is wanted of one preview, one step at a time, and reads what is wanted
 * again after each. What the next step is decides model/preview.h; here each step calls the provider and writes down
 * what came of it.
 *
 * A create survives the death of the worker between the provider's answer and our commit:
 *   attempt INTENT (commit) -> SENT (commit, only with enough lease left) -> provider's create -> CREATED (commit)
 * whoever finds an attempt SENT looks it up by its id, and sends it again only when it cannot have arrived. */
#ifndef WORKER_RECONCILE_H
#define WORKER_RECONCILE_H

#include "store/previews.h"
#include "worker/providers.h"
#include "worker/queue.h"

struct reconciler {
	struct db *db;
	struct queue *queue;
	const struct providers *providers;
	int64_t lease_ms;
	int64_t call_ms;        /* longest provider call; less than half a lease */
	int64_t settle_ms;      /* after that an attempt the provider does not know was never received */
	int64_t build_ms;       /* deadline of a build */
	struct str public_url;  /* of this installation: where decoys lead */
	int64_t account_builds; /* most of one provider account at once; 0 = no limit */
};

AWAITS struct outcome reconcile(struct call *call, void *reconciler, const struct job *job);

#endif

/* Group commit for webhooks: those that arrive while a batch is being written gather and are written together, with one
 * round trip for their projects' rules and one commit. Each is answered after that commit.
 *
 * A handler submits its delivery and waits; one of the batching fibers takes what has gathered. Easy to break: a batch
 * reads deliveries in their handlers' arenas, so a handler cannot leave while it waits. The batch's own deadline ends
 * that. */
#ifndef API_INGEST_H
#define API_INGEST_H

#include "kv/kv.h"
#include "store/deliveries.h"

struct ingest *ingest_open(struct loop *loop, struct db *db, struct kv *kv);
struct ingest *ingest_close(struct ingest *ingest); /* its fibers have ended; accepts NULL, returns NULL */

/* Decides by the projects' rules (when delivery->pr is set and outcome is empty), stores, enqueues. What comes back is
 * in the delivery's out fields, in the caller's arena. */
AWAITS int ingest_delivery(struct call *call, struct ingest *ingest, struct delivery *delivery);

#endif

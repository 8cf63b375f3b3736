/* Makes notifications of alerts that have waited for others of their cause. Every worker looks once a second; one at a
 * time does it, in one statement: what is told and that it was told are one commit, so that nothing is told twice or
 * forgotten whoever dies when. What a text says is model/event.h's; who is told, notify.h's. */
#ifndef WORKER_ANNOUNCE_H
#define WORKER_ANNOUNCE_H

#include "worker/queue.h"

struct announcer {
	struct db *db;
	const struct queue *queue; /* nothing is begun while it drains */
	int64_t every_ms;
	int64_t group_ms; /* how long an alert waits */
};

void announce_start(struct loop *loop, struct announcer *announcer); /* which must live as long as the loop */

#endif

/* Brings deletions of projects and organizations to their end: each worker looks every few seconds, and whatever one of
 * them left half done the next one finds in the rows. */
#ifndef WORKER_DELETION_H
#define WORKER_DELETION_H

#include "worker/queue.h"

struct deletion {
	struct db *db;
	struct queue *queue;
	int64_t every_ms;
};

void deletion_start(struct loop *loop, struct deletion *deletion); /* which must live as long as the loop */

#endif

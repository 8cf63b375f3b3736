/* Wakes previews that waited for room as soon as there is some, and takes down those whose time is over. Every worker
 * does both: rows that another one holds are skipped, and a job that is woken twice runs once. */
#ifndef WORKER_LINE_H
#define WORKER_LINE_H

#include "worker/queue.h"

struct line {
	struct db *db;
	struct queue *queue;
	int64_t wake_ms, expire_ms; /* how often */
	int64_t account_builds;     /* most of one provider account at once; 0 = no limit */
};

void line_start(struct loop *loop, struct line *line); /* which must live as long as the loop */

#endif

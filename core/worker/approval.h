/* The job of an approval from GitHub: asks GitHub whether who asks may push to the repository, and either deploys the
 * held commit or says at the preview why not. Easy to break: nothing that the event itself says of somebody is enough,
 * because an association ("MEMBER") may read only, and labels can be set by who may not push. */
#ifndef WORKER_APPROVAL_H
#define WORKER_APPROVAL_H

#include "github/github.h"
#include "worker/queue.h"

struct approver {
	struct db *db;
	struct queue *queue;
	struct github *github; /* not configured: nobody can be asked about, and everybody is refused */
};

AWAITS struct outcome approve(struct call *call, void *approver, const struct job *job);

#endif

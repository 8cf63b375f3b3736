/* Rotations: gives variables new values, each by the steps of model/rotation.h, in the job "rotate" of its own.
 *
 *   scheduler (each worker): a policy that is due is claimed -> rows of `rotations` and jobs, in one commit
 *   job: read what is known -> one step -> written down with the job's fence -> the next
 *
 * A value is sealed and written as PENDING before anything is done with it, so a worker that dies at any point leaves a
 * state from which another goes on with the same value. Easy to break: nothing here may touch the ACTIVE version but
 * rotation_promote(), and no value may reach a log line, an argument or a reason. */
#ifndef WORKER_ROTATE_H
#define WORKER_ROTATE_H

#include "net/net.h"
#include "worker/providers.h"
#include "worker/queue.h"

enum page_check {
	PAGE_OFF,   /* a deployment that is READY is good */
	PAGE_ON,    /* its page answers with 200 to 399 */
	PAGE_LOGIN, /* or with 401 or 403: previews are behind a login */
};

struct rotator {
	struct db *db;
	struct net *net;
	const struct providers *providers; /* keys, and who may reach private addresses */
	struct queue *queue;               /* preview-queue */
	struct str worker;                 /* id of this worker: holds the leases of policies */
	const char *program;               /* verifies a value; "" = none */
	enum page_check page_check;
	int64_t program_ms; /* longest run of it */
	int64_t trial_ms;   /* a preview that is tried must be READY, and a program must have decided */
	int64_t evaluate_ms, sweep_ms;
	int64_t most_values, retry_ms; /* so many are tried in a period; pause before the second, then doubling */
};

/* Handler of jobs "rotate" (key: a rotation's id). */
AWAITS struct outcome rotate_run(struct call *call, void *rotator, const struct job *job);
/* The scheduler; the rotator must live as long as the loop. */
void rotate_start(struct loop *loop, struct rotator *rotator);
/* False when the word is none: off, on, login. */
bool page_check_read(struct str word, enum page_check *ret);

#endif

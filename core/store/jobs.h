/* The queue's rows. The protocol is explained in core/worker/queue.h; here is what it says to PostgreSQL. */
#ifndef STORE_JOBS_H
#define STORE_JOBS_H

#include "db/db.h"

struct job {
	struct str id;
	struct str kind; /* "reconcile", "verify", "noop" */
	struct str key;  /* what it is about: a preview's id, a project's */
	int64_t fence;   /* of this claim */
	int64_t attempts, crashes;
};

struct job_list {
	const struct job *jobs;
	size_t n;
};

/* Jobs that wait and should stand in their Redis list. */
struct job_push {
	struct str id, queue;
};
struct push_list {
	const struct job_push *items;
	size_t n;
};
/* From rows with the columns id and queue; those whose column state says that they wait. */
struct push_list push_list_read(struct call *call, const struct db_rows *rows);
struct push_list push_list_read_waiting(struct call *call, const struct db_rows *rows);

AWAITS int jobs_claim(struct call *call, struct db *db, const struct str *ids, size_t n, struct str worker,
		      int64_t lease_ms, struct job_list *ret);
AWAITS int jobs_claim_next(struct call *call, struct db *db, struct str queue, struct str worker, int64_t lease_ms,
			   int64_t most, struct job_list *ret);
/* Finished; what was asked for again meanwhile comes back in ret. */
AWAITS int jobs_done(struct call *call, struct db *db, const struct str *ids, const int64_t *fences, size_t n,
		     struct push_list *ret);
/* Not before delay_ms from now. *ret_waits: it was asked for again and waits already. */
AWAITS int jobs_delay(struct call *call, struct db *db, const struct job *job, int64_t delay_ms, struct str error,
		      bool *ret_waits);
AWAITS int jobs_extend(struct call *call, struct db *db, const struct str *ids, const int64_t *fences, size_t n,
		       int64_t lease_ms);
AWAITS int jobs_release(struct call *call, struct db *db, struct str worker, struct push_list *ret);
/* A strike for the job that `worker` was running when a plugin took it down. *ret_dead: that was the last one. */
AWAITS int jobs_crashed(struct call *call, struct db *db, struct str job, struct str worker, struct str why,
			int64_t strikes, struct push_list *ret, bool *ret_dead);
AWAITS int jobs_sweep(struct call *call, struct db *db, int64_t most_attempts, struct push_list *ret);
AWAITS int jobs_waiting_ids(struct call *call, struct db *db, struct str queue, int64_t most, struct push_list *ret);
AWAITS int jobs_heal(struct call *call, struct db *db, struct push_list *ret);

#endif

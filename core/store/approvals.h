/* Requests from GitHub to deploy a fork, while their jobs find out whether those who ask may. */
#ifndef STORE_APPROVALS_H
#define STORE_APPROVALS_H

#include "db/db.h"
#include "model/approval.h"

/* *ret_job: the job that waits now; empty when no project listens to it, or when it was asked before. */
AWAITS int approval_ask(struct call *call, struct db *db, struct str delivery_id,
			const struct approval_request *request, struct str *ret_job);

struct approval_target {
	struct str preview, stands; /* the commit that is held */
	int64_t stood_ms;           /* when it was asked; -1 = not known */
};
struct approval_row {
	struct str repo, sha, way, login, association;
	int64_t age_ms; /* since it was asked */
	const struct approval_target *targets;
	size_t n_targets;
};
/* E_NOT_FOUND when it is done already. */
AWAITS int approval_load(struct call *call, struct db *db, struct str id, struct approval_row *ret);

AWAITS int approval_refuse(struct call *call, struct db *db, struct str preview, struct str why);
AWAITS int approval_granted(struct call *call, struct db *db, struct str preview, struct str text); /* an event only */
AWAITS int approval_done(struct call *call, struct db *db, struct str id);

#endif

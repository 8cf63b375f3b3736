/* Previews as the API shows them. */
#include "store/deployments.h"

#include "base/id.h"

#define NEWEST STR("~") /* behind every id */

int deployments_list(struct call *call, struct db *db, struct str project_id, const struct deployments_page *page,
		     struct db_rows *ret)
{
	bool first = page->before.n == 0;
	struct db_arg before_id = A_STR(first ? NEWEST : page->before);
	struct db_arg before_time = first ? A_TEXT("infinity") : A_TIME(id_time_ms(page->before));

	if (page->pr_number)
		return db_query(call, db, Q_DEPLOYMENTS_OF_PR, ret, A_STR(project_id), A_INT(page->pr_number));
	if (page->status.n)
		return db_query(call, db, Q_DEPLOYMENTS_OF_STATUS, ret, A_STR(project_id), before_id, before_time,
				A_INT(page->limit), A_STR(page->status));
	return db_query(call, db, Q_DEPLOYMENTS_LIST, ret, A_STR(project_id), before_id, before_time,
			A_INT(page->limit));
}

int deployment_get(struct call *call, struct db *db, struct str id, struct db_rows *ret)
{
	return db_query(call, db, Q_DEPLOYMENT_GET, ret, A_STR(id));
}

int deployment_logs(struct call *call, struct db *db, struct str id, struct str attempt_id, int64_t after,
		    int64_t limit, struct db_rows *ret)
{
	return db_query(call, db, Q_DEPLOYMENT_LOGS, ret, A_STR(id), A_STR_OR_NULL(attempt_id), A_INT(after),
			A_INT(limit));
}

int deployment_events(struct call *call, struct db *db, struct str id, struct str before, int64_t limit,
		      struct db_rows *ret)
{
	return db_query(call, db, Q_DEPLOYMENT_EVENTS, ret, A_STR(id), A_STR(before.n ? before : NEWEST), A_INT(limit));
}

/* What each wish means, and in which states it makes sense. */
static const struct {
	const char *action, *desired, *why, *detail, *refusal;
	struct str statuses[5];
	size_t n_statuses;
	bool needs_open;
} wishes[] = {
	[WISH_RETRY] = { "deployment.retry",
			 "deployed",
			 "RETRY",
			 "WAITING",
			 "only a deployment that is READY, in ERROR or DESTROYED, of an open pull request, can be "
			 "retried; one from a fork only by a MAINTAINER",
			 { STR("READY"), STR("ERROR"), STR("DESTROYED") },
			 3,
			 true },
	[WISH_CANCEL] = { "deployment.cancel",
			  "held",
			  "CANCELLED",
			  "CANCELLING",
			  "only a deployment that is QUEUED or BUILDING can be cancelled",
			  { STR("QUEUED"), STR("BUILDING") },
			  2,
			  false },
	[WISH_DESTROY] = { "deployment.destroy",
			   "destroyed",
			   "ASKED",
			   "DESTROYING",
			   "this deployment is destroyed, or being destroyed, already",
			   { STR("QUEUED"), STR("BUILDING"), STR("READY"), STR("ERROR") },
			   4,
			   false },
	[WISH_APPROVE] = { "deployment.approve",
			   "deployed",
			   "APPROVED",
			   "WAITING",
			   "only a deployment from a fork that waits for approval can be approved",
			   { STR("QUEUED") },
			   1,
			   true },
};

static int refuse(struct call *call, struct db *db, struct str id, enum wish wish)
{
	struct db_rows rows;
	int r = wish == WISH_RETRY || wish == WISH_APPROVE ? db_query(call, db, Q_LOCKDOWN_OF_PREVIEW, &rows, A_STR(id))
							   : E_UNSUPPORTED;

	if (r == OK && rows.n_rows > 0 && db_bool(&rows, 0, "locked"))
		return call_fail(call, E_CONFLICT,
				 "the organization is locked down: nothing is deployed until an owner unlocks it");
	if (r == OK && rows.n_rows > 0 && db_bool(&rows, 0, "frozen"))
		return call_fail(call, E_CONFLICT,
				 "a decoy of this deployment was used: nothing of it is deployed until a MAINTAINER "
				 "unfreezes it");
	if (wish == WISH_APPROVE && db_query(call, db, Q_DEPLOYMENT_HELD, &rows, A_STR(id)) == OK && rows.n_rows > 0 &&
	    db_bool(&rows, 0, "held"))
		return call_fail(call, E_CONFLICT, "another commit waits for approval by now: %.*s; look at that one",
				 STR_FMT(db_text(&rows, 0, "sha")));
	return call_fail(call, E_CONFLICT, "%s", wishes[wish].refusal);
}

int deployment_wish(struct call *call, struct db *db, struct str id, enum wish wish, struct str sha,
		    const struct asking *asking, struct db_rows *ret, struct str *ret_job)
{
	struct db_rows rows;
	char job[ID_MAX];
	int r;

	id_new(job, "job_");
	r = db_query(call, db, Q_DEPLOYMENT_WANT, &rows, A_STR(id), A_TEXT(wishes[wish].desired),
		     A_TEXT(wishes[wish].why), A_TEXT(wishes[wish].detail), A_STR(asking->user), A_TEXT(job),
		     A_TEXTS(wishes[wish].statuses, wishes[wish].n_statuses), A_BOOL(wishes[wish].needs_open),
		     A_BOOL(asking->may_approve), asking->audit_id, asking->audit_who, A_TEXT(wishes[wish].action),
		     wish == WISH_APPROVE ? A_STR(sha) : A_NULL);
	if (r != OK)
		return r;
	if (rows.n_rows == 0)
		return refuse(call, db, id, wish);
	*ret = rows;
	*ret_job = db_text(&rows, 0, "_job");
	return OK;
}

int deployment_extend(struct call *call, struct db *db, struct str id, int64_t for_ms, const struct audit *audit,
		      struct db_rows *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_DEPLOYMENT_EXTEND, &rows, A_STR(id), A_INT(for_ms), audit->id, audit->who);

	if (r != OK)
		return r;
	if (rows.n_rows == 0)
		return call_fail(call, E_CONFLICT,
				 "only a deployment that is wanted and has an end (expiresAt) can be kept for longer; "
				 "without rule ttlMs it stays until its pull request is closed");
	*ret = rows;
	return OK;
}

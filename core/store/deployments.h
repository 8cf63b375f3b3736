/* Previews as the API shows them: rows whose column names are the JSON keys. Columns that begin with '_' stay inside.
 */
#ifndef STORE_DEPLOYMENTS_H
#define STORE_DEPLOYMENTS_H

#include "store/access.h"

struct deployments_page {
	struct str before; /* an id; empty = from the newest */
	int64_t limit;
	struct str status; /* empty = all */
	int64_t pr_number; /* 0 = all; with one the other filters do not matter: there is one preview of it at most */
};

AWAITS int deployments_list(struct call *call, struct db *db, struct str project_id,
			    const struct deployments_page *page, struct db_rows *ret);
AWAITS int deployment_get(struct call *call, struct db *db, struct str id,
			  struct db_rows *ret); /* no row = not there */
AWAITS int deployment_logs(struct call *call, struct db *db, struct str id, struct str attempt_id, int64_t after,
			   int64_t limit, struct db_rows *ret);
AWAITS int deployment_events(struct call *call, struct db *db, struct str id, struct str before, int64_t limit,
			     struct db_rows *ret);

/* Who asks: for the audit's row, and as changed_by. */
struct asking {
	struct str user;
	struct db_arg audit_id, audit_who;
	bool may_approve; /* deployments from forks */
};

enum wish { WISH_RETRY, WISH_CANCEL, WISH_DESTROY, WISH_APPROVE };
/* A person's wish becomes the desired state and a job. E_CONFLICT when it makes no sense in its present state.
 * sha: of WISH_APPROVE the commit that may be deployed; when another one stands there by now it is E_CONFLICT.
 * *ret_job: id of the job that waits now, or empty. */
AWAITS int deployment_wish(struct call *call, struct db *db, struct str id, enum wish wish, struct str sha,
			   const struct asking *asking, struct db_rows *ret, struct str *ret_job);
/* It stays for so long from now on, or longer. E_CONFLICT when it does not stay at all, or for ever. */
AWAITS int deployment_extend(struct call *call, struct db *db, struct str id, int64_t for_ms, const struct audit *audit,
			     struct db_rows *ret);

#endif

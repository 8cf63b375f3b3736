/* Who may do what in an organization: for the regular look at it. */
#ifndef STORE_REVIEW_H
#define STORE_REVIEW_H

#include "db/db.h"

/* A row for each member and each open invitation; columns as the API shows them, those for CSV begin with '_'. `roles`:
 * only who has one of them, in the organization or in a project of it; n_roles 0 = all. */
AWAITS int access_review(struct call *call, struct db *db, struct str org, const struct str *roles, size_t n_roles,
			 struct str before, int64_t limit, struct db_rows *ret);

#endif

/* Who may do what in an organization. */
#include "store/review.h"

int access_review(struct call *call, struct db *db, struct str org, const struct str *roles, size_t n_roles,
		  struct str before, int64_t limit, struct db_rows *ret)
{
	return db_query(call, db, Q_ACCESS_REVIEW, ret, A_STR(org), n_roles ? A_TEXTS(roles, n_roles) : A_NULL,
			A_STR(before.n ? before : STR("~")), A_INT(limit));
}

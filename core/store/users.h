/* People, as the administrator sees them from the command line. */
#ifndef STORE_USERS_H
#define STORE_USERS_H

#include "db/db.h"

#define USERS_PAGE 500

/* One page of them by e-mail, behind `after` in lower case (empty = from the first): email, github_login, active,
 * last_seen, organizations. inactive_days < 0: all; else those whom nobody has seen for so long. */
AWAITS int users_list(struct call *call, struct db *db, int64_t inactive_days, struct str after, struct db_rows *ret);
/* Deactivating takes sessions and tokens away, for good and at once. E_NOT_FOUND: nobody has this e-mail. E_CONFLICT:
 * an organization would be without an active owner. *ret_changed is false when he was so already. `actor`: whose
 * command it is, for the audit. */
AWAITS int user_set_active(struct call *call, struct db *db, struct str email, bool active, struct str actor,
			   bool *ret_changed);

#endif

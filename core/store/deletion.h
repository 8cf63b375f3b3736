/* Taking projects and organizations down. A person's request only marks them; workers bring it to its end, in steps
 * that can be repeated by any of them: previews are told to go, their deployments are destroyed as after a closed pull
 * request, then the rows go. */
#ifndef STORE_DELETION_H
#define STORE_DELETION_H

#include "store/jobs.h"
#include "store/organizations.h"

#define DELETION_BATCH 200

/* Marks it, and nothing else when it is marked already. */
AWAITS int project_delete(struct call *call, struct db *db, struct str id, const struct audit *audit);
AWAITS int organization_delete(struct call *call, struct db *db, struct str id, const struct audit *audit);

/* Tells previews of what is marked that nothing is wanted any more, DELETION_BATCH at most; with `project_id` or
 * `org_id` only those. *ret: jobs that wait now. *ret_told: how many previews. */
AWAITS int deletion_take_down(struct call *call, struct db *db, struct str project_id, struct str org_id,
			      struct push_list *ret, size_t *ret_told);
/* Rows of which nothing is left at any provider. *ret_gone: how many rows of that kind went. */
AWAITS int deletion_previews(struct call *call, struct db *db, size_t *ret_gone);
AWAITS int deletion_project(struct call *call, struct db *db, struct str *ret_id);      /* empty: none was due */
AWAITS int deletion_organization(struct call *call, struct db *db, struct str *ret_id); /* the same */
AWAITS int deletion_invitations(struct call *call, struct db *db);

#endif

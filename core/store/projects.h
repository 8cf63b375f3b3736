/* Projects: rows whose column names are the JSON keys. Each change writes its audit row in its own statement. */
#ifndef STORE_PROJECTS_H
#define STORE_PROJECTS_H

#include "store/organizations.h"

#define MOST_PROJECTS 1000 /* of one organization */

/* Empty filters let all pass. */
AWAITS int projects_of(struct call *call, struct db *db, struct str user_id, struct str org_id, struct str only_project,
		       const struct list_page *page, struct db_rows *ret);
/* `role`: the caller's, for the answer. */
AWAITS int project_get(struct call *call, struct db *db, struct str id, enum role role, struct db_rows *ret);

struct project_change {
	struct str name, repo, default_branch, description; /* .p == NULL: as it is */
	int preview_checks;                                 /* -1 = as it is; not of a new one */
};
/* E_CONFLICT when the name is taken, the organization has MOST_PROJECTS, or is being deleted. */
AWAITS int project_create(struct call *call, struct db *db, struct str org_id, const struct project_change *fields,
			  const struct audit *audit, struct str *ret_id);
AWAITS int project_update(struct call *call, struct db *db, struct str id, const struct project_change *change,
			  const struct audit *audit);

/* Column repo: its name at GitHub. */
AWAITS int project_repo(struct call *call, struct db *db, struct str id, struct db_rows *ret);

/* Columns rules, status. */
AWAITS int project_rules(struct call *call, struct db *db, struct str id, struct db_rows *ret);
AWAITS int project_rules_save(struct call *call, struct db *db, struct str id, struct str rules_json,
			      const struct audit *audit);

#endif

/* Policies of rotation: rows whose column names are the JSON keys; columns that begin with '_' stay inside. Each change
 * writes its audit row in its own statement. */
#ifndef STORE_POLICIES_H
#define STORE_POLICIES_H

#include "store/access.h"

#define MOST_POLICIES 50 /* of one project */

struct policy_change {
	struct str name, environment, key_pattern, generator_json; /* .p == NULL: as it is */
	int64_t days;                                              /* 0 = as it is */
	int notify, verify, enabled;                               /* -1 = as it is */
};

/* `id` empty: all, newest first. */
AWAITS int policies_of(struct call *call, struct db *db, struct str project_id, struct str id, struct db_rows *ret);
/* Every field is set. E_CONFLICT: the name is taken, the project has MOST_POLICIES, or is being deleted. */
AWAITS int policy_add(struct call *call, struct db *db, struct str project_id, const struct policy_change *fields,
		      const struct audit *audit, struct str *ret_id);
AWAITS int policy_change(struct call *call, struct db *db, struct str project_id, struct str id,
			 const struct policy_change *change, const struct audit *audit);
AWAITS int policy_remove(struct call *call, struct db *db, struct str project_id, struct str id,
			 const struct audit *audit);

/* For the scheduler. E_NOT_FOUND: none is due. */
AWAITS int policy_claim(struct call *call, struct db *db, struct str worker, int64_t lease_ms, struct str *ret_id,
			struct str *ret_project);
/* `worker` empty: evaluated by hand. */
AWAITS int policy_evaluated(struct call *call, struct db *db, struct str id, struct str worker, int64_t next_ms);

#endif

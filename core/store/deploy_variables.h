/* The variables of a preview on their way into its deployment: what it is given, what it was given, and who has which
 * version. What was given is written by attempt_sent(), with SENT. */
#ifndef STORE_DEPLOY_VARIABLES_H
#define STORE_DEPLOY_VARIABLES_H

#include "crypto/envelope.h"
#include "db/db.h"

#define DEPLOY_VARIABLES_MAX 1000

struct deploy_variable {
	struct str id, key, value, fingerprint;
	int64_t version;
	bool build_only;
};

struct deploy_variables {
	const struct deploy_variable *items; /* by key */
	size_t n;
};

/* What a deployment of this preview is given now. Every value is a secret of the call from then on. E_INVALID when one
 * is missing or does not open: call->why names it, and nothing may be deployed without it. */
AWAITS int deploy_variables(struct call *call, struct db *db, const struct key_ring *master, struct str preview_id,
			    struct deploy_variables *ret);
/* The values that the attempt was sent with become secrets of the call. E_INVALID when one does not open any more: what
 * may hold it must not be stored or logged. All others are secrets of the call then, too. */
AWAITS int attempt_variables_hide(struct call *call, struct db *db, const struct key_ring *master,
				  struct str attempt_id);
/* Previews by version: rows of "version", "state", "previews". */
AWAITS int variable_usage(struct call *call, struct db *db, struct str environment_id, struct str key,
			  struct db_rows *ret);

#endif

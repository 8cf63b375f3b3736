/* Decoys: a variable that the deployment of a fork is given and nobody else has. Its value is an address of ours; who
 * calls it has taken what was the build's. */
#ifndef STORE_DECOYS_H
#define STORE_DECOYS_H

#include "crypto/secret_key.h"
#include "store/access.h"

/* A name that whoever looks for credentials takes along. */
#define DECOY_KEY "OPSHUB_DEPLOY_KEY_URL"

/* The last part of the address: the same for one attempt whenever it is asked for, and nobody guesses it. Only its hash
 * is stored. `ring`: project_ring(). */
struct str decoy_token(struct arena *arena, const struct key_ring *ring, struct str attempt_id);
struct str decoy_hash(struct arena *arena, struct str token); /* SHA256_SIZE bytes */

/* A row when this token is a decoy's that nobody had used: "deploymentId", "projectId", "prNumber", "sha", "attemptId".
 */
AWAITS int decoy_visit(struct call *call, struct db *db, struct str token, const struct audit *audit,
		       struct db_rows *ret);
/* E_CONFLICT when nothing froze it. *ret_job: id of the job that waits now, or empty. */
AWAITS int deployment_unfreeze(struct call *call, struct db *db, struct str preview_id, const struct audit *audit,
			       struct db_rows *ret, struct str *ret_job);

#endif

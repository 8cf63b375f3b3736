/* The address of a decoy.
 *
 * Easy to break: whoever calls learns nothing. The answer is the same for a decoy's token and for any other text. */
#include "store/decoys.h"

#include "api/api.h"

#define TRIES        4
#define TRY_AGAIN_MS 500

static void tell(const struct db_rows *rows)
{
	log_warn("Security", "A decoy was used: the preview is frozen",
		 F_STR("projectId", db_text(rows, 0, "projectId")), F_INT("prNumber", db_int(rows, 0, "prNumber")),
		 F_STR("sha", db_text(rows, 0, "sha")), F_STR("deploymentId", db_text(rows, 0, "deploymentId")),
		 F_STR("attemptId", db_text(rows, 0, "attemptId")));
}

/* A thief calls once: what fails for a moment is tried again, and what is lost all the same is said. */
int decoy_visited(struct exchange *x)
{
	struct audit audit = audit_of(x);
	struct db_rows rows;
	int r = E_NETWORK;

	call_secret(x->call, x->params[0]);
	for (int i = 0; i < TRIES && r != OK; i++)
		if (i == 0 || fiber_sleep(x->call, TRY_AGAIN_MS) == OK)
			r = decoy_visit(x->call, api_of(x)->db, x->params[0], &audit, &rows);
	if (r != OK)
		log_error("Security",
			  "A visit at the address of decoys could not be looked up: if it was one, nothing is frozen",
			  F_TEXT("error", x->call->why));
	else if (rows.n_rows > 0)
		tell(&rows);
	return answer_deleted(x); /* 204: nothing to see */
}

/* Rotations: which variables are due, beginning to rotate them, and the writes of each step. Every write of a step
 * carries the fence of the rotation's job; what an older claim writes is refused. */
#ifndef STORE_ROTATIONS_H
#define STORE_ROTATIONS_H

#include "model/generator.h"
#include "store/access.h"
#include "store/jobs.h"
#include "store/organizations.h"
#include "store/variable_secrets.h"

#define MOST_CANDIDATES 3000 /* variables of one project */

/* A variable that could be rotated. */
struct candidate {
	struct str var_id, key, environment;
	int64_t version;     /* the ACTIVE one */
	int64_t since_ms;    /* its present period began */
	int64_t reminded_ms; /* people were told; 0 = never */
	struct str rotation; /* under way; empty = none */
};
/* *ret_now_ms: the database's clock. */
AWAITS int rotation_candidates(struct call *call, struct db *db, struct str project_id, const struct candidate **ret,
			       size_t *ret_n, int64_t *ret_now_ms);

/* A policy as it is applied. */
struct policy {
	struct str id, project_id, name, environment, key_pattern, generator_json; /* id empty: asked for by hand */
	struct generator generator;
	int64_t days;
	bool notify, verify, enabled;
};
void policy_read(struct call *call, const struct db_rows *rows, int row, struct policy *ret); /* of policies_of() */
/* Which candidates it means: their indexes, *ret_n of them. */
AWAITS int policy_matches(struct call *call, const struct policy *policy, const struct candidate *all, size_t n,
			  size_t **ret, size_t *ret_n);
int64_t policy_due_ms(const struct policy *policy, const struct candidate *candidate);

enum rotation_begun {
	ROTATION_STARTED,
	ROTATION_JOINED,   /* one is under way */
	ROTATION_TOLD,     /* people were: the policy only reminds */
	ROTATION_NOT_DUE,  /* its period is not over, or somebody was faster */
	ROTATION_NOT_THERE /* it was deleted meanwhile */
};
struct rotation_outcome {
	const struct candidate *candidate;
	enum rotation_begun begun;
	struct str rotation; /* its id; empty = none */
	int64_t due_ms;      /* of ROTATION_NOT_DUE; 0 = none */
};
/* Begins with all n of them under this policy, except where the ACTIVE version is not the candidate's any more;
 * outcomes has n entries whose candidate is set. Jobs to push in *ret_push. */
AWAITS int rotations_start(struct call *call, struct db *db, const struct policy *policy, struct db_arg who,
			   struct rotation_outcome *outcomes, size_t n, struct push_list *ret_push);
/* A policy against everything it means: what is due is begun. */
AWAITS int policy_evaluate(struct call *call, struct db *db, const struct policy *policy, struct db_arg who,
			   struct rotation_outcome **ret, size_t *ret_n, struct push_list *ret_push);

AWAITS int rotations_list(struct call *call, struct db *db, struct str project_id, struct str key,
			  const struct list_page *page, struct db_rows *ret);
AWAITS int rotations_heal(struct call *call, struct db *db, struct push_list *ret);
AWAITS int versions_retire(struct call *call, struct db *db, int *ret_n);

/* ---- the steps ---- */
AWAITS int rotation_load(struct call *call, struct db *db, struct str id, struct db_rows *ret); /* no row: it is over */
/* E_CONFLICT from all of these: the job's lease was lost, or somebody has changed the variable. Look again. */
AWAITS int rotation_pend(struct call *call, struct db *db, const struct job *job, int64_t version,
			 const struct sealed_variable *sealed, struct str public_key, int64_t wait_ms);
/* *ret_came: "tried", "busy", "none". */
AWAITS int rotation_try(struct call *call, struct db *db, const struct job *job, int64_t wait_ms, struct str *ret_came);
AWAITS int rotation_verify(struct call *call, struct db *db, const struct job *job, struct str why, int64_t wait_ms);
AWAITS int rotation_promote(struct call *call, struct db *db, const struct job *job, struct str why);
/* ending: "FAILED" or "SUPERSEDED". retry_ms < 0: no other value is tried. */
AWAITS int rotation_fail(struct call *call, struct db *db, const struct job *job, const char *ending, struct str why,
			 int64_t retry_ms);

#endif

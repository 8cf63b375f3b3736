/* What goes by the clock: policies that are due, rotations without a job, and values that nothing runs with any more.
 * Each worker runs it; a policy is claimed by one at a time, and the rest does no harm when two do it. */
#include "worker/rotate_inner.h"

#include "store/policies.h"

#define LEASE_MS     60000 /* of a policy: whoever claimed it and died is replaced then */
#define EVALUATE_MS  20000 /* longest evaluation; less than the lease */
#define MOST_AT_ONCE 200   /* policies in one round */
#define MOST_BATCHES 100

struct round {
	struct rotator *o;
	bool found;
};

static int evaluate(struct call *call, struct rotator *o, struct str id, struct str project)
{
	struct str who[] = { STR("system"), id, STR(""), STR(""), STR(""), STR("") };
	struct rotation_outcome *outcomes;
	struct push_list push = { 0 };
	struct policy policy;
	struct db_rows rows;
	size_t n = 0;
	int r = policies_of(call, o->db, project, id, &rows);

	if (r != OK)
		return r;
	policy_read(call, &rows, 0, &policy);
	who[2] = arena_printf(call->arena, "policy %.*s", STR_FMT(policy.name));
	r = policy_evaluate(call, o->db, &policy, A_TEXTS(who, 6), &outcomes, &n, &push);
	queue_push(o->queue, &push);
	if (r == OK && push.n)
		log_info("Rotation", "Variables are due for a new value", F_STR("projectId", project),
			 F_STR("policy", policy.name), F_INT("variables", (int64_t)push.n));
	return r;
}

static void evaluate_next(struct call *call, void *arg)
{
	struct round *round = arg;
	struct rotator *o = round->o;
	struct str id, project;
	int r = policy_claim(call, o->db, o->worker, LEASE_MS, &id, &project);

	round->found = r == OK;
	if (r != OK)
		return;
	r = evaluate(call, o, id, project);
	if (r == OK || r == E_INVALID) /* what is wrong with it is wrong at the next moment, too */
		policy_evaluated(call, o->db, id, o->worker, o->evaluate_ms);
	if (r != OK && r != E_CANCELLED && r != E_NOT_FOUND)
		log_warn("Rotation", "A policy could not be evaluated; it is tried again", F_STR("policyId", id),
			 F_TEXT("error", call->why));
}

static void heal(struct call *call, void *arg)
{
	struct rotator *o = arg;
	struct push_list push = { 0 };
	int retired = 1;

	if (rotations_heal(call, o->db, &push) == OK)
		queue_push(o->queue, &push);
	for (int n = 0; n < MOST_BATCHES && retired > 0; n++)
		if (versions_retire(call, o->db, &retired) != OK)
			return;
}

static void rotate_loop(struct call *call, void *arg)
{
	struct rotator *o = arg;
	struct fiber_options options = { .name = "rotation-policy", .timeout_ms = EVALUATE_MS };

	while (fiber_sleep(call, o->sweep_ms) == OK) {
		struct round round = { .o = o, .found = true };

		for (int n = 0; round.found && n < MOST_AT_ONCE && !queue_is_draining(o->queue); n++) {
			round.found = false;
			call_shield(call); /* it writes into round */
			fiber_run(call, &options, evaluate_next, &round);
			call_unshield(call);
		}
		if (!queue_is_draining(o->queue))
			fiber_run(call, &options, heal, o);
	}
}

void rotate_start(struct loop *loop, struct rotator *rotator)
{
	struct fiber_options options = { .name = "rotation-policies" };

	fiber_start(loop, &options, rotate_loop, rotator, NULL);
}

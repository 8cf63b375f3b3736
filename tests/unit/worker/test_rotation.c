/* Rotations in the database: when there is no preview to try a value with, what is due, and beginning one twice. */
#include "store/rotations.h"
#include "unit/worker/queue_fixture.h"

#define STATE                                                                                                          \
	"state, base_version, since_ms, generator, notify, verify, policy, actor, key, environment_id, project_id, "   \
	"var_id"
#define OF_VAR                                                                                                         \
	"1, 0, '{}', true, true, '', array['user', 'u', 'u', '', '', ''], 'API_TOKEN', environment_id, 'proj_1', id"   \
	" from env_vars"

/* A project with one variable whose value is 40 days old. */
static void seed(struct call *call)
{
	sql(call, "delete from preview_attempts");
	sql(call, "delete from projects");
	sql(call, "delete from previews");
	sql(call, "insert into organizations (id, name, slug) values ('org_1', 'o', 'o') on conflict do nothing");
	sql(call, "insert into projects (id, org_id, name, repo_full_name) values ('proj_1', 'org_1', 'p', 'acme/p')");
	sql(call, "insert into env_vars (id, environment_id, key, last_version) select 'var_1', id, 'API_TOKEN', 1 "
		  "from environments where name = 'PREVIEW'");
	sql(call, "insert into env_var_versions (var_id, version, state, sealed, key_id, mask, fingerprint, source, "
		  "activated_at) values ('var_1', 1, 'ACTIVE', '', 'k', '', '1', 'SET', now() - interval '40 days')");
}

/* ---- a preview to try with ---- */

struct trial_case {
	const char *state; /* of the rotation; TRIAL is of the one preview */
	int tries;
	bool was_tried; /* a former value was, with this preview */
	const char *desired, *status;
	bool pr_open;
	const char *attempt, *build; /* the latest that ran with the variable */
	const char *came;
};

static void seed_trial(struct call *call, const struct trial_case *c)
{
	const char *open = c->pr_open ? "true" : "false",
		   *trial = str_eq(str_of(c->state), STR("TRIAL")) ? "'d_1'" : "null";

	seed(call);
	sql(call,
	    arena_printf(
		    call->arena,
		    "insert into previews (id, project_id, pr_number, title, branch, base_branch, author, html_url, "
		    "from_fork, pr_open, pr_updated_at, reopened, desired, desired_why, sha, before_sha, changed_by, "
		    "status, detail, visible, attempt_id) values ('d_1', 'proj_1', 1, '', '', '', '', '', false, %s, "
		    "now(), false, '%s', '', '', '', '', '%s', '', true, 'att_1')",
		    open, c->desired, c->status)
		    .p);
	sql(call,
	    arena_printf(
		    call->arena,
		    "insert into preview_attempts (id, preview_id, generation, sha, branch, provider, state, status, "
		    "deadline_at) values ('att_1', 'd_1', 1, '', '', 'mock', '%s', '%s', now())",
		    c->attempt, c->build)
		    .p);
	sql(call, "insert into attempt_variables values ('att_1', 'var_1', 1, '1')");
	if (c->was_tried)
		sql(call, "insert into env_var_versions (var_id, version, state, key_id, mask, fingerprint, source, "
			  "trial_preview_id) values ('var_1', 2, 'FAILED', 'k', '', '2', 'ROTATION', 'd_1')");
	sql(call,
	    arena_printf(
		    call->arena,
		    "insert into env_var_versions (var_id, version, state, sealed, key_id, mask, fingerprint, source, "
		    "trial_preview_id) values ('var_1', 3, 'PENDING', '', 'k', '', '3', 'ROTATION', %s)",
		    trial)
		    .p);
	sql(call, arena_printf(call->arena,
			       "insert into rotations (id, version, tries, trial_preview_id, " STATE
			       ") select 'rot_1', 3, %d, %s, "
			       "'%s', " OF_VAR,
			       c->tries, trial, c->state)
			  .p);
	sql(call, "truncate jobs");
	sql(call, "insert into jobs (id, queue, kind, key, state, fence) values ('job_1', 'preview-queue', 'rotate', "
		  "'rot_1', 'active', 7)");
}

static void try_each(struct call *call, void *arg)
{
	static const struct trial_case cases[] = {
		/* its trial was cancelled, held or destroyed */
		{ "TRIAL", 0, false, "held", "ERROR", true, "created", "READY", "busy" },
		{ "TRIAL", 0, false, "held", "ERROR", true, "gone", "READY", "busy" },
		{ "TRIAL", 0, false, "destroyed", "DESTROYED", true, "gone", "READY", "busy" },
		{ "TRIAL", 0, false, "destroyed", "DESTROYED", false, "gone", "READY", "none" },
		/* and the next value */
		{ "PENDING", 1, true, "held", "ERROR", true, "gone", "READY", "busy" },
		{ "PENDING", 1, true, "destroyed", "DESTROYED", true, "gone", "READY", "busy" },
		{ "PENDING", 1, true, "destroyed", "DESTROYED", false, "gone", "READY", "none" },
		{ "PENDING", 1, false, "destroyed", "DESTROYED", true, "gone", "READY", "none" },
		/* the latest push was not built: what was there before runs on */
		{ "PENDING", 0, false, "deployed", "ERROR", true, "created", "READY", "busy" },
		{ "PENDING", 0, false, "held", "ERROR", true, "created", "READY", "busy" },
		{ "PENDING", 0, false, "deployed", "ERROR", true, "created", "FAILED", "none" },
		{ "PENDING", 0, false, "deployed", "BUILDING", true, "created", "BUILDING", "busy" },
	};
	const struct job job = { .id = STR("job_1"), .fence = 7 };

	(void)arg;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str came;

		seed_trial(call, &cases[i]);
		CHECK_INT(rotation_try(call, db, &job, 60000, &came), OK);
		if (!str_eq(came, str_of(cases[i].came))) {
			fprintf(stderr, "case %zu: %.*s instead of %s\n", i, STR_FMT(came), cases[i].came);
			give_up();
		}
	}
}

static void test_what_was_not_tried_is_not_let_through(void **state)
{
	(void)state;
	without_queue(try_each);
}

static bool is_queued(struct call *call, struct str id)
{
	struct db_rows rows;

	CHECK_INT(rotation_load(call, db, id, &rows), OK);
	CHECK_INT(rows.n_rows, 1);
	return db_bool(&rows, 0, "queued");
}

static void one_looks_for_a_preview(struct call *call, void *arg)
{
	(void)arg;
	seed(call);
	sql(call, "insert into rotations (id, " STATE ") select 'rot_1', 'PENDING', " OF_VAR);
	sql(call, "insert into env_vars (id, environment_id, key) select 'var_2', environment_id, 'B' from env_vars");
	sql(call, "insert into rotations (id, " STATE ") select 'rot_2', 'WAITING', " OF_VAR " where id = 'var_2'");
	CHECK(is_queued(call, STR("rot_2")) && !is_queued(call, STR("rot_1")));
	sql(call, "update rotations set verify = false where id = 'rot_1'");
	CHECK(!is_queued(call, STR("rot_2")));
	sql(call, "update rotations set verify = true, state = 'TRIAL' where id = 'rot_1'");
	CHECK(!is_queued(call, STR("rot_2")));
}

static void test_values_of_one_project_look_for_a_preview_in_turn(void **state)
{
	(void)state;
	without_queue(one_looks_for_a_preview);
}

/* ---- what is due ---- */

static const struct policy makes = {
	.project_id = STR("proj_1"), .generator_json = STR("{}"), .generator = { .type = GENERATOR_UUID }, .days = 30
};
static const struct policy reminds = {
	.project_id = STR("proj_1"), .generator_json = STR("{}"), .generator = { .type = GENERATOR_REMIND }, .days = 30
};

static const struct candidate *the_candidate(struct call *call, int64_t *ret_now_ms)
{
	const struct candidate *all;
	size_t n;

	CHECK_INT(rotation_candidates(call, db, STR("proj_1"), &all, &n, ret_now_ms), OK);
	CHECK_INT(n, 1);
	return all;
}

static bool is_due(struct call *call, const struct policy *policy)
{
	int64_t now_ms;
	const struct candidate *c = the_candidate(call, &now_ms);

	return policy_due_ms(policy, c) <= now_ms;
}

static void wait_for_their_own_reasons(struct call *call, void *arg)
{
	(void)arg;
	seed(call);
	CHECK(is_due(call, &makes) && is_due(call, &reminds));
	sql(call,
	    "insert into secret_policies (id, project_id, environment_id, name, key_pattern, rotate_every_days, "
	    "generator, notify, verify, enabled) select 'policy_1', 'proj_1', environment_id, 'n', '.', 30, '{}', "
	    "true, true, true from env_vars");
	sql(call, "insert into rotations (id, ended_at, " STATE ") select 'rot_1', now(), 'REMINDED', " OF_VAR);
	sql(call, "update rotations set policy_id = 'policy_1'");
	CHECK(is_due(call, &makes) && !is_due(call, &reminds));
	sql(call, "insert into rotations (id, ended_at, " STATE ") select 'rot_2', now(), 'FAILED', " OF_VAR);
	CHECK(is_due(call, &makes)); /* by hand */
	sql(call, "update rotations set policy_id = 'policy_1' where id = 'rot_2'");
	CHECK(!is_due(call, &makes));
}

static void test_a_reminder_or_a_rotation_by_hand_puts_no_schedule_off(void **state)
{
	(void)state;
	without_queue(wait_for_their_own_reasons);
}

/* ---- beginning ---- */

static struct rotation_outcome start(struct call *call, const struct policy *policy, const struct candidate *candidate)
{
	struct str who[] = { STR("user"), STR("u"), STR("u"), STR(""), STR(""), STR("") };
	struct rotation_outcome outcome = { .candidate = candidate };
	struct push_list push;

	CHECK_INT(rotations_start(call, db, policy, A_TEXTS(who, 6), &outcome, 1, &push), OK);
	return outcome;
}

/* Each has read the same before, and begins one after the other. */
static void two_begin(struct call *call, void *arg)
{
	struct rotation_outcome first, second;
	const struct candidate *c;
	int64_t now_ms;

	(void)arg;
	seed(call);
	c = the_candidate(call, &now_ms);
	first = start(call, &makes, c);
	second = start(call, &makes, c);
	CHECK_INT(first.begun, ROTATION_STARTED);
	CHECK_INT(second.begun, ROTATION_JOINED);
	CHECK(str_eq(first.rotation, second.rotation));

	seed(call);
	c = the_candidate(call, &now_ms);
	sql(call, "update env_var_versions set version = 2, activated_at = now()");
	second = start(call, &makes, c);
	CHECK_INT(second.begun, ROTATION_NOT_DUE);
	CHECK(second.due_ms > now_ms);
	CHECK_INT(number(call, "select count(*) from rotations"), 0);

	seed(call);
	c = the_candidate(call, &now_ms);
	CHECK_INT(start(call, &reminds, c).begun, ROTATION_TOLD);
	CHECK_INT(start(call, &reminds, c).begun, ROTATION_NOT_DUE);
	CHECK_INT(number(call, "select count(*) from rotations"), 1);

	seed(call);
	c = the_candidate(call, &now_ms);
	sql(call, "update env_vars set deleted_at = now()");
	CHECK_INT(start(call, &makes, c).begun, ROTATION_NOT_THERE);
}

static void test_what_was_decided_twice_is_begun_once(void **state)
{
	(void)state;
	without_queue(two_begin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_not_tried_is_not_let_through),
		cmocka_unit_test(test_values_of_one_project_look_for_a_preview_in_turn),
		cmocka_unit_test(test_a_reminder_or_a_rotation_by_hand_puts_no_schedule_off),
		cmocka_unit_test(test_what_was_decided_twice_is_begun_once),
	};

	return cmocka_run_group_tests_name("worker_rotation", tests, set_up, tear_down);
}

/* The steps of one rotation. */
#include "worker/rotate_inner.h"

#define STEPS_MAX  12
#define LOOK_MS    2000  /* at a preview that builds */
#define BUSY_MS    5000  /* at previews that others use */
#define FROZEN_MS  60000 /* at an organization that is locked down */
#define UNKNOWN_MS 10000 /* at a program that could not decide, or a database that is away */

bool page_check_read(struct str word, enum page_check *ret)
{
	static const char *const words[] = { "off", "on", "login" };

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(word, str_of(words[i]))) {
			*ret = (enum page_check)i;
			return true;
		}
	return false;
}

static enum trial trial_of(const struct rotating *g)
{
	struct str status = rotating_text(g, "status");

	if (db_is_null(&g->row, 0, "preview_id") || !db_bool(&g->row, 0, "wanted"))
		return TRIAL_GONE;
	if (str_eq(status, STR("DESTROYED")))
		return TRIAL_GONE;
	if (!db_bool(&g->row, 0, "settled"))
		return TRIAL_BUILDING;
	if (str_eq(status, STR("READY")))
		return db_bool(&g->row, 0, "carried") ? TRIAL_READY : TRIAL_WRONG;
	return str_eq(status, STR("ERROR")) ? TRIAL_FAILED : TRIAL_BUILDING;
}

static struct rotation_facts facts_of(const struct rotating *g)
{
	return (struct rotation_facts){
		.state = rotation_state_read(rotating_text(g, "state")),
		.early = db_bool(&g->row, 0, "early"),
		.late = db_bool(&g->row, 0, "late"),
		.superseded = db_bool(&g->row, 0, "superseded"),
		.frozen = db_bool(&g->row, 0, "frozen"),
		.queued = db_bool(&g->row, 0, "queued"),
		.is_tried = db_bool(&g->row, 0, "verify"),
		.is_of_preview = str_eq(rotating_text(g, "environment"), STR("PREVIEW")),
		.page_checked = g->o->page_check != PAGE_OFF,
		.has_program = g->o->program[0] != '\0',
		.trial = trial_of(g),
	};
}

/* ---- steps: OK and ret untouched = go on at once ---- */

static int fail(struct call *call, const struct rotating *g, struct str why)
{
	int64_t tries = db_int(&g->row, 0, "tries") + 1;
	int64_t retry_ms = rotation_retry_ms(tries, g->o->most_values, g->o->retry_ms);
	int r = rotation_fail(call, g->o->db, g->job, "FAILED", why, retry_ms);

	if (r == OK)
		log_warn("Rotation", "A new value was not taken; the active one stays",
			 F_STR("key", rotating_text(g, "key")), F_STR("projectId", rotating_text(g, "project_id")),
			 F_STR("reason", why), F_INT("tries", tries), F_INT("retryMs", retry_ms));
	return r;
}

static int supersede(struct call *call, const struct rotating *g)
{
	return rotation_fail(call, g->o->db, g->job, "SUPERSEDED",
			     STR("the variable was changed or deleted meanwhile, and that counts"), -1);
}

static int promote(struct call *call, const struct rotating *g, struct str why)
{
	int r = rotation_promote(call, g->o->db, g->job, why);

	if (r == OK)
		log_info("Rotation", "A new value is the active one", F_STR("key", rotating_text(g, "key")),
			 F_STR("projectId", rotating_text(g, "project_id")),
			 F_INT("version", db_int(&g->row, 0, "version")), F_STR("reason", why));
	return r;
}

static struct str why_untried(const struct rotating *g)
{
	if (!db_bool(&g->row, 0, "verify"))
		return STR("not tried before, as the policy wants it");
	return str_eq(rotating_text(g, "environment"), STR("PREVIEW")) ? STR("no live preview to try it with")
								       : STR("no preview runs with this environment");
}

static int try_it(struct call *call, const struct rotating *g, struct outcome *ret)
{
	struct str came;
	int r = rotation_try(call, g->o->db, g->job, g->o->trial_ms, &came);

	if (r != OK)
		return r;
	if (str_eq(came, STR("none")))
		return rotation_verify(call, g->o->db, g->job, why_untried(g), g->o->trial_ms);
	*ret = OUTCOME_LATER(str_eq(came, STR("busy")) ? BUSY_MS : LOOK_MS);
	return OK;
}

static int check_page(struct call *call, const struct rotating *g)
{
	int r = rotate_check_page(call, g);

	if (r == E_INVALID)
		return fail(call, g,
			    arena_printf(call->arena, "the preview of #%lld is deployed with it, but %s",
					 (long long)db_int(&g->row, 0, "pr_number"), call->why));
	if (r != OK)
		return r;
	return rotation_verify(call, g->o->db, g->job,
			       arena_printf(call->arena, "tried with the preview of #%lld, whose page answered",
					    (long long)db_int(&g->row, 0, "pr_number")),
			       g->o->trial_ms);
}

static int verified(struct call *call, const struct rotating *g)
{
	struct str why = why_untried(g);

	if (rotation_state_read(rotating_text(g, "state")) == ROTATION_TRIAL)
		why = arena_printf(call->arena, "tried with the preview of #%lld, which is ready",
				   (long long)db_int(&g->row, 0, "pr_number"));
	return rotation_verify(call, g->o->db, g->job, why, g->o->trial_ms);
}

static int run_program(struct call *call, const struct rotating *g)
{
	int r = rotate_run_program(call, g);

	if (r == OK)
		return promote(call, g,
			       arena_printf(call->arena, "%.*s; the verify program accepted it",
					    STR_FMT(rotating_text(g, "reason"))));
	return r == E_INVALID ? fail(call, g, arena_str(call->arena, str_of(call->why))) : r;
}

static int fail_build(struct call *call, const struct rotating *g)
{
	return fail(call, g,
		    arena_printf(call->arena, "the preview of #%lld could not be deployed with it (%.*s: %.*s)",
				 (long long)db_int(&g->row, 0, "pr_number"), STR_FMT(rotating_text(g, "error_reason")),
				 STR_FMT(rotating_text(g, "message"))));
}

static int64_t pause_of(const struct rotating *g, const struct rotation_facts *f)
{
	int64_t early_ms = db_int(&g->row, 0, "early_ms");

	if (f->early)
		return early_ms > 100 ? early_ms : 100;
	if (f->frozen && f->state != ROTATION_TRIAL)
		return FROZEN_MS;
	return f->state == ROTATION_WAITING ? BUSY_MS : LOOK_MS;
}

static int take(struct call *call, const struct rotating *g, struct outcome *ret)
{
	struct rotation_facts f = facts_of(g);

	switch (rotation_next(&f)) {
	case ROTATE_DONE:
		*ret = OUTCOME_DONE;
		return OK;
	case ROTATE_WAIT:
		*ret = OUTCOME_LATER(pause_of(g, &f));
		return OK;
	case ROTATE_SUPERSEDE:
		return supersede(call, g);
	case ROTATE_GENERATE:
		return rotate_generate(call, g);
	case ROTATE_TRY:
		return try_it(call, g, ret);
	case ROTATE_CHECK:
		return check_page(call, g);
	case ROTATE_VERIFY:
		return verified(call, g);
	case ROTATE_RUN:
		return run_program(call, g);
	case ROTATE_PROMOTE:
		return promote(call, g, rotating_text(g, "reason"));
	case ROTATE_FAIL_BUILD:
		return fail_build(call, g);
	case ROTATE_FAIL_WRONG:
		return fail(call, g, STR("the preview was deployed, but not with it"));
	case ROTATE_FAIL_LATE:
	default:
		return fail(call, g, STR("nobody could say in time whether it is good"));
	}
}

/* ---- the job ---- */

struct step_run {
	struct rotating *rotating;
	struct outcome outcome;
	bool ends; /* nothing more in this run of the job */
};

static void run_step(struct call *call, void *arg)
{
	struct step_run *s = arg;
	struct rotating *g = s->rotating;
	struct outcome outcome = { .delay_ms = -1 };
	int r = rotation_load(call, g->o->db, g->job->key, &g->row);

	if (r == OK && g->row.n_rows == 0)
		outcome = OUTCOME_DONE;
	else if (r == OK)
		r = take(call, g, &outcome);
	s->ends = outcome.done || outcome.delay_ms >= 0;
	s->outcome = outcome;
	if (r == OK || r == E_CONFLICT)
		return;
	s->ends = true;
	s->outcome = OUTCOME_LATER(UNKNOWN_MS);
	if (r != E_CANCELLED)
		log_warn("Rotation", "A rotation could not go on; it is tried again", F_STR("rotationId", g->job->key),
			 F_TEXT("error", call->why));
}

/* Each step has memory of its own: what it decrypted is wiped before the next. */
struct outcome rotate_run(struct call *call, void *rotator, const struct job *job)
{
	struct rotating g = { .o = rotator, .job = job };
	struct step_run s = { .rotating = &g };
	struct fiber_options options = { .name = "rotation", .timeout_ms = 120000 };

	for (int n = 0; n < STEPS_MAX && !s.ends && !queue_is_draining(g.o->queue); n++) {
		call_shield(call); /* the step writes into s: it is waited for */
		if (fiber_run(call, &options, run_step, &s) != OK)
			n = STEPS_MAX;
		call_unshield(call);
	}
	return s.ends ? s.outcome : OUTCOME_LATER(LOOK_MS);
}

/* The reconciler's loop. Its steps: create.c, build.c, clean_up.c. */
#include "worker/steps.h"

#define STEPS_AT_ONCE 50 /* then the job goes to the back of the queue */

static int do_step(struct step_context *s, struct call *call, const struct step *step)
{
	switch (step->kind) {
	case STEP_INSERT:
		return step_insert(s, call);
	case STEP_SEND:
		return step_send(s, call, step->attempt);
	case STEP_FIND:
		return step_find(s, call, step);
	case STEP_POLL:
		return step_poll(s, call, step->attempt);
	case STEP_TIME_OUT:
		return step_time_out(s, call, step->attempt);
	case STEP_CANCEL:
		return step_cancel(s, call, step->attempt);
	case STEP_DESTROY:
		return step_destroy(s, call, step->attempt);
	case STEP_FORGET:
		return step_forget(s, call, step->attempt);
	case STEP_SETTLE:
		return step_settle(s, call);
	case STEP_HOLD:
		return step_hold(s, call);
	case STEP_DONE:
	case STEP_WAIT:
		break;
	}
	return OK;
}

/* What every log line of this preview carries. */
static void name_the_work(struct call *call, const struct step_context *s, const struct step *step)
{
	log_scope_set(&call->log, F_STR("projectId", s->preview.project_id));
	log_scope_set(&call->log, F_INT("prNumber", s->preview.pr_number));
	log_scope_set(&call->log, F_STR("deploymentId", s->preview.id));
	if (s->preview.model.n_attempts)
		log_scope_set(&call->log, F_STR("attemptId", s->preview.attempts[step->attempt].id));
}

struct outcome reconcile(struct call *call, void *reconciler, const struct job *job)
{
	struct step_context s = { .rec = reconciler, .job = job };

	for (int n = 0; n < STEPS_AT_ONCE && !queue_is_draining(s.rec->queue); n++) {
		struct step step;
		int r = preview_load(call, s.rec->db, job, &s.preview);

		if (r == E_NOT_FOUND)
			return OUTCOME_DONE;
		if (r != OK)
			return (struct outcome){ .delay_ms = 1000, .error = str_of(call->why) };
		s.preview.model.settle_ms = s.rec->settle_ms;
		s.preview.model.no_room = s.no_room_for == s.preview.model.generation;
		step = preview_next(&s.preview.model);
		if (step.kind == STEP_DONE)
			return OUTCOME_DONE;
		if (step.kind == STEP_WAIT)
			return OUTCOME_LATER(step.wait_ms);
		name_the_work(call, &s, &step);
		r = do_step(&s, call, &step);
		if (r == E_CANCELLED)
			break;
		if (r != OK && r != E_CONFLICT) /* a conflict only means: read again what is wanted */
			return (struct outcome){ .delay_ms = 1000, .error = str_of(call->why) };
	}
	return OUTCOME_LATER(0);
}

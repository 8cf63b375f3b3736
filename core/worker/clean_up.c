/* The steps that take a preview down. */
#include "worker/steps.h"

#define CANCEL_TRIES 3
#define ALERT_TRIES  8 /* failed destroys before it is shown as DESTROY_FAILED */

static int mark_cancelled(struct step_context *s, struct call *call, unsigned i)
{
	struct attempt_change change = ATTEMPT_CHANGE(s->preview.attempts[i].id);

	change.cancelled = 1;
	change.tries = 0;
	return write_change(s, call, &change);
}

int step_cancel(struct step_context *s, struct call *call, unsigned i)
{
	int r = provider_ask(s, call, i, provider_cancel);

	/* a build that cannot be cancelled is destroyed all the same */
	if (r == OK || r == E_NOT_FOUND || r == E_UNSUPPORTED || r == E_INVALID ||
	    s->preview.model.attempts[i].tries + 1 >= CANCEL_TRIES)
		return mark_cancelled(s, call, i);
	return back_off(s, call, i, NULL);
}

static int gone(struct step_context *s, struct call *call, unsigned i, const char *stage, struct str event)
{
	struct attempt_change change = ATTEMPT_CHANGE(s->preview.attempts[i].id);

	change.state = "gone";
	change.tries = 0;
	change.stage = stage;
	change.event = event;
	return write_change(s, call, &change);
}

int step_destroy(struct step_context *s, struct call *call, unsigned i)
{
	const struct attempt_row *attempt = &s->preview.attempts[i];
	bool superseded = s->preview.model.desired == DESIRED_DEPLOYED;
	int r = provider_ask(s, call, i, provider_destroy);

	if (r != OK && r != E_NOT_FOUND)
		return back_off(s, call, i,
				superseded                                              ? NULL
				: s->preview.model.attempts[i].tries + 1 >= ALERT_TRIES ? "DESTROY_FAILED"
											: "DESTROYING");
	log_info("DeploymentProcessor", "Preview deployment destroyed",
		 F_STR("providerDeploymentId", attempt->provider_id));
	return gone(s, call, i, superseded ? "SUPERSEDED" : "DESTROYED",
		    arena_printf(call->arena, "The deployment of %.12s is gone at %.*s", attempt->sha.p,
				 STR_FMT(attempt->provider)));
}

int step_forget(struct step_context *s, struct call *call, unsigned i)
{
	return gone(s, call, i, NULL, (struct str){ 0 });
}

int step_settle(struct step_context *s, struct call *call)
{
	const struct preview_row *p = &s->preview;
	int64_t generation = p->model.generation;

	switch (p->model.desired) {
	case DESIRED_DEPLOYED:
		return preview_settle(call, s->rec->db, s->job, generation, NULL, NULL, NULL, (struct str){ 0 });
	case DESIRED_DESTROYED:
		return preview_settle(call, s->rec->db, s->job, generation, "DESTROYED",
				      arena_text(call->arena, p->why), NULL, (struct str){ 0 });
	case DESIRED_HELD:
		if (str_eq(p->why, STR("CANCELLED")))
			return preview_settle(call, s->rec->db, s->job, generation, "ERROR", "CANCELLED", "CANCELLED",
					      STR("it was cancelled; retry deploys it again"));
		return preview_settle(call, s->rec->db, s->job, generation, "QUEUED", "AWAITING_APPROVAL", NULL,
				      STR("it comes from a fork and waits for approval"));
	}
	return OK;
}

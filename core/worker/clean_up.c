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

/* A person cancelled the build; what was READY before it stays up. */
static void end_as_cancelled(const struct step_context *s, struct call *call, struct preview_end *end)
{
	const struct preview *model = &s->preview.model;
	unsigned kept = attempt_kept(model);

	end->status = "ERROR";
	end->detail = end->reason = "CANCELLED";
	if (kept == model->n_attempts) {
		end->message = STR("it was cancelled; retry deploys it again");
		return;
	}
	end->url = kept_url(s);
	end->message = arena_printf(
		call->arena,
		"it was cancelled; the deployment of %.12s, which was ready before, stays up; retry "
		"deploys it again",
		arena_text(call->arena, s->preview.attempts[kept].sha));
}

int step_settle(struct step_context *s, struct call *call)
{
	const struct preview_row *p = &s->preview;
	struct preview_end end = { .generation = p->model.generation };

	switch (p->model.desired) {
	case DESIRED_DEPLOYED:
		break;
	case DESIRED_DESTROYED:
		end.status = "DESTROYED";
		end.detail = arena_text(call->arena, p->why);
		break;
	case DESIRED_HELD:
		if (p->model.cancelled) {
			end_as_cancelled(s, call, &end);
			break;
		}
		end.status = "QUEUED";
		end.detail = "AWAITING_APPROVAL";
		end.message = STR("it comes from a fork and waits for approval");
		break;
	}
	return preview_settle(call, s->rec->db, s->job, &end);
}

int step_hold(struct step_context *s, struct call *call)
{
	struct str why = s->preview.frozen_why;

	if (why.n == 0)
		why = STR("the organization is locked down: this is deployed when an owner unlocks it");
	log_info("DeploymentProcessor", "Preview is not deployed: it is frozen", F_STR("reason", why));
	return preview_hold(call, s->rec->db, s->job, s->preview.model.generation, PREVIEW_FROZEN, why);
}

/* The steps that take a preview down, and what every step may need: backing off, reading build output. */
#include "worker/steps.h"

#include <string.h>

#define CANCEL_TRIES       3
#define ALERT_TRIES        8 /* failed destroys before it is shown as DESTROY_FAILED */
#define LONGEST_BACKOFF_MS (15 * 60 * 1000)
#define MOST_LOG_BYTES     (512 * 1024)

int back_off(struct step_context *s, struct call *call, unsigned i, const char *detail)
{
	struct attempt_change change = ATTEMPT_CHANGE(s->preview.attempts[i].id);
	int64_t tries = s->preview.model.attempts[i].tries;

	/* while it is SENT the tries are those of create: a look-up that fails does not use them up */
	if (s->preview.model.attempts[i].state != ATTEMPT_SENT)
		change.tries = tries + 1;
	change.next_ms = backoff_ms(tries, 1000, LONGEST_BACKOFF_MS, step_random());
	if (call->retry_after_ms > change.next_ms)
		change.next_ms = call->retry_after_ms;
	change.message = str_of(call->why);
	change.preview_detail = detail;
	log_warn("DeploymentProcessor", "Provider could not be asked; it is tried again",
		 F_STR("error", change.message), F_STR("provider", s->preview.attempts[i].provider),
		 F_INT("tries", tries + 1), F_INT("delay", change.next_ms));
	call->retry_after_ms = 0;
	return write_change(s, call, &change);
}

/* ---- build output ---- */

void read_logs(struct step_context *s, struct call *call, struct instance *instance, const struct attempt_row *attempt)
{
	struct build_log log = { 0 };
	struct buf text;
	int64_t before;
	int r;

	if (attempt->log_bytes >= MOST_LOG_BYTES)
		return;
	before = provider_deadline(call, s->rec);
	r = provider_logs(call, instance, arena_text(call->arena, attempt->provider_id),
			  arena_text(call->arena, attempt->log_cursor), &log);
	call->deadline_ms = before;
	if (r != OK || log.n_lines == 0)
		return;
	buf_init(&text, MOST_LOG_BYTES);
	for (size_t i = 0; i < log.n_lines; i++) {
		buf_add_str(&text, log.lines[i].text);
		buf_add_char(&text, '\n');
	}
	if (!text.overflow)
		build_log_add(call, s->rec->db, s->job, attempt->id, arena_str(call->arena, buf_str(&text)),
			      log.next_cursor);
	buf_done(&text);
}

/* ---- down ---- */

static int mark_cancelled(struct step_context *s, struct call *call, unsigned i)
{
	struct attempt_change change = ATTEMPT_CHANGE(s->preview.attempts[i].id);

	change.cancelled = 1;
	change.tries = 0;
	return write_change(s, call, &change);
}

int step_cancel(struct step_context *s, struct call *call, unsigned i)
{
	const struct attempt_row *attempt = &s->preview.attempts[i];
	struct instance *instance = NULL;
	int64_t before;
	int r = open_for(s, call, attempt->provider, &instance);

	if (r == OK) {
		before = provider_deadline(call, s->rec);
		r = provider_cancel(call, instance, arena_text(call->arena, attempt->provider_id));
		call->deadline_ms = before;
		instance_release(instance);
	}
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
	struct instance *instance = NULL;
	int64_t before;
	int r = open_for(s, call, attempt->provider, &instance);

	if (r == OK) {
		before = provider_deadline(call, s->rec);
		r = provider_destroy(call, instance, arena_text(call->arena, attempt->provider_id));
		call->deadline_ms = before;
		instance_release(instance);
	}
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

int step_hold(struct step_context *s, struct call *call)
{
	log_info("DeploymentProcessor", "Preview is not deployed: its organization is locked down");
	return preview_hold(call, s->rec->db, s->job, s->preview.model.generation, PREVIEW_FROZEN,
			    STR("the organization is locked down: this is deployed when an owner unlocks it"));
}

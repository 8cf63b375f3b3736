/* What every step on an attempt needs: the call of its provider, the write of what came of it, and its end. */
#include "worker/steps.h"

#include "base/clock.h"
#include "base/id.h"
#include "store/decoys.h"
#include "store/project_keys.h"

#define LONGEST_BACKOFF_MS (15 * 60 * 1000)

struct str attempt_tag(struct str instance_id)
{
	return instance_id.n > 8 ? (struct str){ instance_id.p + instance_id.n - 8, 8 } : instance_id;
}

int64_t provider_deadline(struct call *call, const struct reconciler *rec)
{
	int64_t before = call->deadline_ms, limit = clock_mono_ms() + rec->call_ms;

	if (limit < before)
		call->deadline_ms = limit;
	return before;
}

int provider_begin(struct step_context *s, struct call *call, struct str provider, struct provider_call *ret)
{
	struct instance *instance = NULL;
	int r = provider_open(call, s->rec->providers, provider, s->preview.project_id, s->preview.settings,
			      s->preview.settings_version, &instance);

	if (r != OK)
		return r;
	*ret = (struct provider_call){ instance, provider_deadline(call, s->rec),
				       s->cannot_hide.n && !call->log.hides_all };
	call->log.hides_all |= ret->hides_all;
	return OK;
}

void provider_end(struct call *call, const struct provider_call *p)
{
	call->deadline_ms = p->deadline_ms;
	if (p->hides_all)
		call->log.hides_all = false;
	instance_release(p->instance);
}

int decoy_hide(struct step_context *s, struct call *call, unsigned i, struct str *ret_token)
{
	const struct key_ring *ring;
	int r = project_ring(call, s->rec->db, s->rec->providers->keys, s->preview.project_id, &ring);

	if (r != OK)
		return r;
	*ret_token = decoy_token(call->arena, ring, s->preview.attempts[i].id);
	call_secret_named(call, STR(DECOY_KEY), *ret_token);
	return OK;
}

int hide_variables(struct step_context *s, struct call *call, unsigned i)
{
	const struct attempt_row *attempt = &s->preview.attempts[i];
	struct str token;
	int r = OK;

	if (str_eq(s->hidden, attempt->id))
		return OK;
	if (attempt->has_variables)
		r = attempt_variables_hide(call, s->rec->db, s->rec->providers->keys, attempt->id);
	if (r == OK && attempt->has_decoy)
		r = decoy_hide(s, call, i, &token);
	if (r == E_INVALID) {
		s->cannot_hide = arena_printf(call->arena,
					      "what the provider said is not kept: it might hold a value that cannot "
					      "be looked for, because %s",
					      call->why);
		r = OK;
	}
	if (r == OK)
		s->hidden = attempt->id;
	return r;
}

int provider_ask(struct step_context *s, struct call *call, unsigned i, provider_operation *operation)
{
	const struct attempt_row *attempt = &s->preview.attempts[i];
	struct provider_call p;
	int r = hide_variables(s, call, i);

	if (r == OK)
		r = provider_begin(s, call, attempt->provider, &p);
	if (r != OK)
		return r;
	r = operation(call, p.instance, arena_text(call->arena, attempt->provider_id));
	provider_end(call, &p);
	return r;
}

uint32_t step_random(void)
{
	uint32_t number;

	random_bytes(&number, sizeof(number));
	return number;
}

int write_change(struct step_context *s, struct call *call, struct attempt_change *change)
{
	change->generation = s->preview.model.generation;
	return attempt_write(call, s->rec->db, s->job, change);
}

struct str kept_url(const struct step_context *s)
{
	unsigned kept = attempt_kept(&s->preview.model);

	return kept < s->preview.model.n_attempts ? s->preview.attempts[kept].url : (struct str){ 0 };
}

int64_t attempt_age(const struct step_context *s, unsigned i)
{
	return s->preview.model.now_ms - s->preview.attempts[i].created_at_ms;
}

int fail_attempt(struct step_context *s, struct call *call, unsigned i, const char *reason, struct str why, bool gone)
{
	struct attempt_change change = ATTEMPT_CHANGE(s->preview.attempts[i].id);

	if (s->cannot_hide.n)
		why = s->cannot_hide;
	change.state = gone ? "gone" : NULL;
	change.status = "FAILED";
	change.error_reason = str_of(reason);
	change.message = why;
	change.tries = 0;
	change.preview_status = "ERROR";
	change.preview_detail = "FAILED";
	change.settled = true;
	change.stage = "ERROR";
	change.event = arena_printf(call->arena, "%s: %.*s", reason, STR_FMT(why));
	log_warn("DeploymentProcessor", "Provider failed to deploy a preview", F_TEXT("reason", reason),
		 F_STR("error", why), F_STR("provider", s->preview.attempts[i].provider),
		 F_INT("duration", attempt_age(s, i)));
	return write_change(s, call, &change);
}

int back_off(struct step_context *s, struct call *call, unsigned i, const char *detail)
{
	struct attempt_change change = ATTEMPT_CHANGE(s->preview.attempts[i].id);
	int64_t tries = s->preview.model.attempts[i].tries;

	/* while it is SENT the tries are those of create: a look-up that fails does not use them up */
	if (s->preview.model.attempts[i].state != ATTEMPT_SENT)
		change.tries = tries + 1;
	change.next_ms = backoff_ms(tries, 1000, LONGEST_BACKOFF_MS, step_random());
	if (call->retry_after_ms > change.next_ms)
		change.next_ms = spread_ms(call->retry_after_ms, step_random());
	change.message = s->cannot_hide.n ? s->cannot_hide : str_of(call->why);
	change.preview_detail = detail;
	log_warn("DeploymentProcessor", "Provider could not be asked; it is tried again",
		 F_STR("error", change.message), F_STR("provider", s->preview.attempts[i].provider),
		 F_INT("tries", tries + 1), F_INT("delay", change.next_ms));
	call->retry_after_ms = 0;
	return write_change(s, call, &change);
}

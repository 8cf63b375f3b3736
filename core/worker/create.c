/* The steps from nothing to a deployment that the provider has taken on, also when its answer was lost. */
#include "worker/steps.h"

#include "base/id.h"
#include "store/decoys.h"

#define QUOTA_WAIT_MS     (10 * 60 * 1000)
#define QUOTA_DEADLINE_MS (24ll * 60 * 60 * 1000)
#define LIMITED_TRIES     (CREATE_TRIES - 2) /* waiting for one's turn is no failed try: two are always left */

static struct str new_attempt_id(struct call *call, struct str instance_id)
{
	char id[ID_MAX];

	id_new(id, "att_");
	return arena_printf(call->arena, "%s_%.*s", id, STR_FMT(attempt_tag(instance_id)));
}

/* The provider has it: from now on it is followed by the provider's id. */
static int adopt(struct step_context *s, struct call *call, unsigned i, const struct deployment *d)
{
	struct attempt_change change = ATTEMPT_CHANGE(s->preview.attempts[i].id);

	change.state = "created";
	change.status = build_status_word(d->state == DEPLOYMENT_BUILDING ? BUILD_BUILDING : BUILD_QUEUED);
	change.provider_id = d->id;
	change.inspector_url = d->inspector_url;
	change.tries = 0;
	change.next_ms = d->poll_after_ms > 0 ? d->poll_after_ms : 500 + (int64_t)(step_random() % 500);
	change.deadline_ms = s->rec->build_ms;
	if (attempt_is_wanted(&s->preview.model, i)) {
		change.preview_status = "BUILDING";
		change.preview_detail = change.status;
		change.stage = "BUILDING";
		change.event = arena_printf(call->arena, "%.*s accepted the deployment",
					    STR_FMT(s->preview.attempts[i].provider));
	}
	log_info("DeploymentProcessor", "Preview deployment created", F_INT("duration", attempt_age(s, i)),
		 F_STR("providerDeploymentId", d->id), F_STR("provider", s->preview.attempts[i].provider));
	return write_change(s, call, &change);
}

int step_insert(struct step_context *s, struct call *call)
{
	struct str provider = provider_name(s->rec->providers, s->preview.provider);
	struct preview_end end = { .generation = s->preview.model.generation,
				   .status = "ERROR",
				   .detail = "FAILED",
				   .reason = "MISSING_PROVIDER_CONFIG",
				   .url = kept_url(s) };
	const char *why = "";
	bool waits = false;
	int r;

	end.message = STR("this project has no provider: choose one in its settings");
	if (provider.n == 0)
		return preview_settle(call, s->rec->db, s->job, &end);
	if (!catalog_provider(s->rec->providers->catalog, provider, &why)) {
		end.message = arena_printf(call->arena, "the provider plugin \"%.*s\" is not loaded: %s",
					   STR_FMT(provider), why);
		return preview_settle(call, s->rec->db, s->job, &end);
	}
	r = attempt_insert(call, s->rec->db, s->job, s->preview.model.generation,
			   new_attempt_id(call, s->preview.instance_id), provider, s->rec->build_ms,
			   s->rec->account_builds, &waits);
	if (r == OK && waits)
		s->no_room_for = s->preview.model.generation;
	return r;
}

static int retry_create(struct step_context *s, struct call *call, unsigned i, struct failure failure, struct str why)
{
	struct attempt_change change = ATTEMPT_CHANGE(s->preview.attempts[i].id);
	int64_t tries = s->preview.model.attempts[i].tries;

	change.error_reason = str_of(failure.reason);
	change.message = why;
	change.next_ms = backoff_ms(tries, 1000, 60000, step_random());
	if (call->retry_after_ms > 0)
		change.next_ms += spread_ms(call->retry_after_ms, step_random());
	change.preview_detail = "RETRYING";
	if (failure.retry == RETRY_LOOK_UP) {
		change.next_ms = 500; /* stays SENT: the next step looks it up */
	} else {
		change.state = "intent";
	}
	if ((failure.retry == RETRY_LIMITED || failure.retry == RETRY_QUOTA) && tries >= LIMITED_TRIES)
		change.tries = LIMITED_TRIES;
	if (failure.retry == RETRY_QUOTA) {
		change.preview_detail = "QUOTA_WAIT";
		change.next_ms = spread_ms(call->retry_after_ms > 0 ? call->retry_after_ms : QUOTA_WAIT_MS,
					   step_random());
		/* of the attempt, not of this wait: else an allowance that never comes back is waited for for ever */
		change.deadline_ms = attempt_age(s, i) < QUOTA_DEADLINE_MS ? QUOTA_DEADLINE_MS - attempt_age(s, i) : 0;
	}
	log_warn("DeploymentProcessor", "Provider did not accept a deployment; it is tried again",
		 F_TEXT("reason", failure.reason), F_STR("error", why), F_INT("tries", tries + 1),
		 F_INT("delay", change.next_ms));
	return write_change(s, call, &change);
}

/* What an attempt is given. */
struct gifts {
	struct deploy_variables variables;
	struct str decoy; /* its address; empty = none */
	struct str decoy_hash;
};

static int find_gifts(struct step_context *s, struct call *call, unsigned i, struct gifts *ret)
{
	const struct preview_row *p = &s->preview;
	struct str token = { 0 };
	int r = deploy_variables(call, s->rec->db, s->rec->providers->keys, p->id, &ret->variables);

	if (r != OK || !p->from_fork || !p->decoys)
		return r;
	for (size_t k = 0; k < ret->variables.n; k++)
		if (str_eq(ret->variables.items[k].key, STR(DECOY_KEY))) /* theirs counts */
			return OK;
	r = decoy_hide(s, call, i, &token);
	if (r == OK) {
		ret->decoy = arena_printf(call->arena, "%.*s/d/%.*s", STR_FMT(s->rec->public_url), STR_FMT(token));
		ret->decoy_hash = decoy_hash(call->arena, token);
	}
	return r;
}

static void give(struct call *call, const struct gifts *gifts, struct opshub_deploy_request *request)
{
	const struct deploy_variables *variables = &gifts->variables;
	struct opshub_env *env = arena_alloc(call->arena, (variables->n + 1) * sizeof(*env));
	uint32_t n = 0;

	for (; n < variables->n; n++) /* an opened value has a NUL behind it */
		env[n] = (struct opshub_env){ .key = arena_text(call->arena, variables->items[n].key),
					      .value = variables->items[n].value.p,
					      .is_secret = 1,
					      .is_build_only = variables->items[n].build_only };
	if (gifts->decoy.n)
		env[n++] = (struct opshub_env){ .key = DECOY_KEY, .value = gifts->decoy.p, .is_secret = 1 };
	request->env = env;
	request->n_env = n;
	request->env_size = sizeof(*env);
}

static struct opshub_deploy_request request_for(struct step_context *s, struct call *call, unsigned i)
{
	const struct preview_row *p = &s->preview;

	return (struct opshub_deploy_request){
		.struct_size = sizeof(struct opshub_deploy_request),
		.is_fork = p->from_fork,
		.attempt_id = arena_text(call->arena, p->attempts[i].id),
		.project_id = arena_text(call->arena, p->project_id),
		.project_name = arena_text(call->arena, p->project_name),
		.repo_full_name = arena_text(call->arena, p->repo),
		.pr_number = p->pr_number,
		.branch = arena_text(call->arena, p->attempts[i].branch),
		.sha = arena_text(call->arena, p->attempts[i].sha),
		.title = arena_text(call->arena, p->title),
	};
}

int step_send(struct step_context *s, struct call *call, unsigned i)
{
	const struct attempt_row *attempt = &s->preview.attempts[i];
	struct gifts gifts = { 0 };
	struct opshub_deploy_request request;
	struct deployment deployment = { 0 };
	struct provider_call p;
	struct failure failure;
	int r = find_gifts(s, call, i, &gifts);

	if (r == E_INVALID)
		return fail_attempt(s, call, i, "VARIABLE_ERROR", str_of(call->why), true);
	if (r != OK)
		return r;
	s->hidden = attempt->id;
	request = request_for(s, call, i);
	give(call, &gifts, &request);
	/* the call's time runs from before SENT is written: a process stopped in between sends nothing when it goes on
	 */
	r = provider_begin(s, call, attempt->provider, &p);

	if (r == E_INVALID)
		return fail_attempt(s, call, i, "MISSING_PROVIDER_CONFIG", str_of(call->why), true);
	if (r != OK)
		return r;
	jobs_extend(call, s->rec->db, &s->job->id, &s->job->fence, 1, s->rec->lease_ms);
	r = attempt_sent(call, s->rec->db, s->job, attempt->id, s->rec->call_ms + 200, &gifts.variables,
			 gifts.decoy_hash);
	if (r != OK) {
		provider_end(call, &p);
		return r;
	}
	call->retry_after_ms = 0;
	r = provider_create(call, p.instance, &request, &deployment);
	provider_end(call, &p);
	if (r == OK)
		return adopt(s, call, i, &deployment);
	failure = create_failure(r);
	if (failure.retry == RETRY_NEVER ||
	    (failure.retry == RETRY_LATER && s->preview.model.attempts[i].tries + 1 >= CREATE_TRIES))
		return fail_attempt(s, call, i, failure.reason, str_of(call->why), true);
	return retry_create(s, call, i, failure, str_of(call->why));
}

/* ---- after a crash or a lost answer ---- */

static int look_again(struct step_context *s, struct call *call, unsigned i)
{
	struct attempt_change change = ATTEMPT_CHANGE(s->preview.attempts[i].id);
	int64_t left = s->preview.model.attempts[i].sent_at_ms + s->rec->settle_ms - s->preview.model.now_ms;

	change.next_ms = left < 1000 ? (left > 50 ? left : 50) : 1000;
	return write_change(s, call, &change);
}

int step_find(struct step_context *s, struct call *call, const struct step *step)
{
	unsigned i = step->attempt;
	const struct attempt_row *attempt = &s->preview.attempts[i];
	struct deployment deployment = { 0 };
	struct provider_call p;
	int r = hide_variables(s, call, i);

	if (r == OK)
		r = provider_begin(s, call, attempt->provider, &p);
	if (r != OK)
		return back_off(s, call, i, NULL);
	r = provider_find(call, p.instance, arena_text(call->arena, attempt->id), &deployment);
	provider_end(call, &p);
	if (r == OK)
		return adopt(s, call, i, &deployment);
	if (r != E_NOT_FOUND && r != E_UNSUPPORTED) /* never send blindly */
		return back_off(s, call, i, NULL);
	switch (step->not_found) {
	case NOT_FOUND_LOOK:
		return look_again(s, call, i);
	case NOT_FOUND_FORGET:
		return step_forget(s, call, i);
	case NOT_FOUND_SEND:
		break;
	}
	if (s->preview.model.attempts[i].tries >= CREATE_TRIES)
		return fail_attempt(s, call, i, "PROVIDER_ERROR", STR("the provider never took the deployment on"),
				    true);
	return step_send(s, call, i);
}

/* The reconciler's loop, and the steps that bring a preview up. Those that clean up are in clean_up.c. */
#include "worker/steps.h"

#include "base/clock.h"
#include "base/id.h"

#include <string.h>

#define STEPS_AT_ONCE     50 /* then the job goes to the back of the queue */
#define QUOTA_WAIT_MS     (10 * 60 * 1000)
#define QUOTA_DEADLINE_MS (24ll * 60 * 60 * 1000)

/* Attempt ids end in eight characters of the installation's id: what a provider lists of ours is told from what another
 * installation with the same account made. */
struct str attempt_tag(struct str instance_id)
{
	return instance_id.n > 8 ? (struct str){ instance_id.p + instance_id.n - 8, 8 } : instance_id;
}

static struct str new_attempt_id(struct call *call, struct str instance_id)
{
	char id[ID_MAX];

	id_new(id, "att_");
	return arena_printf(call->arena, "%s_%.*s", id, STR_FMT(attempt_tag(instance_id)));
}

/* Provider calls have their own, shorter deadline. */
int64_t provider_deadline(struct call *call, const struct reconciler *rec)
{
	int64_t before = call->deadline_ms, limit = clock_mono_ms() + rec->call_ms;

	if (limit < before)
		call->deadline_ms = limit;
	return before;
}

int open_for(struct step_context *s, struct call *call, struct str provider, struct instance **ret)
{
	return provider_open(call, s->rec->providers, provider, s->preview.project_id, s->preview.settings,
			     s->preview.settings_version, ret);
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

static int64_t attempt_age(const struct step_context *s, unsigned i)
{
	return s->preview.model.now_ms - s->preview.attempts[i].created_at_ms;
}

/* ---- the end of an attempt ---- */

/* ERROR, with a reason of the taxonomy. `gone`: nothing of it reached the provider. */
static int fail_attempt(struct step_context *s, struct call *call, unsigned i, const char *reason, struct str why,
			bool gone)
{
	struct attempt_change change = ATTEMPT_CHANGE(s->preview.attempts[i].id);

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

/* The provider has it: from now on it is followed by the provider's id. */
static int adopt(struct step_context *s, struct call *call, unsigned i, const struct deployment *d)
{
	struct attempt_change change = ATTEMPT_CHANGE(s->preview.attempts[i].id);
	bool wanted = s->preview.attempts[i].sha.n &&
		      s->preview.model.attempts[i].generation == s->preview.model.generation &&
		      s->preview.model.desired == DESIRED_DEPLOYED;

	change.state = "created";
	change.status = build_status_word(d->state == DEPLOYMENT_BUILDING ? BUILD_BUILDING : BUILD_QUEUED);
	change.provider_id = d->id;
	change.inspector_url = d->inspector_url;
	change.tries = 0;
	change.next_ms = d->poll_after_ms > 0 ? d->poll_after_ms : 500;
	change.deadline_ms = s->rec->build_ms;
	if (wanted) {
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

/* ---- create ---- */

int step_insert(struct step_context *s, struct call *call)
{
	struct str provider = provider_name(s->rec->providers, s->preview.provider);
	const char *why = "";

	if (provider.n == 0)
		return preview_settle(call, s->rec->db, s->job, s->preview.model.generation, "ERROR", "FAILED",
				      "MISSING_PROVIDER_CONFIG",
				      STR("this project has no provider: choose one in its settings"));
	if (!catalog_provider(s->rec->providers->catalog, provider, &why))
		return preview_settle(call, s->rec->db, s->job, s->preview.model.generation, "ERROR", "FAILED",
				      "MISSING_PROVIDER_CONFIG",
				      arena_printf(call->arena, "the provider plugin \"%.*s\" is not loaded: %s",
						   STR_FMT(provider), why));
	return attempt_insert(call, s->rec->db, s->job, s->preview.model.generation,
			      new_attempt_id(call, s->preview.instance_id), provider, s->rec->build_ms);
}

static int retry_create(struct step_context *s, struct call *call, unsigned i, struct failure failure, struct str why)
{
	struct attempt_change change = ATTEMPT_CHANGE(s->preview.attempts[i].id);
	int64_t tries = s->preview.model.attempts[i].tries;

	change.error_reason = str_of(failure.reason);
	change.message = why;
	change.next_ms = backoff_ms(tries, 1000, 60000, step_random());
	if (call->retry_after_ms > change.next_ms)
		change.next_ms = call->retry_after_ms;
	change.preview_detail = "RETRYING";
	if (failure.retry == RETRY_LOOK_UP) {
		change.next_ms = 500; /* stays SENT: the next step looks it up */
	} else {
		change.state = "intent";
	}
	if (failure.retry == RETRY_QUOTA) {
		change.preview_detail = "QUOTA_WAIT";
		change.next_ms = call->retry_after_ms > 0 ? call->retry_after_ms : QUOTA_WAIT_MS;
		/* of the attempt, not of this wait: else an allowance that never comes back is waited for for ever */
		change.deadline_ms = attempt_age(s, i) < QUOTA_DEADLINE_MS ? QUOTA_DEADLINE_MS - attempt_age(s, i) : 0;
	}
	log_warn("DeploymentProcessor", "Provider did not accept a deployment; it is tried again",
		 F_TEXT("reason", failure.reason), F_STR("error", why), F_INT("tries", tries + 1),
		 F_INT("delay", change.next_ms));
	return write_change(s, call, &change);
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
		.env_size = sizeof(struct opshub_env),
	};
}

int step_send(struct step_context *s, struct call *call, unsigned i)
{
	struct opshub_deploy_request request = request_for(s, call, i);
	const struct attempt_row *attempt = &s->preview.attempts[i];
	struct instance *instance = NULL;
	struct deployment deployment = { 0 };
	struct failure failure;
	int64_t before;
	int r = open_for(s, call, attempt->provider, &instance);

	if (r == E_INVALID)
		return fail_attempt(s, call, i, "MISSING_PROVIDER_CONFIG", str_of(call->why), true);
	if (r != OK)
		return r;
	jobs_extend(call, s->rec->db, &s->job->id, &s->job->fence, 1, s->rec->lease_ms);
	/* the call's time runs from before SENT is written: a process stopped in between sends nothing when it goes on
	 */
	before = provider_deadline(call, s->rec);
	r = attempt_sent(call, s->rec->db, s->job, attempt->id, s->rec->call_ms + 200);
	if (r != OK) {
		call->deadline_ms = before;
		goto out;
	}
	call->retry_after_ms = 0;
	r = provider_create(call, instance, &request, &deployment);
	call->deadline_ms = before;
	if (r == OK) {
		r = adopt(s, call, i, &deployment);
		goto out;
	}
	failure = create_failure(r);
	if (failure.retry == RETRY_NEVER ||
	    (failure.retry == RETRY_LATER && s->preview.model.attempts[i].tries + 1 >= CREATE_TRIES))
		r = fail_attempt(s, call, i, failure.reason, str_of(call->why), true);
	else
		r = retry_create(s, call, i, failure, str_of(call->why));
out:
	instance_release(instance);
	return r;
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
	/* past its deadline it is not sent again, but what is found late is welcome */
	bool wanted = s->preview.model.desired == DESIRED_DEPLOYED &&
		      s->preview.model.attempts[i].generation == s->preview.model.generation &&
		      s->preview.model.attempts[i].status != BUILD_FAILED;
	struct instance *instance = NULL;
	struct deployment deployment = { 0 };
	int64_t before;
	int r = open_for(s, call, attempt->provider, &instance);

	if (r != OK)
		return back_off(s, call, i, NULL);
	before = provider_deadline(call, s->rec);
	r = provider_find(call, instance, arena_text(call->arena, attempt->id), &deployment);
	call->deadline_ms = before;
	instance_release(instance);
	if (r == OK)
		return adopt(s, call, i, &deployment);
	if (r != E_NOT_FOUND && r != E_UNSUPPORTED) /* never send blindly */
		return back_off(s, call, i, NULL);
	if (!step->lost)
		return look_again(s, call, i);
	if (!wanted || s->preview.model.frozen)
		return step_forget(s, call, i);
	if (s->preview.model.attempts[i].tries >= CREATE_TRIES)
		return fail_attempt(s, call, i, "PROVIDER_ERROR", STR("the provider never took the deployment on"),
				    true);
	return step_send(s, call, i);
}

/* ---- poll ---- */

/* How long until the next look, by the age of the attempt: as Vercel's own client does it. */
static int64_t poll_after(const struct step_context *s, unsigned i, const struct deployment *d)
{
	int64_t age = attempt_age(s, i);

	if (d->poll_after_ms > 0)
		return d->poll_after_ms < 60000 ? d->poll_after_ms : 60000;
	return age < 15000 ? 1000 : age < 60000 ? 5000 : age < 300000 ? 15000 : 30000;
}

static const char *failed_reason(enum deployment_reason reason)
{
	switch (reason) {
	case REASON_QUOTA:
		return "PROVIDER_QUOTA";
	case REASON_PROVIDER:
		return "PROVIDER_ERROR";
	case REASON_TIMEOUT:
		return "PROVIDER_TIMEOUT";
	case REASON_CONFIG:
		return "MISSING_PROVIDER_CONFIG";
	default:
		return "BUILD_FAILED";
	}
}

static int ready(struct step_context *s, struct call *call, unsigned i, const struct deployment *d)
{
	struct attempt_change change = ATTEMPT_CHANGE(s->preview.attempts[i].id);

	change.status = "READY";
	change.url = d->stable_url.n ? d->stable_url : d->url;
	change.inspector_url = d->inspector_url;
	change.tries = 0;
	change.preview_status = "READY";
	change.preview_detail = "READY";
	change.settled = true;
	change.stage = "READY";
	change.event = arena_printf(call->arena, "Ready at %.*s", STR_FMT(change.url));
	log_info("DeploymentProcessor", "Preview deployment ready", F_INT("duration", attempt_age(s, i)),
		 F_STR("url", change.url));
	return write_change(s, call, &change);
}

static int still_building(struct step_context *s, struct call *call, unsigned i, const struct deployment *d)
{
	struct attempt_change change = ATTEMPT_CHANGE(s->preview.attempts[i].id);
	enum build_status status = d->state == DEPLOYMENT_QUEUED     ? BUILD_QUEUED
				   : d->state == DEPLOYMENT_BUILDING ? BUILD_BUILDING
								     : s->preview.model.attempts[i].status;

	change.next_ms = poll_after(s, i, d);
	change.tries = 0;
	if (status != s->preview.model.attempts[i].status) {
		change.status = build_status_word(status);
		change.preview_detail = change.status;
	}
	return write_change(s, call, &change);
}

int step_poll(struct step_context *s, struct call *call, unsigned i)
{
	const struct attempt_row *attempt = &s->preview.attempts[i];
	struct instance *instance = NULL;
	struct deployment d = { 0 };
	struct str why;
	int64_t before;
	int r = open_for(s, call, attempt->provider, &instance);

	if (r != OK)
		return back_off(s, call, i, NULL);
	before = provider_deadline(call, s->rec);
	r = provider_status(call, instance, arena_text(call->arena, attempt->provider_id), &d);
	call->deadline_ms = before;
	if (r == OK)
		read_logs(s, call, instance, attempt);
	instance_release(instance);
	if (r == E_NOT_FOUND || (r == OK && d.state == DEPLOYMENT_GONE))
		return fail_attempt(s, call, i, "PROVIDER_ERROR", STR("the deployment disappeared at the provider"),
				    true);
	if (r == E_AUTH)
		return fail_attempt(s, call, i, "PROVIDER_AUTH", str_of(call->why), false);
	if (r != OK)
		return back_off(s, call, i, NULL);
	why = d.message.n ? d.message : STR("the provider gave no message");
	switch (d.state) {
	case DEPLOYMENT_READY:
		return ready(s, call, i, &d);
	case DEPLOYMENT_FAILED:
		return fail_attempt(s, call, i, failed_reason(d.reason), why, false);
	case DEPLOYMENT_CANCELLED:
		return fail_attempt(s, call, i, "CANCELLED", STR("it was cancelled at the provider"), false);
	default:
		return still_building(s, call, i, &d);
	}
}

/* What still builds is told to stop: it must not become READY behind an ERROR. */
static void stop_build(struct step_context *s, struct call *call, const struct attempt_row *attempt)
{
	struct instance *instance = NULL;
	int64_t before = provider_deadline(call, s->rec);

	if (open_for(s, call, attempt->provider, &instance) == OK)
		provider_cancel(call, instance, arena_text(call->arena, attempt->provider_id));
	call->deadline_ms = before;
	instance_release(instance);
}

int step_time_out(struct step_context *s, struct call *call, unsigned i)
{
	enum attempt_state state = s->preview.model.attempts[i].state;
	struct str why = arena_printf(call->arena, "it was not ready after %lld s",
				      (long long)(attempt_age(s, i) / 1000));

	if (state == ATTEMPT_CREATED)
		stop_build(s, call, &s->preview.attempts[i]);
	return fail_attempt(s, call, i, "PROVIDER_TIMEOUT", why, state == ATTEMPT_INTENT);
}

/* ---- the loop ---- */

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

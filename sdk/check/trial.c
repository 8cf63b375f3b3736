/* Each operation once, on a fiber with the stack it will have in the worker.
 *
 * Owns the loop and the instance of this child process.
 * With recorded answers every operation the plugin has must succeed. Without, the network is down: every operation must
 * fail, with a known code and a reason. Easy to break: progress is written before each step, since a step may be the
 * last. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIAL_MS 20000
#define ATTEMPT  "check_attempt_1"
#define SHA      "0123456789abcdef0123456789abcdef01234567"

struct stage {
	struct trial *trial;
	struct plugins *plugins;
	struct instance *instance;
	struct str id; /* of the deployment that was made */
};

static void refuse(struct stage *stage, const char *operation, const char *what, const char *why)
{
	struct progress *progress = stage->trial->progress;

	if (!progress->why[0])
		snprintf(progress->why, sizeof(progress->why), "%s %s: %s", operation, what, why);
}

static void begin(struct stage *stage, const char *operation)
{
	snprintf(stage->trial->progress->operation, sizeof(stage->trial->progress->operation), "%s", operation);
}

/* Judge the result of one operation. */
static void judge(struct stage *stage, struct call *call, const char *operation, int r, bool may_succeed)
{
	bool is_recorded = stage->trial->recording != NULL;

	/* it may have ways of its own to do things */
	may_succeed |= (stage->trial->plugin->about.flags & OPSHUB_BLOCKING) != 0;
	printf("  %-8s %s%s%s\n", operation, r < 0 ? status_name(r) : "OK", r < 0 ? ": " : "", r < 0 ? call->why : "");
	if (r < 0 && plugins_faults(stage->plugins))
		refuse(stage, operation, "breaks the rules", call->why);
	else if (r < 0 && (is_recorded || r == E_INTERNAL))
		refuse(stage, operation, "failed", call->why);
	else if (r == OK && !is_recorded && !may_succeed)
		refuse(stage, operation, "reported success",
		       "although the network was down, so nothing can have happened");
}

static void try_provider(struct stage *stage, struct call *call)
{
	const struct opshub_provider_ops *ops = &stage->trial->plugin->provider;
	const struct opshub_env env = { .key = "GREETING", .value = "hello" };
	const struct opshub_deploy_request request = {
		.struct_size = sizeof(request),
		.attempt_id = ATTEMPT,
		.project_id = "proj_check",
		.project_name = "check",
		.repo_full_name = "example/check",
		.repo_id = 1,
		.pr_number = 1,
		.branch = "check",
		.sha = SHA,
		.title = "Check",
		.env = &env,
		.n_env = 1,
		.env_size = sizeof(env),
	};
	struct deployment d = { .id = STR("check-id") };
	struct deployment_list list;
	struct build_log log;
	struct report report;
	const char *id;

	if (ops->verify) {
		begin(stage, "verify");
		judge(stage, call, "verify", provider_verify(call, stage->instance, &report), true);
	}
	begin(stage, "create");
	judge(stage, call, "create", provider_create(call, stage->instance, &request, &d), false);
	id = arena_text(call->arena, d.id);
	if (ops->find) {
		begin(stage, "find");
		judge(stage, call, "find", provider_find(call, stage->instance, ATTEMPT, &d), false);
	}
	begin(stage, "status");
	judge(stage, call, "status", provider_status(call, stage->instance, id, &d), false);
	if (ops->logs) {
		begin(stage, "logs");
		judge(stage, call, "logs", provider_logs(call, stage->instance, id, "", &log), false);
	}
	if (ops->list) {
		begin(stage, "list");
		judge(stage, call, "list", provider_list(call, stage->instance, "", &list), false);
	}
	if (ops->cancel) {
		begin(stage, "cancel");
		judge(stage, call, "cancel", provider_cancel(call, stage->instance, id), false);
	}
	begin(stage, "destroy");
	judge(stage, call, "destroy", provider_destroy(call, stage->instance, id), false);
}

static void try_notifier(struct stage *stage, struct call *call)
{
	const struct opshub_notifier_ops *ops = &stage->trial->plugin->notifier;
	const struct opshub_event_field field = { "Branch", "check" };
	const struct opshub_event event = {
		.struct_size = sizeof(event),
		.id = "evt_check",
		.kind = "preview.ready",
		.at_ms = 1700000000000,
		.severity = OPSHUB_SEVERITY_SUCCESS,
		.title = "Preview <ready> & *waiting*",
		.text = "A check",
		.url = "https://example.com/",
		.org = "example",
		.project = "check",
		.repo = "example/check",
		.sha = SHA,
		.pr_number = 1,
		.thread_key = "check",
		.thread = "",
		.fields = &field,
		.n_fields = 1,
		.field_size = sizeof(field),
	};
	struct str receipt = STR("check");
	struct report report;

	if (ops->verify) {
		begin(stage, "verify");
		judge(stage, call, "verify", notifier_verify(call, stage->instance, &report), true);
	}
	begin(stage, "send");
	judge(stage, call, "send", notifier_send(call, stage->instance, &event, &receipt), false);
	if (ops->update && receipt.n) {
		begin(stage, "update");
		judge(stage, call, "update",
		      notifier_update(call, stage->instance, arena_text(call->arena, receipt), &event), false);
	}
}

/* What the plugin's author gave counts, also for a setting that at a server only the operator has: as its variable. */
static void give_as_operator(const struct opshub_setting *s, struct arena *arena, struct str value)
{
	if ((s->flags & OPSHUB_SETTING_OPERATOR) && s->env && *s->env)
		setenv(s->env, arena_text(arena, value), 1);
}

static struct str made_up(const struct opshub_setting *s, struct arena *arena)
{
	struct str choices = str_of(s->choices);

	if (s->type == OPSHUB_SETTING_SECRET)
		return STR("check-secret-0123");
	if (s->type == OPSHUB_SETTING_URL)
		return STR("https://check.invalid");
	if (s->type == OPSHUB_SETTING_CHOICE)
		return arena_str(arena, str_split(&choices, '|'));
	if (s->type >= OPSHUB_SETTING_INT)
		return s->type == OPSHUB_SETTING_BOOL ? STR("true") : arena_printf(arena, "%lld", (long long)s->min);
	return STR("check");
}

/* A value for each setting that must have one and was given none. */
static void fill_in(struct trial *trial, struct arena *arena)
{
	for (uint32_t i = 0; i < trial->plugin->about.n_settings && trial->n_given < SETTINGS_GIVEN_MAX; i++) {
		const struct opshub_setting *s = &trial->plugin->settings[i];
		struct str key = str_of(s->key), value;
		bool is_given = false;

		for (size_t g = 0; g < trial->n_given; g++) {
			if (!str_eq(trial->given[g].key, key))
				continue;
			is_given = true;
			give_as_operator(s, arena, trial->given[g].text);
		}
		if (is_given || (s->initial && *s->initial) ||
		    (!(s->flags & OPSHUB_SETTING_REQUIRED) && s->type != OPSHUB_SETTING_SECRET))
			continue;
		value = made_up(s, arena);
		give_as_operator(s, arena, value);
		trial->given[trial->n_given++] = (struct setting_value){ key, value };
	}
}

static void run(struct call *call, void *arg)
{
	struct stage *stage = arg;
	struct trial *trial = stage->trial;
	const struct instance_spec spec = { .plugin = trial->plugin,
					    .scope = STR("check"),
					    .version = 1,
					    .values = trial->given,
					    .n_values = trial->n_given };
	int r;

	begin(stage, "open");
	r = plugins_instance(call, stage->plugins, &spec, &stage->instance);
	if (r < 0) {
		refuse(stage, "open", "failed", call->why);
		return;
	}
	if (trial->plugin->about.kind == OPSHUB_KIND_PROVIDER)
		try_provider(stage, call);
	else
		try_notifier(stage, call);
	begin(stage, "close");
	stage->instance = instance_release(stage->instance);
}

static void on_done(struct call *call, void *arg)
{
	(void)arg;
	loop_stop(call->loop);
}

void trial_run(struct trial *trial)
{
	const struct fiber_options options = { .name = "check", .timeout_ms = TRIAL_MS, .on_done = on_done };
	struct stage stage = { .trial = trial };
	struct arena *arena = arena_new();
	struct loop *loop = loop_new(0);

	crash_install(trial->crash_fd);
	fill_in(trial, arena);
	stage.plugins = plugins_open_with(loop, recording_fetch, trial);
	plugins_set_strict(stage.plugins);
	if (fiber_start(loop, &options, run, &stage, NULL) == OK)
		loop_run(loop);
	plugins_close(stage.plugins);
	loop_free(loop);
	arena_free(arena);
}

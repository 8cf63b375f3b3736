/* One operation of a plugin from entry to result.
 *
 * Owns nothing. Easy to break: message and failure come together. Whatever the plugin returned, afterwards call->why is
 * set if the result is negative, and empty if it is not. */
#include "plugin/host.h"

#include "base/clock.h"

#define OPERATION_MS 120000           /* for callers without a deadline of their own */
#define LIMITED_MAX  (15 * 60 * 1000) /* an allowance may be gone for a day, a rate limit may not */

static const char *job_of(const struct call *call)
{
	for (unsigned i = 0; i < call->log.n_fields; i++)
		if (call->log.fields[i].kind == 's' && str_eq(str_of(call->log.fields[i].key), STR("jobId")))
			return arena_text(call->arena, call->log.fields[i].text);
	return "";
}

static void hide_secrets(struct call *call, const struct instance *instance)
{
	const struct plugin *plugin = instance->plugin;

	for (uint32_t i = 0; i < plugin->about.n_settings; i++)
		if (plugin->settings[i].type == OPSHUB_SETTING_SECRET)
			call_secret(call,
				    str_of(*(const char **)((char *)instance->memory + plugin->settings[i].offset)));
}

/* The plugin's code as one of ours, with a message in any case. */
static int settle(struct opshub_call *c, int r)
{
	struct call *call = c->call;
	const char *name = c->plugin->about.name;

	if (r == OK) {
		call->code = OK;
		call->why = "";
		return OK;
	}
	if (r > 0 || r < E_INTERNAL || !c->has_failed)
		c->plugins->faults++;
	if (r > 0 || r < E_INTERNAL)
		return call_fail(call, E_INTERNAL, "%s plugin %s returned the unknown status %d from %s",
				 plugin_word(c->plugin), name, r, c->operation);
	if (!c->has_failed)
		call_fail(call, r, "%s plugin %s failed in %s without saying why (%s)", plugin_word(c->plugin), name,
			  c->operation, status_name(r));
	call->code = r;
	if (r == E_LIMITED || r == E_QUOTA || r == E_NETWORK)
		call->retry_after_ms = c->retry_after_ms;
	if (r != E_QUOTA && call->retry_after_ms > LIMITED_MAX)
		call->retry_after_ms = LIMITED_MAX;
	return r;
}

/* On the fiber, or on a thread when the plugin is BLOCKING. A wild pointer in the answer is the plugin's crash too. */
static int run(struct opshub_call *c, const struct operation *operation)
{
	int r;

	if (c->plugin->about.flags & OPSHUB_BLOCKING) {
		r = thread_operation(c, operation->run, operation->arg);
		crash_enter(c->plugin->about.name, c->operation, c->job_id);
	} else {
		crash_enter(c->plugin->about.name, c->operation, c->job_id);
		r = operation->run(c, operation->arg);
	}
	if (r == OK && operation->copy)
		r = operation->copy(c, operation->arg);
	crash_leave();
	if (r == OK && c->gave_foreign) {
		c->has_failed = true;
		c->plugins->faults++;
		r = call_fail(c->call, E_INTERNAL,
			      "%s plugin %s broke the rules in %s: it returned memory that is neither host->alloc()'s "
			      "nor static",
			      plugin_word(c->plugin), c->plugin->about.name, c->operation);
	}
	return r;
}

int operation_run(struct call *call, struct instance *instance, const struct operation *operation)
{
	struct opshub_call c = {
		.call = call,
		.plugins = instance->plugins,
		.plugin = instance->plugin,
		.operation = operation->name,
		.job_id = job_of(call),
		.allow_private = instance->allow_private,
	};
	int64_t deadline = call->deadline_ms, latest = clock_mono_ms() + OPERATION_MS;
	int r;

	if (call_cancelled(call))
		return call_fail(call, E_CANCELLED, "Cancelled before %s of %s", operation->name, c.plugin->about.name);
	hide_secrets(call, instance);
	call->retry_after_ms = 0;
	if (deadline > latest)
		call->deadline_ms = latest;
	r = run(&c, operation);
	call->deadline_ms = deadline;
	return settle(&c, r);
}

/* Instances: plugins opened with settings, shared by the calls that use the same version of them.
 *
 * Owns the list of instances, current and draining, their memory, and the plugins' counters.
 * Easy to break: open() may suspend, and two fibers may open the same settings; the one that comes second to the list
 * uses the first's. An instance is closed where its last use ends, never while an operation holds it.
 *
 *   settings v1: [current, 3 uses]          settings v2 arrive
 *                [draining, 3 uses]  <----  [current, 1 use]
 *                [draining, 0 uses] -> close() */
#include "plugin/host.h"

#include "base/clock.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define INSTANCES_MAX 1024
#define COUNTERS_MAX  32 /* a plugin */

struct counter {
	const struct plugin *plugin;
	char metric[41];
	int64_t value;
	struct counter *next;
};

struct plugins *plugins_open_with(struct loop *loop, plugin_fetch_fn *fetch, void *arg)
{
	struct plugins *plugins = calloc(1, sizeof(*plugins));

	if (!plugins)
		abort();
	*plugins = (struct plugins){ .loop = loop, .fetch = fetch, .fetch_arg = arg };
	return plugins;
}

void plugins_set_strict(struct plugins *plugins)
{
	plugins->is_strict = true;
}

int64_t plugins_faults(const struct plugins *plugins)
{
	return plugins->faults;
}

static void instance_free(struct instance *instance)
{
	arena_free(instance->arena);
	free(instance);
}

static void instance_close(struct instance *instance)
{
	struct instance **at = &instance->plugins->instances;

	assert(instance->uses == 0);
	while (*at != instance)
		at = &(*at)->next;
	*at = instance->next;
	if (instance->plugin->about.close) {
		crash_enter(instance->plugin->about.name, "close", "");
		instance->plugin->about.close(instance->memory);
		crash_leave();
	}
	instance_free(instance);
}

struct plugins *plugins_close(struct plugins *plugins)
{
	struct counter *counter, *next;

	if (!plugins)
		return NULL;
	while (plugins->instances)
		instance_close(plugins->instances);
	for (counter = plugins->counters; counter; counter = next) {
		next = counter->next;
		free(counter);
	}
	free(plugins);
	return NULL;
}

struct instance *instance_release(struct instance *instance)
{
	if (!instance)
		return NULL;
	assert(instance->uses > 0);
	instance->uses--;
	instance->used_at_ms = clock_mono_ms();
	if (instance->uses == 0 && !instance->is_current)
		instance_close(instance);
	return NULL;
}

const struct plugin *instance_plugin(const struct instance *instance)
{
	return instance->plugin;
}

/* The current instance of that plugin and scope, whatever its version. */
static struct instance *current_of(struct plugins *plugins, const struct instance_spec *spec)
{
	for (struct instance *i = plugins->instances; i; i = i->next)
		if (i->is_current && i->plugin == spec->plugin && str_eq(i->scope, spec->scope))
			return i;
	return NULL;
}

static bool fits(const struct instance *instance, const struct instance_spec *spec)
{
	return instance && instance->version == spec->version && instance->allow_private == spec->allow_private;
}

static struct instance *use(struct instance *instance)
{
	instance->uses++;
	return instance;
}

static void drain(struct instance *instance)
{
	if (!instance)
		return;
	instance->is_current = false;
	if (instance->uses == 0)
		instance_close(instance);
}

/* Room for one more: the one that was idle longest goes. */
static bool make_room(struct plugins *plugins)
{
	struct instance *oldest = NULL;
	unsigned n = 0;

	for (struct instance *i = plugins->instances; i; i = i->next, n++)
		if (i->uses == 0 && (!oldest || i->used_at_ms < oldest->used_at_ms))
			oldest = i;
	if (n < INSTANCES_MAX)
		return true;
	if (oldest)
		instance_close(oldest);
	return oldest != NULL;
}

static int run_open(struct opshub_call *c, void *arg)
{
	return c->plugin->about.open(c, &host_table, arg);
}

static int open_new(struct call *call, struct plugins *plugins, const struct instance_spec *spec, struct instance **ret)
{
	struct instance *instance = calloc(1, sizeof(*instance));
	const struct setting_fault *faults;
	size_t n;
	int r;

	if (!instance)
		abort();
	instance->plugins = plugins;
	instance->plugin = spec->plugin;
	instance->version = spec->version;
	instance->allow_private = spec->allow_private;
	instance->arena = arena_new_secret();
	instance->scope = arena_str(instance->arena, spec->scope);
	instance->memory = arena_alloc(instance->arena, spec->plugin->about.instance_size + 1);
	n = settings_write(instance->arena, spec->plugin, spec->values, spec->n_values, instance->memory, &faults);
	if (n > 0)
		r = call_fail(call, E_INVALID, "%s settings of %s: %s", plugin_word(spec->plugin),
			      spec->plugin->about.name, settings_faults_text(call->arena, faults, n));
	else
		r = operation_run(call, instance, &(struct operation){ "open", run_open, NULL, instance->memory });
	if (r < 0) {
		instance_free(instance);
		return r;
	}
	*ret = instance;
	return OK;
}

int plugins_instance(struct call *call, struct plugins *plugins, const struct instance_spec *spec,
		     struct instance **ret)
{
	struct instance *current = current_of(plugins, spec), *fresh;
	int r;

	if (fits(current, spec)) {
		*ret = use(current);
		return OK;
	}
	if (!make_room(plugins))
		return call_fail(call, E_LIMITED, "More than %d plugin instances are in use: try again later",
				 INSTANCES_MAX);
	r = open_new(call, plugins, spec, &fresh);
	if (r < 0)
		return r;
	/* The list may have changed while open() waited. */
	fresh->next = plugins->instances;
	plugins->instances = fresh;
	current = current_of(plugins, spec);
	if (fits(current, spec)) {
		instance_close(fresh);
		*ret = use(current);
		return OK;
	}
	drain(current);
	fresh->is_current = true;
	*ret = use(fresh);
	return OK;
}

void plugins_count(struct plugins *plugins, const struct plugin *plugin, const char *metric, int64_t delta)
{
	struct counter *counter;
	unsigned n = 0;

	for (counter = plugins->counters; counter; counter = counter->next) {
		if (counter->plugin != plugin)
			continue;
		n++;
		if (strcmp(counter->metric, metric) == 0)
			break;
	}
	if (!counter) {
		if (n >= COUNTERS_MAX)
			return;
		counter = calloc(1, sizeof(*counter));
		if (!counter)
			abort();
		counter->plugin = plugin;
		strncpy(counter->metric, metric, sizeof(counter->metric) - 1);
		counter->next = plugins->counters;
		plugins->counters = counter;
	}
	counter->value += delta;
}

void plugins_each_count(const struct plugins *plugins,
			void (*fn)(void *arg, const char *plugin, const char *metric, int64_t value), void *arg)
{
	for (const struct counter *c = plugins->counters; c; c = c->next)
		fn(arg, c->plugin->about.name, c->metric, c->value);
}

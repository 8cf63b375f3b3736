/* From stored settings to an open plugin instance. */
#include "worker/providers.h"

#include "store/project_keys.h"
#include "store/provider_settings.h"

#define MOST_SETTINGS (2 * MOST_PROVIDER_SETTINGS)

struct str provider_name(const struct providers *providers, struct str chosen)
{
	return providers->use_mock ? STR("mock") : chosen;
}

static bool is_listed(const char *list, struct str name)
{
	struct str rest = str_of(list);

	while (rest.n)
		if (str_eq(str_trim(str_split(&rest, ',')), name))
			return true;
	return false;
}

bool provider_may_be_private(const struct providers *providers, struct str provider)
{
	return is_listed(providers->allow_private, provider);
}

static struct str setting_text(struct call *call, const struct json *value)
{
	switch (value->kind) {
	case JSON_TEXT:
		return value->text;
	case JSON_INT:
		return arena_printf(call->arena, "%lld", (long long)value->integer);
	case JSON_BOOL:
		return value->truth ? STR("true") : STR("false");
	default:
		return (struct str){ "", 0 };
	}
}

/* Settings in the clear, then secrets; at most MOST_SETTINGS of both. */
static int read_values(struct call *call, const struct providers *providers, const struct plugin_settings *s,
		       struct instance_spec *spec, struct setting_value *values)
{
	const struct key_ring *ring;
	struct str plain;
	int r = OK;

	for (const struct json *m = s->settings ? s->settings->child : NULL; m && spec->n_values < MOST_SETTINGS;
	     m = m->next)
		values[spec->n_values++] = (struct setting_value){ m->key, setting_text(call, m) };
	if (!s->secrets || !s->secrets->child)
		return OK;
	r = project_ring_open(call, providers->keys, s->project_id, s->wrapped, &ring);
	for (const struct json *m = s->secrets->child; r == OK && m && spec->n_values < MOST_SETTINGS; m = m->next) {
		r = secret_open(call, ring, &s->place, m->key, json_text(m, STR("")), &plain);
		if (r == OK)
			values[spec->n_values++] = (struct setting_value){ m->key, plain };
	}
	return r;
}

int plugin_open(struct call *call, const struct providers *providers, const struct plugin *plugin,
		const struct plugin_settings *settings, struct instance **ret)
{
	struct setting_value *values = arena_alloc(call->arena, MOST_SETTINGS * sizeof(*values));
	struct instance_spec spec = { .plugin = plugin,
				      .scope = settings->place.owner,
				      .version = settings->version,
				      .values = values,
				      .allow_private = is_listed(providers->allow_private, settings->place.plugin) };
	int r = read_values(call, providers, settings, &spec, values);

	return r == OK ? plugins_instance(call, providers->plugins, &spec, ret) : r;
}

int provider_open(struct call *call, const struct providers *providers, struct str name, struct str project_id,
		  struct str settings_json, int64_t settings_version, struct instance **ret)
{
	struct plugin_settings settings = { .place = { "provider_secrets", project_id, name, "provider" },
					    .version = settings_version,
					    .project_id = project_id };
	const struct json *stored;
	const struct plugin *plugin;
	const char *why = "";

	plugin = catalog_provider(providers->catalog, name, &why);
	if (!plugin)
		return call_fail(call, E_INVALID, "the provider plugin \"%.*s\" is not loaded: %s", STR_FMT(name), why);
	stored = json_get(json_parse(call->arena, settings_json, NULL, &why), arena_text(call->arena, name));
	settings.settings = json_get(stored, "settings");
	settings.secrets = json_get(stored, "secrets");
	settings.wrapped = json_text(json_get(stored, "key"), STR(""));
	return plugin_open(call, providers, plugin, &settings, ret);
}

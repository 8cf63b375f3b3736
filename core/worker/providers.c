/* From a project's row to an open plugin instance. */
#include "worker/providers.h"

#include "base/json_read.h"
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
static int read_values(struct call *call, const struct providers *providers, struct str provider,
		       const struct json *stored, struct instance_spec *spec, struct setting_value *values)
{
	const struct json *settings = json_get(stored, "settings"), *secrets = json_get(stored, "secrets");
	struct str plain;
	int r = OK;

	for (const struct json *m = settings ? settings->child : NULL; m && spec->n_values < MOST_SETTINGS; m = m->next)
		values[spec->n_values++] = (struct setting_value){ m->key, setting_text(call, m) };
	for (const struct json *m = secrets ? secrets->child : NULL; m && spec->n_values < MOST_SETTINGS; m = m->next) {
		r = provider_secret_open(call, providers->keys, spec->scope, provider, m->key, json_text(m, STR("")),
					 &plain);
		if (r != OK)
			break;
		values[spec->n_values++] = (struct setting_value){ m->key, plain };
	}
	return r;
}

int provider_open(struct call *call, const struct providers *providers, struct str name, struct str project_id,
		  struct str settings_json, int64_t settings_version, struct instance **ret)
{
	struct setting_value *values = arena_alloc(call->arena, MOST_SETTINGS * sizeof(*values));
	struct instance_spec spec = { .scope = project_id, .version = settings_version, .values = values };
	const struct json *stored;
	const char *why = "";
	int r;

	spec.plugin = catalog_provider(providers->catalog, name, &why);
	if (!spec.plugin)
		return call_fail(call, E_INVALID, "the provider plugin \"%.*s\" is not loaded: %s", STR_FMT(name), why);
	stored = json_get(json_parse(call->arena, settings_json, NULL, &why), arena_text(call->arena, name));
	r = read_values(call, providers, name, stored, &spec, values);
	if (r != OK)
		return r;
	spec.allow_private = is_listed(providers->allow_private, name);
	return plugins_instance(call, providers->plugins, &spec, ret);
}

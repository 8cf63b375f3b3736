/* From declared settings to an instance, and to the catalog. The rules of each type are base/setting.h's.
 *
 * Owns nothing; texts go to the arena given. */
#include "plugin/settings.h"

#include "base/env.h"
#include "base/setting.h"

#include <stdlib.h>

#define CHOICES_BOUND 64

_Static_assert(SETTING_STRING == OPSHUB_SETTING_STRING && SETTING_SECRET == OPSHUB_SETTING_SECRET &&
		       SETTING_URL == OPSHUB_SETTING_URL && SETTING_INT == OPSHUB_SETTING_INT &&
		       SETTING_BOOL == OPSHUB_SETTING_BOOL && SETTING_DURATION == OPSHUB_SETTING_DURATION &&
		       SETTING_CHOICE == OPSHUB_SETTING_CHOICE,
	       "base/setting.h has the SDK's numbers");

static bool is_text_type(uint32_t type)
{
	return type <= OPSHUB_SETTING_URL || type == OPSHUB_SETTING_CHOICE;
}

static const char *parse(struct arena *arena, const struct opshub_setting *s, struct str text, void *place)
{
	const struct setting_rule rule = { (enum setting_kind)s->type, s->min, s->max, str_of(s->choices) };
	struct setting_parsed parsed = { 0 };
	const char *why = setting_parse(arena, &rule, text, &parsed);

	if (why)
		return why;
	if (is_text_type(s->type))
		*(const char **)place = parsed.text;
	else
		*(int64_t *)place = parsed.number;
	return NULL;
}

static bool is_operators(const struct opshub_setting *s)
{
	return s->flags & OPSHUB_SETTING_OPERATOR;
}

static bool is_secret(const struct opshub_setting *s)
{
	return s->type == OPSHUB_SETTING_SECRET;
}

static struct str secret_of_file(struct arena *arena, const struct opshub_setting *s, const char **ret_why)
{
	bool failed;
	char *text = env_secret_file(s->env, &failed);
	struct str copy = { 0 };

	if (failed)
		*ret_why = arena_printf(arena, "is in a file that cannot be read or is empty: see %s_FILE", s->env).p;
	if (text)
		copy = arena_str(arena, str_of(text));
	env_secret_free(text);
	return copy;
}

/* What counts: the value given, unless it is the operator's to give, else the environment's, else the initial one. */
static struct str value_of(struct arena *arena, const struct opshub_setting *s, const struct setting_value *values,
			   size_t n, const char **ret_why)
{
	struct str text = { 0 };

	for (size_t i = 0; i < n && !is_operators(s); i++)
		if (str_eq(values[i].key, str_of(s->key)) && values[i].text.n)
			return values[i].text;
	if (s->env && *s->env) {
		text = str_of(env_get(s->env));
		if (!text.n && is_secret(s))
			text = secret_of_file(arena, s, ret_why);
	}
	return text.n ? text : str_of(s->initial);
}

size_t settings_write(struct arena *arena, const struct plugin *plugin, const struct setting_value *values,
		      size_t n_values, void *instance, const struct setting_fault **ret_faults)
{
	struct setting_fault *faults = arena_alloc(arena, PLUGIN_SETTINGS_MAX * sizeof(*faults));
	size_t n = 0;

	for (uint32_t i = 0; i < plugin->about.n_settings; i++) {
		const struct opshub_setting *s = &plugin->settings[i];
		const char *why = NULL;
		struct str text = value_of(arena, s, values, n_values, &why);
		void *place = (char *)instance + s->offset;

		if (why)
			; /* and nothing else is wrong with it */
		else if (text.n)
			why = parse(arena, s, text, place);
		else if (s->flags & OPSHUB_SETTING_REQUIRED)
			why = "is required";
		else if (is_text_type(s->type))
			*(const char **)place = "";
		if (why)
			faults[n++] = (struct setting_fault){ s->key, why };
	}
	*ret_faults = faults;
	return n;
}

const char *settings_faults_text(struct arena *arena, const struct setting_fault *faults, size_t n)
{
	struct str text = STR("");

	for (size_t i = 0; i < n; i++)
		text = arena_printf(arena, "%.*s%s%s %s", STR_FMT(text), i ? "; " : "", faults[i].field,
				    faults[i].message);
	return text.n ? text.p : "";
}

static void choices_json(struct json_out *out, const char *choices)
{
	struct str rest = str_of(choices);

	json_key(out, "choices");
	json_open(out, '[');
	for (int i = 0; rest.n && i < CHOICES_BOUND; i++)
		json_add_text(out, str_split(&rest, '|'));
	json_close(out, ']');
}

void settings_schema(const struct plugin *plugin, struct buf *ret)
{
	struct json_out out = JSON_OUT(ret);

	json_open(&out, '[');
	for (uint32_t i = 0; i < plugin->about.n_settings; i++) {
		const struct opshub_setting *s = &plugin->settings[i];
		bool has_env = s->env && *s->env;

		json_open(&out, '{');
		json_put_text(&out, "key", str_of(s->key));
		json_put_text(&out, "label", str_of(s->label));
		json_put_text(&out, "help", str_of(s->help));
		json_put_text(&out, "type", str_of(setting_kind_word((enum setting_kind)s->type)));
		json_put_bool(&out, "required", s->flags & OPSHUB_SETTING_REQUIRED);
		json_put_bool(&out, "operator", is_operators(s));
		json_put_bool(&out, "secret", is_secret(s));
		json_put_text(&out, "initial", is_secret(s) ? STR("") : str_of(s->initial));
		choices_json(&out, s->choices);
		json_put_int(&out, "min", s->min);
		json_put_int(&out, "max", s->max);
		json_put_text(&out, "env", str_of(has_env ? s->env : ""));
		json_put_bool(&out, "envIsSet",
			      has_env && (is_secret(s) ? env_secret_is_set(s->env) : env_get(s->env) != NULL));
		json_close(&out, '}');
	}
	json_close(&out, ']');
}

/* The rules behind settings.h: one small function for each type turns text into what the instance holds.
 *
 * Owns nothing; texts go to the arena given. Easy to break: a message quotes the rule, never the value. */
#include "plugin/settings.h"

#include <stdlib.h>
#include <string.h>

#define VALUE_MAX     4096
#define CHOICES_BOUND 64

static const char *const type_words[] = { "", "string", "secret", "url", "int", "bool", "duration", "choice" };

/* Each parser returns NULL, or what is wrong with the text. */
typedef const char *parse_fn(struct arena *arena, const struct opshub_setting *s, struct str text, void *ret);

static const char *parse_text(struct arena *arena, const struct opshub_setting *s, struct str text, void *ret)
{
	size_t max = s->max > 0 && s->max < VALUE_MAX ? (size_t)s->max : VALUE_MAX;

	if (text.n > max)
		return arena_printf(arena, "must be at most %zu bytes long", max).p;
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return "must not hold control characters or line breaks";
	*(const char **)ret = arena_text(arena, text);
	return NULL;
}

static const char *parse_url(struct arena *arena, const struct opshub_setting *s, struct str text, void *ret)
{
	struct str rest = text;

	if (str_starts(text, STR("https://")))
		rest = (struct str){ text.p + 8, text.n - 8 };
	else if (str_starts(text, STR("http://")))
		rest = (struct str){ text.p + 7, text.n - 7 };
	else
		return "must start with https:// or http://";
	while (rest.n && rest.p[rest.n - 1] == '/')
		rest.n--;
	if (rest.n == 0 || rest.p[0] == '/' || rest.p[0] == ':')
		return "must name a host";
	if (memchr(rest.p, '@', rest.n))
		return "must not hold a user name or password: use the token's own setting";
	for (size_t i = 0; i < rest.n; i++)
		if (rest.p[i] == ' ' || rest.p[i] == '\\' || (unsigned char)rest.p[i] >= 0x80)
			return "must be plain ASCII without spaces";
	return parse_text(arena, s, (struct str){ text.p, (size_t)(rest.p + rest.n - text.p) }, ret);
}

static const char *check_range(struct arena *arena, const struct opshub_setting *s, int64_t value, void *ret)
{
	if ((s->min || s->max) && (value < s->min || value > s->max))
		return arena_printf(arena, "must be between %lld and %lld%s", (long long)s->min, (long long)s->max,
				    s->type == OPSHUB_SETTING_DURATION ? " milliseconds" : "")
			.p;
	*(int64_t *)ret = value;
	return NULL;
}

static const char *parse_int(struct arena *arena, const struct opshub_setting *s, struct str text, void *ret)
{
	int64_t value;

	if (!str_to_int(text, INT64_MIN, INT64_MAX, &value))
		return "must be a whole number";
	return check_range(arena, s, value, ret);
}

static const char *parse_duration(struct arena *arena, const struct opshub_setting *s, struct str text, void *ret)
{
	static const struct {
		struct str suffix;
		int64_t ms;
	} units[] = { { STR("ms"), 1 }, { STR("s"), 1000 }, { STR("m"), 60000 }, { STR("h"), 3600000 } };
	int64_t value, factor = 1;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (str_ends(text, units[i].suffix)) {
			text.n -= units[i].suffix.n;
			factor = units[i].ms;
			break;
		}
	}
	if (!str_to_int(text, 0, INT64_MAX / 3600000, &value))
		return "must be a duration such as 1500, 1500ms, 30s, 5m or 2h";
	return check_range(arena, s, value * factor, ret);
}

static const char *parse_bool(struct arena *arena, const struct opshub_setting *s, struct str text, void *ret)
{
	static const char *const words[] = { "false", "no", "off", "0", "true", "yes", "on", "1" };

	(void)arena;
	(void)s;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_eq_nocase(text, str_of(words[i]))) {
			*(int64_t *)ret = i >= 4;
			return NULL;
		}
	}
	return "must be true or false";
}

static const char *parse_choice(struct arena *arena, const struct opshub_setting *s, struct str text, void *ret)
{
	struct str rest = str_of(s->choices);

	for (int i = 0; rest.n && i < CHOICES_BOUND; i++)
		if (str_eq(str_split(&rest, '|'), text))
			return parse_text(arena, s, text, ret);
	return arena_printf(arena, "must be one of %s", s->choices).p;
}

static const char *parse(struct arena *arena, const struct opshub_setting *s, struct str text, void *ret)
{
	static parse_fn *const parsers[] = { NULL,      parse_text, parse_text,     parse_url,
					     parse_int, parse_bool, parse_duration, parse_choice };

	if (!str_is_text(text))
		return "must be UTF-8 without NUL";
	return parsers[s->type](arena, s, text, ret);
}

/* What counts: the value given, else the environment's, else the initial one. */
static struct str value_of(const struct opshub_setting *s, const struct setting_value *values, size_t n)
{
	const char *fallback;

	for (size_t i = 0; i < n; i++)
		if (str_eq(values[i].key, str_of(s->key)) && values[i].text.n)
			return values[i].text;
	fallback = s->env && *s->env ? getenv(s->env) : NULL;
	return str_of(fallback && *fallback ? fallback : s->initial);
}

size_t settings_write(struct arena *arena, const struct plugin *plugin, const struct setting_value *values,
		      size_t n_values, void *instance, const struct setting_fault **ret_faults)
{
	struct setting_fault *faults = arena_alloc(arena, PLUGIN_SETTINGS_MAX * sizeof(*faults));
	size_t n = 0;

	for (uint32_t i = 0; i < plugin->about.n_settings; i++) {
		const struct opshub_setting *s = &plugin->settings[i];
		struct str text = value_of(s, values, n_values);
		void *place = (char *)instance + s->offset;
		const char *why = NULL;

		if (text.n)
			why = parse(arena, s, text, place);
		else if (s->flags & OPSHUB_SETTING_REQUIRED)
			why = "is required";
		else if (s->type <= OPSHUB_SETTING_URL || s->type == OPSHUB_SETTING_CHOICE)
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
		bool is_secret = s->type == OPSHUB_SETTING_SECRET;
		bool has_env = s->env && *s->env;

		json_open(&out, '{');
		json_put_text(&out, "key", str_of(s->key));
		json_put_text(&out, "label", str_of(s->label));
		json_put_text(&out, "help", str_of(s->help));
		json_put_text(&out, "type", str_of(type_words[s->type]));
		json_put_bool(&out, "required", s->flags & OPSHUB_SETTING_REQUIRED);
		json_put_bool(&out, "secret", is_secret);
		json_put_text(&out, "initial", is_secret ? STR("") : str_of(s->initial));
		choices_json(&out, s->choices);
		json_put_int(&out, "min", s->min);
		json_put_int(&out, "max", s->max);
		json_put_text(&out, "env", str_of(has_env ? s->env : ""));
		json_put_bool(&out, "envIsSet", has_env && getenv(s->env) && *getenv(s->env));
		json_close(&out, '}');
	}
	json_close(&out, ']');
}

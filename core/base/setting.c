/* One small function for each type of setting. */
#include "base/setting.h"

#include <string.h>

#define CHOICES_BOUND 64

static const char *const kind_words[] = { "", "string", "secret", "url", "int", "bool", "duration", "choice" };

const char *setting_kind_word(enum setting_kind kind)
{
	return kind_words[kind];
}

bool setting_kind_read(struct str word, enum setting_kind *ret)
{
	for (int i = SETTING_STRING; i <= SETTING_CHOICE; i++) {
		if (str_eq(word, str_of(kind_words[i]))) {
			*ret = (enum setting_kind)i;
			return true;
		}
	}
	return false;
}

/* Each parser returns NULL, or what is wrong with the text. */
typedef const char *parse_fn(struct arena *arena, const struct setting_rule *rule, struct str text,
			     struct setting_parsed *ret);

static const char *parse_text(struct arena *arena, const struct setting_rule *rule, struct str text,
			      struct setting_parsed *ret)
{
	size_t max = rule->max > 0 && rule->max < SETTING_TEXT_MAX ? (size_t)rule->max : SETTING_TEXT_MAX;

	if (text.n > max)
		return arena_printf(arena, "must be at most %zu bytes long", max).p;
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return "must not hold control characters or line breaks";
	ret->text = arena_text(arena, text);
	return NULL;
}

static const char *parse_url(struct arena *arena, const struct setting_rule *rule, struct str text,
			     struct setting_parsed *ret)
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
	return parse_text(arena, rule, (struct str){ text.p, (size_t)(rest.p + rest.n - text.p) }, ret);
}

static const char *check_range(struct arena *arena, const struct setting_rule *rule, int64_t value,
			       struct setting_parsed *ret)
{
	if ((rule->min || rule->max) && (value < rule->min || value > rule->max))
		return arena_printf(arena, "must be between %lld and %lld%s", (long long)rule->min,
				    (long long)rule->max, rule->kind == SETTING_DURATION ? " milliseconds" : "")
			.p;
	ret->number = value;
	return NULL;
}

static const char *parse_int(struct arena *arena, const struct setting_rule *rule, struct str text,
			     struct setting_parsed *ret)
{
	int64_t value;

	if (!str_to_int(text, INT64_MIN, INT64_MAX, &value))
		return "must be a whole number";
	return check_range(arena, rule, value, ret);
}

static const char *parse_duration(struct arena *arena, const struct setting_rule *rule, struct str text,
				  struct setting_parsed *ret)
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
	return check_range(arena, rule, value * factor, ret);
}

static const char *parse_bool(struct arena *arena, const struct setting_rule *rule, struct str text,
			      struct setting_parsed *ret)
{
	static const char *const words[] = { "false", "no", "off", "0", "true", "yes", "on", "1" };

	(void)arena;
	(void)rule;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_eq_nocase(text, str_of(words[i]))) {
			ret->number = i >= 4;
			return NULL;
		}
	}
	return "must be true or false";
}

static const char *parse_choice(struct arena *arena, const struct setting_rule *rule, struct str text,
				struct setting_parsed *ret)
{
	struct str rest = rule->choices;

	for (int i = 0; rest.n && i < CHOICES_BOUND; i++)
		if (str_eq(str_split(&rest, '|'), text))
			return parse_text(arena, rule, text, ret);
	return arena_printf(arena, "must be one of %.*s", STR_FMT(rule->choices)).p;
}

const char *setting_parse(struct arena *arena, const struct setting_rule *rule, struct str text,
			  struct setting_parsed *ret)
{
	static parse_fn *const parsers[] = { NULL,      parse_text, parse_text,     parse_url,
					     parse_int, parse_bool, parse_duration, parse_choice };

	if (!str_is_text(text))
		return "must be UTF-8 without NUL";
	return parsers[rule->kind](arena, rule, text, ret);
}

/* Patterns of keys: what they match, what is refused, and what a match costs. */
#include "model/key_pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static bool matches(const char *pattern, const char *key)
{
	const char *why = NULL;
	struct key_pattern *p = key_pattern_new(arena, str_of(pattern), &why);

	if (!p)
		fail_msg("%s %s", pattern, why);
	return key_pattern_matches(p, str_of(key));
}

static void test_matches(void **state)
{
	static const struct {
		const char *pattern, *key;
		bool is_match;
	} table[] = {
		{ "^DB_.*$", "DB_PASSWORD", true },
		{ "^DB_.*$", "MY_DB_PASSWORD", false },
		{ ".*_TOKEN$", "SLACK_TOKEN", true },
		{ ".*_TOKEN$", "SLACK_TOKENS", false },
		{ "TOKEN", "MY_TOKENS", true },
		{ "^(A|B+)C?$", "BBB", true },
		{ "^(A|B+)C?$", "AC", true },
		{ "^(A|B+)C?$", "ABC", false },
		{ "^(?:API|WEB)_[A-C0-9]+$", "WEB_B7", true },
		{ "^(?:API|WEB)_[A-C0-9]+$", "WEB_D7", false },
		{ "[^_]_\\d$", "KEY_4", true },
		{ "[^_]_\\d$", "KEY__4", false },
		{ "^\\w+$", "A_9", true },
		{ "\\W", "A_9", false },
		{ "^$", "", true },
		{ "^$", "A", false },
		{ "A|", "B", true },
		{ "()", "", true },
		{ "^(^A*)*B$", "AAB", true },
		{ "^((A?)*)*$", "AAAA", true },
		{ "A$B", "AB", false },
		{ "[A\\]-]+X", "-]X", true },
		{ "^[A-]$", "-", true },
		{ "\\.", ".", true },
		{ "\\.", "A", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (matches(table[i].pattern, table[i].key) != table[i].is_match)
			fail_msg("%s and %s", table[i].pattern, table[i].key);
}

static void test_refusals_name_the_place(void **state)
{
	static const struct {
		const char *pattern, *why;
	} table[] = {
		{ "", "must have 1 to 256 characters" },
		{ "*_TOKEN", "has nothing before a repetition; any characters are .* (at character 1)" },
		{ "A**", "must not repeat a repetition (at character 3)" },
		{ "A+?", "must not repeat a repetition (at character 3)" },
		{ "^*", "must not repeat ^ or $ (at character 2)" },
		{ "(A", "has a \"(\" without its \")\" (at character 1)" },
		{ "A)", "has a \")\" without its \"(\" (at character 2)" },
		{ "[A", "has a \"[\" without its \"]\" (at character 1)" },
		{ "[]", "must have no empty class (at character 1)" },
		{ "[Z-A]", "must have ranges from a lower to a higher character only (at character 3)" },
		{ "[\\d-Z]", "must have ranges from a lower to a higher character only (at character 4)" },
		{ "A\\", "must not end with a backslash (at character 2)" },
		{ "(A)\\1", "must have no other escapes than \\d, \\w, \\D, \\W and those of signs (at character 4)" },
		{ "(?=A)", "must have no groups but (...) and (?:...) (at character 2)" },
		{ "A\xc3\x84", "must have printable ASCII characters only (at character 2)" },
		{ "[^\xc3\x82]X", "must have printable ASCII characters only (at character 3)" },
		{ "[A-\xc3\xa9]", "must have printable ASCII characters only (at character 4)" },
		{ "[\\\xff]", "must have printable ASCII characters only (at character 3)" },
		{ "[A\x7f]", "must have printable ASCII characters only (at character 3)" },
		{ "[\t]", "must have printable ASCII characters only (at character 2)" },
		{ "\\\x01", "must have printable ASCII characters only (at character 2)" },
	};
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_null(key_pattern_new(arena, str_of(table[i].pattern), &why));
		assert_string_equal(why, table[i].why);
	}
	assert_null(key_pattern_new(arena, STR("A{2}"), &why));
}

static void test_size_and_depth_are_limited(void **state)
{
	char text[KEY_PATTERN_MAX + 2];
	const char *why;

	(void)state;
	memset(text, '|', sizeof(text));
	assert_non_null(key_pattern_new(arena, (struct str){ text, KEY_PATTERN_MAX }, &why));
	assert_null(key_pattern_new(arena, (struct str){ text, KEY_PATTERN_MAX + 1 }, &why));
	memset(text, '(', 64);
	memset(text + 64, ')', 64);
	assert_null(key_pattern_new(arena, (struct str){ text, 128 }, &why));
	assert_non_null(strstr(why, "32 groups"));
	assert_non_null(
		key_pattern_new(arena, (struct str){ text + 64 - KEY_PATTERN_DEPTH, 2 * KEY_PATTERN_DEPTH }, &why));
}

/* What takes a matcher that goes back exponential time: the number of steps is counted, not the time. */
static void test_catastrophic_patterns_cost_linear_steps(void **state)
{
	static const char *const patterns[] = {
		"^(a+)+$", "^(a|a)*$", "^(a|a?)+$", "^(a*)*$", "(.*)(.*)(.*)(.*)[^a]$", "^((a?)(a?)(a?)(a?)(a?))*aaaaa$"
	};
	size_t n = 10240;
	char *text = arena_raw(arena, n);
	const char *why;

	(void)state;
	memset(text, 'a', n);
	text[n - 1] = '!';
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		struct key_pattern *p = key_pattern_new(arena, str_of(patterns[i]), &why);

		assert_non_null(p);
		key_pattern_matches(p, (struct str){ text, n });
		assert_true(key_pattern_steps(p) > n);
		assert_true(key_pattern_steps(p) <= 2 * (n + 1) * key_pattern_size(p));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_matches, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refusals_name_the_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_size_and_depth_are_limited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_catastrophic_patterns_cost_linear_steps, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("model_key_pattern", tests, NULL, NULL);
}

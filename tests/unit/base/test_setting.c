/* The rules of a setting's text, as the API and the workers share them. */
#include "base/setting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void kinds_have_words(void **state)
{
	enum setting_kind kind;

	(void)state;
	for (int i = SETTING_STRING; i <= SETTING_CHOICE; i++) {
		assert_true(setting_kind_read(str_of(setting_kind_word((enum setting_kind)i)), &kind));
		assert_int_equal(kind, i);
	}
	assert_false(setting_kind_read(STR(""), &kind));
	assert_false(setting_kind_read(STR("blob"), &kind));
}

static const struct {
	struct setting_rule rule;
	const char *text;
	bool good;
	int64_t number;
} table[] = {
	{ { .kind = SETTING_STRING }, "any words", true, 0 },
	{ { .kind = SETTING_STRING, .max = 3 }, "four", false, 0 },
	{ { .kind = SETTING_SECRET }, "two\nlines", false, 0 },
	{ { .kind = SETTING_STRING }, "\xff", false, 0 },
	{ { .kind = SETTING_URL }, "https://x", true, 0 },
	{ { .kind = SETTING_URL }, "https://", false, 0 },
	{ { .kind = SETTING_URL }, "https://me@x", false, 0 },
	{ { .kind = SETTING_INT, .min = 1, .max = 3 }, "3", true, 3 },
	{ { .kind = SETTING_INT, .min = 1, .max = 3 }, "4", false, 0 },
	{ { .kind = SETTING_INT }, "three", false, 0 },
	{ { .kind = SETTING_BOOL }, "Yes", true, 1 },
	{ { .kind = SETTING_BOOL }, "off", true, 0 },
	{ { .kind = SETTING_BOOL }, "perhaps", false, 0 },
	{ { .kind = SETTING_DURATION }, "2m", true, 120000 },
	{ { .kind = SETTING_DURATION, .max = 1000 }, "2s", false, 0 },
	{ { .kind = SETTING_CHOICE, .choices = { "a|bc", 4 } }, "bc", true, 0 },
	{ { .kind = SETTING_CHOICE, .choices = { "a|bc", 4 } }, "b", false, 0 },
};

static void texts_are_taken_or_refused(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct setting_parsed parsed = { 0 };
		const char *why = setting_parse(arena, &table[i].rule, str_of(table[i].text), &parsed);

		if ((why == NULL) != table[i].good)
			fail_msg("row %zu, \"%s\": %s", i, table[i].text, why ? why : "taken");
		assert_int_equal(parsed.number, table[i].number);
	}
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_have_words),
		cmocka_unit_test(texts_are_taken_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

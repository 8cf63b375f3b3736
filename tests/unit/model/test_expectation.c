/* model/expectation.h: answers against what is expected of them. */
#include "model/expectation.h"

#include "model/health_error.h"
#include "model/key_pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
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

static const char *judge(const struct expectation *e, int status, const char *body)
{
	return expectation_judge(arena, e, status, false, str_of(body), 100);
}

static void assert_verdict(const char *found, const char *expected)
{
	if (!expected)
		assert_null(found);
	else
		assert_string_equal(found, expected);
}

static void test_status_and_latency(void **state)
{
	const struct expectation e = { .status_min = 200, .status_max = 399, .latency_max_ms = 500 };

	(void)state;
	assert_verdict(judge(&e, 200, ""), NULL);
	assert_verdict(judge(&e, 399, ""), NULL);
	assert_verdict(judge(&e, 400, ""), "STATUS");
	assert_verdict(judge(&e, 199, ""), "STATUS");
	assert_verdict(judge(&e, 401, ""), "LOGIN_REQUIRED");
	assert_verdict(judge(&e, 403, ""), "LOGIN_REQUIRED");
	assert_verdict(expectation_judge(arena, &e, 200, false, STR(""), 500), NULL);
	assert_verdict(expectation_judge(arena, &e, 200, false, STR(""), 501), "LATENCY");
	assert_false(expectation_wants_body(&e));
}

static void test_a_login_is_a_hint_only_where_it_is_not_expected(void **state)
{
	const struct expectation ok = { .status_min = 200, .status_max = 299 };
	const struct expectation usual = { .status_min = 200, .status_max = 399 };
	const struct expectation wants_302 = { .status_min = 302, .status_max = 302 };
	const struct expectation wants_401 = { .status_min = 401, .status_max = 401 };

	(void)state;
	assert_verdict(expectation_judge(arena, &ok, 302, true, STR(""), 1), "LOGIN_REQUIRED");
	assert_verdict(expectation_judge(arena, &ok, 302, false, STR(""), 1), "STATUS");
	assert_verdict(expectation_judge(arena, &usual, 302, true, STR(""), 1), "LOGIN_REQUIRED");
	assert_verdict(expectation_judge(arena, &usual, 307, true, STR(""), 1), "LOGIN_REQUIRED");
	assert_verdict(expectation_judge(arena, &usual, 302, false, STR(""), 1), NULL);
	assert_verdict(expectation_judge(arena, &usual, 200, true, STR(""), 1), NULL);
	assert_verdict(expectation_judge(arena, &wants_302, 302, true, STR(""), 1), NULL);
	assert_verdict(expectation_judge(arena, &wants_401, 401, true, STR(""), 1), NULL);
}

static void test_body(void **state)
{
	struct expectation e = { .status_min = 200, .status_max = 299, .contains = STR("healthy") };

	(void)state;
	assert_true(expectation_wants_body(&e));
	assert_verdict(judge(&e, 200, "all healthy here"), NULL);
	assert_verdict(judge(&e, 200, "Healthy"), "BODY");
	assert_verdict(judge(&e, 200, ""), "BODY");
	e.matches = STR("^all .*(here|there)$");
	assert_verdict(judge(&e, 200, "all healthy here"), NULL);
	assert_verdict(judge(&e, 200, "all g\xc3\xbcnstig healthy there"), NULL);
	assert_verdict(judge(&e, 200, "all healthy nowhere else"), "PATTERN");
}

/* A pattern that is bad on purpose costs so many steps and no more; an honest one is far from that, whatever the body.
 */
static void test_patterns_cost_little(void **state)
{
	static char body[1024 * 1024];
	struct expectation e = { .status_min = 200, .status_max = 299 };
	char bad[KEY_PATTERN_MAX + 1] = "";

	(void)state;
	memset(body, 'a', sizeof(body));
	body[sizeof(body) - 1] = '!';
	for (int i = 0; i < 80; i++)
		strncat(bad, "a?", 3);
	strncat(bad, "[^a]b$", 8);
	e.matches = str_of(bad);
	assert_verdict(expectation_judge(arena, &e, 200, false, (struct str){ body, sizeof(body) }, 1), "PATTERN_COST");
	e.matches = STR("a?a?a?a?a?a?a?a?a?a?[^a]b$"); /* some three million steps */
	assert_verdict(expectation_judge(arena, &e, 200, false, (struct str){ body, sizeof(body) }, 1), "PATTERN_COST");
	e.matches = STR("(\"status\" *: *\"(ok|up|pass)\"|healthy)");
	assert_verdict(expectation_judge(arena, &e, 200, false, (struct str){ body, sizeof(body) }, 1), "PATTERN");
	e.is_costly = true;
	assert_verdict(expectation_judge(arena, &e, 200, false, STR("healthy"), 1), "PATTERN_COST");
	assert_verdict(expectation_judge(arena, &e, 500, false, STR("healthy"), 1), "STATUS");
	e.is_costly = false;
	assert_verdict(expectation_judge(arena, &e, 200, false, STR("healthy"), 1), NULL);
	e.matches = STR("!$"); /* behind the 64 KiB that are looked at */
	assert_verdict(expectation_judge(arena, &e, 200, false, (struct str){ body, sizeof(body) }, 1), "PATTERN");
}

static void test_json(void **state)
{
	static const char body[] =
		"{\"a\":{\"b\":[{\"c d\":1.0,\"e'f\":null},[true]]},\"s\":\"x\",\"o\":{\"p\":1,\"q\":[2,3]},"
		"\"u\\u0308\":\"\\u00fc\",\"big\":9007199254740993,\"\":0}";
	static const struct {
		const char *path, *equals;
		bool is_same;
	} table[] = {
		{ "$.a.b[0]['c d']", "1", true },
		{ "$.a.b[0]['c d']", "1.0", true },
		{ "$.a.b[0]['c d']", "1e0", true },
		{ "$.a.b[0]['c d']", "2", false },
		{ "$.a.b[0]['c d']", "\"1\"", false },
		{ "$.a.b[0]['e\\'f']", "null", true },
		{ "$['a'][\"b\"][1][0]", "true", true },
		{ "$.a.b[1]", "[true]", true },
		{ "$.a.b[1]", "[true,true]", false },
		{ "$.a.b[2]", "null", false }, /* what is not there equals nothing */
		{ "$.nothing", "null", false },
		{ "$.s", "\"x\"", true },
		{ "$.s.t", "\"x\"", false },
		{ "$.s[0]", "\"x\"", false },
		{ "$.o", "{\"q\":[2,3],\"p\":1}", true }, /* in whatever order */
		{ "$.o", "{\"q\":[3,2],\"p\":1}", false },
		{ "$.o", "{\"q\":[2,3]}", false },
		{ "$.o", "{\"q\":[2,3],\"r\":1}", false },
		{ "$.u\xcc\x88", "\"\xc3\xbc\"", true },
		{ "$.big", "9007199254740993", true },
		{ "$.big", "9007199254740992", false },
		{ "$['']", "0", true },
		{ "$.o", "not JSON", false },
	};
	struct expectation e = { .status_min = 200, .status_max = 299 };

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		e.json_path = str_of(table[i].path);
		e.json_equals = str_of(table[i].equals);
		if ((judge(&e, 200, body) == NULL) != table[i].is_same)
			fail_msg("%s = %s", table[i].path, table[i].equals);
	}
	assert_verdict(judge(&e, 200, "<html>"), "JSON");
	assert_verdict(judge(&e, 200, ""), "JSON");
	e.json_path = STR("$");
	e.json_equals = STR("[]");
	assert_verdict(judge(&e, 200, " [ ] "), NULL);
}

static void test_paths_are_checked(void **state)
{
	static const char *const good[] = { "$", "$.a", "$.a-b_c", "$[0]", "$['a.b[0]']", "$[\"a\"].b", "$['\\\\']" };
	static const char *const bad[] = { "",           "a",     "$a",    "$.",    "$..a",   "$.a.",   "$[",
					   "$[]",        "$[-1]", "$[1",   "$['a]", "$['a'",  "$['a\\", "$[a]",
					   "$[1000001]", "$.a b", "$.a[0", "$.a]b", "$.\xff", "$[0x1]" };
	char longer[JSON_PATH_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (json_path_check(str_of(good[i])))
			fail_msg("%s %s", good[i], json_path_check(str_of(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!json_path_check(str_of(bad[i])))
			fail_msg("%s is no path", bad[i]);
	memset(longer, 'a', sizeof(longer));
	memcpy(longer, "$.", 2);
	assert_null(json_path_check((struct str){ longer, JSON_PATH_MAX }));
	assert_non_null(json_path_check((struct str){ longer, JSON_PATH_MAX + 1 }));
}

static void test_every_verdict_has_words(void **state)
{
	static const char *const codes[] = { "STATUS", "BODY",    "PATTERN",       "PATTERN_COST",
					     "JSON",   "LATENCY", "LOGIN_REQUIRED" };

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		assert_string_not_equal(health_error_class(str_of(codes[i])), "OTHER");
	assert_string_equal(health_error_sentence(arena, STR("STATUS"), 503).p,
			    "It answered 503, which is not an expected status.");
	assert_string_equal(health_error_sentence(arena, STR("LATER_CODE"), 0).p, "The probe ended with LATER_CODE.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_status_and_latency, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_login_is_a_hint_only_where_it_is_not_expected, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_body, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_patterns_cost_little, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_json, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_paths_are_checked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_every_verdict_has_words, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("model_expectation", tests, NULL, NULL);
}

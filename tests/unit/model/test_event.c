/* model/event.h: facts in words. */
#include "model/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;

static struct event_text told(const char *kind, const char *facts)
{
	const char *why = "";

	return event_text(arena, str_of(kind), json_parse(arena, str_of(facts), NULL, &why));
}

static void assert_text(struct str text, const char *expected)
{
	assert_string_equal(arena_text(arena, text), expected);
}

static const char *line(const struct event_text *e, const char *label)
{
	for (unsigned i = 0; i < e->n_lines; i++)
		if (str_eq(str_of(e->lines[i].label), str_of(label)))
			return arena_text(arena, e->lines[i].value);
	return NULL;
}

static void what_is_known_is_told(void **state)
{
	struct event_text e = told("preview.ready", "{\"status\":\"READY\",\"prNumber\":7,\"title\":\"Add login\","
						    "\"sha\":\"0123456789abcdef0123456789abcdef01234567\",\"url\":"
						    "\"https://p\",\"inspectorUrl\":\"https://i\",\"prUrl\":"
						    "\"https://g\",\"message\":null,\"errorReason\":null}");

	(void)state;
	assert_int_equal(e.severity, EVENT_SUCCESS);
	assert_text(e.title, "Preview ready: #7 Add login");
	assert_text(e.text, "It can be looked at.");
	assert_text(e.url, "https://p");
	assert_string_equal(line(&e, "Commit"), "0123456789ab");
	assert_string_equal(line(&e, "Build"), "https://i");
	assert_null(line(&e, "Reason"));
	assert_null(line(&e, "Author"));
}

static void a_message_is_the_text(void **state)
{
	struct event_text e = told("preview.failed", "{\"prNumber\":7,\"message\":\"npm ended with 1\",\"errorReason\":"
						     "\"BUILD_FAILED\",\"prUrl\":\"https://g\"}");

	(void)state;
	assert_int_equal(e.severity, EVENT_ERROR);
	assert_text(e.title, "Preview failed: #7");
	assert_text(e.text, "npm ended with 1");
	assert_text(e.url, "https://g");
	assert_string_equal(line(&e, "Reason"), "BUILD_FAILED");
}

static void unknown_and_empty_is_no_crash(void **state)
{
	struct event_text e = told("later.kind", "{}");

	(void)state;
	assert_text(e.title, "later.kind");
	assert_text(e.text, "");
	assert_text(e.url, "");
	assert_int_equal(e.n_lines, 0);
	e = event_text(arena, STR("test"), NULL);
	assert_text(e.title, "Test message from OpsHub");
	e = told("preview.ready", "[1]");
	assert_text(e.title, "Preview ready");
	e = told("preview.ready", "{\"prNumber\":\"7\",\"title\":5,\"sha\":[]}");
	assert_text(e.title, "Preview ready");
}

static void what_people_write_stays_in_its_line(void **state)
{
	struct event_text e;
	char facts[5000] = "{\"prNumber\":1,\"branch\":\"a\\nb\\u007f\",\"title\":\"x\\r\\ny";
	size_t n = strlen(facts);

	(void)state;
	while (n < 4000) { /* two bytes each */
		memcpy(facts + n, "\xc3\xa4", 3);
		n += 2;
	}
	memcpy(facts + n, "\"}", 3);
	e = told("preview.ready", facts);
	assert_true(str_starts(e.title, STR("Preview ready: #1 x  y\xc3\xa4")));
	assert_true(e.title.n <= EVENT_TITLE_MAX && e.title.n >= EVENT_TITLE_MAX - 1);
	assert_true(str_is_text(e.title));
	assert_string_equal(line(&e, "Branch"), "a b ");
}

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

static void a_health_check_is_told_with_its_facts(void **state)
{
	struct event_text e = told(
		"health.degraded",
		"{\"check\":\"shop\",\"url\":\"https://shop.example/health\",\"error\":\"STATUS\",\"message\":\"It "
		"answered 503, "
		"which is not an expected status.\",\"since\":\"2026-11-23T17:18:18.123Z\",\"durationMs\":65000,"
		"\"lastStatusCode\":503,\"failures\":3,\"incidentId\":\"inc_1\",\"prNumber\":7,\"status\":"
		"\"DEGRADED\"}");

	(void)state;
	assert_int_equal(e.severity, EVENT_ERROR);
	assert_text(e.title, "Health check is down: shop (#7)");
	assert_text(e.text, "It answered 503, which is not an expected status.");
	assert_text(e.url, "https://shop.example/health");
	assert_int_equal(e.pr_number, 7);
	assert_string_equal(line(&e, "Since"), "2026-11-23 17:18 UTC");
	assert_string_equal(line(&e, "Duration"), "1 min 5 s");
	assert_string_equal(line(&e, "Last status"), "503");
	assert_string_equal(line(&e, "Failures in a row"), "3");
	assert_string_equal(line(&e, "Incident"), "inc_1");
}

static void checks_that_are_told_together(void **state)
{
	static const char facts[] =
		"{\"check\":\"b\",\"message\":\"It did not answer in time.\",\"count\":12,\"open\":%d,"
		"\"names\":[\"a\",\"b\",\"c\",\"d\",\"e\"],\"durationMs\":93784000}";
	static const struct {
		const char *kind;
		int open;
		const char *title, *text;
	} table[] = {
		{ "health.degraded", 12, "12 health checks are down",
		  "b: It did not answer in time.\nThey are: a, b, c, d, e and 7 more." },
		{ "health.degraded", 2, "2 of 12 health checks are still down",
		  "b: It did not answer in time.\nStill down: a, b." },
		{ "health.reminder", 12, "12 health checks are still down",
		  "b: It did not answer in time.\nThey are: a, b, c, d, e and 7 more." },
		{ "health.recovered", 0, "All 12 health checks have recovered",
		  "b: It did not answer in time.\nThey were: a, b, c, d, e and 7 more." },
		{ "health.flapping", 3, "Health check is flapping: b",
		  "b: It did not answer in time.\nStill down: a, b, c." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct event_text e = told(table[i].kind, arena_printf(arena, facts, table[i].open).p);

		assert_text(e.title, table[i].title);
		assert_text(e.text, table[i].text);
		assert_string_equal(line(&e, "Duration"), "1 d 2 h");
	}
}

static void the_rest_of_a_health_checks_news(void **state)
{
	struct event_text e = told("health.stable", "{\"check\":\"a\",\"status\":\"OK\"}");

	(void)state;
	assert_int_equal(e.severity, EVENT_SUCCESS);
	assert_text(e.title, "Health check is stable: a");
	e = told("health.stable", "{\"check\":\"a\",\"status\":\"DEGRADED\"}");
	assert_int_equal(e.severity, EVENT_ERROR);
	assert_text(e.title, "Health check is still down: a");
	e = told("health.certificate",
		 "{\"check\":\"a\",\"message\":\"Its certificate expires.\",\"error\":\"EXPIRES_14\"}");
	assert_text(e.title, "Certificate expires: a");
	e = told("health.later", "{\"check\":\"a\"}");
	assert_text(e.title, "News of a health check: a");
	e = told("health.degraded",
		 "{\"count\":3,\"open\":3,\"names\":[1,{}],\"since\":\"yesterday\",\"durationMs\":-1}");
	assert_text(e.title, "3 health checks are down");
	assert_null(line(&e, "Since"));
	assert_null(line(&e, "Duration"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_known_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_message_is_the_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_people_write_stays_in_its_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unknown_and_empty_is_no_crash, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_health_check_is_told_with_its_facts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(checks_that_are_told_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_rest_of_a_health_checks_news, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_known_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_message_is_the_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_people_write_stays_in_its_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unknown_and_empty_is_no_crash, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The log: the line that the operations guide shows, and secrets that never reach it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/json_read.h"
#include "base/log.h"

static int sink;

static int set_up(void **state)
{
	(void)state;
	sink = memfd_create("log", MFD_CLOEXEC);
	log_open(sink, LOG_INFO);
	return sink < 0;
}

static int tear_down(void **state)
{
	(void)state;
	log_scope_swap(NULL);
	close(sink);
	return 0;
}

/* A test that failed half way leaves no scope to the next. */
static int no_scope(void **state)
{
	(void)state;
	log_scope_swap(NULL);
	return 0;
}

/* What was written since the last look. */
static const char *written(void)
{
	static char text[300000];
	ssize_t n;

	n = pread(sink, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(ftruncate(sink, 0), 0);
	lseek(sink, 0, SEEK_SET);
	return text;
}

static void the_line_is_that_of_the_operations_guide(void **state)
{
	static const char form[] = "{\"timestamp\":\"dddd-dd-ddTdd:dd:dd.dddZ\",\"level\":\"info\","
				   "\"message\":\"Preview deployment created\",\"context\":\"DeploymentProcessor\","
				   "\"metadata\":{\"projectId\":\"proj_123\",\"prNumber\":42,\"duration\":5000}}\n";
	const char *line;

	(void)state;
	log_info("DeploymentProcessor", "Preview deployment created", F_TEXT("projectId", "proj_123"),
		 F_INT("prNumber", 42), F_INT("duration", 5000));
	line = written();
	assert_int_equal(strlen(line), strlen(form));
	for (size_t i = 0; form[i]; i++) {
		if (i >= 14 && i < 38 && form[i] == 'd')
			assert_in_range(line[i], '0', '9');
		else if (line[i] != form[i])
			fail_msg("differs at byte %zu: %s", i, line);
	}
}

static void levels_are_read_and_kept(void **state)
{
	enum log_level level = LOG_ERROR;

	(void)state;
	log_debug("Test", "not this");
	assert_string_equal(written(), "");
	log_set_level(LOG_WARN);
	log_info("Test", "nor this");
	assert_string_equal(written(), "");
	log_warn("Test", "but this");
	assert_non_null(
		strstr(written(), "\"level\":\"warn\",\"message\":\"but this\",\"context\":\"Test\",\"metadata\":{}}"));
	log_set_level(LOG_INFO);
	assert_true(log_level_parse(STR("debug"), &level));
	assert_int_equal(level, LOG_DEBUG);
	assert_true(log_level_parse(STR("WARN"), &level));
	assert_int_equal(level, LOG_WARN);
	assert_false(log_level_parse(STR("verbose"), &level));
	assert_false(log_level_parse(STR(""), &level));
	assert_false(log_level_parse(STR("warning"), &level));
	assert_int_equal(level, LOG_WARN);
}

static void fields_of_the_scope_come_first_and_once(void **state)
{
	struct log_scope scope = { 0 };

	(void)state;
	log_scope_set(&scope, F_TEXT("requestId", "req_1"));
	log_scope_set(&scope, F_TEXT("projectId", "old"));
	log_scope_set(&scope, F_TEXT("projectId", "proj_1"));
	assert_null(log_scope_swap(&scope));
	log_info("Test", "m", F_INT("n", -7));
	assert_non_null(
		strstr(written(), "\"metadata\":{\"requestId\":\"req_1\",\"projectId\":\"proj_1\",\"n\":-7}}\n"));
	log_info("Test", "m", F_TEXT("requestId", "mine")); /* what is said here outranks the scope */
	assert_non_null(strstr(written(), "\"metadata\":{\"projectId\":\"proj_1\",\"requestId\":\"mine\"}}\n"));
	for (int i = 0; i < 20; i++) {
		static const char *const keys[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" };

		log_scope_set(&scope, F_INT(keys[i % 10], i));
	}
	assert_int_equal(scope.n_fields, LOG_SCOPE_FIELDS);
	assert_ptr_equal(log_scope_swap(NULL), &scope);
	log_info("Test", "m");
	assert_non_null(strstr(written(), "\"metadata\":{}}\n"));
}

static void check_redacted(const char *text, const char *expected)
{
	struct buf buf;

	buf_init(&buf, 4096);
	log_redact(str_of(text), &buf);
	assert_string_equal(buf_str(&buf).p, expected);
	buf_done(&buf);
}

static void secrets_never_reach_the_line(void **state)
{
	struct log_scope scope = { .secrets = redactor_new(4096) };
	const char *line;

	(void)state;
	redactor_add(scope.secrets, STR("[redacted]"), STR("tok\"en\n\\1"));
	redactor_add(scope.secrets, STR("[redacted]"), STR("hunter22"));
	log_secret(STR("process-secret"));
	log_secret(STR("process-secret"));
	log_secret(STR("short")); /* would blacken ordinary words */
	log_scope_swap(&scope);
	log_scope_set(&scope, F_TEXT("where", "in process-secret of the scope"));
	log_error("Test", "my process-secret is out, short it is not", F_TEXT("a", "hunter22"),
		  F_TEXT("b", "xhunter22hunter22y"), F_TEXT("c", "a tok\"en\n\\1 b"));
	line = written();
	assert_null(strstr(line, "process-secret"));
	assert_null(strstr(line, "hunter22"));
	assert_null(strstr(line, "tok"));
	assert_non_null(strstr(line, "my [redacted] is out, short it is not"));
	assert_non_null(strstr(line, "\"b\":\"x[redacted][redacted]y\""));
	assert_non_null(strstr(line, "\"c\":\"a [redacted] b\""));
	assert_non_null(strstr(line, "in [redacted] of the scope"));
	log_scope_swap(NULL);
	log_info("Test", "hunter22 is nobody's secret now, process-secret is");
	assert_non_null(strstr(written(), "hunter22 is nobody's secret now, [redacted] is"));
	scope.hides_all = true;
	log_scope_swap(&scope);
	log_info("Test", "who knows what is in here");
	assert_null(strstr(written(), "who knows"));
	log_scope_swap(NULL);
	redactor_free(scope.secrets);
}

static void secrets_that_overlap_leave_nothing(void **state)
{
	static const char *const secrets[] = { "abcdefgh", "efghijkl", "abcdefghXYZ", "cdefgh" };
	struct log_scope scope = { .secrets = redactor_new(4096) };

	(void)state;
	for (int i = 0; i < 4; i++)
		redactor_add(scope.secrets, STR("[redacted]"), str_of(secrets[i]));
	log_scope_swap(&scope);
	check_redacted("", "");
	check_redacted("abcdefgh", "[redacted]");
	check_redacted("abcdefghXYZ!", "[redacted]!");    /* the longest that begins there */
	check_redacted("-abcdefghijkl-", "-[redacted]-"); /* the second begins inside the first */
	check_redacted("abcdefghabcdefgh", "[redacted][redacted]");
	check_redacted("ababcdefgh", "ab[redacted]");
	check_redacted("abcdefg", "ab"
				  "cdefg");
	log_scope_swap(NULL);
	redactor_free(scope.secrets);
}

/* A line can be parsed whatever its fields hold. */
static void hostile_fields_stay_fields(void **state)
{
	struct arena *arena = arena_new();
	const struct json *line;
	const char *why = "", *text;

	(void)state;
	log_info("Test", "line\nbreak", F_TEXT("a", "\"},{\"level\":\"error\"\n\x01\x7f"),
		 F_STR("b", STR("cut\x1fhere")), F_TEXT("c", "bad \xff\xc3 utf8 \xed\xa0\x80"),
		 F_STR("d", (struct str){ 0 }), F_INT("e", INT64_MIN));
	text = written();
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	line = json_parse(arena, str_of(text), NULL, &why);
	if (!line)
		fail_msg("%s", why);
	assert_true(str_eq(json_text(json_get(json_get(line, "metadata"), "b"), STR("")), STR("cut\x1fhere")));
	assert_true(str_eq(json_text(json_get(line, "level"), STR("")), STR("info")));
	assert_true(str_eq(json_text(json_get(line, "message"), STR("")), STR("line\nbreak")));
	arena_free(arena);
}

/* A line has a maximum: what is over it is left out with a word, and says nothing of its content. */
static void a_line_that_is_too_long_is_named(void **state)
{
	static char most[70000], some[30000];
	struct log_scope scope = { 0 };
	const char *text;

	(void)state;
	memset(most, 'm', sizeof(most) - 1);
	memset(some, '\x01', sizeof(some) - 1); /* six bytes each in the line */
	log_info("Test", "m", F_TEXT("field", most));
	assert_non_null(strstr(written(), "A log line was too long and is left out"));
	log_info("Test", "m", F_TEXT("field", some));
	assert_non_null(strstr(written(), "A log line was too long and is left out"));
	log_info("Test", most);
	assert_non_null(strstr(written(), "A log line was too long and is left out"));
	log_scope_set(&scope, F_TEXT("field", some)); /* then even the word about it is too long */
	log_scope_swap(&scope);
	log_info("Test", "m");
	text = written();
	assert_non_null(strstr(text, "A log line was too long and is left out"));
	assert_int_equal(strlen(strchr(text, '\n')), 1);
	log_scope_swap(NULL);
}

static void a_reader_that_has_gone_stops_nobody(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[1]);
	log_open(ends[0], LOG_INFO); /* cannot be written to */
	log_info("Test", "into the void");
	close(ends[0]);
	log_info("Test", "nor into what is closed");
	log_open(sink, LOG_INFO);
	log_info("Test", "but here");
	assert_non_null(strstr(written(), "but here"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_line_is_that_of_the_operations_guide, no_scope),
		cmocka_unit_test_teardown(levels_are_read_and_kept, no_scope),
		cmocka_unit_test_teardown(fields_of_the_scope_come_first_and_once, no_scope),
		cmocka_unit_test_teardown(secrets_never_reach_the_line, no_scope),
		cmocka_unit_test_teardown(secrets_that_overlap_leave_nothing, no_scope),
		cmocka_unit_test_teardown(hostile_fields_stay_fields, no_scope),
		cmocka_unit_test_teardown(a_line_that_is_too_long_is_named, no_scope),
		cmocka_unit_test_teardown(a_reader_that_has_gone_stops_nobody, no_scope),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

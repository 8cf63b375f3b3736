/* A page of build output becomes text: whole lines, never more than there is room for, and what is cut says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/steps.h"

#define MOST   (512 * 1024)
#define NOTICE "[OpsHub keeps 512 KiB of a build's output: the rest is at the provider]\n"

static void check(const struct build_log *log, size_t room, const char *text, size_t used)
{
	struct buf out;

	buf_init(&out, MOST + sizeof(NOTICE));
	assert_int_equal(build_log_write(log, room, &out), used);
	assert_false(out.overflow);
	assert_string_equal(buf_str(&out).p, text);
	buf_done(&out);
}

static void lines_that_fit_and_lines_that_do_not(void **state)
{
	const struct build_line lines[] = { { .text = STR("one") }, { .text = STR("") }, { .text = STR("three") } };
	const struct build_log log = { .lines = lines, .n_lines = 3 };

	(void)state;
	check(&(struct build_log){ 0 }, MOST, "", 0);
	check(&log, MOST, "one\n\nthree\n", 11);
	check(&log, 11, "one\n\nthree\n", 11);
	check(&log, 10, "one\n\n" NOTICE, 10);
	check(&log, 5, "one\n\n" NOTICE, 5);
	check(&log, 4, "one\n" NOTICE, 4);
	check(&log, 3, NOTICE, 3);
	check(&log, 1, NOTICE, 1);
}

/* The largest page that the plugin interface lets through. */
static void a_page_of_16_mib_is_cut_at_a_line(void **state)
{
	static char line[8192];
	struct build_line *lines = calloc(2000, sizeof(*lines));
	struct build_log log = { .lines = lines, .n_lines = 2000 };
	struct buf out;

	(void)state;
	assert_non_null(lines);
	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 2000; i++)
		lines[i].text = (struct str){ line, sizeof(line) };
	buf_init(&out, MOST + sizeof(NOTICE));
	assert_int_equal(build_log_write(&log, MOST, &out), MOST); /* nothing more is read of this build */
	assert_false(out.overflow);
	assert_int_equal(out.n, 63 * 8193 + strlen(NOTICE));
	assert_true(str_ends(buf_str(&out), STR("x\n" NOTICE)));
	buf_done(&out);
	free(lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_fit_and_lines_that_do_not),
		cmocka_unit_test(a_page_of_16_mib_is_cut_at_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

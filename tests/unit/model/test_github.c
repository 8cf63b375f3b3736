/* GitHub's pages and limits. */
#include "model/github.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW     1000000000000ll
#define MINUTE  60000ll
#define RESERVE 500

static void test_next_page(void **state)
{
	struct str cursor = STR("as it was");

	(void)state;
	assert_false(github_next(STR(""), &cursor));
	assert_false(github_next(STR("<https://api.github.com/x?page=1>; rel=\"prev\""), &cursor));
	assert_true(str_eq(cursor, STR("as it was")));
	assert_true(github_next(STR("<https://api.github.com/x?page=1>; rel=\"prev\", "
				    "<https://api.github.com/x?page=3&per_page=50>; rel=\"next\""),
				&cursor));
	assert_int_equal(cursor.n, 0);
	assert_true(github_next(STR("<https://x/y?per_page=9&cursor=v1_17%3D>; rel=\"next\""), &cursor));
	assert_true(str_eq(cursor, STR("v1_17%3D")));
	assert_true(github_next(STR("<https://x/y?cursor=a b\r\nc>; rel=\"next\""), &cursor));
	assert_int_equal(cursor.n, 0); /* not to be sent back */
	assert_true(github_next(STR("<x>; rel=\"next\""), &cursor));
	assert_false(github_next(STR("rel=\"last\", <"), &cursor));
}

static int64_t pause(int status, int64_t remaining, int64_t reset_s, int64_t retry_after_ms, bool secondary)
{
	const struct github_allowance a = { .status = status,
					    .remaining = remaining,
					    .reset_s = reset_s,
					    .retry_after_ms = retry_after_ms,
					    .secondary = secondary };

	return github_pause_until(&a, RESERVE, NOW);
}

static void test_pauses(void **state)
{
	(void)state;
	assert_int_equal(pause(200, 4000, NOW / 1000 + 60, 0, false), 0);
	assert_int_equal(pause(200, RESERVE, NOW / 1000 + 60, 0, false), 0);
	assert_int_equal(pause(200, RESERVE - 1, NOW / 1000 + 60, 0, false), NOW + MINUTE);
	assert_int_equal(pause(200, -1, 0, 0, false), 0);
	assert_int_equal(pause(200, 3, 0, 0, false), NOW + MINUTE);
	assert_int_equal(pause(403, 4000, 0, 0, false), 0); /* forbidden for another reason */
	assert_int_equal(pause(403, 0, NOW / 1000 + 120, 0, false), NOW + 2 * MINUTE);
	assert_int_equal(pause(403, 4000, NOW / 1000 + 120, 0, true), NOW + MINUTE);
	assert_int_equal(pause(429, 4000, 0, 5000, false), NOW + 5000);
	assert_int_equal(pause(429, -1, 0, 0, false), NOW + MINUTE);
	/* clocks that differ: neither at once nor for ever */
	assert_int_equal(pause(403, 0, NOW / 1000 - 9, 0, false), NOW + 1000);
	assert_int_equal(pause(200, 0, NOW / 1000 + 86400, 0, false), NOW + 60 * MINUTE);
}

static void test_a_reset_is_by_the_clock_of_github(void **state)
{
	struct github_allowance a = { .status = 403, .date_ms = NOW - 10 * MINUTE };

	(void)state;
	a.reset_s = a.date_ms / 1000 + 120;
	assert_int_equal(github_pause_until(&a, RESERVE, NOW), NOW + 2 * MINUTE);
	a.date_ms = NOW + 10 * MINUTE;
	a.reset_s = a.date_ms / 1000 + 120;
	assert_int_equal(github_pause_until(&a, RESERVE, NOW), NOW + 2 * MINUTE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next_page),
		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_a_reset_is_by_the_clock_of_github),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

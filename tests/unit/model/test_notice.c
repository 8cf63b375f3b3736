/* model/notice.h: what a failure means, and for how long. */
#include "model/notice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MINUTE (60 * 1000)

static void each_code_has_its_fate(void **state)
{
	static const struct {
		int status;
		const char *code;
		enum notice_fate fate;
	} cases[] = {
		{ E_INVALID, "REFUSED", NOTICE_DEAD },         { E_UNSUPPORTED, "UNSUPPORTED", NOTICE_DEAD },
		{ E_AUTH, "TOKEN_REFUSED", NOTICE_PAUSE },     { E_QUOTA, "QUOTA", NOTICE_PAUSE },
		{ E_LIMITED, "LIMITED", NOTICE_PAUSE },        { E_NOT_FOUND, "TARGET_NOT_FOUND", NOTICE_PAUSE },
		{ E_CONFLICT, "CONFLICT", NOTICE_THREAD },     { E_UPSTREAM, "TARGET_FAILED", NOTICE_THREAD },
		{ E_NETWORK, "UNREACHABLE", NOTICE_THREAD },   { E_TIMEOUT, "TIMEOUT", NOTICE_THREAD },
		{ E_INTERNAL, "PLUGIN_ERROR", NOTICE_THREAD }, { -99, "PLUGIN_ERROR", NOTICE_THREAD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct notice_failure f = notice_failure(cases[i].status, 1, 1, 0, 0);

		assert_string_equal(f.code, cases[i].code);
		assert_int_equal(f.fate, cases[i].fate);
		assert_string_equal(notice_code(cases[i].status), cases[i].code);
		assert_int_equal(f.delay_ms > 0, cases[i].fate != NOTICE_DEAD);
		assert_int_equal(f.pause_ms > 0, cases[i].fate == NOTICE_PAUSE);
	}
}

static void waits_grow_and_end(void **state)
{
	int64_t last = 0;

	(void)state;
	for (int64_t n = 1; n <= 200; n++) {
		struct notice_failure f = notice_failure(E_NETWORK, n, n, 0, 0);

		assert_true(f.delay_ms >= last && f.delay_ms <= 5 * MINUTE);
		assert_true(f.pause_ms <= MINUTE);
		assert_int_equal(f.pause_ms > 0, n > 1); /* one failure alone stops nobody else */
		last = f.delay_ms;
		assert_true(notice_failure(E_AUTH, n, n, 0, UINT32_MAX).pause_ms <= 15 * MINUTE);
		assert_true(notice_not_open("SETTINGS", n, UINT32_MAX).pause_ms <= 15 * MINUTE);
	}
}

static void the_target_says_how_long(void **state)
{
	(void)state;
	assert_int_equal(notice_failure(E_LIMITED, 1, 1, 30000, 7).pause_ms, 30000);
	assert_int_equal(notice_failure(E_LIMITED, 1, 1, 30000, 7).delay_ms, 30000);
	assert_int_equal(notice_failure(E_LIMITED, 1, 1, INT64_MAX, 7).pause_ms, 15 * MINUTE);
}

static void a_plugin_with_a_bug_has_five_tries(void **state)
{
	(void)state;
	assert_int_equal(notice_failure(E_INTERNAL, NOTICE_BUG_TRIES - 1, 1, 0, 0).fate, NOTICE_THREAD);
	assert_int_equal(notice_failure(E_INTERNAL, NOTICE_BUG_TRIES, 1, 0, 0).fate, NOTICE_DEAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_code_has_its_fate),
		cmocka_unit_test(waits_grow_and_end),
		cmocka_unit_test(the_target_says_how_long),
		cmocka_unit_test(a_plugin_with_a_bug_has_five_tries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

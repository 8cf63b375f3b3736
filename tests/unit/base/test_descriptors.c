/* The limit of descriptors: raised as far as it may be, and what it leaves for connections. */
#include "base/descriptors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>

static void test_the_soft_limit_becomes_the_hard_one(void **state)
{
	struct rlimit limit;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 100;
	limit.rlim_max = limit.rlim_max > 1000 ? 1000 : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(descriptors_for_connections(), 50);
	descriptors_raise();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(limit.rlim_cur, limit.rlim_max);
	assert_int_equal(descriptors_for_connections(),
			 limit.rlim_cur > 512 ? limit.rlim_cur - 256 : limit.rlim_cur / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_soft_limit_becomes_the_hard_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

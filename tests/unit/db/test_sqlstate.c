/* What each SQLSTATE asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db/inner.h"

static void test_table(void **state)
{
	static const struct {
		const char *sqlstate;
		int status;
		bool ends;
	} cases[] = {
		{ "23505", E_CONFLICT, false }, { "23503", E_CONFLICT, false }, { "40001", E_CONFLICT, false },
		{ "40P01", E_CONFLICT, false }, { "55P03", E_CONFLICT, false }, { "22021", E_INVALID, false },
		{ "22P02", E_INVALID, false },  { "22P05", E_INVALID, false },  { "22001", E_INVALID, false },
		{ "23514", E_INVALID, false },  { "22012", E_INTERNAL, false }, { "23502", E_INTERNAL, false },
		{ "42601", E_INTERNAL, false }, { "42P01", E_INTERNAL, false }, { "08P01", E_INTERNAL, false },
		{ "57014", E_TIMEOUT, false },  { "53300", E_NETWORK, false },  { "53100", E_NETWORK, false },
		{ "57P01", E_NETWORK, true },   { "57P02", E_NETWORK, true },   { "57P03", E_NETWORK, true },
		{ "08006", E_NETWORK, true },   { "25006", E_NETWORK, true },   { "25P03", E_NETWORK, true },
		{ "XX000", E_INTERNAL, false }, { "", E_INTERNAL, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(sqlstate_status(cases[i].sqlstate), cases[i].status);
		assert_int_equal(sqlstate_ends_connection(cases[i].sqlstate), cases[i].ends);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_table) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

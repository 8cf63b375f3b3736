/* Retry-After in both its forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/inner.h"

#define NOW_MS 784111717000LL /* Sun, 06 Nov 1994 08:48:37 GMT */

static void the_table(void **state)
{
	static const struct {
		struct str text;
		int64_t ms;
	} rows[] = {
		{ STR(""), 0 },
		{ { 0 }, 0 },
		{ STR("0"), 0 },
		{ STR("1"), 1000 },
		{ STR("120"), 120000 },
		{ STR("900"), 900000 },
		{ STR("901"), 900000 },
		{ STR("2147483647"), 900000 },
		{ STR("99999999999999999999"), 0 },
		{ STR("-5"), 0 },
		{ STR("1.5"), 0 },
		{ STR("5s"), 0 },
		{ STR("soon"), 0 },
		{ STR("Sun, 06 Nov 1994 08:49:37 GMT"), 60000 },
		{ STR("Sunday, 06-Nov-94 08:49:37 GMT"), 60000 },
		{ STR("Sun Nov  6 08:49:37 1994"), 60000 },
		{ STR("Sun, 06 Nov 1994 08:48:36 GMT"), 0 },
		{ STR("Sun, 06 Nov 1994 12:49:37 GMT"), 900000 },
		{ STR("Sun, 06 Nov 1994 08:49:37 GMT and a very long tail which nobody would ever send us"), 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (retry_after_parse(rows[i].text, NOW_MS) != rows[i].ms)
			fail_msg("row %zu: %lld", i, (long long)retry_after_parse(rows[i].text, NOW_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* CSV: quoting, and texts that a spreadsheet would run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/csv.h"

static void cells(void **state)
{
	static const struct {
		const char *text, *cell;
	} rows[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "a,b", "\"a,b\"" },
		{ "say \"no\"", "\"say \"\"no\"\"\"" },
		{ "two\nlines", "\"two\nlines\"" },
		{ "a=b", "a=b" },
		{ "=1+1", "'=1+1" },
		{ "+1", "'+1" },
		{ "-1", "'-1" },
		{ "@SUM(A1)", "'@SUM(A1)" },
		{ "\t=1", "'\t=1" },
		{ "\r=1", "\"'\r=1\"" },
		{ "\n=1", "\"'\n=1\"" },
		{ "=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"" },
		{ "zwölf", "zwölf" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf buf;
		struct csv_out out = CSV_OUT(&buf);

		buf_init(&buf, 1000);
		csv_cell(&out, str_of(rows[i].text));
		if (!str_eq(buf_str(&buf), str_of(rows[i].cell)))
			fail_msg("row %zu: %.*s", i, STR_FMT(buf_str(&buf)));
		buf_done(&buf);
	}
}

static void a_row_ends_with_a_line_break(void **state)
{
	struct buf buf;
	struct csv_out out = CSV_OUT(&buf);

	(void)state;
	buf_init(&buf, 1000);
	for (int row = 0; row < 2; row++) {
		csv_cell(&out, STR("a"));
		csv_cell(&out, STR(""));
		csv_cell(&out, STR("c"));
		csv_end(&out);
	}
	assert_string_equal(buf.p, "a,,c\r\na,,c\r\n");
	buf_done(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells),
		cmocka_unit_test(a_row_ends_with_a_line_break),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

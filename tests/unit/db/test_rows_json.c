/* Rows to JSON without a server: every byte at every place of a word, times, numbers, hidden columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json_write.h"
#include "db/inner.h"

#include <stdio.h>
#include <string.h>

static const char *render(struct buf *buf, uint32_t type, struct str cell)
{
	const struct db_col col = { STR("k"), type };
	const struct db_rows rows = { 1, 1, 0, &col, &cell };

	buf_clear(buf);
	db_row_json(&rows, 0, &JSON_OUT(buf));
	return buf->p;
}

static void test_every_byte(void **state)
{
	struct buf got, wanted;
	char text[24];

	(void)state;
	buf_init(&got, 1024);
	buf_init(&wanted, 1024);
	for (size_t n = 1; n < sizeof(text); n++) {
		for (size_t at = 0; at < n; at++) {
			for (int byte = 0; byte < 256; byte++) {
				struct json_out out = JSON_OUT(&wanted);

				memset(text, 'a', sizeof(text));
				text[at] = (char)byte;
				buf_clear(&wanted);
				json_open(&out, '{');
				json_put_text(&out, "k", (struct str){ text, n });
				json_close(&out, '}');
				assert_string_equal(render(&got, 25, (struct str){ text, n }), wanted.p);
			}
		}
	}
	buf_done(&got);
	buf_done(&wanted);
}

static void test_types(void **state)
{
	static const struct {
		uint32_t type;
		const char *cell, *json;
	} cases[] = {
		{ 16, "t", "true" },
		{ 16, "f", "false" },
		{ 16, NULL, "null" },
		{ 20, "-9223372036854775808", "-9223372036854775808" },
		{ 701, "1e+300", "1e+300" },
		{ 701, "-Infinity", "null" },
		{ 701, "NaN", "null" },
		{ 3802, "{\"a\": \"<b>\"}", "{\"a\": \"<b>\"}" },
		{ 25, "", "\"\"" },
		{ 1184, "2023-12-01T10:00:00.000Z", "\"2023-12-01T10:00:00.000Z\"" },
		{ 1184, "infinity", "\"infinity\"" },
	};
	struct buf buf;
	char wanted[128];

	(void)state;
	buf_init(&buf, 1024);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str cell = cases[i].cell ? str_of(cases[i].cell) : (struct str){ 0 };

		snprintf(wanted, sizeof(wanted), "{\"k\":%s}", cases[i].json);
		assert_string_equal(render(&buf, cases[i].type, cell), wanted);
	}
	buf_done(&buf);
}

/* Texts around and above the size of the chunk come out whole and in order. */
static void test_sizes(void **state)
{
	static char text[8192];
	const struct db_col cols[] = { { STR("a"), 25 }, { STR("_b"), 25 }, { STR("c"), 25 } };
	struct buf buf;

	(void)state;
	buf_init(&buf, 1 << 20);
	memset(text, 'x', sizeof(text));
	for (size_t n = 2000; n < 4200; n += 7) {
		const struct str cells[] = {
			{ text, n }, STR("hidden"), STR("\n"), { text, n / 2 }, STR(""), STR("z")
		};
		const struct db_rows rows = { 2, 3, 0, cols, cells };
		size_t first = n + strlen("{'a':'','c':'\\n'}"), second = n / 2 + strlen("{'a':'','c':'z'}");

		buf_clear(&buf);
		db_rows_json(&rows, &JSON_OUT(&buf));
		assert_int_equal(buf.n, first + second + 3);
		assert_memory_equal(buf.p, "[{\"a\":\"xxx", 10);
		assert_memory_equal(buf.p + 7 + n, "\",\"c\":\"\\n\"},{\"a\":\"xxx", 21);
		assert_string_equal(buf.p + buf.n - 11, "\",\"c\":\"z\"}]");
	}
	buf_done(&buf);
}

/* An object that has something before and after the row's members. */
static void test_members(void **state)
{
	const struct db_col cols[] = { { STR("_hidden"), 25 }, { STR("a"), 25 }, { STR("b"), 23 } };
	const struct str cells[] = { STR("x"), STR("1"), STR("2") };
	const struct db_rows rows = { 1, 3, 0, cols, cells };
	const struct db_rows nothing = { 1, 1, 0, cols, cells };
	struct json_out out;
	struct buf buf;

	(void)state;
	buf_init(&buf, 1024);
	for (int before = 0; before < 2; before++) {
		buf_clear(&buf);
		out = JSON_OUT(&buf);
		json_open(&out, '{');
		if (before)
			json_put_int(&out, "first", 0);
		db_row_members(&rows, 0, &out);
		json_put_text(&out, "last", STR("z"));
		json_close(&out, '}');
		buf_add_char(&buf, '\0');
		assert_string_equal(buf.p, before ? "{\"first\":0,\"a\":\"1\",\"b\":2,\"last\":\"z\"}"
						  : "{\"a\":\"1\",\"b\":2,\"last\":\"z\"}");
	}
	buf_clear(&buf);
	out = JSON_OUT(&buf);
	json_open(&out, '{');
	db_row_members(&nothing, 0, &out);
	json_put_text(&out, "last", STR("z"));
	json_close(&out, '}');
	buf_add_char(&buf, '\0');
	assert_string_equal(buf.p, "{\"last\":\"z\"}");
	buf_done(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* JSON out: commas, escapes, and that whatever is written can be read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_read.h"
#include "base/json_write.h"

static void commas_stand_where_they_belong(void **state)
{
	struct buf buf;
	struct json_out out;

	(void)state;
	buf_init(&buf, 1000);
	out = JSON_OUT(&buf);
	json_open(&out, '{');
	json_put_text(&out, "a", STR("x"));
	json_put_int(&out, "b", INT64_MIN);
	json_put_bool(&out, "c", false);
	json_key(&out, "d");
	json_open(&out, '[');
	json_open(&out, '[');
	json_close(&out, ']');
	json_add_null(&out);
	json_open(&out, '{');
	json_close(&out, '}');
	json_add_bool(&out, true);
	json_add_int(&out, 7);
	json_add_raw(&out, STR("{\"raw\":[]}"));
	json_close(&out, ']');
	json_key(&out, "e");
	json_add_null(&out);
	json_close(&out, '}');
	assert_string_equal(buf.p, "{\"a\":\"x\",\"b\":-9223372036854775808,\"c\":false,"
				   "\"d\":[[],null,{},true,7,{\"raw\":[]}],\"e\":null}");
	buf_done(&buf);
}

static void escapes(void **state)
{
	static const struct {
		struct str text;
		const char *json;
	} rows[] = {
		{ STR(""), "" },
		{ STR("plain / text"), "plain / text" },
		{ STR("\"\\"), "\\\"\\\\" },
		{ STR("\n\r\t\b\f"), "\\n\\r\\t\\u0008\\u000c" },
		{ STR("\0\x01\x1f\x7f"), "\\u0000\\u0001\\u001f\\u007f" },
		{ STR("</script>"), "<\\/script>" },
		{ STR("/a</b/"), "/a<\\/b/" },
		{ STR("gr\xc3\xbc\xc3\x9f"
		      "e \xe2\x82\xac \xf0\x9f\x9a\x80"),
		  "gr\xc3\xbc\xc3\x9f"
		  "e \xe2\x82\xac \xf0\x9f\x9a\x80" },
		{ STR("\xff"), "\xef\xbf\xbd" },
		{ STR("a\xc3"), "a\xef\xbf\xbd" },
		{ STR("\xc3\xc3\xbc"), "\xef\xbf\xbd\xc3\xbc" },
		{ STR("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd" },
		{ STR("\xed\xa0\x80x"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx" },
		{ STR("\xc0\xaf\""), "\xef\xbf\xbd\xef\xbf\xbd\\\"" },
		{ STR("\xf4\x90\x80\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	};
	struct buf buf;

	(void)state;
	buf_init(&buf, 1000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&buf);
		json_escape(&buf, rows[i].text);
		if (!str_eq(buf_str(&buf), str_of(rows[i].json)))
			fail_msg("row %zu: %.*s", i, STR_FMT(buf_str(&buf)));
	}
	buf_clear(&buf);
	json_escape(&buf, (struct str){ 0 });
	assert_int_equal(buf.n, 0);
	buf_done(&buf);
}

static uint64_t seed = 1;

static uint32_t chance(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

/* Up to 40 characters of all lengths, none of them NUL; with `spoil`, some bytes that are no UTF-8. */
static size_t random_text(char *ret, bool spoil)
{
	static const struct str some[] = { STR("\""),
					   STR("\\"),
					   STR("/"),
					   STR("<"),
					   STR("\n"),
					   STR("\x7f"),
					   STR("\xc2\x80"),
					   STR("\xdf\xbf"),
					   STR("\xe0\xa0\x80"),
					   STR("\xef\xbf\xbf"),
					   STR("\xf0\x90\x80\x80"),
					   STR("\xf4\x8f\xbf\xbf"),
					   STR("\xe2\x80\xa8") };
	size_t n = 0;

	for (uint32_t left = chance(40); left > 0; left--) {
		struct str s = some[chance(sizeof(some) / sizeof(some[0]))];

		if (spoil && chance(5) == 0)
			ret[n++] = (char)(0x80 + chance(0x80));
		else if (chance(2))
			ret[n++] = (char)(1 + chance(0x7f));
		else
			for (size_t i = 0; i < s.n; i++)
				ret[n++] = s.p[i];
	}
	return n;
}

static void what_is_written_can_be_read(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 10000);
	for (int round = 0; round < 10000; round++) {
		bool spoil = round % 2;
		struct arena *arena = arena_new();
		struct json_out out = JSON_OUT(&buf);
		const struct json *value;
		const char *why = "";
		char bytes[200];
		struct str text = { bytes, random_text(bytes, spoil) }, back;

		buf_clear(&buf);
		json_open(&out, '[');
		json_add_text(&out, text);
		json_add_int(&out, round);
		json_close(&out, ']');
		value = json_parse(arena, buf_str(&buf), NULL, &why);
		if (!value)
			fail_msg("round %d: %s: %.*s", round, why, STR_FMT(buf_str(&buf)));
		back = json_text(json_at(value, 0), STR("not there"));
		assert_true(str_is_text(back));
		if (str_is_text(text))
			assert_true(str_eq(back, text));
		assert_null(strstr(buf.p, "</"));
		assert_int_equal(json_int(json_at(value, 1), -1), round);
		arena_free(arena);
	}
	buf_done(&buf);
}

static void what_does_not_fit_is_marked(void **state)
{
	struct buf buf;
	struct json_out out;

	(void)state;
	buf_init(&buf, 10);
	out = JSON_OUT(&buf);
	json_open(&out, '[');
	json_add_text(&out, STR("0123456789"));
	json_close(&out, ']');
	assert_true(buf.overflow);
	buf_done(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_stand_where_they_belong),
		cmocka_unit_test(escapes),
		cmocka_unit_test(what_is_written_can_be_read),
		cmocka_unit_test(what_does_not_fit_is_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

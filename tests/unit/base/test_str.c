/* Text as pointer and length: the edges of comparing, cutting, reading numbers and checking UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "base/str.h"

static void nothing_is_an_empty_text(void **state)
{
	struct str none = { 0 }, rest = { 0 };

	(void)state;
	assert_int_equal(str_of(NULL).n, 0);
	assert_non_null(str_of(NULL).p);
	assert_true(str_eq(none, STR("")));
	assert_true(str_eq_nocase(none, STR("")));
	assert_true(str_starts(none, none));
	assert_true(str_ends(STR("x"), none));
	assert_false(str_starts(none, STR("x")));
	assert_int_equal(str_trim(none).n, 0);
	assert_int_equal(str_split(&rest, ',').n, 0);
	assert_int_equal(rest.n, 0);
	assert_true(str_is_text(none));
}

static void comparing_looks_at_every_byte(void **state)
{
	(void)state;
	assert_true(str_eq(STR("a\0b"), STR("a\0b")));
	assert_false(str_eq(STR("a\0b"), STR("a\0c")));
	assert_false(str_eq(STR("ab"), STR("abc")));
	assert_true(str_eq_nocase(STR("Skip-PREVIEW[z]"), STR("skip-preview[Z]")));
	/* only letters have a case: these pairs differ in the same bit */
	assert_false(str_eq_nocase(STR("@[`{"), STR("`{@[")));
	assert_false(str_eq_nocase(STR("\xc3\x84"), STR("\xc3\xa4")));
	assert_true(str_starts(STR("bull:x"), STR("bull:")));
	assert_false(str_starts(STR("bul"), STR("bull:")));
	assert_true(str_ends(STR("plugin.so"), STR(".so")));
	assert_false(str_ends(STR("so"), STR(".so")));
}

static void splitting_keeps_empty_parts(void **state)
{
	struct str rest = STR(",a,,b");

	(void)state;
	assert_true(str_eq(str_split(&rest, ','), STR("")));
	assert_true(str_eq(str_split(&rest, ','), STR("a")));
	assert_true(str_eq(str_split(&rest, ','), STR("")));
	assert_true(str_eq(str_split(&rest, ','), STR("b")));
	assert_int_equal(rest.n, 0);
	assert_true(str_eq(str_trim(STR(" \t a b\t ")), STR("a b")));
	assert_int_equal(str_trim(STR(" \t ")).n, 0);
}

static void numbers_have_no_second_spelling(void **state)
{
	static const struct {
		const char *text;
		int64_t value;
	} good[] = {
		{ "0", 0 },
		{ "-0", 0 },
		{ "007", 7 },
		{ "-1", -1 },
		{ "9223372036854775807", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN },
	};
	static const char *const bad[] = { "",
					   "-",
					   "+1",
					   " 1",
					   "1 ",
					   "1.0",
					   "0x1",
					   "1e3",
					   "--1",
					   "1-1",
					   "\n1",
					   "１",
					   "9223372036854775808",
					   "-9223372036854775809",
					   "99999999999999999999999999" };
	int64_t value = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(str_to_int(str_of(good[i].text), INT64_MIN, INT64_MAX, &value));
		assert_int_equal(value, good[i].value);
	}
	value = 77;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (str_to_int(str_of(bad[i]), INT64_MIN, INT64_MAX, &value))
			fail_msg("\"%s\" was read as a number", bad[i]);
		assert_int_equal(value, 77);
	}
	assert_false(str_to_int(STR("1\0"), 0, 9, &value));
	assert_false(str_to_int(STR("10"), 0, 9, &value));
	assert_false(str_to_int(STR("-1"), 0, 9, &value));
	assert_true(str_to_int(STR("9"), 9, 9, &value));
}

/* Every text of up to three bytes, and each border of the longer ones, against the definition of UTF-8. */
static size_t length_by_the_book(const unsigned char *p, size_t n)
{
	bool two = n >= 2 && (p[1] & 0xc0) == 0x80, three = two && n >= 3 && (p[2] & 0xc0) == 0x80;

	if (p[0] >= 1 && p[0] <= 0x7f)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return two ? 2 : 0;
	if (p[0] == 0xe0)
		return three && p[1] >= 0xa0 ? 3 : 0;
	if (p[0] == 0xed)
		return three && p[1] <= 0x9f ? 3 : 0;
	if (p[0] >= 0xe1 && p[0] <= 0xef)
		return three ? 3 : 0;
	return 0;
}

static bool is_text_by_the_book(const unsigned char *p, size_t n)
{
	while (n > 0) {
		size_t step = length_by_the_book(p, n);

		if (step == 0)
			return false;
		p += step;
		n -= step;
	}
	return true;
}

static void utf8_is_strict(void **state)
{
	unsigned char three[3];

	(void)state;
	for (uint32_t code = 0; code < 1u << 24; code += code < 1u << 16 ? 1 : 7) {
		three[0] = (unsigned char)(code >> 16);
		three[1] = (unsigned char)(code >> 8);
		three[2] = (unsigned char)code;
		for (size_t n = 1; n <= 3; n++) {
			struct str s = { (const char *)three + 3 - n, n };

			if (str_is_text(s) != is_text_by_the_book((const unsigned char *)s.p, n))
				fail_msg("%06x, the last %zu bytes", (unsigned)code, n);
		}
	}
	assert_true(str_is_text(STR("\xf0\x90\x80\x80")));  /* U+10000 */
	assert_true(str_is_text(STR("\xf4\x8f\xbf\xbf")));  /* U+10FFFF */
	assert_false(str_is_text(STR("\xf0\x8f\xbf\xbf"))); /* overlong */
	assert_false(str_is_text(STR("\xf4\x90\x80\x80"))); /* U+110000 */
	assert_false(str_is_text(STR("\xf5\x80\x80\x80")));
	assert_false(str_is_text(STR("\xf0\x90\x80")));
	assert_false(str_is_text(STR("\xf8\x88\x80\x80\x80")));
	assert_false(str_is_text(STR("a\0b")));
}

static void hexadecimal_digits_are_22_characters(void **state)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	int n = 0;

	(void)state;
	for (int c = 0; c < 256; c++) {
		const char *at = c ? strchr(digits, c) : NULL;

		assert_int_equal(hex_digit((char)c), at ? (at - digits < 16 ? at - digits : at - digits - 6) : -1);
		n += hex_digit((char)c) >= 0;
	}
	assert_int_equal(n, 22);
}

static void every_status_has_its_name(void **state)
{
	(void)state;
	assert_string_equal(status_name(OK), "OK");
	assert_string_equal(status_name(E_INVALID), "E_INVALID");
	assert_string_equal(status_name(E_LIMITED), "E_LIMITED");
	assert_string_equal(status_name(E_NETWORK), "E_NETWORK");
	assert_string_equal(status_name(E_CANCELLED), "E_CANCELLED");
	assert_string_equal(status_name(E_INTERNAL), "E_INTERNAL");
	assert_string_equal(status_name(E_INTERNAL - 1), "E_INTERNAL");
	assert_string_equal(status_name(1), "E_INTERNAL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_an_empty_text),
		cmocka_unit_test(comparing_looks_at_every_byte),
		cmocka_unit_test(splitting_keeps_empty_parts),
		cmocka_unit_test(numbers_have_no_second_spelling),
		cmocka_unit_test(utf8_is_strict),
		cmocka_unit_test(hexadecimal_digits_are_22_characters),
		cmocka_unit_test(every_status_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

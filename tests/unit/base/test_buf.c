/* A buffer with a maximum: what fits is there whole, what does not fit leaves no half. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void it_grows_up_to_its_maximum(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 1000);
	assert_int_equal(buf_str(&buf).n, 0);
	assert_string_equal(buf_str(&buf).p, "");
	for (int i = 0; i < 1000; i++)
		buf_add_char(&buf, (char)('a' + i % 26));
	assert_false(buf.overflow);
	assert_int_equal(buf.n, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buf.p[i], 'a' + i % 26);
	assert_int_equal(buf.p[1000], 0);
	buf_add(&buf, "", 0);
	assert_false(buf.overflow);
	buf_add_char(&buf, 'x');
	assert_true(buf.overflow);
	assert_int_equal(buf.n, 1000);
	buf_done(&buf);
}

static void what_does_not_fit_adds_nothing_nor_does_what_follows(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 8);
	buf_add_str(&buf, STR("12345"));
	buf_add_str(&buf, STR("6789"));
	assert_true(buf.overflow);
	buf_add_char(&buf, 'x'); /* would fit: but a text with a hole is worse than none */
	buf_printf(&buf, "%d", 1);
	buf_add_int(&buf, 1);
	assert_string_equal(buf.p, "12345");
	buf_clear(&buf);
	assert_false(buf.overflow);
	buf_printf(&buf, "%s", "12345678");
	assert_false(buf.overflow);
	assert_string_equal(buf.p, "12345678");
	buf_clear(&buf);
	buf_printf(&buf, "%s", "123456789");
	assert_true(buf.overflow);
	assert_int_equal(buf.n, 0);
	buf_done(&buf);
	assert_null(buf.p);
	buf_add(&buf, (const void *)"abc", 3); /* usable again, with the same maximum */
	assert_int_equal(buf.max, 8);
	assert_string_equal(buf.p, "abc");
	buf_done(&buf);
}

static void a_buffer_without_room_takes_only_nothing(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 0);
	buf_add(&buf, NULL, 0);
	assert_false(buf.overflow);
	buf_add_char(&buf, 'x');
	assert_true(buf.overflow);
	buf_done(&buf);
	buf_init(&buf, SIZE_MAX);
	buf_add_str(&buf, STR("x"));
	buf_add(&buf, "", SIZE_MAX); /* its length alone is refused, nothing is read */
	assert_true(buf.overflow);
	buf_done(&buf);
}

static void numbers_are_written_in_full(void **state)
{
	static const int64_t numbers[] = { 0, 1, -1, 9, 10, 4294967296, INT64_MAX, INT64_MIN };
	struct buf buf;
	char expected[32];

	(void)state;
	buf_init(&buf, 100);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		buf_clear(&buf);
		buf_add_int(&buf, numbers[i]);
		snprintf(expected, sizeof(expected), "%lld", (long long)numbers[i]);
		assert_string_equal(buf.p, expected);
	}
	buf_done(&buf);
}

static void the_front_can_go(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 100);
	buf_drop_front(&buf, 0);
	buf_add_str(&buf, STR("GET / HTTP"));
	buf_drop_front(&buf, 4);
	assert_string_equal(buf.p, "/ HTTP");
	buf_drop_front(&buf, 6);
	assert_string_equal(buf.p, "");
	assert_int_equal(buf.n, 0);
	buf_add_char(&buf, 'x');
	assert_string_equal(buf.p, "x");
	buf_done(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_grows_up_to_its_maximum),
		cmocka_unit_test(what_does_not_fit_adds_nothing_nor_does_what_follows),
		cmocka_unit_test(a_buffer_without_room_takes_only_nothing),
		cmocka_unit_test(numbers_are_written_in_full),
		cmocka_unit_test(the_front_can_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

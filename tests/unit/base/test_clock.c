/* Time as text: every form that GitHub and the providers send, and dates that do not exist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

static void good_times_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01T00:00:00.001Z", 1 },
		{ "1969-12-31T23:59:59Z", -1000 },
		{ "1969-12-31T23:59:59.999Z", -1 },
		{ "2019-05-15T15:20:33Z", 1557933633000 },
		{ "2019-05-15t15:20:33z", 1557933633000 },
		{ "2019-05-15 15:20:33Z", 1557933633000 },
		{ "2023-12-01T10:00:00.000Z", 1701424800000 },
		{ "2023-12-01T10:00:00.5Z", 1701424800500 },
		{ "2023-12-01T10:00:00.123456789Z", 1701424800123 },
		{ "2023-12-01T12:00:00+02:00", 1701424800000 },
		{ "2023-12-01T04:30:00-05:30", 1701424800000 },
		{ "2023-12-01T10:00:00+00:00", 1701424800000 },
		{ "2023-12-01T10:00:00-00:00", 1701424800000 },
		{ "2000-02-29T00:00:00Z", 951782400000 },
		{ "2024-02-29T12:00:00Z", 1709208000000 },
		{ "2100-02-28T23:59:59Z", 4107542399000 },
		{ "1900-03-01T00:00:00Z", -2203891200000 },
		{ "0001-01-01T00:00:00Z", -62135596800000 },
		{ "9999-12-31T23:59:59Z", 253402300799000 },
		{ "2016-12-31T23:59:60Z", 1483228799000 }, /* a leap second is the second before */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t ms = 0;

		if (!time_parse(str_of(rows[i].text), &ms) || ms != rows[i].ms)
			fail_msg("%s is %lld, not %lld", rows[i].text, (long long)ms, (long long)rows[i].ms);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"2019",
		"2019-05-15",
		"2019-05-15T15:20:33",
		"2019-05-15T15:20Z",
		"2019-05-15T15:20:33ZZ",
		"2019-05-15T15:20:33Z ",
		" 2019-05-15T15:20:33Z",
		"2019-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"2019-04-31T00:00:00Z",
		"2019-00-01T00:00:00Z",
		"2019-13-01T00:00:00Z",
		"2019-01-00T00:00:00Z",
		"2019-01-32T00:00:00Z",
		"2019-05-15T24:00:00Z",
		"2019-05-15T15:60:33Z",
		"2019-05-15T15:20:61Z",
		"2019-05-15T15:20:33.Z",
		"2019-05-15T15:20:33.1234567891Z",
		"2019-05-15T15:20:33+2:00",
		"2019-05-15T15:20:33+0200",
		"2019-05-15T15:20:33+24:00",
		"2019-05-15T15:20:33+02:60",
		"2019-05-15T15:20:33+02",
		"2019-05-15T15:20:33+02:00x",
		"2019-5-15T15:20:33Z",
		"19-05-15T15:20:33Z",
		"-05-15T15:20:33Z",
		"201-05-15T15:20:33Z",
		"20190515T152033Z",
		"02019-05-15T15:20:33Z",
		"2019/05/15T15:20:33Z",
		"2019-05-15T-1:20:33Z",
		"2019-05-15T15:+1:33Z",
		"2019-05-1５T15:20:33Z",
		"2019-05--5T15:20:33Z",
		"2019--1-15T15:20:33Z",
		"2019-05-15T15:20:-3Z",
		"1557933633",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t ms = 77;

		if (time_parse(str_of(rows[i]), &ms))
			fail_msg("\"%s\" was read as %lld", rows[i], (long long)ms);
		assert_int_equal(ms, 77);
	}
	assert_false(time_parse((struct str){ 0 }, &(int64_t){ 0 }));
	assert_false(time_parse(STR("2019-05-15T15:20:33Z\0"), &(int64_t){ 0 }));
}

/* Every prefix of a good time is none, and reads nothing behind its end. */
static void a_time_that_is_cut_is_refused(void **state)
{
	char text[] = "2023-12-01T12:00:00.250+02:00";
	int64_t ms;

	(void)state;
	for (size_t n = 0; n < strlen(text); n++)
		assert_false(time_parse((struct str){ text, n }, &ms));
	assert_true(time_parse(str_of(text), &ms));
}

static void writing_and_reading_agree(void **state)
{
	char text[TIME_TEXT_MAX];
	int64_t back;

	(void)state;
	assert_int_equal(time_format(1701424800000, text), 24);
	assert_string_equal(text, "2023-12-01T10:00:00.000Z");
	time_format(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999Z");
	/* a step that is prime to days, months and years: all of them are met between the years 1 and 9999 */
	for (int64_t ms = -62135596800000; ms < 253402300799999; ms += 7777777777) {
		assert_int_equal(time_format(ms, text), 24);
		assert_int_equal(strlen(text), 24);
		assert_true(time_parse(str_of(text), &back));
		assert_int_equal(back, ms);
	}
}

static void clocks_go_forward(void **state)
{
	int64_t us = clock_mono_us(), ms = clock_mono_ms();

	(void)state;
	assert_in_range(ms - us / 1000, 0, 1000);
	assert_true(clock_mono_us() >= us);
	assert_true(clock_wall_ms() > 1700000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_times_are_read),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(a_time_that_is_cut_is_refused),
		cmocka_unit_test(writing_and_reading_agree),
		cmocka_unit_test(clocks_go_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

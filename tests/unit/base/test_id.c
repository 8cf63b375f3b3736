/* Ids: in order of time, of one alphabet, never twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/id.h"

#define MANY 100000

static char ids[MANY][ID_MAX];

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void a_hundred_thousand_differ_and_are_well_formed(void **state)
{
	int64_t begin = clock_wall_ms(), end;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		id_new(ids[i], "deploy_");
	end = clock_wall_ms();
	for (size_t i = 0; i < MANY; i++) {
		struct str id = str_of(ids[i]);

		assert_int_equal(id.n, 7 + 26);
		assert_true(id_valid(id, "deploy_"));
		assert_int_equal(strspn(ids[i] + 7, "0123456789abcdefghjkmnpqrstvwxyz"), 26);
		assert_in_range(id_time_ms(id), begin, end);
		/* the time stands in front, so ids of later milliseconds sort behind */
		if (i > 0 && id_time_ms(str_of(ids[i - 1])) < id_time_ms(id))
			assert_true(strcmp(ids[i - 1], ids[i]) < 0);
	}
	qsort(ids, MANY, sizeof(ids[0]), by_text);
	for (size_t i = 1; i < MANY; i++)
		assert_string_not_equal(ids[i - 1], ids[i]);
}

static void every_place_of_chance_takes_every_letter(void **state)
{
	static unsigned seen[16][128];

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		for (size_t k = 0; k < 16; k++)
			seen[k][(unsigned char)ids[i][7 + 10 + k] & 127]++;
	for (size_t k = 0; k < 16; k++) {
		unsigned letters = 0;

		for (size_t c = 0; c < 128; c++) {
			letters += seen[k][c] > 0;
			if (seen[k][c]) /* 3,125 expected of each */
				assert_in_range(seen[k][c], 2700, 3600);
		}
		assert_int_equal(letters, 32);
	}
}

static void what_is_no_id_is_seen(void **state)
{
	static const char *const wrong[] = {
		"",
		"deploy_",
		"deploy_01hf3v9y7m8k4q2r6s0t5w1x3",
		"deploy_01hf3v9y7m8k4q2r6s0t5w1x3zz",
		"deploy_01HF3V9Y7M8K4Q2R6S0T5W1X3Z",
		"deploy_01hf3v9y7m8k4q2r6s0t5w1x3i",
		"deploy_01hf3v9y7m8k4q2r6s0t5w1x3'",
		"deplo_01hf3v9y7m8k4q2r6s0t5w1x3z",
		"01hf3v9y7m8k4q2r6s0t5w1x3z",
		"deploy_01hf3v9y7m8k4q2r6s0t5w1x3 ",
		"user_01hf3v9y7m8k4q2r6s0t5w1x3z",
	};

	(void)state;
	assert_true(id_valid(STR("deploy_01hf3v9y7m8k4q2r6s0t5w1x3z"), "deploy_"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (id_valid(str_of(wrong[i]), "deploy_"))
			fail_msg("\"%s\" passes for an id", wrong[i]);
	assert_false(id_valid(STR("deploy_01hf3v9y7m8k4q2r6s0t5w1x3\0"), "deploy_"));
	assert_false(id_valid((struct str){ 0 }, "deploy_"));
	assert_int_equal(id_time_ms(STR("01hf3v9y7m8k4q2r6s0t5w1x3z")), 1699862608116 /* 2023-11-13T08:03:28.116Z */);
	assert_int_equal(id_time_ms(STR("deploy_short")), 0);
	assert_int_equal(id_time_ms(STR("01HF3V9Y7M8k4q2r6s0t5w1x3z")), 0);
}

/* The pool behind random_bytes is emptied by requests of any size, and hands nothing out twice. */
static void random_bytes_of_any_size(void **state)
{
	static unsigned char bytes[3][5000];

	(void)state;
	for (size_t n = 0; n < 5000; n += 617)
		for (size_t i = 0; i < 3; i++)
			random_bytes(bytes[i], n);
	random_bytes(bytes[0], 5000);
	random_bytes(bytes[1], 5000);
	for (size_t i = 0; i + 16 <= 5000; i += 16)
		assert_memory_not_equal(bytes[0] + i, bytes[1] + i, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hundred_thousand_differ_and_are_well_formed),
		cmocka_unit_test(every_place_of_chance_takes_every_letter),
		cmocka_unit_test(what_is_no_id_is_seen),
		cmocka_unit_test(random_bytes_of_any_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

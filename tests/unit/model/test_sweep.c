/* What a sweep does about what it finds. */
#include "model/sweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUR_MS (60ll * 60 * 1000)

static const char *missed(int64_t known_at, bool known_open, bool by_sweep, const char *known_sha, int64_t at,
			  bool open, const char *sha)
{
	const struct known_pull known = { .number = 1,
					  .updated_at_ms = known_at,
					  .sha = str_of(known_sha),
					  .open = known_open,
					  .by_sweep = by_sweep };
	const struct pull_facts pull = { .number = 1, .updated_at_ms = at, .sha = str_of(sha), .open = open };

	return missed_action(&known, &pull);
}

static void test_missed_events(void **state)
{
	const struct pull_facts open = { .open = true }, closed = { .open = false };

	(void)state;
	assert_string_equal(missed_action(NULL, &open), "opened");
	assert_null(missed_action(NULL, &closed));
	assert_null(missed(2, true, false, "a", 2, true, "a"));
	assert_string_equal(missed(2, true, false, "a", 3, true, "a"), "edited");
	assert_string_equal(missed(2, true, false, "a", 3, true, "b"), "synchronize");
	assert_string_equal(missed(2, true, false, "a", 2, true, "b"), "synchronize");
	assert_string_equal(missed(2, true, false, "a", 2, false, "a"), "closed");
	assert_string_equal(missed(2, true, false, "a", 3, false, "a"), "closed");
	assert_null(missed(2, false, false, "a", 3, false, "a"));
	assert_string_equal(missed(2, false, false, "a", 3, true, "a"), "reopened");
}

static void test_older_answers_are_not_believed(void **state)
{
	(void)state;
	assert_null(missed(5, true, false, "a", 4, true, "b"));
	assert_null(missed(5, true, false, "a", 4, false, "a"));
	assert_null(missed(5, false, false, "a", 4, true, "a"));
	/* within the second of a closing that a webhook told; one that a sweep derived is taken back */
	assert_null(missed(5, false, false, "a", 5, true, "a"));
	assert_string_equal(missed(5, false, true, "a", 5, true, "a"), "reopened");
}

static void test_few_may_go_at_once(void **state)
{
	(void)state;
	assert_true(sweep_may_destroy(0, 0));
	assert_true(sweep_may_destroy(1, 1));
	assert_false(sweep_may_destroy(9, 2));
	assert_true(sweep_may_destroy(10, 2));
	assert_false(sweep_may_destroy(49, 10));
	assert_true(sweep_may_destroy(50, 10));
	assert_false(sweep_may_destroy(1000, 11));
}

#define ATTEMPT(number, at, word, good)                                                                                \
	{                                                                                                              \
		.id = (number), .delivered_at_ms = (at), .guid = STR(word), .ok = (good), .matters = true              \
	}

static void test_failed_deliveries_are_asked_for_again(void **state)
{
	const int64_t now = 100 * HOUR_MS;
	const struct hook_attempt attempts[] = {
		ATTEMPT(9, now - 1, "ok", true),
		ATTEMPT(8, now - 2, "lost", false),
		ATTEMPT(7, now - 3, "healed", true),
		ATTEMPT(6, now - 4, "stored", false),
		ATTEMPT(5, now - 5, "lost", false),
		ATTEMPT(4, now - 6, "healed", false),
		{ .id = 3, .delivered_at_ms = now - 7, .guid = STR("push"), .ok = false, .matters = false },
		ATTEMPT(2, now - 80 * HOUR_MS, "too old", false),
	};
	const bool arrived[8] = { [3] = true };
	int64_t ids[8], since;

	(void)state;
	assert_int_equal(redelivery_plan(attempts, arrived, 8, now, ids, &since), 1);
	assert_int_equal(ids[0], 8); /* its newest attempt */
	assert_int_equal(since, now - 5);
}

static void test_nobody_is_asked_for_ever(void **state)
{
	struct hook_attempt attempts[REDELIVERY_ATTEMPTS];
	const bool arrived[REDELIVERY_ATTEMPTS] = { 0 };
	int64_t ids[REDELIVERY_ATTEMPTS], since;

	(void)state;
	for (size_t i = 0; i < REDELIVERY_ATTEMPTS; i++)
		attempts[i] = (struct hook_attempt)ATTEMPT((int64_t)i, 50 - (int64_t)i, "x", false);
	assert_int_equal(redelivery_plan(attempts, arrived, REDELIVERY_ATTEMPTS, 60, ids, &since), 0);
	assert_int_equal(since, 50);
	assert_int_equal(redelivery_plan(attempts, arrived, REDELIVERY_ATTEMPTS - 1, 60, ids, &since), 1);
	assert_int_equal(redelivery_plan(attempts, arrived, 0, 60, ids, &since), 0);
	assert_int_equal(since, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missed_events),
		cmocka_unit_test(test_older_answers_are_not_believed),
		cmocka_unit_test(test_few_may_go_at_once),
		cmocka_unit_test(test_failed_deliveries_are_asked_for_again),
		cmocka_unit_test(test_nobody_is_asked_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

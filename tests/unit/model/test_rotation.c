/* Which step a rotation takes next. */
#include "model/rotation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BARE(...) ((struct rotation_facts){ __VA_ARGS__ })
#define FACTS(...)                                                                                                     \
	((struct rotation_facts){ .is_tried = true, .is_of_preview = true, .page_checked = true, __VA_ARGS__ })

static void test_steps(void **state)
{
	static const struct {
		struct rotation_facts facts;
		enum rotation_step step;
	} table[] = {
		{ FACTS(.state = ROTATION_WAITING), ROTATE_GENERATE },
		{ FACTS(.state = ROTATION_WAITING, .early = true), ROTATE_WAIT },
		{ FACTS(.state = ROTATION_WAITING, .frozen = true), ROTATE_WAIT },
		{ FACTS(.state = ROTATION_WAITING, .queued = true), ROTATE_WAIT },
		{ BARE(.state = ROTATION_WAITING, .queued = true, .is_tried = true), ROTATE_GENERATE },
		{ BARE(.state = ROTATION_WAITING, .queued = true, .is_of_preview = true), ROTATE_GENERATE },
		{ FACTS(.state = ROTATION_PENDING, .queued = true), ROTATE_TRY },
		{ FACTS(.state = ROTATION_PENDING), ROTATE_TRY },
		{ FACTS(.state = ROTATION_PENDING, .frozen = true), ROTATE_WAIT },
		{ FACTS(.state = ROTATION_PENDING, .frozen = true, .late = true), ROTATE_FAIL_LATE },
		{ BARE(.state = ROTATION_PENDING, .is_of_preview = true, .late = true), ROTATE_VERIFY },
		{ BARE(.state = ROTATION_PENDING, .is_tried = true), ROTATE_VERIFY },
		{ FACTS(.state = ROTATION_TRIAL, .trial = TRIAL_BUILDING), ROTATE_WAIT },
		{ FACTS(.state = ROTATION_TRIAL, .trial = TRIAL_BUILDING, .late = true), ROTATE_FAIL_LATE },
		{ FACTS(.state = ROTATION_TRIAL, .trial = TRIAL_READY), ROTATE_CHECK },
		{ FACTS(.state = ROTATION_TRIAL, .trial = TRIAL_READY, .late = true), ROTATE_CHECK },
		{ BARE(.state = ROTATION_TRIAL, .trial = TRIAL_READY, .is_tried = true), ROTATE_VERIFY },
		{ FACTS(.state = ROTATION_TRIAL, .trial = TRIAL_WRONG), ROTATE_FAIL_WRONG },
		{ FACTS(.state = ROTATION_TRIAL, .trial = TRIAL_FAILED), ROTATE_FAIL_BUILD },
		{ FACTS(.state = ROTATION_TRIAL, .trial = TRIAL_GONE), ROTATE_TRY },
		{ FACTS(.state = ROTATION_TRIAL, .trial = TRIAL_GONE, .late = true), ROTATE_FAIL_LATE },
		{ FACTS(.state = ROTATION_TRIAL, .trial = TRIAL_READY, .frozen = true), ROTATE_WAIT },
		{ FACTS(.state = ROTATION_TRIAL, .trial = TRIAL_GONE, .frozen = true), ROTATE_WAIT },
		{ FACTS(.state = ROTATION_TRIAL, .trial = TRIAL_READY, .frozen = true, .late = true),
		  ROTATE_FAIL_LATE },
		{ FACTS(.state = ROTATION_VERIFYING, .frozen = true), ROTATE_WAIT },
		{ FACTS(.state = ROTATION_VERIFYING, .frozen = true, .late = true), ROTATE_FAIL_LATE },
		{ FACTS(.state = ROTATION_VERIFYING), ROTATE_PROMOTE },
		{ FACTS(.state = ROTATION_VERIFYING, .late = true), ROTATE_PROMOTE },
		{ FACTS(.state = ROTATION_VERIFYING, .has_program = true), ROTATE_RUN },
		{ FACTS(.state = ROTATION_VERIFYING, .has_program = true, .late = true), ROTATE_FAIL_LATE },
		{ BARE(.state = ROTATION_VERIFYING, .has_program = true), ROTATE_PROMOTE },
		{ FACTS(.state = ROTATION_ENDED, .superseded = true), ROTATE_DONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (rotation_next(&table[i].facts) != table[i].step)
			fail_msg("row %zu: %d instead of %d", i, (int)rotation_next(&table[i].facts),
				 (int)table[i].step);
}

/* Of all combinations of facts: what must never be. */
static void test_no_facts_promote_what_was_not_tried(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 5 * 5 * 512; n++) {
		struct rotation_facts f = { .state = (enum rotation_state)(n % 5),
					    .trial = (enum trial)(n / 5 % 5),
					    .early = n / 25 & 1,
					    .late = n / 25 & 2,
					    .superseded = n / 25 & 4,
					    .frozen = n / 25 & 8,
					    .is_tried = n / 25 & 16,
					    .is_of_preview = n / 25 & 32,
					    .page_checked = n / 25 & 64,
					    .has_program = n / 25 & 128,
					    .queued = n / 25 & 256 };
		enum rotation_step step = rotation_next(&f);

		if (step == ROTATE_PROMOTE) {
			assert_int_equal(f.state, ROTATION_VERIFYING);
			assert_false(f.is_tried && f.has_program);
			assert_false(f.superseded || f.frozen);
		}
		if (step == ROTATE_CHECK || (step == ROTATE_VERIFY && f.state == ROTATION_TRIAL))
			assert_int_equal(f.trial, TRIAL_READY);
		if (step == ROTATE_TRY && f.state == ROTATION_PENDING)
			assert_true(f.is_tried && f.is_of_preview);
		if (step == ROTATE_TRY || step == ROTATE_GENERATE)
			assert_false(f.frozen);
		if (step == ROTATE_GENERATE)
			assert_int_equal(f.state, ROTATION_WAITING);
		if (f.superseded && f.state != ROTATION_ENDED)
			assert_int_equal(step, ROTATE_SUPERSEDE);
		/* nothing waits for ever */
		if (f.late && !f.early && f.state != ROTATION_WAITING)
			assert_int_not_equal(step, ROTATE_WAIT);
	}
}

static void test_retries_grow_and_end(void **state)
{
	(void)state;
	assert_int_equal(rotation_retry_ms(1, 3, 1000), 1000);
	assert_int_equal(rotation_retry_ms(2, 3, 1000), 2000);
	assert_int_equal(rotation_retry_ms(3, 3, 1000), -1);
	assert_int_equal(rotation_retry_ms(1, 1, 1000), -1);
	assert_int_equal(rotation_retry_ms(20, 21, 3600000), 24ll * 60 * 60 * 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_no_facts_promote_what_was_not_tried),
		cmocka_unit_test(test_retries_grow_and_end),
	};

	return cmocka_run_group_tests_name("model_rotation", tests, NULL, NULL);
}

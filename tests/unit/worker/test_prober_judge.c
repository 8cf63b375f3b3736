/* Slots of checks. That the SQL function says the same is tests/api/probing.test.mjs's. */
#include "worker/prober_inner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_the_next_slot_is_the_first_one_ahead(void **state)
{
	(void)state;
	assert_int_equal(slot_after(1000, 250, 0), 250);
	assert_int_equal(slot_after(1000, 250, 249), 250);
	assert_int_equal(slot_after(1000, 250, 250), 1250); /* not the one it stands in */
	assert_int_equal(slot_after(1000, 250, 251), 1250);
	assert_int_equal(slot_after(1000, 0, 0), 1000);
	assert_int_equal(slot_after(60000, 59999, 59998), 59999);
	assert_int_equal(slot_after(86400000, 5, 1700000000000), 1700006400005);
}

static void test_slots_are_an_interval_apart(void **state)
{
	int64_t slot = slot_after(7000, 6543, 1700000000000);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int64_t next = slot_after(7000, 6543, slot);

		assert_int_equal(next - slot, 7000);
		assert_int_equal(slot_after(7000, 6543, slot - 1), slot);
		slot = next;
	}
}

static enum verdict verdict_for(struct str preview_url, const char *error, enum health_event *ret_event,
				struct health_state *ret_state)
{
	struct prober prober = { 0 };
	struct claim claim = { .prober = &prober,
			       .due = { .interval_ms = 60000,
					.enabled = true,
					.preview_url = preview_url,
					.rules = { .failure_threshold = 1, .recovery_threshold = 1 } },
			       .error = error,
			       .at_ms = 1700000000000 };
	struct probe_look look;
	struct health_next next;
	int warning;

	judge(&claim, PARENTS_FINE, &look, &next, &warning);
	assert_string_equal(look.error, error);
	*ret_event = next.event;
	*ret_state = next.state;
	return look.verdict;
}

static void test_a_login_in_front_of_a_preview_is_a_hint(void **state)
{
	struct str preview = STR("https://shop-git-12.example.org/");
	struct health_state found;
	enum health_event event;

	(void)state;
	assert_int_equal(verdict_for(preview, "LOGIN_REQUIRED", &event, &found), VERDICT_INCONCLUSIVE);
	assert_int_equal(event, HEALTH_NOTHING);
	assert_int_equal(found.failures, 0);
	assert_int_equal(verdict_for(preview, "STATUS", &event, &found), VERDICT_FAILED);
	assert_int_not_equal(event, HEALTH_NOTHING);
	assert_int_equal(verdict_for((struct str){ 0 }, "LOGIN_REQUIRED", &event, &found), VERDICT_FAILED);
	assert_int_not_equal(event, HEALTH_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_next_slot_is_the_first_one_ahead),
		cmocka_unit_test(test_slots_are_an_interval_apart),
		cmocka_unit_test(test_a_login_in_front_of_a_preview_is_a_hint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

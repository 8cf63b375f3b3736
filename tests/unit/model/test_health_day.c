/* A simulated day: what is announced of it was written down by hand, in health_day.h. */
#include "unit/model/health_day.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct journal {
	char told[4096], untold[1024];
	int lines;
};

static void write_line(char *to, size_t size, const struct day_event *e)
{
	size_t n = strlen(to);

	snprintf(to + n, size - n, "%02d:%02d:%02d %s %s\n", e->second / 3600, e->second / 60 % 60, e->second % 60,
		 day_checks[e->check].name, health_event_word(e->next.event));
}

static void write_down(void *arg, const struct day_event *e)
{
	struct journal *j = arg;

	if (e->next.told)
		write_line(j->told, sizeof(j->told), e);
	else
		write_line(j->untold, sizeof(j->untold), e);
	j->lines++;
}

static void test_what_is_announced(void **state)
{
	struct journal j = { .lines = 0 };
	struct day day = { .start_ms = 1764000000000, .on_event = write_down, .arg = &j };

	(void)state;
	day_run(&day);
	assert_string_equal(j.told, day_told);
	/* written down, and nobody is woken */
	assert_string_equal(j.untold, "06:02:00 flaps OPENED\n"
				      "09:11:00 brief OPENED\n"
				      "09:21:00 brief RECOVERED\n"
				      "20:11:00 again OPENED\n");
	assert_true(day.looks > CHECKS * 1430);
	for (int i = 0; i < CHECKS; i++) {
		assert_int_equal(day.states[i].status, HEALTH_OK);
		assert_false(day.states[i].incident);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_what_is_announced) };

	return cmocka_run_group_tests_name("model_health_day", tests, NULL, NULL);
}

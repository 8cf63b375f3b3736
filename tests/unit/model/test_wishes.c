/* Which events make void what a person asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/wishes.h"

static const struct {
	const char *action;
	bool open;
	enum desired decided;
	const char *kept;
} cases[] = {
	{ "labeled", true, DESIRED_DEPLOYED, "ASKED,EXPIRED,CANCELLED" },
	{ "unlabeled", true, DESIRED_DEPLOYED, "ASKED,EXPIRED,CANCELLED" },
	{ "edited", true, DESIRED_DEPLOYED, "ASKED,EXPIRED,CANCELLED" },
	{ "ready_for_review", true, DESIRED_DEPLOYED, "ASKED,EXPIRED,CANCELLED" },
	{ "opened", true, DESIRED_DEPLOYED, "ASKED,EXPIRED,CANCELLED" },
	{ "synchronize", true, DESIRED_DEPLOYED,
	  "ASKED,EXPIRED,CANCELLED" }, /* another commit: the caller compares it */
	/* an approved fork stays approved */
	{ "requested", true, DESIRED_DEPLOYED, "" },
	{ "requested", true, DESIRED_HELD, "APPROVED,RETRY" },
	{ "requested", true, DESIRED_DESTROYED, "" },
	{ "labeled", true, DESIRED_HELD, "ASKED,EXPIRED,CANCELLED,APPROVED,RETRY" },
	{ "edited", true, DESIRED_HELD, "ASKED,EXPIRED,CANCELLED,APPROVED,RETRY" },
	/* the rules take a preview away whoever wanted it, and who destroyed it does not have to do it again */
	{ "labeled", true, DESIRED_DESTROYED, "ASKED,EXPIRED" },
	{ "converted_to_draft", true, DESIRED_DESTROYED, "ASKED,EXPIRED" },
	/* news */
	{ "closed", false, DESIRED_DESTROYED, "" },
	{ "edited", false, DESIRED_DESTROYED, "" },
	{ "reopened", true, DESIRED_DEPLOYED, "" },
	{ "reopened", true, DESIRED_HELD, "" },
	{ "reopened", true, DESIRED_DESTROYED, "" },
};

static void the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct decision decision = { .desired = cases[i].decided };
		struct pull_request pr = { .action = str_of(cases[i].action), .open = cases[i].open };

		if (strcmp(wishes_kept(&decision, &pr), cases[i].kept) != 0)
			fail_msg("case %zu, %s: %s", i, cases[i].action, wishes_kept(&decision, &pr));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_table) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

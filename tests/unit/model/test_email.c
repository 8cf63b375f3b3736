/* What passes for an e-mail address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/email.h"

static void test_email(void **state)
{
	static const struct str good[] = { STR("a@b"), STR("first.last+tag@example.com"), STR("\xc3\xa4@example.com") };
	static const struct str bad[] = { STR(""),      STR("a"),     STR("@b"),      STR("a@"),    STR("a b@c"),
					  STR("a@b\n"), STR("<a@b>"), STR("a@b\x7f"), STR("a\0@b"), STR("\ta@b") };
	char text[EMAIL_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(email_ok(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(email_ok(bad[i]));
	memset(text, 'a', sizeof(text));
	text[1] = '@';
	assert_true(email_ok((struct str){ text, EMAIL_MAX }));
	assert_false(email_ok((struct str){ text, EMAIL_MAX + 1 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_email) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

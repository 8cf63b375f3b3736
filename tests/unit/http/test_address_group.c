/* Under which address a client is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/client.h"

static void addresses(void **state)
{
	static const struct {
		const char *client, *address;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
		{ "2001:db8::1", "2001:db8::/64" },
		{ "::1", "::/64" },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" }, /* IPv4 on an IPv6 socket */
		{ "", "" },
		{ "a name that is far longer than an address can be and has to be cut somewhere",
		  "a name that is far longer than an address can be and has to be " },
	};
	char address[ADDRESS_GROUP_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		address_group(str_of(rows[i].client), address);
		assert_string_equal(address, rows[i].address);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(addresses) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

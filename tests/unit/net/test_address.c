/* Where outgoing requests may go: the table of addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "net/address.h"

struct row {
	const char *text;
	enum address_kind kind;
};

static const struct row rows[] = {
	/* the first and last address of each net, and their neighbours */
	{ "0.0.0.0", ADDRESS_FORBIDDEN },
	{ "0.255.255.255", ADDRESS_FORBIDDEN },
	{ "1.0.0.0", ADDRESS_PUBLIC },
	{ "1.1.1.1", ADDRESS_PUBLIC },
	{ "8.8.8.8", ADDRESS_PUBLIC },
	{ "9.255.255.255", ADDRESS_PUBLIC },
	{ "10.0.0.0", ADDRESS_PRIVATE },
	{ "10.255.255.255", ADDRESS_PRIVATE },
	{ "11.0.0.0", ADDRESS_PUBLIC },
	{ "100.63.255.255", ADDRESS_PUBLIC },
	{ "100.64.0.0", ADDRESS_PRIVATE },
	{ "100.100.100.200", ADDRESS_FORBIDDEN },
	{ "100.127.255.255", ADDRESS_PRIVATE },
	{ "100.128.0.0", ADDRESS_PUBLIC },
	{ "126.255.255.255", ADDRESS_PUBLIC },
	{ "127.0.0.0", ADDRESS_PRIVATE },
	{ "127.0.0.1", ADDRESS_PRIVATE },
	{ "127.255.255.255", ADDRESS_PRIVATE },
	{ "128.0.0.0", ADDRESS_PUBLIC },
	{ "168.63.129.15", ADDRESS_PUBLIC },
	{ "168.63.129.16", ADDRESS_FORBIDDEN },
	{ "168.63.129.17", ADDRESS_PUBLIC },
	{ "169.253.255.255", ADDRESS_PUBLIC },
	{ "169.254.0.0", ADDRESS_FORBIDDEN },
	{ "169.254.169.254", ADDRESS_FORBIDDEN },
	{ "169.255.0.0", ADDRESS_PUBLIC },
	{ "172.15.255.255", ADDRESS_PUBLIC },
	{ "172.16.0.0", ADDRESS_PRIVATE },
	{ "172.31.255.255", ADDRESS_PRIVATE },
	{ "172.32.0.0", ADDRESS_PUBLIC },
	{ "192.0.0.0", ADDRESS_FORBIDDEN },
	{ "192.0.0.192", ADDRESS_FORBIDDEN },
	{ "192.0.1.0", ADDRESS_PUBLIC },
	{ "192.0.2.1", ADDRESS_FORBIDDEN },
	{ "192.88.99.1", ADDRESS_FORBIDDEN },
	{ "192.167.255.255", ADDRESS_PUBLIC },
	{ "192.168.0.0", ADDRESS_PRIVATE },
	{ "192.168.255.255", ADDRESS_PRIVATE },
	{ "192.169.0.0", ADDRESS_PUBLIC },
	{ "198.17.255.255", ADDRESS_PUBLIC },
	{ "198.18.0.0", ADDRESS_FORBIDDEN },
	{ "198.19.255.255", ADDRESS_FORBIDDEN },
	{ "198.20.0.0", ADDRESS_PUBLIC },
	{ "198.51.100.1", ADDRESS_FORBIDDEN },
	{ "203.0.113.1", ADDRESS_FORBIDDEN },
	{ "223.255.255.255", ADDRESS_PUBLIC },
	{ "224.0.0.0", ADDRESS_FORBIDDEN },
	{ "239.255.255.255", ADDRESS_FORBIDDEN },
	{ "240.0.0.0", ADDRESS_FORBIDDEN },
	{ "255.255.255.255", ADDRESS_FORBIDDEN },

	{ "::", ADDRESS_FORBIDDEN },
	{ "::1", ADDRESS_PRIVATE },
	{ "::2", ADDRESS_FORBIDDEN },
	{ "::127.0.0.1", ADDRESS_FORBIDDEN },
	{ "::ffff:127.0.0.1", ADDRESS_FORBIDDEN },
	{ "::ffff:8.8.8.8", ADDRESS_FORBIDDEN },
	{ "::ffff:0:127.0.0.1", ADDRESS_FORBIDDEN },
	{ "64:ff9b::169.254.169.254", ADDRESS_FORBIDDEN },
	{ "64:ff9b::8.8.8.8", ADDRESS_FORBIDDEN },
	{ "64:ff9b:1::1", ADDRESS_FORBIDDEN },
	{ "100::1", ADDRESS_FORBIDDEN },
	{ "1fff:ffff::1", ADDRESS_FORBIDDEN },
	{ "2000::1", ADDRESS_PUBLIC },
	{ "2001::1", ADDRESS_FORBIDDEN },
	{ "2001:1ff:ffff::1", ADDRESS_FORBIDDEN },
	{ "2001:200::1", ADDRESS_PUBLIC },
	{ "2001:4860:4860::8888", ADDRESS_PUBLIC },
	{ "2001:db7:ffff::1", ADDRESS_PUBLIC },
	{ "2001:db8::1", ADDRESS_FORBIDDEN },
	{ "2001:db9::1", ADDRESS_PUBLIC },
	{ "2002:7f00:1::", ADDRESS_FORBIDDEN },
	{ "2003::1", ADDRESS_PUBLIC },
	{ "2606:4700:4700::1111", ADDRESS_PUBLIC },
	{ "3ffe:ffff::1", ADDRESS_PUBLIC },
	{ "3fff::1", ADDRESS_FORBIDDEN },
	{ "3fff:fff:ffff::1", ADDRESS_FORBIDDEN },
	{ "3fff:1000::1", ADDRESS_PUBLIC },
	{ "4000::1", ADDRESS_FORBIDDEN },
	{ "5f00::1", ADDRESS_FORBIDDEN },
	{ "fbff::1", ADDRESS_FORBIDDEN },
	{ "fc00::1", ADDRESS_PRIVATE },
	{ "fd00::1", ADDRESS_PRIVATE },
	{ "fd00:ec2::254", ADDRESS_FORBIDDEN },
	{ "fe00::1", ADDRESS_FORBIDDEN },
	{ "fe80::1", ADDRESS_FORBIDDEN },
	{ "febf::1", ADDRESS_FORBIDDEN },
	{ "fec0::1", ADDRESS_FORBIDDEN },
	{ "ff02::1", ADDRESS_FORBIDDEN },

	/* what no peer of a connection looks like */
	{ "", ADDRESS_FORBIDDEN },
	{ "127.1", ADDRESS_FORBIDDEN },
	{ "0177.0.0.1", ADDRESS_FORBIDDEN },
	{ "8.8.8.8 ", ADDRESS_FORBIDDEN },
	{ "fe80::1%eth0", ADDRESS_FORBIDDEN },
	{ "2606:4700::1%1", ADDRESS_FORBIDDEN },
	{ "example.com", ADDRESS_FORBIDDEN },
};

static void the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *word = NULL;

		if (address_classify_text(rows[i].text, &word) != rows[i].kind)
			fail_msg("%s is called %s", rows[i].text, word);
		assert_non_null(word);
	}
}

static void socket_addresses_too(void **state)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(443) };
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	const char *word = NULL;

	(void)state;
	v4.sin_addr.s_addr = htonl(0x7f000001);
	assert_int_equal(address_classify((struct sockaddr *)&v4, &word), ADDRESS_PRIVATE);
	assert_string_equal(word, "loopback");
	v4.sin_addr.s_addr = htonl(0x08080808);
	assert_int_equal(address_classify((struct sockaddr *)&v4, NULL), ADDRESS_PUBLIC);
	assert_int_equal(inet_pton(AF_INET6, "2606:4700:4700::1111", &v6.sin6_addr), 1);
	assert_int_equal(address_classify((struct sockaddr *)&v6, &word), ADDRESS_PUBLIC);
	v6.sin6_scope_id = 2;
	assert_int_equal(address_classify((struct sockaddr *)&v6, &word), ADDRESS_FORBIDDEN);
	assert_int_equal(address_classify((struct sockaddr *)&local, &word), ADDRESS_FORBIDDEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(socket_addresses_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

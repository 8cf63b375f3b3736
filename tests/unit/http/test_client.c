/* Addresses, trusted proxies and the census of connections. */
#include "http/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_addresses(void **state)
{
	static const struct {
		const char *text, *formatted; /* NULL: not an address */
	} samples[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "192.0.2.1:4711", "192.0.2.1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "[2001:db8::1]:443", "2001:db8::1" },
		{ "[2001:db8::1]", "2001:db8::1" },
		{ "192.0.2", NULL },
		{ "unknown", NULL },
		{ "", NULL },
		{ "[", NULL },
		{ "1:2:3:4:5:6:7:8:9", NULL },
		{ "0123456789012345678901234567890123456789012345678901234567890", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct address address;
		char text[ADDRESS_TEXT_MAX];

		if (address_parse(str_of(samples[i].text), &address) != (samples[i].formatted != NULL))
			fail_msg("%s", samples[i].text);
		if (!samples[i].formatted)
			continue;
		assert_int_equal(address_format(&address, text), strlen(samples[i].formatted));
		assert_string_equal(text, samples[i].formatted);
	}
}

static void test_proxy_lists(void **state)
{
	struct proxies proxies;
	struct address inside, outside;

	(void)state;
	assert_true(proxies_parse(NULL, &proxies) && proxies.n == 0);
	assert_true(proxies_parse("", &proxies) && proxies.n == 0);
	assert_false(proxies_parse("10.0.0.0/33", &proxies));
	assert_false(proxies_parse("10.0.0.0/x", &proxies));
	assert_false(proxies_parse("ten", &proxies));
	assert_false(proxies_parse("2001:db8::/129", &proxies));
	assert_true(proxies_parse(" 10.1.0.0/12 , 2001:db8::/33,192.0.2.1 ", &proxies));
	assert_int_equal(proxies.n, 3);
	assert_true(address_parse(STR("10.15.255.255"), &inside) && proxies_hold(&proxies, &inside));
	assert_true(address_parse(STR("10.16.0.0"), &outside) && !proxies_hold(&proxies, &outside));
	assert_true(address_parse(STR("2001:db8:7fff::1"), &inside) && proxies_hold(&proxies, &inside));
	assert_true(address_parse(STR("2001:db8:8000::1"), &outside) && !proxies_hold(&proxies, &outside));
	assert_true(address_parse(STR("192.0.2.2"), &outside) && !proxies_hold(&proxies, &outside));
}

static void test_forwarded(void **state)
{
	static const struct {
		const char *peer, *first, *second, *client;
	} samples[] = {
		{ "203.0.113.1", "6.6.6.6", NULL, "203.0.113.1" }, /* not a proxy: what it says counts for nothing */
		{ "10.0.0.1", NULL, NULL, "10.0.0.1" },
		{ "10.0.0.1", "203.0.113.9", NULL, "203.0.113.9" },
		{ "10.0.0.1", "6.6.6.6, 203.0.113.9", NULL, "203.0.113.9" },
		{ "10.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.2", NULL, "203.0.113.9" },
		{ "10.0.0.1", "6.6.6.6", "203.0.113.9", "203.0.113.9" },
		{ "10.0.0.1", "203.0.113.9", "10.0.0.7", "203.0.113.9" },
		{ "10.0.0.1", "10.0.0.3, 10.0.0.2", NULL, "10.0.0.3" },
		{ "10.0.0.1", "6.6.6.6, unknown", NULL, "10.0.0.1" },
		{ "10.0.0.1", "6.6.6.6, , 10.0.0.2", NULL, "10.0.0.2" },
	};
	struct proxies proxies;

	(void)state;
	assert_true(proxies_parse("10.0.0.0/8", &proxies));
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct http_header headers[3] = { { STR("host"), STR("a") } };
		struct address peer, client;
		char text[ADDRESS_TEXT_MAX];
		size_t n = 1;

		if (samples[i].first)
			headers[n++] = (struct http_header){ STR("x-forwarded-for"), str_of(samples[i].first) };
		if (samples[i].second)
			headers[n++] = (struct http_header){ STR("x-forwarded-for"), str_of(samples[i].second) };
		assert_true(address_parse(str_of(samples[i].peer), &peer));
		client = proxies_client(&proxies, &peer, headers, n);
		address_format(&client, text);
		assert_string_equal(text, samples[i].client);
	}
}

static void test_census(void **state)
{
	struct census *census = census_new();
	struct census_entry *entries[3];
	struct address a, b, same_customer;

	(void)state;
	assert_true(address_parse(STR("2001:db8::1"), &a) && address_parse(STR("2001:db8::2"), &same_customer));
	assert_true(address_parse(STR("192.0.2.1"), &b));
	assert_non_null(entries[0] = census_enter(census, &a, 2));
	assert_non_null(entries[1] = census_enter(census, &same_customer, 2));
	assert_null(census_enter(census, &a, 2));
	assert_non_null(entries[2] = census_enter(census, &b, 2));
	census_leave(census, entries[0]);
	assert_non_null(entries[0] = census_enter(census, &a, 2));
	for (int i = 0; i < 3; i++)
		census_leave(census, entries[i]);
	census_leave(census, NULL);
	assert_non_null(census_enter(census, &a, 1)); /* freed with the census */
	assert_null(census_free(census));
	assert_null(census_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_proxy_lists),
		cmocka_unit_test(test_forwarded),
		cmocka_unit_test(test_census),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Base64 both ways: vectors of RFC 4648, and everything that is not canonical is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/id.h"
#include "crypto/base64.h"

static void rfc_4648_vectors(void **state)
{
	static const char *const rows[][2] = { { "", "" },
					       { "f", "Zg==" },
					       { "fo", "Zm8=" },
					       { "foo", "Zm9v" },
					       { "foob", "Zm9vYg==" },
					       { "fooba", "Zm9vYmE=" },
					       { "foobar", "Zm9vYmFy" } };
	char text[16];
	uint8_t bytes[8];
	size_t n = 99;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(base64_encode(rows[i][0], strlen(rows[i][0]), text), strlen(rows[i][1]));
		assert_string_equal(text, rows[i][1]);
		assert_true(base64_decode(str_of(rows[i][1]), bytes, sizeof(bytes), &n));
		assert_int_equal(n, strlen(rows[i][0]));
		assert_memory_equal(bytes, rows[i][0], n);
	}
	base64_encode("\xfb\xff\xbf", 3, text);
	assert_string_equal(text, "+/+/");
	base64url_encode("\xfb\xff\xbf\xff", 4, text);
	assert_string_equal(text, "-_-__w");
}

static void what_is_not_canonical_is_refused(void **state)
{
	static const struct str bad[] = {
		STR("Q"),
		STR("QQ"),
		STR("QQ="),
		STR("QR=="),
		STR("QQ==="),
		STR("QQ==\n"),
		STR(" QQ=="),
		STR("QQ= ="),
		STR("Q=Q="),
		STR("=QQQ"),
		STR("===="),
		STR("="),
		STR("QUI="
		    "QQ=="),
		STR("QUJ="),
		STR("QUF=QUFB"),
		STR("QQ\0="),
		STR("-_-_"),
		STR("QQ==QQ=="),
		STR("QQ\xc3\xa4"),
		STR("A==="),
		STR("QUJD\r\n"),
	};
	static const struct str bad_url[] = { STR("+/+/"), STR("QQ=="), STR("QR"), STR("Q"), STR("QUJ"), STR("QQ QQ") };
	uint8_t bytes[16];
	size_t n = 99;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (base64_decode(bad[i], bytes, sizeof(bytes), &n))
			fail_msg("accepted: %.*s", STR_FMT(bad[i]));
	for (size_t i = 0; i < sizeof(bad_url) / sizeof(bad_url[0]); i++)
		if (base64url_decode(bad_url[i], bytes, sizeof(bytes), &n))
			fail_msg("accepted: %.*s", STR_FMT(bad_url[i]));
	assert_int_equal(n, 99);
}

static void the_maximum_holds(void **state)
{
	uint8_t bytes[4] = { 0, 0, 0, 0x55 };
	size_t n = 99;

	(void)state;
	assert_false(base64_decode(STR("QUJDRA=="), bytes, 3, &n));
	assert_int_equal(bytes[3], 0x55);
	assert_int_equal(n, 99);
	assert_true(base64_decode(STR("QUJDRA=="), bytes, 4, &n));
	assert_int_equal(n, 4);
}

/* Every accepted text is the one that encoding gives back. */
static void accepted_means_canonical(void **state)
{
	static const char set[] = "ABQRw0189+/-_= \n";
	char text[9], again[16];
	uint8_t bytes[8];
	unsigned accepted = 0;

	(void)state;
	srand(7);
	for (int round = 0; round < 200000; round++) {
		struct str s = { text, (size_t)rand() % 9 };
		bool url = round & 1;
		size_t n = 0;

		for (size_t i = 0; i < s.n; i++)
			text[i] = set[(size_t)rand() % (sizeof(set) - 1)];
		if (!(url ? base64url_decode : base64_decode)(s, bytes, sizeof(bytes), &n))
			continue;
		accepted++;
		assert_int_equal((url ? base64url_encode : base64_encode)(bytes, n, again), s.n);
		assert_memory_equal(again, text, s.n);
	}
	assert_in_range(accepted, 10000, 199999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_4648_vectors),
		cmocka_unit_test(what_is_not_canonical_is_refused),
		cmocka_unit_test(the_maximum_holds),
		cmocka_unit_test(accepted_means_canonical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SHA-256 and HMAC: the published vectors, and comparison in constant time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "crypto/digest.h"

static void expect_hex(const uint8_t digest[SHA256_SIZE], const char *hex)
{
	char text[SHA256_HEX_SIZE];

	hex_encode(digest, SHA256_SIZE, text);
	assert_string_equal(text, hex);
}

static void sha256_knows_the_vectors_of_fips_180(void **state)
{
	struct str parts[] = { STR("a"), STR(""), STR("bc") };
	uint8_t digest[SHA256_SIZE];

	(void)state;
	sha256(NULL, 0, digest);
	expect_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256(parts, 3, digest);
	expect_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void hmac_knows_the_vectors_of_rfc_4231(void **state)
{
	static const struct {
		const char *key, *data, *digest;
	} rows[] = {
		{ "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", "Hi There",
		  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ "Jefe", "what do ya want for nothing?",
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18"
		  "\x19",
		  "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"
		  "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"
		  "\xcd",
		  "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
	};
	uint8_t digest[SHA256_SIZE], split[SHA256_SIZE];
	char long_key[131];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str data = str_of(rows[i].data);
		struct str halves[] = { { data.p, 3 }, { data.p + 3, data.n - 3 } };

		hmac_sha256(str_of(rows[i].key), &data, 1, digest);
		expect_hex(digest, rows[i].digest);
		hmac_sha256(str_of(rows[i].key), halves, 2, split);
		assert_memory_equal(digest, split, sizeof(digest));
	}
	memset(long_key, 0xaa, sizeof(long_key));
	hmac_sha256((struct str){ long_key, sizeof(long_key) },
		    &STR("Test Using Larger Than Block-Size Key - Hash Key First"), 1, digest);
	expect_hex(digest, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	hmac_sha256((struct str){ 0 }, NULL, 0, digest);
	expect_hex(digest, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void hkdf_knows_the_vector_of_rfc_5869(void **state)
{
	char key[22], salt[13], info[10];
	uint8_t okm[SHA256_SIZE];

	(void)state;
	memset(key, 0x0b, sizeof(key));
	for (size_t i = 0; i < sizeof(salt); i++)
		salt[i] = (char)i;
	for (size_t i = 0; i < sizeof(info); i++)
		info[i] = (char)(0xf0 + i);
	hkdf_sha256((struct str){ key, sizeof(key) }, (struct str){ salt, sizeof(salt) },
		    (struct str){ info, sizeof(info) }, okm);
	expect_hex(okm, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}

static void hex_is_lower_case_and_exact(void **state)
{
	uint8_t out[2] = { 7, 7 };
	char text[5];

	(void)state;
	hex_encode("\x00\xff", 2, text);
	assert_string_equal(text, "00ff");
	assert_true(hex_decode(STR("a0ff"), out, 2));
	assert_int_equal(out[0], 0xa0);
	out[0] = 7;
	assert_false(hex_decode(STR("A0ff"), out, 2));
	assert_false(hex_decode(STR("a0f"), out, 2));
	assert_false(hex_decode(STR("a0ff0"), out, 2));
	assert_false(hex_decode(STR("a0f\0"), out, 2));
	assert_false(hex_decode(STR(" a0f"), out, 2));
	assert_int_equal(out[0], 7);
}

static void equality_sees_every_byte(void **state)
{
	char a[32] = { 0 }, b[32] = { 0 };

	(void)state;
	assert_true(secret_bytes_equal(a, b, sizeof(a)));
	for (size_t i = 0; i < sizeof(a); i++) {
		b[i] = 1;
		assert_false(secret_bytes_equal(a, b, sizeof(a)));
		b[i] = 0;
	}
}

static void bench_of_hmac(void **state)
{
	static char body[21 * 1024];
	struct str part = { body, sizeof(body) };
	uint8_t digest[SHA256_SIZE];
	int64_t before;
	const int rounds = 2000;

	(void)state;
	before = clock_mono_us();
	for (int i = 0; i < rounds; i++) {
		body[0] = (char)i;
		hmac_sha256(STR("a secret of some length"), &part, 1, digest);
	}
	print_message("bench: HMAC-SHA256 of 21 KB: %.1f us\n", (double)(clock_mono_us() - before) / rounds);
	before = clock_mono_us();
	part.n = 16;
	for (int i = 0; i < rounds; i++)
		hmac_sha256(STR("a secret of some length"), &part, 1, digest);
	print_message("bench: HMAC-SHA256 of 16 B: %.2f us\n", (double)(clock_mono_us() - before) / rounds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_knows_the_vectors_of_fips_180),
		cmocka_unit_test(hmac_knows_the_vectors_of_rfc_4231),
		cmocka_unit_test(hkdf_knows_the_vector_of_rfc_5869),
		cmocka_unit_test(hex_is_lower_case_and_exact),
		cmocka_unit_test(equality_sees_every_byte),
		cmocka_unit_test(bench_of_hmac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

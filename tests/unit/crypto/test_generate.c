/* New values: their form, and that no character is likelier than another. */
#include "crypto/generate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cmocka.h>

#define DRAWS 600000

/* Chi-squared over an alphabet whose size divides no power of two: with a bias by modulo it is above 20,000 here. */
static void test_characters_are_equally_likely(void **state)
{
	static const char alphabet[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&()*+,-./:;<=>?@[]"
		"^_{|}~";
	size_t n = sizeof(alphabet) - 1, seen[256] = { 0 };
	static char text[DRAWS];
	double expected = (double)DRAWS / (double)n, chi = 0;

	(void)state;
	generate_characters((struct str){ alphabet, n }, DRAWS, text);
	for (size_t i = 0; i < DRAWS; i++)
		seen[(unsigned char)text[i]]++;
	for (size_t i = 0; i < n; i++) {
		double off = (double)seen[(unsigned char)alphabet[i]] - expected;

		seen[(unsigned char)alphabet[i]] = 0;
		chi += off * off / expected;
	}
	for (size_t i = 0; i < 256; i++)
		assert_int_equal(seen[i], 0);
	assert_true(chi < 250); /* about 90 by chance; above 250 once in 10^16 runs */
}

static void test_uuids(void **state)
{
	char one[UUID_SIZE + 1], other[UUID_SIZE + 1];

	(void)state;
	generate_uuid(one);
	generate_uuid(other);
	assert_int_equal(strlen(one), UUID_SIZE);
	assert_int_equal(one[14], '4');
	assert_non_null(strchr("89ab", one[19]));
	assert_string_not_equal(one, other);
}

static void check_pair(int bits, int type, int expected_bits)
{
	struct key_pair pair = { .bits = bits };
	BIO *in;
	EVP_PKEY *key, *public_key;

	assert_true(key_pair_generate(&pair));
	in = BIO_new_mem_buf(pair.private_pem, -1);
	key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
	BIO_free(in);
	in = BIO_new_mem_buf(pair.public_pem, -1);
	public_key = PEM_read_bio_PUBKEY(in, NULL, NULL, NULL);
	BIO_free(in);
	assert_non_null(key);
	assert_non_null(public_key);
	assert_int_equal(EVP_PKEY_get_base_id(key), type);
	assert_int_equal(EVP_PKEY_get_bits(key), expected_bits);
	assert_int_equal(EVP_PKEY_eq(key, public_key), 1);
	EVP_PKEY_free(key);
	EVP_PKEY_free(public_key);
	key_pair_done(&pair);
	assert_null(pair.private_pem);
}

static void test_key_pairs(void **state)
{
	(void)state;
	check_pair(2048, EVP_PKEY_RSA, 2048);
	check_pair(0, EVP_PKEY_ED25519, 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_characters_are_equally_likely),
		cmocka_unit_test(test_uuids),
		cmocka_unit_test(test_key_pairs),
	};

	return cmocka_run_group_tests_name("crypto_generate", tests, NULL, NULL);
}

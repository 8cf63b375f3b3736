/* Reading ENCRYPTION_KEY_BASE64: 32 bytes and nothing else, with the reason otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/secret_key.h"

static void a_generated_key_parses(void **state)
{
	char text[SECRET_KEY_TEXT_SIZE], other[SECRET_KEY_TEXT_SIZE], why[SECRET_KEY_WHY_SIZE];
	struct secret_key key, again, third;

	(void)state;
	secret_key_generate(text);
	secret_key_generate(other);
	assert_string_not_equal(text, other);
	assert_true(secret_key_parse(str_of(text), &key, why));
	assert_true(secret_key_parse(str_of(text), &again, why));
	assert_true(secret_key_parse(str_of(other), &third, why));
	assert_memory_equal(&key, &again, sizeof(key));
	assert_memory_not_equal(key.id, third.id, KEY_ID_SIZE);
}

static void bad_keys_are_refused_with_the_reason(void **state)
{
	static const struct {
		struct str text;
		const char *why;
	} rows[] = {
		{ STR(""), "is empty" },
		{ STR("dGhpc2lzMzJieXRlc2VjcmV0a2V5dGhpc2lzMzJieXRl"), "decoded 33 bytes, need 32" },
		{ STR("QUJD"), "decoded 3 bytes, need 32" },
		{ STR("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), "one byte repeated" },
		{ STR("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="), "example" },
		/* the same 32 bytes with loose bits, without padding, with a newline, in the other alphabet */
		{ STR("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDF="), "not canonical base64" },
		{ STR("q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k"), "not canonical base64" },
		{ STR("q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=\n"), "not canonical base64" },
		{ STR("-_-vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k="), "not canonical base64" },
		{ STR("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
		  "decoded 48 bytes, need 32" },
	};
	char why[SECRET_KEY_WHY_SIZE];
	struct secret_key key = { .bytes = { 42 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_false(secret_key_parse(rows[i].text, &key, why));
		if (!strstr(why, rows[i].why))
			fail_msg("row %zu says: %s", i, why);
		assert_true(rows[i].text.n == 0 || !strstr(why, rows[i].text.p));
		assert_non_null(strstr(why, "opshubd genkey"));
	}
	assert_int_equal(key.bytes[0], 42);
	assert_true(secret_key_parse(STR("q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k="), &key, why));
}

static void a_value_far_too_long_is_refused(void **state)
{
	static char text[5000];
	char why[SECRET_KEY_WHY_SIZE];
	struct secret_key key;

	(void)state;
	memset(text, 'A', sizeof(text));
	assert_false(secret_key_parse((struct str){ text, sizeof(text) }, &key, why));
	assert_non_null(strstr(why, "too long"));
}

static void the_ring_finds_each_of_its_keys(void **state)
{
	struct secret_key keys[KEY_RING_MAX + 1];
	char text[SECRET_KEY_TEXT_SIZE], why[SECRET_KEY_WHY_SIZE];
	struct key_ring *ring;

	(void)state;
	for (size_t i = 0; i <= KEY_RING_MAX; i++) {
		secret_key_generate(text);
		assert_true(secret_key_parse(str_of(text), &keys[i], why));
	}
	ring = key_ring_new(keys, KEY_RING_MAX);
	assert_memory_equal(key_ring_current(ring), &keys[0], sizeof(keys[0]));
	for (size_t i = 0; i < KEY_RING_MAX; i++)
		assert_memory_equal(key_ring_find(ring, keys[i].id), &keys[i], sizeof(keys[i]));
	assert_null(key_ring_find(ring, keys[KEY_RING_MAX].id));
	assert_null(key_ring_free(ring));
	assert_null(key_ring_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_generated_key_parses),
		cmocka_unit_test(bad_keys_are_refused_with_the_reason),
		cmocka_unit_test(a_value_far_too_long_is_refused),
		cmocka_unit_test(the_ring_finds_each_of_its_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

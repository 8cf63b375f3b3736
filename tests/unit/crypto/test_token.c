/* API tokens: made, checked and hashed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/token.h"

static void new_tokens_are_well_formed_and_differ(void **state)
{
	static char tokens[200][TOKEN_LENGTH + 1];

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		token_new(tokens[i]);
		assert_int_equal(strlen(tokens[i]), TOKEN_LENGTH);
		assert_true(token_well_formed(str_of(tokens[i])));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(tokens[i], tokens[j]);
	}
}

/* All random bits reach the text: each digit takes many values. */
static void no_digit_stands_still(void **state)
{
	static bool seen[TOKEN_LENGTH][128];
	char token[TOKEN_LENGTH + 1];

	(void)state;
	for (int round = 0; round < 500; round++) {
		token_new(token);
		for (size_t i = 4; i < TOKEN_LENGTH; i++)
			seen[i][(unsigned char)token[i] & 127] = true;
	}
	/* The first digit of each number is capped by 2^256 and 2^32. */
	for (size_t i = 4; i < TOKEN_LENGTH; i++) {
		unsigned n = 0;

		for (size_t c = 0; c < 128; c++)
			n += seen[i][c];
		assert_in_range(n, i == TOKEN_LENGTH - 6 ? 4 : 40, 62);
	}
}

static void a_changed_character_is_noticed(void **state)
{
	char token[TOKEN_LENGTH + 1];

	(void)state;
	token_new(token);
	for (size_t i = 0; i < TOKEN_LENGTH; i++) {
		char before = token[i];

		token[i] = before == 'a' ? 'b' : 'a';
		assert_false(token_well_formed(str_of(token)));
		token[i] = '\0';
		assert_false(token_well_formed((struct str){ token, TOKEN_LENGTH }));
		token[i] = before;
	}
	assert_false(token_well_formed((struct str){ token, TOKEN_LENGTH - 1 }));
	assert_false(token_well_formed((struct str){ 0 }));
}

static void the_checksum_is_the_one_documented(void **state)
{
	/* CRC-32 of the first 47 characters in base 62, computed with zlib's crc32. */
	const struct str fixed = STR("oph_00000000000000000000000000000000000000000001Mh2Ow");

	(void)state;
	assert_true(token_well_formed(fixed));
}

static void the_hash_is_sha256(void **state)
{
	uint8_t hash[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];

	(void)state;
	token_hash(STR("abc"), hash);
	hex_encode(hash, sizeof(hash), hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_tokens_are_well_formed_and_differ),
		cmocka_unit_test(no_digit_stands_still),
		cmocka_unit_test(a_changed_character_is_noticed),
		cmocka_unit_test(the_checksum_is_the_one_documented),
		cmocka_unit_test(the_hash_is_sha256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

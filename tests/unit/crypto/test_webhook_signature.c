/* X-Hub-Signature-256: GitHub's own vector, and every way to get it wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/digest.h"
#include "crypto/webhook_signature.h"

#define GOOD "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

static const struct str secret = STR("It's a Secret to Everybody");
static const struct str body = STR("Hello, World!");

static void the_vector_of_githubs_documentation(void **state)
{
	(void)state;
	assert_true(webhook_signature_ok(STR(GOOD), body, &secret, 1));
}

static void every_flipped_bit_is_seen(void **state)
{
	char header[] = GOOD, text[] = "Hello, World!";

	(void)state;
	for (size_t i = 0; i < sizeof(header) - 1; i++) {
		for (int bit = 0; bit < 8; bit++) {
			header[i] = (char)(header[i] ^ 1 << bit);
			assert_false(webhook_signature_ok((struct str){ header, 71 }, body, &secret, 1));
			header[i] = (char)(header[i] ^ 1 << bit);
		}
	}
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		text[i] ^= 1;
		assert_false(webhook_signature_ok(STR(GOOD), (struct str){ text, 13 }, &secret, 1));
		text[i] ^= 1;
	}
	assert_false(webhook_signature_ok(STR(GOOD), (struct str){ body.p, 12 }, &secret, 1));
}

static void other_forms_of_the_header_are_refused(void **state)
{
	static const struct str bad[] = {
		STR(""),
		STR("sha256="),
		STR("757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
		STR("SHA256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
		STR("sha256=757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17"),
		STR("sha1=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
		STR(GOOD " "),
		STR(" " GOOD),
		STR(GOOD "0"),
		STR(GOOD "," GOOD),
		STR(GOOD ", " GOOD),
		STR("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1"),
		STR("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1\0"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (webhook_signature_ok(bad[i], body, &secret, 1))
			fail_msg("row %zu accepted", i);
	assert_false(webhook_signature_ok((struct str){ 0 }, body, &secret, 1));
}

static void every_length_of_a_prefix_is_refused(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(GOOD) - 1; n++)
		assert_false(webhook_signature_ok((struct str){ GOOD, n }, body, &secret, 1));
}

static void a_secret_in_rotation_counts_too(void **state)
{
	const struct str both[] = { STR("the new one"), STR("It's a Secret to Everybody") };
	const struct str turned[] = { STR("It's a Secret to Everybody"), STR("the new one") };
	const struct str others[] = { STR("the new one"), STR("another") };

	(void)state;
	assert_true(webhook_signature_ok(STR(GOOD), body, both, 2));
	assert_true(webhook_signature_ok(STR(GOOD), body, turned, 2));
	assert_false(webhook_signature_ok(STR(GOOD), body, others, 2));
	assert_false(webhook_signature_ok(STR(GOOD), body, both, 1));
}

static void without_a_secret_nothing_is_accepted(void **state)
{
	const struct str empty[] = { STR(""), { 0 } };
	uint8_t digest[SHA256_SIZE];
	char header[7 + SHA256_HEX_SIZE] = "sha256=";

	(void)state;
	/* What everybody can compute when the secret is empty. */
	hmac_sha256(STR(""), &body, 1, digest);
	hex_encode(digest, sizeof(digest), header + 7);
	assert_false(webhook_signature_ok(str_of(header), body, empty, 2));
	assert_false(webhook_signature_ok(str_of(header), body, NULL, 0));
	assert_false(webhook_signature_ok(STR(GOOD), body, NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vector_of_githubs_documentation),
		cmocka_unit_test(every_flipped_bit_is_seen),
		cmocka_unit_test(other_forms_of_the_header_are_refused),
		cmocka_unit_test(every_length_of_a_prefix_is_refused),
		cmocka_unit_test(a_secret_in_rotation_counts_too),
		cmocka_unit_test(without_a_secret_nothing_is_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

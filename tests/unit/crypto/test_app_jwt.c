/* Tokens of GitHub Apps: checked with OpenSSL's own verification, not with the library that made them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/app_jwt.h"
#include "crypto/base64.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

static EVP_PKEY *key;
static char pem[APP_JWT_KEY_MAX], pkcs1[APP_JWT_KEY_MAX];

static void write_pem(EVP_PKEY *from, const char *password, char *to)
{
	const EVP_CIPHER *cipher = password ? EVP_aes_256_cbc() : NULL;
	BIO *out = BIO_new(BIO_s_mem());
	int n;

	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(out, from, cipher, password,
						       password ? (int)strlen(password) : 0, NULL, NULL),
			 1);
	n = BIO_read(out, to, APP_JWT_KEY_MAX - 1);
	to[n] = 0;
	BIO_free(out);
}

static int setup(void **state)
{
	BIO *out = BIO_new(BIO_s_mem());

	(void)state;
	key = EVP_RSA_gen(2048);
	assert_non_null(key);
	write_pem(key, NULL, pem);
	assert_int_equal(PEM_write_bio_PrivateKey_traditional(out, key, NULL, NULL, 0, NULL, NULL), 1);
	pkcs1[BIO_read(out, pkcs1, APP_JWT_KEY_MAX - 1)] = 0;
	BIO_free(out);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	return 0;
}

/* The part as text; NUL-terminated in `to`. */
static size_t decode(struct str part, char *to, size_t max)
{
	size_t n = 0;

	assert_true(base64url_decode(part, to, max - 1, &n));
	to[n] = 0;
	return n;
}

static void expect_signed(const char *token)
{
	struct str rest = str_of(token), head = str_split(&rest, '.'), claims = str_split(&rest, '.');
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	char text[1024];
	size_t n;

	decode(head, text, sizeof(text));
	assert_non_null(strstr(text, "\"alg\":\"RS256\""));
	decode(claims, text, sizeof(text));
	assert_non_null(strstr(text, "\"iss\":\"12345\""));
	assert_non_null(strstr(text, "\"iat\":1700000000"));
	assert_non_null(strstr(text, "\"exp\":1700000540"));
	n = decode(rest, text, sizeof(text));
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestVerify(ctx, (const unsigned char *)text, n, (const unsigned char *)token,
					  head.n + 1 + claims.n),
			 1);
	EVP_MD_CTX_free(ctx);
}

static const struct app_claims claims = { "12345", 1700000000, 1700000540 };

static void signs_with_keys_in_every_form_a_form_leaves_them(void **state)
{
	static const char *const breaks[] = { "\n", "\r\n", "", " ", "\\n" };
	const char *const texts[] = { pem, pkcs1 };
	char written[2 * APP_JWT_KEY_MAX], token[APP_JWT_SIZE];
	const char *why = "";

	(void)state;
	for (size_t t = 0; t < 2; t++) {
		for (size_t b = 0; b < sizeof(breaks) / sizeof(breaks[0]); b++) {
			struct str rest = str_of(texts[t]);
			size_t n = 0;

			while (rest.n) {
				struct str line = str_split(&rest, '\n');
				n += (size_t)snprintf(written + n, sizeof(written) - n, "%.*s%s", STR_FMT(line),
						      breaks[b]);
			}
			if (!app_jwt_sign(str_of(written), &claims, token, &why))
				fail_msg("form %zu with breaks %zu: %s", t, b, why);
			expect_signed(token);
		}
	}
}

static void expect_refused(const char *text, const struct app_claims *with, const char *sentence)
{
	char token[APP_JWT_SIZE] = "untouched";
	const char *why = "";

	assert_false(app_jwt_sign(str_of(text), with, token, &why));
	assert_non_null(strstr(why, sentence));
	assert_string_equal(token, "untouched");
}

static void what_is_no_key_is_refused_with_its_reason(void **state)
{
	const struct app_claims nobody = { "", 1, 2 };
	EVP_PKEY *ec = EVP_EC_gen("P-256"), *small = EVP_RSA_gen(1024);
	char text[APP_JWT_KEY_MAX + 8];

	(void)state;
	expect_refused("", &claims, "no private key");
	expect_refused("hunter2", &claims, "no private key");
	expect_refused("-----BEGIN RSA PRIVATE KEY-----", &claims, "no private key");
	expect_refused("-----BEGIN RSA PRIVATE KEY-----AAAA-----END RSA PRIVATE KEY-----", &claims, "no private key");
	expect_refused("-----BEGIN RSA PRIVATE KEY-----AAAA-----END PRIVATE KEY-----", &claims, "no private key");
	snprintf(text, sizeof(text), "%s%s", pem, "more");
	expect_refused(text, &claims, "no private key");
	write_pem(ec, NULL, text);
	expect_refused(text, &claims, "not an RSA key");
	write_pem(small, NULL, text);
	expect_refused(text, &claims, "2048");
	/* Would make OpenSSL ask for a password on the terminal. */
	write_pem(key, "password", text);
	expect_refused(text, &claims, "no private key");
	expect_refused(pem, &nobody, "signs for nobody");
	EVP_PKEY_free(ec);
	EVP_PKEY_free(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_with_keys_in_every_form_a_form_leaves_them),
		cmocka_unit_test(what_is_no_key_is_refused_with_its_reason),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* Digests by OpenSSL's EVP.
 *
 * Owns: the methods below, for the life of the process.
 * Easy to break: a context belongs to one use; only the template it is copied from is shared between threads. */
#include "crypto/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Looked up once: a fetch by name costs as much as hashing a kilobyte. Never freed, the process needs them to its
 * end. CRYPTO_THREAD_run_once, because work offloaded to other threads hashes too. */
static struct {
	EVP_MD *sha256;
	EVP_MAC_CTX *hmac; /* set to SHA-256, without a key: copied for each use */
} methods;
static CRYPTO_ONCE methods_once = CRYPTO_ONCE_STATIC_INIT;

static void must(bool worked, const char *what)
{
	if (worked)
		return;
	fprintf(stderr, "opshub: OpenSSL failed in %s: out of memory, or its default provider is not installed\n",
		what);
	abort();
}

static EVP_MAC_CTX *hmac_new(void)
{
	char name[] = "SHA256";
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
				OSSL_PARAM_construct_end() };
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = hmac ? EVP_MAC_CTX_new(hmac) : NULL;

	EVP_MAC_free(hmac);
	return ctx && EVP_MAC_CTX_set_params(ctx, params) == 1 ? ctx : NULL;
}

static void methods_fetch(void)
{
	methods.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	methods.hmac = hmac_new();
}

static void methods_ready(void)
{
	must(CRYPTO_THREAD_run_once(&methods_once, methods_fetch) == 1 && methods.sha256 && methods.hmac,
	     "fetching SHA-256");
}

void sha256(const struct str *parts, size_t n, uint8_t ret[SHA256_SIZE])
{
	EVP_MD_CTX *ctx;
	bool ok;

	methods_ready();
	ctx = EVP_MD_CTX_new();
	ok = ctx && EVP_DigestInit_ex2(ctx, methods.sha256, NULL) == 1;
	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1;
	must(ok && EVP_DigestFinal_ex(ctx, ret, NULL) == 1, "SHA-256");
	EVP_MD_CTX_free(ctx);
}

void hmac_sha256(struct str key, const struct str *parts, size_t n, uint8_t ret[SHA256_SIZE])
{
	EVP_MAC_CTX *ctx;
	bool ok;

	methods_ready();
	ctx = EVP_MAC_CTX_dup(methods.hmac);
	/* A NULL key would mean "keep the one you have", which is none. */
	ok = ctx && EVP_MAC_init(ctx, (const unsigned char *)(key.p ? key.p : ""), key.n, NULL) == 1;
	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_MAC_update(ctx, (const unsigned char *)parts[i].p, parts[i].n) == 1;
	must(ok && EVP_MAC_final(ctx, ret, NULL, SHA256_SIZE) == 1, "HMAC-SHA256");
	EVP_MAC_CTX_free(ctx);
}

/* By hand: OpenSSL's own looks HMAC and SHA-256 up by name at each use, which costs more than the hashing. */
void hkdf_sha256(struct str key, struct str salt, struct str info, uint8_t ret[SHA256_SIZE])
{
	uint8_t extracted[SHA256_SIZE];
	const struct str expand[] = { info, STR("\x01") };

	hmac_sha256(salt, &key, 1, extracted);
	hmac_sha256((struct str){ (const char *)extracted, sizeof(extracted) }, expand, 2, ret);
	OPENSSL_cleanse(extracted, sizeof(extracted));
}

bool secret_bytes_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void secret_wipe(void *bytes, size_t n)
{
	OPENSSL_cleanse(bytes, n);
}

void hex_encode(const void *bytes, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = bytes;

	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[p[i] >> 4];
		ret[2 * i + 1] = digits[p[i] & 15];
	}
	ret[2 * n] = '\0';
}

struct str hex_text(struct arena *arena, struct str bytes)
{
	char *text = arena_raw(arena, 2 * bytes.n + 1);

	hex_encode(bytes.p, bytes.n, text);
	return (struct str){ text, 2 * bytes.n };
}

bool hex_decode(struct str hex, void *ret, size_t n)
{
	uint8_t *out = ret;

	if (hex.n != 2 * n)
		return false;
	for (size_t i = 0; i < hex.n; i++)
		if (hex_digit(hex.p[i]) < 0 || (hex.p[i] >= 'A' && hex.p[i] <= 'F'))
			return false;
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(hex_digit(hex.p[2 * i]) << 4 | hex_digit(hex.p[2 * i + 1]));
	return true;
}

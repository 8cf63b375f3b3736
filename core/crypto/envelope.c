/* Seals and opens stored secrets.
 *
 * Owns the method, for the life of the process; keys belong to the ring, results to the caller's arena.
 * Easy to break: EVP_DecryptUpdate hands out plaintext before the tag is checked, and OpenSSL accepts a tag of one
 * byte. So the tag's length is a constant, and nobody is given the plaintext before the tag has been verified. */
#include "crypto/envelope.h"

#include "base/id.h"
#include "base/status.h"
#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION    1
#define SALT_SIZE  32
#define NONCE_SIZE 12
#define TAG_SIZE   16

#define KEY_ID_AT 1
#define SALT_AT   (KEY_ID_AT + KEY_ID_SIZE)
#define NONCE_AT  (SALT_AT + SALT_SIZE)
#define TEXT_AT   (NONCE_AT + NONCE_SIZE)
_Static_assert(TEXT_AT + TAG_SIZE == ENVELOPE_OVERHEAD, "the layout in envelope.h");

static void out_of_memory(void)
{
	fprintf(stderr,
		"opshub: OpenSSL failed in AES-256-GCM: out of memory, or its default provider is not installed\n");
	abort();
}

/* Looked up once, as in digest.c: by the constant it would be at each use. */
static EVP_CIPHER *aes_256_gcm;
static CRYPTO_ONCE cipher_once = CRYPTO_ONCE_STATIC_INIT;

static void cipher_fetch(void)
{
	aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

static const EVP_CIPHER *cipher(void)
{
	if (CRYPTO_THREAD_run_once(&cipher_once, cipher_fetch) != 1 || !aes_256_gcm)
		out_of_memory();
	return aes_256_gcm;
}

static void record_key(const struct secret_key *key, const char *salt, uint8_t ret[SHA256_SIZE])
{
	hkdf_sha256((struct str){ (const char *)key->bytes, sizeof(key->bytes) }, (struct str){ salt, SALT_SIZE },
		    STR("opshub/secret/v1"), ret);
}

struct str envelope_context(struct arena *arena, const struct str *fields, size_t n)
{
	size_t size = 0, at = 0;
	char *p;

	for (size_t i = 0; i < n; i++)
		size += 4 + fields[i].n;
	p = arena_raw(arena, size + 1);
	for (size_t i = 0; i < n; i++) {
		for (unsigned shift = 32; shift > 0; shift -= 8)
			p[at++] = (char)(fields[i].n >> (shift - 8) & 0xff);
		if (fields[i].n > 0)
			memcpy(p + at, fields[i].p, fields[i].n);
		at += fields[i].n;
	}
	p[at] = '\0';
	return (struct str){ p, at };
}

struct str envelope_seal(struct arena *arena, const struct key_ring *ring, struct str context, struct str plain)
{
	const struct secret_key *key = key_ring_current(ring);
	uint8_t record[SHA256_SIZE];
	EVP_CIPHER_CTX *ctx;
	unsigned char *p;
	int n = 0;
	bool ok;

	if (plain.n > ENVELOPE_MAX)
		return (struct str){ 0 };
	p = arena_alloc(arena, plain.n + ENVELOPE_OVERHEAD);
	p[0] = VERSION;
	memcpy(p + KEY_ID_AT, key->id, KEY_ID_SIZE);
	random_bytes(p + SALT_AT, SALT_SIZE + NONCE_SIZE);
	record_key(key, (const char *)p + SALT_AT, record);
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx && EVP_EncryptInit_ex2(ctx, cipher(), record, p + NONCE_AT, NULL) == 1 &&
	     EVP_EncryptUpdate(ctx, NULL, &n, (const unsigned char *)context.p, (int)context.n) == 1 &&
	     (plain.n == 0 ||
	      EVP_EncryptUpdate(ctx, p + TEXT_AT, &n, (const unsigned char *)plain.p, (int)plain.n) == 1) &&
	     EVP_EncryptFinal_ex(ctx, p + TEXT_AT + plain.n, &n) == 1 &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, p + TEXT_AT + plain.n) == 1;
	if (!ok)
		out_of_memory();
	EVP_CIPHER_CTX_free(ctx);
	secret_wipe(record, sizeof(record));
	return (struct str){ (const char *)p, plain.n + ENVELOPE_OVERHEAD };
}

static bool tag_verified(const uint8_t *record, struct str context, struct str sealed, unsigned char *plain, size_t n)
{
	const unsigned char *p = (const unsigned char *)sealed.p;
	unsigned char tag[TAG_SIZE], none[16];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int out = 0;
	bool ok;

	if (!ctx)
		out_of_memory();
	memcpy(tag, p + TEXT_AT + n, TAG_SIZE);
	ok = EVP_DecryptInit_ex2(ctx, cipher(), record, p + NONCE_AT, NULL) == 1 &&
	     EVP_DecryptUpdate(ctx, NULL, &out, (const unsigned char *)context.p, (int)context.n) == 1 &&
	     (n == 0 || EVP_DecryptUpdate(ctx, plain, &out, p + TEXT_AT, (int)n) == 1) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) == 1 &&
	     EVP_DecryptFinal_ex(ctx, none, &out) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

int envelope_open(struct arena *arena, const struct key_ring *ring, struct str context, struct str sealed,
		  struct str *ret_plain)
{
	const struct secret_key *key;
	uint8_t record[SHA256_SIZE];
	unsigned char *plain;
	size_t n;
	int r = E_INVALID;

	if (sealed.n < ENVELOPE_OVERHEAD || sealed.n > ENVELOPE_OVERHEAD + ENVELOPE_MAX || sealed.p[0] != VERSION)
		return E_INVALID;
	key = key_ring_find(ring, (const uint8_t *)sealed.p + KEY_ID_AT);
	if (!key)
		return E_NOT_FOUND;
	n = sealed.n - ENVELOPE_OVERHEAD;
	plain = arena_secret(arena, n + 1);
	record_key(key, sealed.p + SALT_AT, record);
	if (tag_verified(record, context, sealed, plain, n)) {
		*ret_plain = (struct str){ (const char *)plain, n };
		r = OK;
	} else {
		secret_wipe(plain, n);
	}
	secret_wipe(record, sizeof(record));
	return r;
}

bool envelope_key_id(struct str sealed, char ret_id[KEY_ID_TEXT_SIZE])
{
	if (sealed.n < ENVELOPE_OVERHEAD || sealed.p[0] != VERSION)
		return false;
	hex_encode(sealed.p + KEY_ID_AT, KEY_ID_SIZE, ret_id);
	return true;
}

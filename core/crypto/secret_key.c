/* Reads and makes encryption keys, and keeps them.
 *
 * Owns: the memory of a ring.
 * Easy to break: a message that quotes the value. Lengths and forms are named, never bytes. */
#include "crypto/secret_key.h"

#include "base/id.h"
#include "base/secret_memory.h"
#include "crypto/base64.h"
#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPENSSL_KEYS (256 * 1024)
#define KEY_TEXT_MAX 1024 /* a longer value is not worth decoding to name its length */

/* Keys that stand in published guides: whoever copies one shares it with everybody. */
static const struct str documented[] = {
	{ "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", 44 },
	{ "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", 44 },
};

struct key_ring {
	struct secret_key keys[KEY_RING_MAX];
	size_t n;
};

/* An HMAC of a constant, so the id tells nothing about the key and needs no setting. */
static void compute_id(struct secret_key *key)
{
	const struct str label = STR("opshub/key-id/v1");
	uint8_t digest[SHA256_SIZE];

	hmac_sha256((struct str){ (const char *)key->bytes, sizeof(key->bytes) }, &label, 1, digest);
	memcpy(key->id, digest, sizeof(key->id));
}

static bool all_bytes_equal(const uint8_t *bytes, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (bytes[i] != bytes[0])
			return false;
	return true;
}

static void say(char ret_why[SECRET_KEY_WHY_SIZE], const char *what)
{
	snprintf(ret_why, SECRET_KEY_WHY_SIZE, "%s; `opshubd genkey` prints a good one", what);
}

bool secret_key_parse(struct str text, struct secret_key *ret, char ret_why[SECRET_KEY_WHY_SIZE])
{
	uint8_t bytes[KEY_TEXT_MAX];
	struct secret_key key;
	char what[80];
	size_t n = 0;
	bool ok = false;

	if (text.n == 0) {
		say(ret_why, "is empty");
		return false;
	}
	if (text.n > KEY_TEXT_MAX) {
		say(ret_why, "is far too long for a key of 32 bytes");
		return false;
	}
	if (!base64_decode(text, bytes, sizeof(bytes), &n)) {
		say(ret_why, "is not canonical base64 (letters, digits, +, /, padded with =, no spaces)");
	} else if (n != SECRET_KEY_SIZE) {
		snprintf(what, sizeof(what), "decoded %zu bytes, need %d", n, SECRET_KEY_SIZE);
		say(ret_why, what);
	} else if (all_bytes_equal(bytes, n)) {
		say(ret_why, "is one byte repeated, which anybody can guess");
	} else {
		ok = true;
	}
	for (size_t i = 0; ok && i < sizeof(documented) / sizeof(documented[0]); i++) {
		if (str_eq(text, documented[i])) {
			say(ret_why, "is an example that stands in documentation");
			ok = false;
		}
	}
	if (ok) {
		memcpy(key.bytes, bytes, sizeof(key.bytes));
		compute_id(&key);
		*ret = key;
		secret_wipe(&key, sizeof(key));
	}
	secret_wipe(bytes, sizeof(bytes));
	return ok;
}

void secret_key_generate(char ret_text[SECRET_KEY_TEXT_SIZE])
{
	uint8_t bytes[SECRET_KEY_SIZE];

	_Static_assert(BASE64_SIZE(SECRET_KEY_SIZE) == SECRET_KEY_TEXT_SIZE, "a key as text");
	random_bytes(bytes, sizeof(bytes));
	base64_encode(bytes, sizeof(bytes), ret_text);
	secret_wipe(bytes, sizeof(bytes));
}

void private_keys_protect(void)
{
	CRYPTO_secure_malloc_init(OPENSSL_KEYS, 32);
}

struct key_ring *key_ring_new(const struct secret_key *keys, size_t n)
{
	struct key_ring *ring;

	if (n == 0 || n > KEY_RING_MAX) {
		fprintf(stderr, "opshub: a key ring holds 1 to %d keys, not %zu\n", KEY_RING_MAX, n);
		abort();
	}
	ring = secret_alloc(sizeof(*ring));
	memcpy(ring->keys, keys, n * sizeof(*keys));
	ring->n = n;
	return ring;
}

struct key_ring *key_ring_with(const struct key_ring *others, const uint8_t *bytes)
{
	struct secret_key keys[KEY_RING_MAX + 1];
	struct key_ring *ring;

	memcpy(keys[0].bytes, bytes, SECRET_KEY_SIZE);
	compute_id(&keys[0]);
	memcpy(keys + 1, others->keys, others->n * sizeof(keys[0]));
	ring = key_ring_new(keys, others->n + 1);
	secret_wipe(keys, sizeof(keys));
	return ring;
}

struct key_ring *key_ring_free(struct key_ring *ring)
{
	secret_free(ring);
	return NULL;
}

const struct secret_key *key_ring_current(const struct key_ring *ring)
{
	return &ring->keys[0];
}

const struct secret_key *key_ring_find(const struct key_ring *ring, const uint8_t id[KEY_ID_SIZE])
{
	for (size_t i = 0; i < ring->n; i++)
		if (secret_bytes_equal(ring->keys[i].id, id, KEY_ID_SIZE))
			return &ring->keys[i];
	return NULL;
}

size_t key_ring_size(const struct key_ring *ring)
{
	return ring->n;
}

const struct secret_key *key_ring_at(const struct key_ring *ring, size_t i)
{
	return &ring->keys[i];
}

void secret_key_id_text(const struct secret_key *key, char ret[KEY_ID_TEXT_SIZE])
{
	hex_encode(key->id, KEY_ID_SIZE, ret);
}

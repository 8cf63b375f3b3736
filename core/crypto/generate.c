/* New values. */
#include "crypto/generate.h"

#include "base/id.h"
#include "base/secret_memory.h"
#include "crypto/digest.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#define POOL 256

void generate_characters(struct str alphabet, size_t n, char *ret)
{
	/* a byte above the last whole multiple would make the first characters likelier: it is thrown away */
	unsigned usable = 256 - 256 % (unsigned)alphabet.n;
	unsigned char pool[POOL];
	size_t left = 0;

	for (size_t i = 0; i < n;) {
		if (left == 0) {
			random_bytes(pool, sizeof(pool));
			left = sizeof(pool);
		}
		if (pool[--left] < usable)
			ret[i++] = alphabet.p[pool[left] % alphabet.n];
	}
	secret_wipe(pool, sizeof(pool));
}

void generate_uuid(char ret[UUID_SIZE + 1])
{
	unsigned char b[16];

	random_bytes(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(ret, UUID_SIZE + 1, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	secret_wipe(b, sizeof(b));
}

/* The text of a memory BIO, with a NUL behind, in memory for secrets. */
static char *text_of(BIO *bio)
{
	char *bytes, *text = NULL;
	long n = BIO_get_mem_data(bio, &bytes);

	if (n > 0) {
		text = secret_alloc((size_t)n + 1);
		memcpy(text, bytes, (size_t)n);
	}
	return text;
}

bool key_pair_generate(struct key_pair *pair)
{
	EVP_PKEY *key = pair->bits ? EVP_RSA_gen((unsigned)pair->bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	BIO *private_bio = BIO_new(BIO_s_secmem()), *public_bio = BIO_new(BIO_s_mem());

	pair->private_pem = pair->public_pem = NULL;
	if (key && private_bio && public_bio &&
	    PEM_write_bio_PKCS8PrivateKey(private_bio, key, NULL, NULL, 0, NULL, NULL) &&
	    PEM_write_bio_PUBKEY(public_bio, key)) {
		pair->private_pem = text_of(private_bio);
		pair->public_pem = text_of(public_bio);
	}
	EVP_PKEY_free(key);
	BIO_free(private_bio);
	BIO_free(public_bio);
	if (pair->private_pem && pair->public_pem)
		return true;
	key_pair_done(pair);
	return false;
}

void key_pair_done(struct key_pair *pair)
{
	secret_free(pair->private_pem);
	secret_free(pair->public_pem);
	pair->private_pem = pair->public_pem = NULL;
}

/* New values of secrets: random characters, UUIDs, key pairs. */
#ifndef CRYPTO_GENERATE_H
#define CRYPTO_GENERATE_H

#include "base/str.h"

/* n characters of the alphabet (2 to 256 of them), each as likely as every other. No NUL behind. */
void generate_characters(struct str alphabet, size_t n, char *ret);

#define UUID_SIZE 36
void generate_uuid(char ret[UUID_SIZE + 1]); /* version 4 */

/* A key pair as PEM texts: PKCS #8 and SubjectPublicKeyInfo. RSA takes up to seconds: not on the loop's thread. */
struct key_pair {
	int bits; /* of RSA; 0 = Ed25519 */
	char *private_pem, *public_pem;
};
bool key_pair_generate(struct key_pair *pair);
void key_pair_done(struct key_pair *pair); /* wipes */

#endif

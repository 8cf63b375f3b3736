/* API tokens as their owners see them, once: "oph_", 32 random bytes in base 62, and a checksum that lets scanners for
 * leaked secrets and the front door tell a real one from a typing error without a look-up. Stored is only the hash. */
#ifndef CRYPTO_TOKEN_H
#define CRYPTO_TOKEN_H

#include "crypto/digest.h"

#define TOKEN_PREFIX "oph_"
#define TOKEN_LENGTH 53 /* prefix 4, random part 43, checksum 6 */

void token_new(char ret_token[TOKEN_LENGTH + 1]);
/* Prefix, length, alphabet and checksum are right. It says nothing about who it belongs to. */
bool token_well_formed(struct str token);
/* What is stored and looked up: a plain SHA-256, which is enough for 256 random bits. */
void token_hash(struct str token, uint8_t ret_hash[SHA256_SIZE]);

#endif

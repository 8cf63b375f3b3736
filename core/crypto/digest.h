/* SHA-256, HMAC-SHA256, comparison that takes the same time whatever the bytes are, and hex.
 * Total functions: they have no failure to check (OpenSSL without memory aborts the process with a message). */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H

#include "base/arena.h"

#define SHA256_SIZE     32
#define SHA256_HEX_SIZE 65 /* with its NUL */

/* Over the parts one after the other, as if they were one text. Where a boundary matters the caller puts a
 * separator that cannot occur in the part before it. */
void sha256(const struct str *parts, size_t n, uint8_t ret[SHA256_SIZE]);
void hmac_sha256(struct str key, const struct str *parts, size_t n, uint8_t ret[SHA256_SIZE]);
/* HKDF (RFC 5869) with SHA-256, 32 bytes of output. */
void hkdf_sha256(struct str key, struct str salt, struct str info, uint8_t ret[SHA256_SIZE]);

/* For whatever an attacker may guess at: signatures, hashes of tokens, CSRF values. */
bool secret_bytes_equal(const void *a, const void *b, size_t n);
/* Overwrites with zeros, also where the compiler sees no later use. */
void secret_wipe(void *bytes, size_t n);

/* Lower case. ret has room for 2 n + 1 bytes; the last is NUL. */
void hex_encode(const void *bytes, size_t n, char *ret);
struct str hex_text(struct arena *arena, struct str bytes);
/* Exactly 2 n digits in lower case, else false and ret is untouched. */
bool hex_decode(struct str hex, void *ret, size_t n);

#endif

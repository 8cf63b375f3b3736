/* The keys that protect stored secrets, and the ring that holds the current one and those before it. */
#ifndef CRYPTO_SECRET_KEY_H
#define CRYPTO_SECRET_KEY_H

#include "base/str.h"

#define SECRET_KEY_SIZE      32
#define SECRET_KEY_TEXT_SIZE 45 /* base64 with its NUL */
#define SECRET_KEY_WHY_SIZE  160
#define KEY_ID_SIZE          8
#define KEY_ID_TEXT_SIZE     17 /* hex with its NUL */
#define KEY_RING_MAX         4

struct secret_key {
	uint8_t bytes[SECRET_KEY_SIZE];
	uint8_t id[KEY_ID_SIZE]; /* computed from the key: names it without telling anything about it */
};

/* What ENCRYPTION_KEY_BASE64 holds. On failure ret_why gets the end of a sentence that starts with the variable's
 * name ("decoded 33 bytes, need 32 ..."); it never holds the value. */
bool secret_key_parse(struct str text, struct secret_key *ret, char ret_why[SECRET_KEY_WHY_SIZE]);
/* A fresh key as text, for `opshubd genkey`. */
void secret_key_generate(char ret_text[SECRET_KEY_TEXT_SIZE]);

/* At the start of a process: private keys that OpenSSL holds itself (of TLS, of a GitHub App) lie in 256 KiB of locked
 * memory from now on. */
void private_keys_protect(void);

/* Keys in memory for secrets (base/secret_memory.h). */
struct key_ring;
/* keys[0] seals; the others only open. Aborts on none or on more than KEY_RING_MAX. */
struct key_ring *key_ring_new(const struct secret_key *keys, size_t n);
/* A ring whose current key is these SECRET_KEY_SIZE bytes, before those of another. */
struct key_ring *key_ring_with(const struct key_ring *others, const uint8_t *bytes);
struct key_ring *key_ring_free(struct key_ring *ring); /* accepts NULL, returns NULL */
const struct secret_key *key_ring_current(const struct key_ring *ring);
const struct secret_key *key_ring_find(const struct key_ring *ring, const uint8_t id[KEY_ID_SIZE]); /* NULL = none */
size_t key_ring_size(const struct key_ring *ring);
const struct secret_key *key_ring_at(const struct key_ring *ring, size_t i); /* 0 = the current one */
void secret_key_id_text(const struct secret_key *key, char ret[KEY_ID_TEXT_SIZE]);

#endif

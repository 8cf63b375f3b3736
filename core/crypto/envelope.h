/* A stored secret: AES-256-GCM under a key of its own.
 *
 *   version(1) = 1 | key id(8) | salt(32) | nonce(12) | ciphertext | tag(16)
 *
 * The record's key is HKDF-SHA256(ring key, salt, "opshub/secret/v1"). The context says where the record belongs
 * (table, organization, project, environment, name, version); an envelope moved to another place does not open. */
#ifndef CRYPTO_ENVELOPE_H
#define CRYPTO_ENVELOPE_H

#include "base/arena.h"
#include "crypto/secret_key.h"

#define ENVELOPE_MAX      (64 * 1024) /* of the plaintext, which may be empty */
#define ENVELOPE_OVERHEAD (1 + KEY_ID_SIZE + 32 + 12 + 16)

/* The fields with their lengths before them: ("a","bc") and ("ab","c") are different places. */
struct str envelope_context(struct arena *arena, const struct str *fields, size_t n);

/* .p == NULL when plain is longer than ENVELOPE_MAX. */
struct str envelope_seal(struct arena *arena, const struct key_ring *ring, struct str context, struct str plain);
/* OK; E_NOT_FOUND: sealed with a key that is not in the ring; E_INVALID: damaged, or sealed for another context.
 * The plaintext lies in memory for secrets (base/secret_memory.h) until the arena is freed. */
int envelope_open(struct arena *arena, const struct key_ring *ring, struct str context, struct str sealed,
		  struct str *ret_plain);
/* The id of the key that sealed it, as hex, for the record's key_id column. False when it is no envelope. */
bool envelope_key_id(struct str sealed, char ret_id[KEY_ID_TEXT_SIZE]);

#endif

/* How a policy makes a new value, as people write it:
 *
 *   {"type":"random","length":32,"alphabet":"alnum"}   alnum, hex, base64url, or the characters themselves
 *   {"type":"uuid"}  {"type":"rsa","bits":3072}  {"type":"ed25519"}
 *   {"type":"remind"}                                  nothing is made: a person is told
 *
 * Pure; core/crypto/generate.h makes the values. */
#ifndef MODEL_GENERATOR_H
#define MODEL_GENERATOR_H

#include "base/json_read.h"
#include "base/json_write.h"

enum generator_type { GENERATOR_RANDOM, GENERATOR_UUID, GENERATOR_RSA, GENERATOR_ED25519, GENERATOR_REMIND };

#define GENERATOR_TEXT_MAX 512 /* of the JSON */

struct generator {
	enum generator_type type;
	int64_t length;      /* of random */
	struct str alphabet; /* of random: as it was written */
	int64_t bits;        /* of rsa */
};

/* NULL, or what is wrong with it as the end of a sentence. What is absent has its default: 32 of alnum, 3072 bits. */
const char *generator_read(const struct json *json, struct generator *ret);
void generator_write(const struct generator *generator, struct json_out *out);
/* The characters that an alphabet stands for. */
struct str generator_characters(struct str alphabet);

#endif

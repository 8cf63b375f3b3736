/* Envelopes: raw input never opens; a good one with the input laid over a part of it opens only when nothing changed.
 */
#include "fuzz.h"

#include "base/status.h"
#include "crypto/envelope.h"

static struct arena *forever;
static struct key_ring *ring;
static struct str good;

static void prepare(void)
{
	struct secret_key key;
	char why[SECRET_KEY_WHY_SIZE];

	if (ring)
		return;
	MUST(secret_key_parse(STR("AwoRGB8mLTQ7QklQV15lbHN6gYiPlp2kq7K5wMfO1dw="), &key, why));
	forever = arena_new();
	ring = key_ring_new(&key, 1);
	good = envelope_seal(forever, ring, STR("here"), STR("postgres://user:password@host/database"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = { (const char *)data, size }, plain;
	struct arena *arena = arena_new();
	char id[KEY_ID_TEXT_SIZE];

	prepare();
	MUST(envelope_open(arena, ring, STR("here"), input, &plain) != OK);
	envelope_key_id(input, id);
	if (size >= 2) {
		size_t at = data[0] % good.n, n = size - 1 < good.n - at ? size - 1 : good.n - at;
		char *copy = arena_copy(arena, good.p, good.n);

		memcpy(copy + at, data + 1, n);
		MUST((envelope_open(arena, ring, STR("here"), (struct str){ copy, good.n }, &plain) == OK) ==
		     str_eq((struct str){ copy, good.n }, good));
	}
	if (size > 0)
		MUST(envelope_open(arena, ring, input, good, &plain) == OK ? str_eq(input, STR("here")) : true);
	arena_free(arena);
	return 0;
}

/* Generators as JSON. */
#include "model/generator.h"

#include <string.h>

#define DEFAULT_LENGTH   32
#define LENGTH_MIN       8
#define LENGTH_MAX       4096
#define DEFAULT_BITS     3072
#define BITS_MIN         2048
#define BITS_MAX         4096
#define BITS_STEP        256
#define FEWEST_DIFFERENT 8

static const char *const types[] = { "random", "uuid", "rsa", "ed25519", "remind" };

static const struct {
	struct str name, characters;
} alphabets[] = {
	{ STR("alnum"), STR("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") },
	{ STR("hex"), STR("0123456789abcdef") },
	{ STR("base64url"), STR("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_") },
};

struct str generator_characters(struct str alphabet)
{
	for (size_t i = 0; i < sizeof(alphabets) / sizeof(alphabets[0]); i++)
		if (str_eq(alphabet, alphabets[i].name))
			return alphabets[i].characters;
	return alphabet;
}

/* A character twice would come up twice as often. */
static const char *alphabet_why(struct str alphabet)
{
	struct str all = generator_characters(alphabet);

	if (all.n < FEWEST_DIFFERENT)
		return "must have an alphabet of at least 8 characters, or one of alnum, hex, base64url";
	for (size_t i = 0; i < all.n; i++) {
		if (all.p[i] <= ' ' || all.p[i] > '~')
			return "must have an alphabet of printable ASCII characters without space";
		if (memchr(all.p, all.p[i], i))
			return "must have no character twice in its alphabet";
	}
	return NULL;
}

static bool read_number(const struct json *json, const char *key, int64_t min, int64_t max, int64_t *ret)
{
	const struct json *value = json_get(json, key);

	if (!value)
		return true;
	if (value->kind != JSON_INT || value->integer < min || value->integer > max)
		return false;
	*ret = value->integer;
	return true;
}

static bool belongs_to(struct str key, enum generator_type type)
{
	if (str_eq(key, STR("type")))
		return true;
	if (type == GENERATOR_RANDOM)
		return str_eq(key, STR("length")) || str_eq(key, STR("alphabet"));
	return type == GENERATOR_RSA && str_eq(key, STR("bits"));
}

const char *generator_read(const struct json *json, struct generator *ret)
{
	struct generator g = { .length = DEFAULT_LENGTH, .alphabet = STR("alnum"), .bits = DEFAULT_BITS };
	const struct json *alphabet = json_get(json, "alphabet");
	struct str type = json_text(json_get(json, "type"), STR(""));
	unsigned i = 0;

	if (!json || json->kind != JSON_OBJECT)
		return "must be an object with a type: random, uuid, rsa, ed25519 or remind";
	while (i < sizeof(types) / sizeof(types[0]) && !str_eq(type, str_of(types[i])))
		i++;
	if (i == sizeof(types) / sizeof(types[0]))
		return "must have a type: random, uuid, rsa, ed25519 or remind";
	g.type = (enum generator_type)i;
	for (const struct json *member = json->child; member; member = member->next)
		if (!belongs_to(member->key, g.type))
			return "must have no fields besides type, length and alphabet of random, and bits of rsa";
	if (!read_number(json, "length", LENGTH_MIN, LENGTH_MAX, &g.length))
		return "must have a length from 8 to 4096";
	if (!read_number(json, "bits", BITS_MIN, BITS_MAX, &g.bits) || g.bits % BITS_STEP)
		return "must have bits from 2048 to 4096, in steps of 256";
	if (alphabet && alphabet->kind != JSON_TEXT)
		return "must have an alphabet that is a text";
	g.alphabet = json_text(alphabet, g.alphabet);
	if (alphabet_why(g.alphabet))
		return alphabet_why(g.alphabet);
	*ret = g;
	return NULL;
}

void generator_write(const struct generator *g, struct json_out *out)
{
	json_open(out, '{');
	json_put_text(out, "type", str_of(types[g->type]));
	if (g->type == GENERATOR_RANDOM) {
		json_put_int(out, "length", g->length);
		json_put_text(out, "alphabet", g->alphabet);
	}
	if (g->type == GENERATOR_RSA)
		json_put_int(out, "bits", g->bits);
	json_close(out, '}');
}

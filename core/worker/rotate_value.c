/* Values of rotations: made, sealed for their place, and opened again. */
#include "crypto/digest.h"
#include "crypto/generate.h"
#include "store/project_keys.h"
#include "worker/rotate_inner.h"

#include <stdlib.h>
#include <string.h>

#define BUSY_MS (6ll * 60 * 60 * 1000) /* so long may every preview that could try it be busy */

struct value {
	struct str plain, public_key;
};

/* Memory for n bytes that is locked, and wiped with the call. */
static char *secret_room(struct call *call, size_t n, struct str *ret)
{
	char *bytes = arena_secret(call->arena, n + 1);

	bytes[n] = '\0';
	*ret = (struct str){ bytes, n };
	return bytes;
}

struct pair_job {
	struct key_pair pair;
	bool done;
};

static void make_pair(void *arg)
{
	struct pair_job *job = arg;

	job->done = key_pair_generate(&job->pair);
}

static void drop_pair(void *arg)
{
	struct pair_job *job = arg;

	key_pair_done(&job->pair);
	free(job);
}

static int new_pair(struct call *call, int64_t bits, struct value *ret)
{
	struct pair_job *job = calloc(1, sizeof(*job));
	size_t n;
	int r;

	if (!job)
		abort();
	job->pair.bits = (int)bits;
	r = offload(call, make_pair, job, drop_pair);
	if (r != OK)
		return r; /* drop_pair sees to it */
	if (job->done) {
		n = strlen(job->pair.private_pem);
		memcpy(secret_room(call, n, &ret->plain), job->pair.private_pem, n);
		ret->public_key = arena_str(call->arena, str_of(job->pair.public_pem));
	} else {
		r = call_fail(call, E_INTERNAL, "no key pair could be made");
	}
	drop_pair(job);
	return r;
}

static int new_value(struct call *call, const struct generator *g, struct value *ret)
{
	char *bytes;

	*ret = (struct value){ 0 };
	switch (g->type) {
	case GENERATOR_RANDOM:
		bytes = secret_room(call, (size_t)g->length, &ret->plain);
		generate_characters(generator_characters(g->alphabet), (size_t)g->length, bytes);
		return OK;
	case GENERATOR_UUID:
		generate_uuid(secret_room(call, UUID_SIZE, &ret->plain));
		return OK;
	case GENERATOR_RSA:
		return new_pair(call, g->bits, ret);
	case GENERATOR_ED25519:
		return new_pair(call, 0, ret);
	case GENERATOR_REMIND:
	default:
		return call_fail(call, E_INTERNAL, "its generator makes no values");
	}
}

static struct variable_place place_of(const struct rotating *g, int64_t version)
{
	return (struct variable_place){ .org_id = rotating_text(g, "org_id"),
					.project_id = rotating_text(g, "project_id"),
					.environment_id = rotating_text(g, "environment_id"),
					.key = rotating_text(g, "key"),
					.version = version };
}

int rotate_generate(struct call *call, const struct rotating *g)
{
	int64_t version = db_int(&g->row, 0, "last_version") + 1;
	struct variable_place place = place_of(g, version);
	struct generator generator = { 0 };
	struct sealed_variable sealed;
	const struct key_ring *ring;
	const char *why = "";
	struct value value;
	int r = OK;

	if (generator_read(json_parse(call->arena, rotating_text(g, "generator"), NULL, &why), &generator))
		generator.type = GENERATOR_REMIND;
	r = new_value(call, &generator, &value);
	if (r == OK && value.plain.n)
		call_secret(call, value.plain);
	if (r == OK)
		r = project_ring(call, g->o->db, g->o->providers->keys, place.project_id, &ring);
	if (r == OK)
		r = variable_seal(call, ring, &place, value.plain, &sealed);
	return r == OK ? rotation_pend(call, g->o->db, g->job, version, &sealed, value.public_key, BUSY_MS) : r;
}

int rotate_open(struct call *call, const struct rotating *g, struct str *ret_plain)
{
	struct variable_place place = place_of(g, db_int(&g->row, 0, "version"));
	struct str hex = rotating_text(g, "sealed");
	char *bytes = arena_raw(call->arena, hex.n / 2 + 1);
	const struct key_ring *ring;
	int r = project_ring(call, g->o->db, g->o->providers->keys, place.project_id, &ring);

	if (r != OK)
		return r;
	if (hex.n == 0 || !hex_decode(hex, bytes, hex.n / 2))
		return call_fail(call, E_INTERNAL, "the new value of %.*s is not there any more", STR_FMT(place.key));
	return variable_open(call, ring, &place, (struct str){ bytes, hex.n / 2 }, ret_plain);
}

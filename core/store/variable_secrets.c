/* Values of variables, sealed and opened. */
#include "store/variable_secrets.h"

#include "crypto/digest.h"
#include "store/plugin_secrets.h"

static struct str context(struct arena *arena, const struct variable_place *p)
{
	const struct str fields[] = {
		STR("env_vars"),   p->org_id, p->project_id,
		p->environment_id, p->key,    arena_printf(arena, "%lld", (long long)p->version)
	};

	return envelope_context(arena, fields, sizeof(fields) / sizeof(fields[0]));
}

struct str variable_fingerprint(struct arena *arena, const struct key_ring *ring, struct str plain)
{
	const struct secret_key *key = key_ring_current(ring);
	uint8_t own[SHA256_SIZE], digest[SHA256_SIZE];

	hkdf_sha256((struct str){ (const char *)key->bytes, sizeof(key->bytes) }, STR(""), STR("opshub/fingerprint/v1"),
		    own);
	hmac_sha256((struct str){ (const char *)own, sizeof(own) }, &plain, 1, digest);
	secret_wipe(own, sizeof(own));
	return hex_text(arena, (struct str){ (const char *)digest, FINGERPRINT_SIZE / 2 });
}

int variable_seal(struct call *call, const struct key_ring *ring, const struct variable_place *place, struct str plain,
		  struct sealed_variable *ret)
{
	char key_id[KEY_ID_TEXT_SIZE];

	ret->sealed = envelope_seal(call->arena, ring, context(call->arena, place), plain);
	if (!ret->sealed.p || !envelope_key_id(ret->sealed, key_id))
		return call_fail(call, E_INVALID, "%.*s is longer than %d bytes", STR_FMT(place->key),
				 VARIABLE_VALUE_MAX);
	ret->key_id = arena_str(call->arena, str_of(key_id));
	ret->mask = secret_mask(call->arena, plain);
	ret->fingerprint = variable_fingerprint(call->arena, ring, plain);
	return OK;
}

int variable_open(struct call *call, const struct key_ring *ring, const struct variable_place *place, struct str sealed,
		  struct str *ret_plain)
{
	int r = envelope_open(call->arena, ring, context(call->arena, place), sealed, ret_plain);

	if (r != OK)
		return call_fail(call, E_INVALID, "version %lld of the variable %.*s does not open: %s; set it again",
				 (long long)place->version, STR_FMT(place->key),
				 r == E_NOT_FOUND ? "it was sealed with a key that is not here"
						  : "it is damaged, or was moved from another place");
	call_secret_named(call, place->key, *ret_plain);
	return OK;
}

bool variable_opens(struct call *call, const struct key_ring *ring, const struct variable_place *place,
		    struct str sealed)
{
	struct str plain;

	return envelope_open(call->arena, ring, context(call->arena, place), sealed, &plain) == OK;
}

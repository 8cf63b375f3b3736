/* Sealing and opening. */
#include "store/plugin_secrets.h"

#include "crypto/digest.h"

struct str secret_mask(struct arena *arena, struct str plain)
{
	/* what the issuers print before every token of a kind, for scanners to find */
	static const char *const prefixes[] = { "vcp_",  "nfp_",  "ghp_", "gho_",       "ghs_",
						"xoxb-", "xoxp-", "oph_", "github_pat_" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (str_starts(plain, str_of(prefixes[i])))
			return arena_printf(arena, "%s***", prefixes[i]);
	return STR("***");
}

static struct str context(struct arena *arena, const struct secret_place *place, struct str key)
{
	const struct str fields[] = { str_of(place->table), place->owner, place->plugin, key };

	return envelope_context(arena, fields, sizeof(fields) / sizeof(fields[0]));
}

int secrets_seal(struct call *call, const struct key_ring *keys, const struct secret_place *place,
		 const struct str *names, const struct str *plains, size_t n, struct sealed_secrets *ret)
{
	struct str *sealed = arena_alloc(call->arena, (n + 1) * sizeof(*sealed));
	struct str *key_ids = arena_alloc(call->arena, (n + 1) * sizeof(*key_ids));
	struct str *masks = arena_alloc(call->arena, (n + 1) * sizeof(*masks));
	char key_id[KEY_ID_TEXT_SIZE];

	for (size_t i = 0; i < n; i++) {
		struct str envelope = envelope_seal(call->arena, keys, context(call->arena, place, names[i]),
						    plains[i]);

		if (!envelope.p || !envelope_key_id(envelope, key_id))
			return call_fail(call, E_INVALID, "%.*s is too long for a secret", STR_FMT(names[i]));
		sealed[i] = hex_text(call->arena, envelope);
		key_ids[i] = arena_str(call->arena, str_of(key_id));
		masks[i] = secret_mask(call->arena, plains[i]);
	}
	*ret = (struct sealed_secrets){ sealed, key_ids, masks };
	return OK;
}

int secret_open(struct call *call, const struct key_ring *keys, const struct secret_place *place, struct str key,
		struct str sealed, struct str *ret_plain)
{
	char *bytes = arena_raw(call->arena, sealed.n / 2 + 1);
	struct str plain;
	int r = E_INVALID;

	if (hex_decode(sealed, bytes, sealed.n / 2))
		r = envelope_open(call->arena, keys, context(call->arena, place, key),
				  (struct str){ bytes, sealed.n / 2 }, &plain);
	if (r != OK)
		return call_fail(call, E_INVALID,
				 "the stored secret %.*s of the %s %.*s does not open: %s; set it again", STR_FMT(key),
				 place->kind, STR_FMT(place->plugin),
				 r == E_NOT_FOUND ? "it was sealed with another ENCRYPTION_KEY_BASE64"
						  : "it is damaged or was moved");
	call_secret(call, plain);
	*ret_plain = plain;
	return OK;
}

/* Provider settings. */
#include "store/provider_settings.h"

#include "crypto/digest.h"

static int check_found(struct call *call, int r, const struct db_rows *rows, struct str project_id)
{
	if (r == OK && rows->n_rows == 0)
		r = call_fail(call, E_NOT_FOUND, "the project %.*s is gone", STR_FMT(project_id));
	return r;
}

int provider_config(struct call *call, struct db *db, struct str project_id, struct str *ret_json)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_PROJECT_PROVIDER_CONFIG, &rows, A_STR(project_id));

	r = check_found(call, r, &rows, project_id);
	if (r == OK)
		*ret_json = db_text(&rows, 0, "config");
	return r;
}

int provider_settings_get(struct call *call, struct db *db, struct str project_id, struct str provider,
			  struct db_rows *ret)
{
	int r = db_query(call, db, Q_PROJECT_PROVIDER, ret, A_STR(project_id), A_STR_OR_NULL(provider));

	return check_found(call, r, ret, project_id);
}

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

static struct str context(struct arena *arena, struct str project_id, struct str provider, struct str key)
{
	const struct str fields[] = { STR("provider_secrets"), project_id, provider, key };

	return envelope_context(arena, fields, sizeof(fields) / sizeof(fields[0]));
}

static struct str hex(struct arena *arena, struct str bytes)
{
	char *text = arena_raw(arena, 2 * bytes.n + 1);

	hex_encode(bytes.p, bytes.n, text);
	return (struct str){ text, 2 * bytes.n };
}

int provider_settings_save(struct call *call, struct db *db, const struct key_ring *keys, struct str project_id,
			   const struct provider_change *c, const struct audit *audit)
{
	struct str *sealed = arena_alloc(call->arena, (c->n_secrets + 1) * sizeof(*sealed));
	struct str *key_ids = arena_alloc(call->arena, (c->n_secrets + 1) * sizeof(*key_ids));
	struct str *masks = arena_alloc(call->arena, (c->n_secrets + 1) * sizeof(*masks));
	char key_id[KEY_ID_TEXT_SIZE];
	struct db_rows rows;
	int r;

	for (size_t i = 0; i < c->n_secrets; i++) {
		struct str envelope = envelope_seal(
			call->arena, keys, context(call->arena, project_id, c->provider, c->keys[i]), c->plains[i]);

		if (!envelope.p || !envelope_key_id(envelope, key_id))
			return call_fail(call, E_INVALID, "%.*s is too long for a secret", STR_FMT(c->keys[i]));
		sealed[i] = hex(call->arena, envelope);
		key_ids[i] = arena_str(call->arena, str_of(key_id));
		masks[i] = secret_mask(call->arena, c->plains[i]);
	}
	r = db_query(call, db, Q_PROJECT_PROVIDER_SAVE, &rows, A_STR(project_id), A_STR(c->provider),
		     A_STR(c->settings_json), A_TEXTS(c->keys, c->n_secrets), A_TEXTS(sealed, c->n_secrets),
		     A_TEXTS(key_ids, c->n_secrets), A_TEXTS(masks, c->n_secrets), A_TEXTS(c->removed, c->n_removed),
		     audit->id, audit->who);
	return check_found(call, r, &rows, project_id);
}

/* A job opens the same secrets before each of its steps. */
static void hide_in_log(struct call *call, struct str plain)
{
	for (const struct log_secret *s = call->log.secrets; s; s = s->next)
		if (str_eq(s->value, plain))
			return;
	call_secret(call, plain);
}

int provider_secret_open(struct call *call, const struct key_ring *keys, struct str project_id, struct str provider,
			 struct str key, struct str sealed, struct str *ret_plain)
{
	char *bytes = arena_raw(call->arena, sealed.n / 2 + 1);
	struct str plain;
	int r = E_INVALID;

	if (hex_decode(sealed, bytes, sealed.n / 2))
		r = envelope_open(call->arena, keys, context(call->arena, project_id, provider, key),
				  (struct str){ bytes, sealed.n / 2 }, &plain);
	if (r != OK)
		return call_fail(call, E_INVALID,
				 "the stored secret %.*s of the provider %.*s does not open: %s; set it again",
				 STR_FMT(key), STR_FMT(provider),
				 r == E_NOT_FOUND ? "it was sealed with another ENCRYPTION_KEY_BASE64"
						  : "it is damaged or was moved");
	hide_in_log(call, plain);
	*ret_plain = plain;
	return OK;
}

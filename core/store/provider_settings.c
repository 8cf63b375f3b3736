/* Provider settings. */
#include "store/provider_settings.h"

#include "store/project_keys.h"

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

int provider_settings_save(struct call *call, struct db *db, const struct key_ring *master, struct str project_id,
			   const struct provider_change *c, const struct audit *audit)
{
	const struct secret_place place = { "provider_secrets", project_id, c->provider, "provider" };
	const struct key_ring *ring = master;
	struct sealed_secrets s;
	struct db_rows rows;
	int r = c->n_secrets ? project_ring(call, db, master, project_id, &ring) : OK;

	if (r == OK)
		r = secrets_seal(call, ring, &place, c->keys, c->plains, c->n_secrets, &s);
	if (r != OK)
		return r;
	r = db_query(call, db, Q_PROJECT_PROVIDER_SAVE, &rows, A_STR(project_id), A_STR(c->provider),
		     A_STR(c->settings_json), A_TEXTS(c->keys, c->n_secrets), A_TEXTS(s.sealed, c->n_secrets),
		     A_TEXTS(s.key_ids, c->n_secrets), A_TEXTS(s.masks, c->n_secrets),
		     A_TEXTS(c->removed, c->n_removed), audit->id, audit->who);
	return check_found(call, r, &rows, project_id);
}

/* What a project deploys with: settings in the clear, secrets sealed. A secret is sealed for its place (project,
 * provider, key): moved to another row it does not open. */
#ifndef STORE_PROVIDER_SETTINGS_H
#define STORE_PROVIDER_SETTINGS_H

#include "store/organizations.h"
#include "store/plugin_secrets.h"

#define MOST_PROVIDER_SETTINGS 64 /* of one provider */

/* As people see it: {"provider":"VERCEL","token":"vcp_***",...}, or {"provider":null}. */
AWAITS int provider_config(struct call *call, struct db *db, struct str project_id, struct str *ret_json);
/* Columns: chosen (provider, '' = none), wanted, settings {"key":value}, masks {"key":"vcp_***"}, and of its plugin
 * schema (settings_schema(), null = unknown), state, reason. `provider` empty: the chosen one. */
AWAITS int provider_settings_get(struct call *call, struct db *db, struct str project_id, struct str provider,
				 struct db_rows *ret);

struct provider_change {
	struct str provider;
	struct str settings_json;
	struct str keys[MOST_PROVIDER_SETTINGS], plains[MOST_PROVIDER_SETTINGS]; /* secrets that are new */
	size_t n_secrets;
	struct str removed[MOST_PROVIDER_SETTINGS]; /* keys of secrets that go */
	size_t n_removed;
};
AWAITS int provider_settings_save(struct call *call, struct db *db, const struct key_ring *master,
				  struct str project_id, const struct provider_change *change,
				  const struct audit *audit);

#endif

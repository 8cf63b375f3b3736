/* From stored settings to an open plugin instance: of a project's provider, of a notifier. */
#ifndef WORKER_PROVIDERS_H
#define WORKER_PROVIDERS_H

#include "base/json_read.h"
#include "plugin/plugin.h"
#include "store/plugin_secrets.h"

struct providers {
	const struct catalog *catalog;
	struct plugins *plugins;
	const struct key_ring *keys; /* the master keys */
	bool use_mock;               /* USE_MOCK_PROVIDER: every project goes to the plugin "mock" */
	const char *allow_private; /* names of plugins that may reach loopback and private addresses, comma-separated */
};

/* The provider that a project's new attempts use; empty when none is chosen. */
struct str provider_name(const struct providers *providers, struct str chosen);
/* May its addresses be loopback and private ones? */
bool provider_may_be_private(const struct providers *providers, struct str provider);
/* `settings_json`: what the view project_settings has of the project, all its providers. E_INVALID when the plugin
 * is not loaded or its settings are not complete; call->why says what to do. */
AWAITS int provider_open(struct call *call, const struct providers *providers, struct str name, struct str project_id,
			 struct str settings_json, int64_t settings_version, struct instance **ret);

/* The settings of one plugin as they are stored. */
struct plugin_settings {
	struct secret_place place;   /* its owner is the instance's scope */
	const struct json *settings; /* {"key": value}; may be NULL */
	const struct json *secrets;  /* {"key": "<hex>"}; may be NULL */
	struct str project_id;
	struct str wrapped; /* the data key of that project: project_ring_open() */
	int64_t version;
};
/* E_INVALID when they are not complete or a secret does not open, E_UPSTREAM when this process has not the master key
 * for it; call->why says what to do. */
AWAITS int plugin_open(struct call *call, const struct providers *providers, const struct plugin *plugin,
		       const struct plugin_settings *settings, struct instance **ret);

#endif

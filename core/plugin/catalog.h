/* What lies in the plugin folder: each file loaded, refused with a sentence, or switched off. Plain data, so the API
 * can show it without running a plugin's code. */
#ifndef PLUGIN_CATALOG_H
#define PLUGIN_CATALOG_H

#include "plugin/load.h"

#define CATALOG_MAX 64 /* files looked at; more are refused by name in one log line */

enum catalog_state { CATALOG_LOADED, CATALOG_REFUSED, CATALOG_DISABLED };

struct catalog_entry {
	enum catalog_state state;
	struct str name;             /* the file's name without .so */
	struct str reason;           /* why refused or switched off, one sentence */
	const struct plugin *plugin; /* when loaded; its texts name kind, version, license, summary */
	struct str settings_json;    /* settings_schema(), "[]" when not loaded */
};

struct catalog_options {
	const char *folder;
	struct str enabled;     /* names, separated by commas or spaces; empty = all */
	struct str disabled;    /* names never loaded */
	bool slack_is_disabled; /* DISABLE_SLACK=1 */
	int probe_ms;           /* how long loading may take; 0 = 5,000; < 0 = do not try out in a child first */
};

struct catalog;

/* Reads the folder, in the order of names. Call it once, before the loop and any thread. A folder that is missing or
 * unsafe gives an empty catalog and its sentence in catalog_why. Logs a line for each plugin. */
struct catalog *catalog_open(const struct catalog_options *options);
struct catalog *catalog_close(struct catalog *catalog); /* the plugins stay loaded; accepts NULL, returns NULL */

size_t catalog_size(const struct catalog *catalog);
const struct catalog_entry *catalog_at(const struct catalog *catalog, size_t index);
const char *catalog_why(const struct catalog *catalog); /* about the folder; "" = fine */

/* NULL with a sentence for people in *ret_why (memory of the catalog or static) when it is not loaded. */
const struct plugin *catalog_find(const struct catalog *catalog, struct str name, const char **ret_why);
const struct plugin *catalog_provider(const struct catalog *catalog, struct str name, const char **ret_why);

const char *plugin_kind_name(uint32_t kind); /* "provider", "notifier", "unknown" */

#endif

/* A plugin's settings: checked, written into an instance, described for the catalog.
 *
 * Pure functions. Easy to break: the text of a secret appears in no message, not even a part of it. */
#ifndef PLUGIN_SETTINGS_H
#define PLUGIN_SETTINGS_H

#include "base/json_write.h"
#include "plugin/load.h"

struct setting_value {
	struct str key;
	struct str text; /* empty = not given */
};

struct setting_fault {
	const char *field; /* the setting's key */
	const char *message;
};

/* Check every value against the plugin's declarations and write it into `instance` (plugin->about.instance_size
 * bytes, zeroed), texts copied into the arena, which must live as long as the instance. What is not given comes from
 * the setting's environment variable (a secret also from the file of its _FILE variable), then from its initial
 * value. Keys the plugin does not know are left alone: stored settings outlive a version of a plugin. Returns the
 * number of faults, at most one a setting, in arena memory; the instance is complete only when it is 0. */
size_t settings_write(struct arena *arena, const struct plugin *plugin, const struct setting_value *values,
		      size_t n_values, void *instance, const struct setting_fault **ret_faults);
/* "token: is required; buildMs: must be ..." */
const char *settings_faults_text(struct arena *arena, const struct setting_fault *faults, size_t n);

/* [{"key","label","help","type":"secret","required","operator","secret","initial","choices":[],"min","max","env",
 * "envIsSet"}], no values.
 */
void settings_schema(const struct plugin *plugin, struct buf *ret);

#endif

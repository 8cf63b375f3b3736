/* Loading one plugin: is the file trustworthy, does it load, do we understand each other.
 *
 * Depends on base and the SDK alone, so opshub-plugin-check judges a file exactly as the server does. */
#ifndef PLUGIN_LOAD_H
#define PLUGIN_LOAD_H

#include "base/arena.h"
#include "base/status.h"

#include <opshub/notifier.h>
#include <opshub/provider.h>

#define PLUGIN_NAME_MAX     32
#define PLUGIN_SETTINGS_MAX 64
#define PLUGIN_INSTANCE_MAX (64 * 1024)

/* A loaded plugin. Never unloaded, never changed. Structs are copies as long as ours: fields and operations that the
 * plugin did not know of are zero. The texts lie in the plugin's own constants. */
struct plugin {
	struct opshub_plugin about; /* settings and ops inside it are the plugin's own: use the copies below */
	struct opshub_setting settings[PLUGIN_SETTINGS_MAX];
	struct opshub_provider_ops provider;
	struct opshub_notifier_ops notifier;
};

/* Load the file, `folder`/`file`. Returns E_INVALID with one sentence for people in *ret_why when it is refused.
 * The plugin is made of the heap and stays for ever; the sentence lies in the arena. */
int plugin_load(struct arena *arena, const char *folder, const char *file, const struct plugin **ret,
		const char **ret_why);

/* The same in a child process with a time limit, and thrown away: so that one which crashes, exits or hangs while it is
 * loaded is a sentence too. Only while this process has a single thread. Says nothing about the plugin's contents:
 * E_INVALID only when the child did not come back. */
int plugin_probe(struct arena *arena, const char *folder, const char *file, int limit_ms, const char **ret_why);

bool plugin_name_valid(struct str name);

/* ---- the steps, for plugin_load and its tests ---- */

/* Open it once and look at owner, mode and place. *ret_fd is the file that was looked at. */
int plugin_file_open(struct arena *arena, const char *folder, const char *file, int *ret_fd, const char **ret_why);
/* From the plugin's description to ours. */
int plugin_negotiate(struct arena *arena, struct str name, const struct opshub_plugin *theirs, struct plugin *ret,
		     const char **ret_why);

#endif

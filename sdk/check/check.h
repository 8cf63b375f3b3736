/* opshub-plugin-check: would OpsHub take this plugin, and does it keep the rules?
 *
 *   main.c      options, the steps, the sentence
 *   imports.c   what the object asks of the C library
 *   recorded.c  answers from a file in place of the network
 *   trial.c     each operation once, in a child process */
#ifndef CHECK_H
#define CHECK_H

#include "plugin/plugin.h"

#define SETTINGS_GIVEN_MAX 64

/* Shared with the child, so that the parent can say where it was when it stopped. */
struct progress {
	char operation[32];
	char why[1200]; /* the sentence; "" = nothing found */
};

struct trial {
	const struct plugin *plugin;
	struct recording *recording; /* NULL: a network that is down */
	struct setting_value given[SETTINGS_GIVEN_MAX];
	size_t n_given;
	struct progress *progress;
	int crash_fd;
};

/* "" or the sentence, about functions that a plugin may not use. */
const char *imports_why_not(struct arena *arena, const char *path, bool is_blocking);

struct recording;
/* NULL with a sentence in *ret_why. */
struct recording *recording_read(struct arena *arena, const char *path, const char **ret_why);
plugin_fetch_fn recording_fetch;

/* In the child: runs everything, fills in progress. */
void trial_run(struct trial *trial);

#endif

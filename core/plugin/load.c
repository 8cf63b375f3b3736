/* Loading a plugin's shared object, for ever.
 *
 * Owns the loaded objects and their file descriptors: neither is ever closed. A plugin's code may be referenced from
 * anywhere by then, and unloading has no safe moment.
 * Easy to break: what is loaded is the descriptor that was looked at. Loading by path and comparing device and inode
 * would come too late: a plugin's constructors run inside dlopen(), and whoever can rename a folder further up can put
 * another file there in between. The path is that of the descriptor, with our pid and not "self", because debuggers
 * open it as well: gdb would take /proc/self/fd/7 for a descriptor of its own, and wait for ever if that is a pipe. And
 * the descriptor stays open, because the linker remembers objects by path: the number used again for another file would
 * give back the first one. */
#include "plugin/load.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 48

/* Never freed: whoever holds a plugin may hold it for ever. */
struct loaded {
	struct plugin plugin;
	struct loaded *next;
};

static struct loaded *all_loaded;

static const char *why_not_linked(struct arena *arena, const char *file, const char *path)
{
	const char *text = dlerror(), *rest;

	text = text ? text : "unknown reason";
	/* The linker names the path it was given, which tells nobody anything. */
	if (strncmp(text, path, strlen(path)) == 0 && (rest = strstr(text, ": ")) != NULL)
		text = rest + 2;
	return arena_printf(arena, "%s cannot be linked: %s; a plugin may use libc and nothing else", file, text).p;
}

/* Our pid as this /proc has it: getpid() is another number, and perhaps somebody else there, when we are in a pid
 * namespace and /proc is not. */
static void path_of_descriptor(int fd, char ret[PATH_BYTES])
{
	char pid[16];
	ssize_t n = readlink("/proc/self", pid, sizeof(pid));

	if (n > 0 && (size_t)n < sizeof(pid))
		snprintf(ret, PATH_BYTES, "/proc/%.*s/fd/%d", (int)n, pid, fd);
	else
		snprintf(ret, PATH_BYTES, "/proc/self/fd/%d", fd);
}

static const char *name_of_file(const char *file, struct str *ret_name)
{
	struct str name = str_of(file);

	if (!str_ends(name, STR(".so")))
		return "does not end in .so";
	name.n -= 3;
	if (!plugin_name_valid(name))
		return "has no valid name: it must be 1 to 32 of a-z, 0-9, '_' and '-', then .so";
	*ret_name = name;
	return NULL;
}

int plugin_load(struct arena *arena, const char *folder, const char *file, const struct plugin **ret,
		const char **ret_why)
{
	const struct opshub_plugin *(*entry)(void);
	struct loaded *loaded;
	struct str name;
	const char *why;
	void *object;
	char path[PATH_BYTES];
	int fd, r;

	why = name_of_file(file, &name);
	if (why) {
		*ret_why = arena_printf(arena, "%s %s", file, why).p;
		return E_INVALID;
	}
	r = plugin_file_open(arena, folder, file, &fd, ret_why);
	if (r < 0)
		return r;
	path_of_descriptor(fd, path);
	object = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!object) {
		*ret_why = why_not_linked(arena, file, path);
		close(fd);
		return E_INVALID;
	}
	*(void **)&entry = dlsym(object, "opshub_plugin_entry");
	if (!entry) {
		*ret_why = arena_printf(arena, "%s is not an OpsHub plugin: it does not export opshub_plugin_entry()",
					file)
				   .p;
		return E_INVALID;
	}
	loaded = calloc(1, sizeof(*loaded));
	if (!loaded)
		abort();
	r = plugin_negotiate(arena, name, entry(), &loaded->plugin, ret_why);
	if (r < 0) {
		free(loaded);
		return r;
	}
	loaded->next = all_loaded;
	all_loaded = loaded;
	*ret = &loaded->plugin;
	return OK;
}

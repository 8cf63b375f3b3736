/* Looking through the plugin folder, once.
 *
 * Owns the entries and their texts (one arena), not the plugins: those stay loaded for ever.
 * Easy to break: every file that ends in .so has an entry, whatever is wrong with it; a bad plugin is a line in the
 * list, never a reason not to start. */
#include "plugin/catalog.h"

#include "base/log.h"
#include "plugin/settings.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PROBE_MS     5000
#define SCHEMA_MAX   (1024 * 1024)
#define CONTEXT      "PluginCatalog"
#define FOLDER_BOUND 4096 /* directory entries looked at */

struct catalog {
	struct arena *arena;
	struct catalog_entry entries[CATALOG_MAX];
	size_t n;
	const char *why;
};

static bool list_names(struct str list, struct str name)
{
	while (list.n) {
		struct str word = str_split(&list, ',');
		while (word.n)
			if (str_eq(str_trim(str_split(&word, ' ')), name))
				return true;
	}
	return false;
}

static const char *why_disabled(const struct catalog_options *options, struct str name)
{
	if (options->slack_is_disabled && str_eq(name, STR("slack")))
		return "switched off by DISABLE_SLACK=1";
	if (list_names(options->disabled, name))
		return "switched off by the configuration (plugins.disabled)";
	if (options->enabled.n && !list_names(options->enabled, name))
		return "not in the configuration's list of plugins (plugins.enabled)";
	return NULL;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The .so files of the folder in the order of their names. */
static size_t read_folder(struct catalog *catalog, const char *folder, char *ret_files[CATALOG_MAX])
{
	struct dirent *entry;
	size_t n = 0;
	DIR *dir = opendir(folder);

	if (!dir) {
		catalog->why = arena_printf(catalog->arena, "The plugin folder %s cannot be read: %s", folder,
					    strerrordesc_np(errno))
				       .p;
		return 0;
	}
	for (int i = 0; i < FOLDER_BOUND && (entry = readdir(dir)) != NULL; i++) {
		struct str file = str_of(entry->d_name);
		if (entry->d_name[0] == '.' || !str_ends(file, STR(".so")))
			continue;
		if (n == CATALOG_MAX) {
			log_warn(CONTEXT, "Too many plugins: the rest of the folder is not looked at",
				 F_INT("maximum", CATALOG_MAX), F_STR("file", file));
			break;
		}
		ret_files[n++] = arena_text(catalog->arena, file);
	}
	closedir(dir);
	qsort(ret_files, n, sizeof(ret_files[0]), compare_names);
	return n;
}

static void load(struct catalog *catalog, const struct catalog_options *options, const char *file,
		 struct catalog_entry *entry)
{
	int probe_ms = options->probe_ms ? options->probe_ms : PROBE_MS;
	const char *why = "";
	struct buf schema;
	int r = OK;

	if (probe_ms > 0)
		r = plugin_probe(catalog->arena, options->folder, file, probe_ms, &why);
	if (r == OK)
		r = plugin_load(catalog->arena, options->folder, file, &entry->plugin, &why);
	if (r < 0) {
		entry->state = CATALOG_REFUSED;
		entry->reason = str_of(why);
		log_warn(CONTEXT, "Plugin refused", F_STR("plugin", entry->name), F_TEXT("reason", why));
		return;
	}
	entry->state = CATALOG_LOADED;
	buf_init(&schema, SCHEMA_MAX);
	settings_schema(entry->plugin, &schema);
	entry->settings_json = arena_str(catalog->arena, buf_str(&schema));
	buf_done(&schema);
	log_info(CONTEXT, "Plugin loaded", F_STR("plugin", entry->name),
		 F_TEXT("version", entry->plugin->about.version),
		 F_TEXT("kind", plugin_kind_name(entry->plugin->about.kind)));
}

struct catalog *catalog_open(const struct catalog_options *options)
{
	struct catalog *catalog = calloc(1, sizeof(*catalog));
	char *files[CATALOG_MAX];
	size_t n;

	if (!catalog)
		abort();
	catalog->arena = arena_new();
	catalog->why = "";
	n = read_folder(catalog, options->folder, files);
	if (*catalog->why)
		log_warn(CONTEXT, catalog->why);
	for (size_t i = 0; i < n; i++) {
		struct catalog_entry *entry = &catalog->entries[catalog->n++];
		const char *why;

		entry->name = (struct str){ files[i], strlen(files[i]) - 3 };
		entry->settings_json = STR("[]");
		why = why_disabled(options, entry->name);
		if (!why) {
			load(catalog, options, files[i], entry);
			continue;
		}
		entry->state = CATALOG_DISABLED;
		entry->reason = str_of(why);
		log_info(CONTEXT, "Plugin switched off", F_STR("plugin", entry->name), F_TEXT("reason", why));
	}
	return catalog;
}

struct catalog *catalog_close(struct catalog *catalog)
{
	if (catalog)
		arena_free(catalog->arena);
	free(catalog);
	return NULL;
}

size_t catalog_size(const struct catalog *catalog)
{
	return catalog->n;
}

const struct catalog_entry *catalog_at(const struct catalog *catalog, size_t index)
{
	return index < catalog->n ? &catalog->entries[index] : NULL;
}

const char *catalog_why(const struct catalog *catalog)
{
	return catalog->why;
}

const struct plugin *catalog_find(const struct catalog *catalog, struct str name, const char **ret_why)
{
	for (size_t i = 0; i < catalog->n; i++) {
		if (!str_eq(catalog->entries[i].name, name))
			continue;
		if (catalog->entries[i].state != CATALOG_LOADED)
			*ret_why = catalog->entries[i].reason.p;
		return catalog->entries[i].plugin;
	}
	*ret_why = *catalog->why ? catalog->why
				 : "there is no plugin of that name in the plugin folder: install it there and send "
				   "OpsHub a SIGHUP";
	return NULL;
}

const struct plugin *catalog_provider(const struct catalog *catalog, struct str name, const char **ret_why)
{
	const struct plugin *plugin = catalog_find(catalog, name, ret_why);

	if (!plugin || plugin->about.kind == OPSHUB_KIND_PROVIDER)
		return plugin;
	*ret_why = "that plugin is not a provider";
	return NULL;
}

const char *plugin_kind_name(uint32_t kind)
{
	return kind == OPSHUB_KIND_PROVIDER ? "provider" : kind == OPSHUB_KIND_NOTIFIER ? "notifier" : "unknown";
}

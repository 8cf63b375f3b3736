/* The loader: every odd plugin has its own sentence, sound ones load. */
#include "plugin/catalog.h"

#include "base/clock.h"

#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ODD OPSHUB_BUILD_DIR "/tests/plugins"

static void refused(const char *file, const char *part)
{
	struct arena *arena = arena_new();
	const struct plugin *plugin = NULL;
	const char *why = NULL;

	assert_int_equal(plugin_load(arena, ODD, file, &plugin, &why), E_INVALID);
	assert_null(plugin);
	assert_non_null(why);
	if (!strstr(why, part))
		fail_msg("%s: \"%s\" does not say \"%s\"", file, why, part);
	assert_non_null(strstr(why, file));
	arena_free(arena);
}

static void each_odd_one_has_its_sentence(void **state)
{
	static const char *const odd[][2] = {
		{ "no-magic.so", "OPSHUB_MAGIC" },
		{ "short-struct.so", "the least is" },
		{ "newer-major.so", "built for plugin ABI 2" },
		{ "newer-minor.so", "needs plugin ABI 1.2" },
		{ "no-operation.so", "lacks the operation destroy" },
		{ "no-description.so", "returned NULL" },
		{ "no-symbol.so", "does not export opshub_plugin_entry" },
		{ "undefined.so", "undefined symbol: nobody_has_this" },
		{ "wrong-name.so", "calls itself \"vercel\"" },
		{ "wrong-kind.so", "of kind 99" },
		{ "setting-outside.so", "outside the instance" },
		{ "not-elf.so", "not an ELF" },
		{ "world-writable.so", "can be written by everybody" },
		{ "link-out.so", "link out of the plugin folder" },
		{ "absent.so", "No such file" },
		{ "Bad Name.so", "no valid name" },
		{ "noextension", "does not end in .so" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		refused(odd[i][0], odd[i][1]);
}

static void sound_ones_load(void **state)
{
	static const char *const sound[] = { "good.so", "later-minor.so", "blocking.so", "open-fails.so" };
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(sound) / sizeof(sound[0]); i++) {
		const struct plugin *plugin = NULL;
		const char *why = "";
		if (plugin_load(arena, ODD, sound[i], &plugin, &why) < 0)
			fail_msg("%s", why);
		assert_non_null(plugin->provider.create);
		assert_null(plugin->provider.find);
		assert_string_equal(plugin->settings[0].key, "url");
	}
	arena_free(arena);
}

static void longer_structs_are_cut(void **state)
{
	struct arena *arena = arena_new();
	const struct plugin *plugin = NULL;
	const char *why = "";

	(void)state;
	assert_int_equal(plugin_load(arena, ODD, "later-minor.so", &plugin, &why), OK);
	assert_int_equal(plugin->about.n_settings, 2);
	assert_string_equal(plugin->settings[1].key, "number");
	assert_string_equal(plugin->settings[1].initial, "7");
	arena_free(arena);
}

/* A host of 1.0 does not know the flag, and would let every project say where the operator's token is sent. */
static void who_has_operators_settings_needs_a_host_that_keeps_them(void **state)
{
	static const char *const files[] = { "exec.so",  "github.so", "mock.so",   "netlify.so",
					     "slack.so", "vercel.so", "webhook.so" };
	unsigned n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct arena *arena = arena_new();
		const struct plugin *plugin = NULL;
		const char *why = "";

		if (plugin_load(arena, OPSHUB_BUILD_DIR "/plugins", files[i], &plugin, &why) < 0)
			fail_msg("%s", why);
		for (uint32_t k = 0; k < plugin->about.n_settings; k++) {
			if (!(plugin->settings[k].flags & OPSHUB_SETTING_OPERATOR))
				continue;
			n++;
			if (plugin->about.needs_minor < 1)
				fail_msg("%s: a 1.0 host lets projects set %s", files[i], plugin->settings[k].key);
		}
		arena_free(arena);
	}
	assert_true(n >= 4);
}

/* A debugger opens an object by the name the linker has of it: that must be the plugin there as well. */
static int find_good(struct dl_phdr_info *object, size_t size, void *ret)
{
	struct stat loaded, good;

	(void)size;
	if (!stat(ODD "/good.so", &good) && !stat(object->dlpi_name, &loaded) && loaded.st_ino == good.st_ino &&
	    loaded.st_dev == good.st_dev)
		snprintf(ret, 64, "%s", object->dlpi_name);
	return 0;
}

static void another_process_sees_the_same_file(void **state)
{
	struct arena *arena = arena_new();
	const struct plugin *plugin;
	const char *why = "";
	char name[64] = "", command[256];

	(void)state;
	assert_int_equal(plugin_load(arena, ODD, "good.so", &plugin, &why), OK);
	dl_iterate_phdr(find_good, name);
	assert_string_not_equal(name, "");
	snprintf(command, sizeof(command), "exec cmp -s -- %s " ODD "/good.so", name);
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	arena_free(arena);
}

static void a_probe_survives(void **state)
{
	struct arena *arena = arena_new();
	const char *why = "";
	int64_t start = clock_mono_ms();

	(void)state;
	assert_int_equal(plugin_probe(arena, ODD, "ctor-aborts.so", 5000, &why), E_INVALID);
	assert_non_null(strstr(why, "crashed while it was being loaded (SIGABRT)"));
	assert_int_equal(plugin_probe(arena, ODD, "ctor-exits.so", 5000, &why), E_INVALID);
	assert_non_null(strstr(why, "ended the process while it was being loaded (exit code 3)"));
	assert_int_equal(plugin_probe(arena, ODD, "ctor-hangs.so", 300, &why), E_INVALID);
	assert_non_null(strstr(why, "did not return within 300 ms"));
	assert_int_equal(plugin_probe(arena, ODD, "good.so", 5000, &why), OK);
	assert_true(clock_mono_ms() - start < 15000);
	arena_free(arena);
}

static void the_catalog_lists_everything(void **state)
{
	struct catalog_options options = { .folder = ODD, .disabled = STR("hangs, crashes"), .probe_ms = 1000 };
	struct catalog *catalog = catalog_open(&options);
	const char *why = "";
	size_t loaded = 0;

	(void)state;
	assert_string_equal(catalog_why(catalog), "");
	for (size_t i = 0; i < catalog_size(catalog); i++) {
		const struct catalog_entry *entry = catalog_at(catalog, i);
		loaded += entry->state == CATALOG_LOADED;
		assert_true((entry->state == CATALOG_LOADED) == (entry->plugin != NULL));
		assert_true((entry->state == CATALOG_LOADED) == (entry->reason.n == 0));
	}
	assert_true(loaded >= 6);
	assert_non_null(catalog_find(catalog, STR("good"), &why));
	assert_non_null(catalog_provider(catalog, STR("good"), &why));
	assert_null(catalog_find(catalog, STR("hangs"), &why));
	assert_non_null(strstr(why, "plugins.disabled"));
	assert_null(catalog_find(catalog, STR("ctor-aborts"), &why));
	assert_non_null(strstr(why, "SIGABRT"));
	assert_null(catalog_find(catalog, STR("nothing"), &why));
	assert_non_null(strstr(why, "no plugin of that name"));
	catalog_close(catalog);
}

static void lists_of_names_hold(void **state)
{
	struct catalog_options options = { .folder = ODD, .enabled = STR("good blocking"), .probe_ms = -1 };
	struct catalog *catalog = catalog_open(&options);
	size_t loaded = 0;

	(void)state;
	for (size_t i = 0; i < catalog_size(catalog); i++)
		loaded += catalog_at(catalog, i)->state == CATALOG_LOADED;
	assert_int_equal(loaded, 2);
	catalog_close(catalog);
	options.folder = ODD "/absent";
	catalog = catalog_open(&options);
	assert_int_equal(catalog_size(catalog), 0);
	assert_non_null(strstr(catalog_why(catalog), "cannot be read"));
	catalog_close(catalog);
}

static void an_open_folder_is_refused(void **state)
{
	char folder[] = "/tmp/opshub-plugins-XXXXXX";
	struct arena *arena = arena_new();
	const struct plugin *plugin = NULL;
	const char *why = "";

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0777), 0);
	assert_int_equal(plugin_load(arena, folder, "good.so", &plugin, &why), E_INVALID);
	assert_non_null(strstr(why, "written by everybody"));
	rmdir(folder);
	arena_free(arena);
}

static void another_machine_is_refused(void **state)
{
	char folder[] = "/tmp/opshub-plugins-XXXXXX", path[64];
	unsigned char head[64] = { 0x7f, 'E', 'L', 'F', 1 /* 32 bits */, 1, 1 };
	struct arena *arena = arena_new();
	const struct plugin *plugin = NULL;
	const char *why = "";
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/small.so", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(head, sizeof(head), 1, file), 1);
	fclose(file);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(plugin_load(arena, folder, "small.so", &plugin, &why), E_INVALID);
	assert_non_null(strstr(why, "built for another machine"));
	unlink(path);
	rmdir(folder);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_process_sees_the_same_file),
		cmocka_unit_test(a_probe_survives),
		cmocka_unit_test(each_odd_one_has_its_sentence),
		cmocka_unit_test(sound_ones_load),
		cmocka_unit_test(longer_structs_are_cut),
		cmocka_unit_test(who_has_operators_settings_needs_a_host_that_keeps_them),
		cmocka_unit_test(the_catalog_lists_everything),
		cmocka_unit_test(lists_of_names_hold),
		cmocka_unit_test(an_open_folder_is_refused),
		cmocka_unit_test(another_machine_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

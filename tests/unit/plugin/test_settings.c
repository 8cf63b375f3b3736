/* Settings: each type's rule, where values come from, what the catalog says and does not say. */
#include "plugin/settings.h"

#include "base/json_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct sample {
	const char *text, *secret, *url, *choice;
	int64_t number, flag, time;
};

static struct plugin plugin;

static void add(const char *key, uint32_t type, size_t offset, const char *initial)
{
	plugin.settings[plugin.about.n_settings++] =
		(struct opshub_setting){ .key = key, .type = type, .offset = (uint32_t)offset, .initial = initial };
}

static int setup(void **state)
{
	(void)state;
	memset(&plugin, 0, sizeof(plugin));
	plugin.about.name = "sample";
	plugin.about.instance_size = sizeof(struct sample);
	add("text", OPSHUB_SETTING_STRING, offsetof(struct sample, text), "start");
	add("secret", OPSHUB_SETTING_SECRET, offsetof(struct sample, secret), NULL);
	add("url", OPSHUB_SETTING_URL, offsetof(struct sample, url), NULL);
	add("choice", OPSHUB_SETTING_CHOICE, offsetof(struct sample, choice), "one");
	add("number", OPSHUB_SETTING_INT, offsetof(struct sample, number), "3");
	add("flag", OPSHUB_SETTING_BOOL, offsetof(struct sample, flag), NULL);
	add("time", OPSHUB_SETTING_DURATION, offsetof(struct sample, time), "2s");
	plugin.settings[0].max = 8;
	plugin.settings[1].env = "OPSHUB_TEST_SECRET";
	plugin.settings[3].choices = "one|two";
	plugin.settings[4].min = 1;
	plugin.settings[4].max = 10;
	unsetenv("OPSHUB_TEST_SECRET");
	return 0;
}

/* The message of the only fault, "" when the value is taken. */
static const char *fault(struct arena *arena, const char *key, const char *value, struct sample *ret)
{
	const struct setting_value given = { str_of(key), str_of(value) };
	const struct setting_fault *faults;
	size_t n;

	memset(ret, 0, sizeof(*ret));
	n = settings_write(arena, &plugin, &given, 1, ret, &faults);
	assert_true(n <= 1);
	if (n == 1)
		assert_string_equal(faults[0].field, key);
	return n ? faults[0].message : "";
}

static void each_type_has_its_rule(void **state)
{
	static const struct {
		const char *key, *value, *part;
	} rows[] = {
		{ "text", "12345678", "" },
		{ "text", "123456789", "at most 8 bytes" },
		{ "text", "a\nb", "control characters" },
		{ "text", "\xff", "UTF-8" },
		{ "url", "https://api.example.com", "" },
		{ "url", "http://127.0.0.1:4010/", "" },
		{ "url", "ftp://example.com", "must start with" },
		{ "url", "https://", "name a host" },
		{ "url", "https:///x", "name a host" },
		{ "url", "https://user@example.com", "user name" },
		{ "url", "https://exa mple.com", "plain ASCII" },
		{ "choice", "two", "" },
		{ "choice", "three", "one of one|two" },
		{ "choice", "one|two", "one of" },
		{ "number", "10", "" },
		{ "number", "11", "between 1 and 10" },
		{ "number", "ten", "whole number" },
		{ "number", "99999999999999999999", "whole number" },
		{ "flag", "Yes", "" },
		{ "flag", "maybe", "true or false" },
		{ "time", "5m", "" },
		{ "time", "5 minutes", "duration" },
		{ "time", "-5s", "duration" },
		{ "nothing", "x", "" },
	};
	struct arena *arena = arena_new();
	struct sample sample;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = fault(arena, rows[i].key, rows[i].value, &sample);
		if ((*rows[i].part == 0) != (*why == 0) || !strstr(why, rows[i].part))
			fail_msg("%s=%s: \"%s\"", rows[i].key, rows[i].value, why);
	}
	arena_free(arena);
}

static void values_are_written(void **state)
{
	const struct setting_value given[] = {
		{ STR("url"), STR("https://a.example///") },
		{ STR("flag"), STR("on") },
		{ STR("time"), STR("1h") },
		{ STR("text"), STR("") },
	};
	struct arena *arena = arena_new();
	const struct setting_fault *faults;
	struct sample sample = { 0 };

	(void)state;
	setenv("OPSHUB_TEST_SECRET", "from-outside", 1);
	assert_int_equal(settings_write(arena, &plugin, given, 4, &sample, &faults), 0);
	assert_string_equal(sample.url, "https://a.example");
	assert_string_equal(sample.secret, "from-outside");
	assert_string_equal(sample.text, "start");
	assert_string_equal(sample.choice, "one");
	assert_int_equal(sample.flag, 1);
	assert_int_equal(sample.number, 3);
	assert_int_equal(sample.time, 3600000);
	arena_free(arena);
}

static void a_secret_may_stand_in_a_file(void **state)
{
	char path[] = "/tmp/opshub-secret-XXXXXX";
	int fd = mkstemp(path);
	struct arena *arena = arena_new();
	const struct setting_fault *faults;
	struct sample sample = { 0 };

	(void)state;
	assert_int_equal(write(fd, "from-a-file\n", 12), 12);
	close(fd);
	setenv("OPSHUB_TEST_SECRET_FILE", path, 1);
	plugin.settings[2].initial = "https://a.example";
	assert_int_equal(settings_write(arena, &plugin, NULL, 0, &sample, &faults), 0);
	assert_string_equal(sample.secret, "from-a-file");
	unlink(path);
	assert_int_equal(settings_write(arena, &plugin, NULL, 0, &sample, &faults), 1);
	assert_string_equal(settings_faults_text(arena, faults, 1),
			    "secret is in a file that cannot be read or is empty: see OPSHUB_TEST_SECRET_FILE");
	unsetenv("OPSHUB_TEST_SECRET_FILE");
	arena_free(arena);
}

static void what_is_required_is_asked_for(void **state)
{
	struct arena *arena = arena_new();
	const struct setting_fault *faults;
	struct sample sample = { 0 };
	size_t n;

	(void)state;
	plugin.settings[1].flags = OPSHUB_SETTING_REQUIRED;
	plugin.settings[2].flags = OPSHUB_SETTING_REQUIRED;
	n = settings_write(arena, &plugin, NULL, 0, &sample, &faults);
	assert_int_equal(n, 2);
	assert_string_equal(settings_faults_text(arena, faults, n), "secret is required; url is required");
	arena_free(arena);
}

/* A project must not say where a token from the environment goes. */
static void what_is_the_operators_no_value_changes(void **state)
{
	const struct setting_value given[] = { { STR("url"), STR("https://mine.example") },
					       { STR("secret"), STR("mine") } };
	struct arena *arena = arena_new();
	const struct setting_fault *faults;
	struct sample sample = { 0 };

	(void)state;
	unsetenv("OPSHUB_TEST_URL");
	setenv("OPSHUB_TEST_SECRET", "from-outside", 1);
	plugin.settings[1].flags = OPSHUB_SETTING_OPERATOR;
	plugin.settings[2].flags = OPSHUB_SETTING_OPERATOR | OPSHUB_SETTING_REQUIRED;
	plugin.settings[2].env = "OPSHUB_TEST_URL";
	assert_int_equal(settings_write(arena, &plugin, given, 2, &sample, &faults), 1);
	assert_string_equal(faults[0].field, "url");
	assert_string_equal(sample.secret, "from-outside");
	setenv("OPSHUB_TEST_URL", "https://theirs.example", 1);
	assert_int_equal(settings_write(arena, &plugin, given, 2, &sample, &faults), 0);
	assert_string_equal(sample.url, "https://theirs.example");
	arena_free(arena);
}

static void the_schema_holds_no_secret(void **state)
{
	struct arena *arena = arena_new();
	const struct json *schema;
	const char *why = "";
	struct buf text;

	(void)state;
	setenv("OPSHUB_TEST_SECRET", "from-outside", 1);
	plugin.settings[1].initial = "built-in-secret";
	buf_init(&text, 100000);
	settings_schema(&plugin, &text);
	assert_null(memmem(text.p, text.n, "from-outside", 12));
	assert_null(memmem(text.p, text.n, "built-in-secret", 15));
	schema = json_parse(arena, buf_str(&text), NULL, &why);
	assert_non_null(schema);
	assert_int_equal(schema->n, 7);
	assert_true(json_bool(json_get(json_at(schema, 1), "envIsSet"), false));
	assert_true(str_eq(json_text(json_get(json_at(schema, 6), "type"), STR("")), STR("duration")));
	assert_int_equal(json_get(json_at(schema, 3), "choices")->n, 2);
	buf_done(&text);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_type_has_its_rule, setup),
		cmocka_unit_test_setup(values_are_written, setup),
		cmocka_unit_test_setup(a_secret_may_stand_in_a_file, setup),
		cmocka_unit_test_setup(what_is_required_is_asked_for, setup),
		cmocka_unit_test_setup(what_is_the_operators_no_value_changes, setup),
		cmocka_unit_test_setup(the_schema_holds_no_secret, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

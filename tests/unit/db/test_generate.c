/* sql/queries.awk and sql/migrations.awk: what becomes of the text, and which files they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/db/server_fixture.h"

static struct server folder; /* no server: only its folder and log */

static const char *put(const char *name, const char *text)
{
	static char path[4][128];
	static unsigned next;
	char *at = path[next++ % 4];
	FILE *file;

	snprintf(at, sizeof(path[0]), "%s/%s", folder.folder, name);
	file = fopen(at, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return at;
}

/* Runs awk; its output and complaints are in the result. */
static const char *generate(const char *script, const char *out, const char *first, const char *second, int *ret_status)
{
	static char text[8192];
	char script_path[256], define[16], log[128];
	char *argv[] = {
		(char *)(uintptr_t) "awk", (char *)(uintptr_t) "-v",  define, (char *)(uintptr_t) "-f", script_path,
		(char *)(uintptr_t)first,  (char *)(uintptr_t)second, NULL
	};
	FILE *file;
	size_t n;

	snprintf(script_path, sizeof(script_path), "%s/sql/%s", OPSHUB_SOURCE_DIR, script);
	snprintf(define, sizeof(define), "out=%s", out);
	snprintf(log, sizeof(log), "%s/log", folder.folder);
	unlink(log);
	waitpid(spawn(&folder, argv), ret_status, 0);
	file = fopen(log, "r");
	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	return text;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fprintf(stderr, "missing: %s\nin: %s\n", part, text);
	assert_non_null(strstr(text, part));
}

static void test_queries(void **state)
{
	const char *a = put(
		"a.sql", "-- A file.\n\n-- name: things_list\n-- $1 what\nselect \"id\", 'it''s -- kept' -- dropped\n"
			 "\n  from\tthings\n where a = 'two\n  lines \\'\n  ;\n\n-- name: last\nselect 1;\n");
	const char *b = put("b.sql", "-- name: other\nselect 2\n");
	const char *text;
	int status;

	(void)state;
	text = generate("queries.awk", "h", a, b, &status);
	assert_int_equal(status, 0);
	has(text, "enum query {\n\tQ_THINGS_LIST,\n\tQ_LAST,\n\tQ_OTHER,\n\tquery_count\n};");
	text = generate("queries.awk", "c", a, b, &status);
	has(text, "{ \"things_list\",\n\t  \"select \\\"id\\\", 'it''s -- kept'\\n\"\n\t  \"from\\tthings\\n\"\n"
		  "\t  \"where a = 'two\\n\"\n\t  \"  lines \\\\'\" },\n");
	has(text, "{ \"last\",\n\t  \"select 1\" },");
	assert_null(strstr(text, "dropped"));
	text = generate("queries.awk", "h", NULL, NULL, &status);
	assert_int_equal(status, 0);
	has(text, "enum query {\n\tquery_count\n};");
}

static void test_wrong_queries(void **state)
{
	static const struct {
		const char *text, *complaint;
	} cases[] = {
		{ "-- name: a\nselect 1\n-- name: a\nselect 2\n", "two queries called a" },
		{ "-- name: a b\nselect 1\n", "no name for a query" },
		{ "-- name: A\nselect 1\n", "no name for a query" },
		{ "select 1\n", "before the first" },
		{ "-- name: a\n-- nothing\n", "the query a is empty" },
		{ "-- name: a\nselect 1;\nselect 2;\n", "second statement" },
		{ "-- name: a\nselect 'x\n", "inside a quoted text" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = 0;

		has(generate("queries.awk", "c", put("wrong.sql", cases[i].text), NULL, &status), cases[i].complaint);
		assert_int_not_equal(status, 0);
	}
}

static void test_migrations(void **state)
{
	const char *one = put("0001_init.sql", "create table \"a\" (b text default E'x\\n');\n\n\t-- kept\n");
	const char *seed = put("seed.sql", "insert into a values ('s');\n");
	const char *text, *other;
	int status;

	(void)state;
	text = generate("migrations.awk", "c", one, seed, &status);
	assert_int_equal(status, 0);
	has(text, "{ \"0001_init\",\n\t\"create table \\\"a\\\" (b text default E'x\\\\n');\\n\"\n\t\"\\n\"\n\t\"\\t-- "
		  "kept\\n\" },");
	has(text, "migration_count = 1;");
	has(text, "seed_sql =\n\t\"insert into a values ('s');\\n\";");
	other = put("0001_other.sql", "select 1;\n");
	has(generate("migrations.awk", "c", one, other, &status), "two migrations have the number 0001");
	assert_int_not_equal(status, 0);
	has(generate("migrations.awk", "c", put("0002_b.sql", ""), one, &status), "sorted by name");
	has(generate("migrations.awk", "c", put("2_b.sql", ""), NULL, &status), "NNNN_name.sql");
	has(generate("migrations.awk", "c", seed, one, &status), "must be the last");
	assert_int_not_equal(status, 0);
}

static int set_up(void **state)
{
	(void)state;
	folder_new(&folder, "awk");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	folder_free(&folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_wrong_queries),
		cmocka_unit_test(test_migrations),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

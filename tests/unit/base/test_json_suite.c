/* JSONTestSuite: every y_ document is taken, every n_ document refused, and where the suite leaves it open (i_), or a
 * limit of ours is stricter than JSON, tests/contract/json-test-suite.verdicts.txt says what happens. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_read.h"

#define SUITE    OPSHUB_SOURCE_DIR "/tests/contract/json-test-suite"
#define VERDICTS SUITE ".verdicts.txt"
#define LONGEST  (1024 * 1024)

/* Of exactly its size, so that one byte read too far is noticed. */
static struct str read_whole(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *bytes = malloc(LONGEST), *exact;
	size_t n;

	if (!file)
		fail_msg("%s cannot be opened", path);
	n = fread(bytes, 1, LONGEST, file);
	assert_in_range(n, 0, LONGEST - 1);
	fclose(file);
	exact = malloc(n + !n);
	memcpy(exact, bytes, n);
	free(bytes);
	return (struct str){ exact, n };
}

/* The verdict on a document: "taken", or what its refusal says; .p == NULL when it is not listed. */
static struct str listed(struct str verdicts, const char *name)
{
	while (verdicts.n) {
		struct str line = str_split(&verdicts, '\n'), first = str_split(&line, ' ');

		if (str_eq(first, str_of(name)))
			return str_trim(line);
	}
	return (struct str){ 0 };
}

static bool is_as_wanted(const char *name, struct str verdict, const struct json *value, const char *why)
{
	bool taken = verdict.p ? str_eq(verdict, STR("taken")) : name[0] == 'y';

	if (taken != (value != NULL))
		return false;
	if (taken)
		return true;
	return strncmp(why, "byte ", 5) == 0 && (!verdict.p || strstr(why, verdict.p));
}

static void each_document(void **state)
{
	DIR *folder = opendir(SUITE);
	struct str verdicts = read_whole(VERDICTS);
	unsigned kinds[128] = { 0 }, wrong = 0, n_listed = 0;
	struct dirent *entry;

	(void)state;
	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL) {
		char path[sizeof(SUITE) + sizeof(entry->d_name)];
		struct arena *arena = arena_new();
		struct str text, verdict = listed(verdicts, entry->d_name);
		const struct json *value;
		const char *why = "";

		if (entry->d_name[0] == '.') {
			arena_free(arena);
			continue;
		}
		snprintf(path, sizeof(path), "%s/%s", SUITE, entry->d_name);
		text = read_whole(path);
		value = json_parse(arena, text, NULL, &why);
		free((char *)text.p);
		verdict = arena_str(arena, verdict.p ? verdict : STR(""));
		if (!is_as_wanted(entry->d_name, verdict.n ? verdict : (struct str){ 0 }, value, why)) {
			print_error("%s %s\n", entry->d_name, value ? "taken" : why);
			wrong++;
		}
		n_listed += verdict.n > 0;
		assert_true(entry->d_name[0] != 'i' || verdict.n > 0);
		kinds[entry->d_name[0] & 0x7f]++;
		arena_free(arena);
	}
	closedir(folder);
	free((char *)verdicts.p);
	assert_int_equal(wrong, 0);
	assert_int_equal(kinds['y'], 95);
	assert_int_equal(kinds['n'], 188);
	assert_int_equal(kinds['i'], 35);
	assert_int_equal(n_listed, 35 + 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_document) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

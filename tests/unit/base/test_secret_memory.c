/* Memory for secrets: empty when it is handed out, whoever had it before, and out of reach of a dump and of children.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/secret_memory.h"

static bool is_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static void blocks_are_zeroed_and_apart(void **state)
{
	static const size_t sizes[] = { 0, 1, 16, 48, 49, 112, 1000, 4000, 32752, 32753, 65537, 300000 };
	enum { N = sizeof(sizes) / sizeof(sizes[0]), ROUNDS = 200 };
	char *blocks[N];

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < N; i++) {
			blocks[i] = secret_alloc(sizes[i]);
			assert_int_equal((uintptr_t)blocks[i] % 16, 0);
			assert_true(is_zero(blocks[i], sizes[i]));
			memset(blocks[i], (int)i + 1, sizes[i]);
		}
		for (size_t i = 0; i < N; i++) {
			for (size_t k = 0; k < sizes[i]; k++)
				assert_int_equal(blocks[i][k], i + 1);
			secret_free(blocks[i]);
		}
	}
	secret_free(NULL);
}

/* The line of smaps with the flags of the mapping that holds the address. */
static void read_flags(const void *address, char *ret, size_t size)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	unsigned long from, to;
	char line[512];
	bool inside = false;

	assert_non_null(file);
	ret[0] = '\0';
	while (!ret[0] && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = (uintptr_t)address >= from && (uintptr_t)address < to;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(ret, size, "%s", line);
	}
	fclose(file);
}

static void it_is_not_dumped_and_a_child_has_zeros(void **state)
{
	char *p = secret_alloc(100), flags[512];
	int status;
	pid_t child;

	(void)state;
	read_flags(p, flags, sizeof(flags));
	assert_non_null(strstr(flags, " dd"));
	assert_non_null(strstr(flags, " wf"));
#ifndef OPSHUB_SANITIZED /* sanitizers do not let memory be locked */
	assert_non_null(strstr(flags, " lo"));
#endif
	memset(p, 'x', 100);
	child = fork();
	if (child == 0)
		_exit(is_zero(p, 100) ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(p[99], 'x');
	secret_free(p);
}

static void an_arena_wipes_what_was_secret(void **state)
{
	struct arena *arena = arena_new(), *whole = arena_new_secret();
	char *secret = arena_secret(arena, 100), flags[512], *text;

	(void)state;
	assert_true(arena_is_wiped(arena));
	assert_true(is_zero(secret, 100));
	memset(secret, 's', 100);
	read_flags(secret, flags, sizeof(flags));
	assert_non_null(strstr(flags, " dd"));
	for (int i = 0; i < 10; i++) {
		text = arena_alloc(whole, 5000);
		memset(text, 't', 5000);
		read_flags(text, flags, sizeof(flags));
		assert_non_null(strstr(flags, " dd"));
	}
	arena_free(whole);
	arena_free(arena);
	secret = secret_alloc(100); /* the same block again */
	assert_true(is_zero(secret, 100));
	secret_free(secret);
}

static void wiped_realloc_keeps_what_fits(void **state)
{
	static const size_t sizes[] = { 10, 1000, 990, 20, 5000, 1, 0, 64 };
	char *p = NULL;
	size_t before = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		p = wiped_realloc(p, sizes[i]);
		assert_non_null(p);
		for (size_t k = 0; k < (before < sizes[i] ? before : sizes[i]); k++)
			assert_int_equal(p[k], 'a');
		memset(p, 'a', sizes[i]);
		before = sizes[i];
	}
	wiped_free(p);
	wiped_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_zeroed_and_apart),
		cmocka_unit_test(it_is_not_dumped_and_a_child_has_zeros),
		cmocka_unit_test(an_arena_wipes_what_was_secret),
		cmocka_unit_test(wiped_realloc_keeps_what_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

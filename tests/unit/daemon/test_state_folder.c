/* The state folder: systemd's, or one of our own that nobody else could have put there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/state_folder.h"

static char base[64], ours[128], folder[256];

static int set_up(void **state)
{
	(void)state;
	unsetenv("STATE_DIRECTORY");
	snprintf(base, sizeof(base), "/tmp/opshub-state-XXXXXX");
	if (!mkdtemp(base))
		return 1;
	snprintf(ours, sizeof(ours), "%s/opshub-%u", base, (unsigned)geteuid());
	snprintf(folder, sizeof(folder), "unchanged");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (unlink(ours) < 0)
		rmdir(ours);
	return rmdir(base);
}

static void check_refused(void)
{
	assert_false(state_folder(base, folder, sizeof(folder)));
	assert_string_equal(folder, "unchanged");
}

static void it_is_made_and_found_again(void **state)
{
	struct stat st;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_true(state_folder(base, folder, sizeof(folder)));
		assert_string_equal(folder, ours);
		assert_int_equal(lstat(ours, &st), 0);
		assert_true(S_ISDIR(st.st_mode));
		assert_int_equal(st.st_mode & 07777, 0700);
	}
}

static void a_link_is_refused(void **state)
{
	(void)state;
	assert_int_equal(symlink("/tmp", ours), 0);
	check_refused();
	assert_int_equal(unlink(ours), 0);
	assert_int_equal(symlink(base, ours), 0);
	check_refused();
	assert_int_equal(unlink(ours), 0);
	assert_int_equal(symlink("nowhere", ours), 0);
	check_refused();
}

static void what_others_may_enter_is_refused(void **state)
{
	(void)state;
	assert_int_equal(mkdir(ours, 0700), 0);
	assert_int_equal(chmod(ours, 0750), 0);
	check_refused();
	assert_int_equal(chmod(ours, 0702), 0);
	check_refused();
	assert_int_equal(chmod(ours, 0700), 0);
	if (chown(ours, geteuid() + 1, (gid_t)-1) == 0) /* only root may give it away */
		check_refused();
}

static void a_file_is_refused(void **state)
{
	FILE *file = fopen(ours, "w");

	(void)state;
	assert_non_null(file);
	fclose(file);
	check_refused();
}

static void names_that_are_too_long_are_refused(void **state)
{
	char deep[400];

	(void)state;
	memset(deep, 'x', sizeof(deep) - 1);
	deep[0] = '/';
	deep[sizeof(deep) - 1] = '\0';
	assert_false(state_folder(deep, folder, sizeof(folder)));
	assert_false(state_folder(base, folder, 10));
	setenv("STATE_DIRECTORY", deep, 1);
	check_refused();
}

static void systemds_is_taken_as_it_is(void **state)
{
	(void)state;
	setenv("STATE_DIRECTORY", "/var/lib/opshub", 1);
	assert_true(state_folder(base, folder, sizeof(folder)));
	assert_string_equal(folder, "/var/lib/opshub");
	setenv("STATE_DIRECTORY", "", 1); /* nothing is not set */
	assert_true(state_folder(base, folder, sizeof(folder)));
	assert_string_equal(folder, ours);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(it_is_made_and_found_again),          CASE(a_link_is_refused),
		CASE(what_others_may_enter_is_refused),    CASE(a_file_is_refused),
		CASE(names_that_are_too_long_are_refused), CASE(systemds_is_taken_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

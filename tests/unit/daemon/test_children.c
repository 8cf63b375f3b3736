/* Starting a child: what a start that fails leaves behind, and what the next one is told. The children are this program
 * itself, which then only says its arguments. */
#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/children.h"

static const struct config config;
static const struct child_setup setup = { .listen_fd = -1, .config = &config };

static int open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(folder);
	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

/* One that died in a plugin. */
static struct child a_dead_worker(void)
{
	return (struct child){ .kind = CHILD_WORKER,
			       .id = "proc_dead",
			       .last_id = "proc_before",
			       .crash_job = "job_7",
			       .crash_why = "the plugin mock crashed in create" };
}

static void check_told(struct child *child)
{
	char said[1024] = "";
	struct pollfd hear = { .fd = child->status_fd, .events = POLLIN };
	size_t n = 0;
	ssize_t got = 1;
	int status;

	while (got > 0 && n < sizeof(said) - 1 && poll(&hear, 1, 10000) == 1)
		n += (size_t)((got = read(child->status_fd, said + n, sizeof(said) - 1 - n)) > 0 ? got : 0);
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	assert_non_null(strstr(said, " --child=worker "));
	assert_non_null(strstr(said, " --predecessor=proc_dead "));
	assert_non_null(strstr(said, " --crash-job=job_7 "));
	assert_non_null(strstr(said, " --crash-why=the plugin mock crashed in create "));
	child_buried(child, status);
}

static void one_that_cannot_be_executed(void **state)
{
	struct child child = a_dead_worker();
	size_t too_much = 4 * 1024 * 1024;
	char *text = malloc(too_much);
	int before = open_descriptors();

	(void)state;
	assert_non_null(text);
	memset(text, 'x', too_much - 1);
	text[too_much - 1] = '\0';
	setenv("TOO_MUCH", text, 1); /* execve: argument list too long */
	for (int i = 0; i < 3; i++) {
		assert_false(child_start(&child, &setup));
		assert_int_equal(child.pid, 0);
		assert_string_equal(child.id, "proc_dead");
		assert_string_equal(child.crash_job, "job_7");
	}
	assert_int_equal(open_descriptors(), before);
	unsetenv("TOO_MUCH");
	free(text);
	assert_true(child_start(&child, &setup));
	assert_string_not_equal(child.id, "proc_dead");
	assert_string_equal(child.crash_job, ""); /* handed over, once */
	assert_string_equal(child.crash_why, "");
	check_told(&child);
	assert_int_equal(open_descriptors(), before);
}

static void no_descriptors_are_left(void **state)
{
	struct child child = a_dead_worker();
	struct rlimit limit, low;
	int before = open_descriptors(), refused = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	/* each pipe end is moved to 10 or above: from none that fits to all but the last */
	for (low = limit, low.rlim_cur = 4; low.rlim_cur < 14; low.rlim_cur++) {
		bool started;

		assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
		started = child_start(&child, &setup);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		if (started) {
			check_told(&child);
			child = a_dead_worker();
			continue;
		}
		refused++;
		assert_int_equal(open_descriptors(), before);
		assert_string_equal(child.id, "proc_dead");
		assert_string_equal(child.crash_job, "job_7");
	}
	assert_true(refused >= 8);
	assert_true(child_start(&child, &setup));
	check_told(&child);
	assert_int_equal(open_descriptors(), before);
}

static int say_arguments(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (dprintf(CHILD_STATUS_FD, " %s ", argv[i]) < 0)
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_cannot_be_executed),
		cmocka_unit_test(no_descriptors_are_left),
	};

	if (argc > 1 && strcmp(argv[1], "--child=worker") == 0)
		return say_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

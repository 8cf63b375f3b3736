/* A program of the operator: its exit status, and what it leaves behind. */
#include "base/clock.h"
#include "unit/db/server_fixture.h"
#include "worker/program.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static char folder[] = "/tmp/program.XXXXXX", program[64], pipe_path[64];

static int set_up(void **state)
{
	(void)state;
	loop = loop_new(0);
	loop_watchdog(loop, 0);
	if (!mkdtemp(folder))
		return -1;
	snprintf(program, sizeof(program), "%s/program", folder);
	snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", folder);
	return mkfifo(pipe_path, 0600);
}

static int tear_down(void **state)
{
	(void)state;
	loop_free(loop);
	unlink(program);
	unlink(pipe_path);
	return rmdir(folder);
}

static void write_program(const char *lines)
{
	FILE *file = fopen(program, "w");

	CHECK(file != NULL);
	fprintf(file, "#!/bin/sh\n%s\n", lines);
	CHECK(fclose(file) == 0 && chmod(program, 0700) == 0);
}

static void statuses(struct call *call, void *arg)
{
	int status = -1;

	(void)arg;
	write_program("read word && [ \"$word\" = good ]");
	CHECK_INT(program_run(call, program, STR("good\n"), 60000, &status), OK);
	CHECK_INT(status, 0);
	CHECK_INT(program_run(call, program, STR("bad\n"), 60000, &status), OK);
	CHECK_INT(status, 1);
	write_program("kill -TERM $$");
	CHECK_INT(program_run(call, program, STR(""), 60000, &status), OK);
	CHECK_INT(status, 128 + 15);
	write_program("exec sleep 300");
	CHECK_INT(program_run(call, program, STR(""), 50, &status), E_TIMEOUT);
}

static void test_its_exit_status_is_the_answer(void **state)
{
	(void)state;
	run_fiber(loop, statuses, NULL);
}

/* The process that stays has the pipe open: the pipe ends with it. */
static void leaves_one_behind(struct call *call, void *arg)
{
	int fd = open(pipe_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), status = -1;
	int64_t end_ms = clock_mono_ms() + 60000;
	char byte;

	(void)arg;
	CHECK(fd >= 0);
	write_program(arena_printf(call->arena, "exec 3> %s\nsleep 300 &\nexit 1", pipe_path).p);
	CHECK_INT(program_run(call, program, STR(""), 60000, &status), OK);
	CHECK_INT(status, 1);
	while (read(fd, &byte, 1) < 0 && errno == EAGAIN && clock_mono_ms() < end_ms)
		fiber_sleep(call, 5);
	CHECK(clock_mono_ms() < end_ms);
	close(fd);
}

static void test_nothing_that_it_started_goes_on_after_it(void **state)
{
	(void)state;
	run_fiber(loop, leaves_one_behind, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_its_exit_status_is_the_answer),
		cmocka_unit_test(test_nothing_that_it_started_goes_on_after_it),
	};

	return cmocka_run_group_tests_name("worker_program", tests, set_up, tear_down);
}

/* Crashes of a plugin, each in a child process: the record names plugin, operation, job and fiber. */
#include "unit/plugin/stand.h"

#include <sys/resource.h>

static const char *crash_branch;

static void crash(struct call *call)
{
	struct instance *mock = instance_with(call, NULL, NULL);
	struct deployment d;

	log_scope_set(&call->log, F_TEXT("jobId", "job_42"));
	if (create(call, mock, "att_crash", crash_branch, &d) == OK)
		provider_status(call, mock, d.id.p, &d);
	_exit(0);
}

static struct crash_record crash_with(body_fn *body, int *ret_status)
{
	struct crash_record record = { 0 };
	const struct rlimit no_core = { 0, 0 };
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		for (int s = 1; s < 32; s++)
			signal(s, SIG_DFL);
		t.loop = loop_new(0);
		t.net = net_open(t.loop);
		t.plugins = plugins_open(t.loop, t.net);
		crash_install(fds[1]);
		run(body);
		_exit(0);
	}
	close(fds[1]);
	assert_int_equal(waitpid(pid, ret_status, 0), pid);
	assert_int_equal(read(fds[0], &record, sizeof(record)), sizeof(record));
	close(fds[0]);
	return record;
}

static void check_crash(const char *branch, const char *operation, int number)
{
	int status;
	struct crash_record record;

	crash_branch = branch;
	record = crash_with(crash, &status);
	assert_int_equal(record.magic, CRASH_MAGIC);
	assert_int_equal(record.signal, number);
	assert_int_equal(record.in_plugin, 1);
	assert_string_equal(record.plugin, "mock");
	assert_string_equal(record.operation, operation);
	assert_string_equal(record.job_id, "job_42");
	assert_string_equal(record.fiber, "test");
	if (number != SIGALRM)
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == number);
}

static void test_crashes_name_plugin_and_job(void **state)
{
	(void)state;
	check_crash("mock-crash-create", "create", SIGSEGV);
	check_crash("mock-crash-after-create", "create", SIGSEGV);
	check_crash("mock-crash-status", "status", SIGSEGV);
	check_crash("mock-overflow", "create", SIGSEGV);
}

static void overflow_on_a_thread(struct call *call)
{
	struct instance *odd = odd_instance(call, "blocking-overflow");
	struct deployment d;

	log_scope_set(&call->log, F_TEXT("jobId", "job_43"));
	create(call, odd, "att_crash", "x", &d);
	_exit(0);
}

static void test_threads_are_named_too(void **state)
{
	int status;
	struct crash_record record = crash_with(overflow_on_a_thread, &status);

	(void)state;
	assert_int_equal(record.signal, SIGSEGV);
	assert_int_equal(record.in_plugin, 1);
	assert_string_equal(record.plugin, "blocking-overflow");
	assert_string_equal(record.job_id, "job_43");
}

static void test_a_plugin_that_never_returns_is_ended(void **state)
{
	int64_t start = clock_mono_ms();

	(void)state;
#ifdef __SANITIZE_THREAD__
	skip(); /* ThreadSanitizer holds signals back until the next call into libc, which never comes */
#endif
	check_crash("mock-never-returns", "create", SIGALRM);
	assert_true(clock_mono_ms() - start >= CRASH_HOLD_MS - 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crashes_name_plugin_and_job),
		cmocka_unit_test(test_threads_are_named_too),
		cmocka_unit_test(test_a_plugin_that_never_returns_is_ended),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

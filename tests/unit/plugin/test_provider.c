/* mock.so against a real opshub-mock-cloud, through everything core/plugin has: settings, instances, host table, crash
 * records. */
#include "plugin/plugin.h"

#include "base/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SHA "0123456789abcdef0123456789abcdef01234567"

static struct {
	struct loop *loop;
	struct net *net;
	struct plugins *plugins;
	struct catalog *catalog, *odd;
	char url[64];
	pid_t cloud;
	int64_t next_version;
} t;

/* ---- the other side ---- */

static void cloud_start(void)
{
	int fds[2];
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	t.cloud = fork();
	assert_true(t.cloud >= 0);
	if (t.cloud == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		execl(OPSHUB_BUILD_DIR "/bin/opshub-mock-cloud", "opshub-mock-cloud", "--port", "0", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	n = read(fds[0], t.url, sizeof(t.url) - 1);
	assert_true(n > 20);
	t.url[n] = 0;
	memmove(t.url, t.url + strlen("listening on "), strlen(t.url));
	*strchr(t.url, '\n') = 0;
	close(fds[0]);
}

static int setup(void **state)
{
	(void)state;
	t.catalog = catalog_open(&(struct catalog_options){ .folder = OPSHUB_BUILD_DIR "/plugins", .probe_ms = -1 });
	t.odd = catalog_open(&(struct catalog_options){ .folder = OPSHUB_BUILD_DIR "/tests/plugins",
							.probe_ms = -1,
							.disabled = STR("ctor-aborts ctor-exits ctor-hangs") });
	cloud_start();
	t.loop = loop_new(0);
	t.net = net_open(t.loop);
	t.plugins = plugins_open(t.loop, t.net);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	plugins_close(t.plugins);
	net_close(t.net);
	loop_free(t.loop);
	catalog_close(t.catalog);
	catalog_close(t.odd);
	kill(t.cloud, SIGTERM);
	waitpid(t.cloud, NULL, 0);
	return 0;
}

/* ---- running ---- */

typedef void body_fn(struct call *call);

static void on_fiber(struct call *call, void *arg)
{
	(*(body_fn **)arg)(call);
}

static void on_done(struct call *call, void *arg)
{
	(void)arg;
	loop_stop(call->loop);
}

static void run_for(body_fn *body, int64_t timeout_ms)
{
	const struct fiber_options options = { .name = "test", .timeout_ms = timeout_ms, .on_done = on_done };

	assert_int_equal(fiber_start(t.loop, &options, on_fiber, &body, NULL), OK);
	loop_run(t.loop);
}

static void run(body_fn *body)
{
	run_for(body, 30000);
}

static struct instance *instance_with(struct call *call, const char *key, const char *value)
{
	const struct setting_value values[] = {
		{ STR("url"), str_of(t.url) },
		{ STR("buildMs"), STR("300ms") },
		{ STR("token"), STR("very-secret-token") },
		{ str_of(key), str_of(value) },
	};
	const char *why = "";
	const struct instance_spec spec = {
		.plugin = catalog_provider(t.catalog, STR("mock"), &why),
		.scope = STR("proj_1"),
		.version = ++t.next_version,
		.values = values,
		.n_values = key ? 4 : 3,
		.allow_private = true,
	};
	struct instance *instance = NULL;

	if (!spec.plugin || plugins_instance(call, t.plugins, &spec, &instance) < 0)
		fail_msg("%s %s", why, call->why);
	return instance;
}

static struct instance *odd_instance(struct call *call, const char *name)
{
	const struct setting_value values[] = { { STR("url"), str_of(t.url) } };
	const char *why = "";
	const struct instance_spec spec = {
		.plugin = catalog_provider(t.odd, str_of(name), &why),
		.scope = STR("proj_1"),
		.version = 1,
		.values = values,
		.n_values = 1,
		.allow_private = true,
	};
	struct instance *instance = NULL;

	if (!spec.plugin || plugins_instance(call, t.plugins, &spec, &instance) < 0)
		fail_msg("%s %s", why, call->why);
	return instance;
}

static struct opshub_deploy_request request_for(const char *attempt, const char *branch)
{
	static const struct opshub_env env[] = { { "API_KEY", "hunter2hunter2", 1, 0 }, { "MODE", "preview", 0, 0 } };

	return (struct opshub_deploy_request){
		.struct_size = sizeof(struct opshub_deploy_request),
		.attempt_id = attempt,
		.project_id = "proj_1",
		.project_name = "hello-world",
		.repo_full_name = "Codertocat/Hello-World",
		.pr_number = 7,
		.branch = branch,
		.sha = SHA,
		.title = "Change the greeting",
		.env = env,
		.n_env = 2,
		.env_size = sizeof(env[0]),
	};
}

static int create(struct call *call, struct instance *instance, const char *attempt, const char *branch,
		  struct deployment *ret)
{
	struct opshub_deploy_request request = request_for(attempt, branch);

	return provider_create(call, instance, &request, ret);
}

static void wait_for(struct call *call, struct instance *instance, const char *id, enum deployment_state state,
		     struct deployment *ret)
{
	for (int i = 0; i < 100; i++) {
		assert_int_equal(provider_status(call, instance, id, ret), OK);
		if (ret->state == state)
			return;
		fiber_sleep(call, 50);
	}
	fail_msg("%s never reached state %d", id, (int)state);
}

static int page_status(struct call *call, struct str url)
{
	const struct net_request request = { .method = "GET", .url = url.p, .allow_private = true };
	struct net_response response = { 0 };

	assert_int_equal(net_fetch(call, t.net, &request, &response), OK);
	return response.status;
}

/* ---- the tests ---- */

static void journey(struct call *call)
{
	struct instance *mock = instance_with(call, NULL, NULL);
	struct deployment made, seen;
	struct deployment_list list;
	struct build_log log;

	assert_int_equal(create(call, mock, "att_journey", "feature", &made), OK);
	assert_string_equal(call->why, "");
	assert_true(made.state == DEPLOYMENT_QUEUED || made.state == DEPLOYMENT_BUILDING);
	assert_int_equal(page_status(call, made.url), 404);
	wait_for(call, mock, made.id.p, DEPLOYMENT_READY, &seen);
	assert_int_equal(page_status(call, seen.url), 200);
	assert_int_equal(page_status(call, seen.stable_url), 200);
	assert_true(str_eq(seen.commit_sha, STR(SHA)));
	assert_int_equal(provider_find(call, mock, "att_journey", &seen), OK);
	assert_true(str_eq(seen.id, made.id));
	assert_int_equal(provider_find(call, mock, "att_unheard_of", &seen), E_NOT_FOUND);
	assert_non_null(strstr(call->why, "att_unheard_of"));
	assert_int_equal(provider_logs(call, mock, made.id.p, "", &log), OK);
	assert_int_equal(log.n_lines, 12);
	assert_true(log.is_complete);
	assert_int_equal(provider_logs(call, mock, made.id.p, log.next_cursor.p, &log), OK);
	assert_int_equal(log.n_lines, 0);
	assert_int_equal(provider_list(call, mock, "", &list), OK);
	assert_true(list.n_items >= 1);
	assert_int_equal(provider_cancel(call, mock, made.id.p), OK);
	assert_int_equal(provider_destroy(call, mock, made.id.p), OK);
	assert_int_equal(provider_destroy(call, mock, made.id.p), OK);
	assert_int_equal(provider_status(call, mock, made.id.p, &seen), E_NOT_FOUND);
	assert_int_equal(page_status(call, made.url), 410);
	instance_release(mock);
}

static void test_journey(void **state)
{
	(void)state;
	run(journey);
}

static void faults_of_create(struct call *call)
{
	static const struct {
		const char *branch;
		int code;
		bool was_made;
	} rows[] = {
		{ "x-mock-create-500", E_UPSTREAM, false },
		{ "mock-quota-1", E_QUOTA, false },
		{ "mock-auth", E_AUTH, false },
		{ "mock-garbage", E_UPSTREAM, true },
		{ "mock-lost-answer", E_UPSTREAM, true },
		{ "mock-create-429", OK, true },
	};
	struct instance *mock = instance_with(call, NULL, NULL);
	struct deployment d;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char attempt[32];
		snprintf(attempt, sizeof(attempt), "att_fault_%zu", i);
		assert_int_equal(create(call, mock, attempt, rows[i].branch, &d), rows[i].code);
		assert_int_equal(call->why[0] == 0, rows[i].code == OK);
		assert_int_equal(provider_find(call, mock, attempt, &d), rows[i].was_made ? OK : E_NOT_FOUND);
	}
	instance_release(mock);
}

static void test_faults_of_create(void **state)
{
	(void)state;
	run(faults_of_create);
}

static void faults_of_builds(struct call *call)
{
	struct instance *mock = instance_with(call, "fault", "fail-build");
	struct deployment d;

	assert_int_equal(create(call, mock, "att_build_1", "x", &d), OK);
	wait_for(call, mock, d.id.p, DEPLOYMENT_FAILED, &d);
	assert_int_equal(d.reason, REASON_BUILD);
	assert_true(d.message.n > 0);
	instance_release(mock);
	mock = instance_with(call, "outcome", "ready");
	assert_int_equal(create(call, mock, "att_build_2", "mock-hang", &d), OK);
	assert_int_equal(provider_cancel(call, mock, d.id.p), OK);
	wait_for(call, mock, d.id.p, DEPLOYMENT_CANCELLED, &d);
	assert_int_equal(create(call, mock, "att_build_3", "mock-destroy-fails-twice", &d), OK);
	assert_int_equal(provider_destroy(call, mock, d.id.p), E_UPSTREAM);
	assert_int_equal(provider_destroy(call, mock, d.id.p), E_UPSTREAM);
	assert_int_equal(provider_destroy(call, mock, d.id.p), OK);
	instance_release(mock);
}

static void test_faults_of_builds(void **state)
{
	(void)state;
	run(faults_of_builds);
}

static void late_answer(struct call *call)
{
	struct instance *mock = instance_with(call, "latencyMs", "5s");
	struct deployment d;
	int64_t start = clock_mono_ms();

	assert_int_equal(create(call, mock, "att_late", "x", &d), E_TIMEOUT);
	assert_true(clock_mono_ms() - start < 3000);
	instance_release(mock);
}

static void test_the_deadline_holds(void **state)
{
	(void)state;
	run_for(late_answer, 500);
}

static void verify(struct call *call)
{
	struct instance *mock = instance_with(call, NULL, NULL);
	struct report report;

	assert_int_equal(provider_verify(call, mock, &report), OK);
	assert_true(str_eq(report.account, STR("mock")));
	assert_int_equal(report.n_lines, 2);
	assert_int_equal(report.lines[0].state, OPSHUB_REPORT_OK);
	instance_release(mock);
}

static void test_verify(void **state)
{
	(void)state;
	run(verify);
}

static void versions(struct call *call)
{
	const struct setting_value values[] = { { STR("url"), str_of(t.url) } };
	const char *why = "";
	struct instance_spec spec = { .plugin = catalog_find(t.catalog, STR("mock"), &why),
				      .scope = STR("proj_2"),
				      .version = 1,
				      .values = values,
				      .n_values = 1,
				      .allow_private = true };
	struct instance *first = NULL, *again = NULL, *newer = NULL;
	struct report report;

	assert_int_equal(plugins_instance(call, t.plugins, &spec, &first), OK);
	assert_int_equal(plugins_instance(call, t.plugins, &spec, &again), OK);
	assert_ptr_equal(first, again);
	spec.version = 2;
	assert_int_equal(plugins_instance(call, t.plugins, &spec, &newer), OK);
	assert_ptr_not_equal(first, newer);
	/* The old one works until its last use ends. */
	instance_release(again);
	assert_int_equal(provider_verify(call, first, &report), OK);
	instance_release(first);
	assert_int_equal(provider_verify(call, newer, &report), OK);
	instance_release(newer);
}

static void test_versions_of_settings(void **state)
{
	(void)state;
	run(versions);
}

static void private_address(struct call *call)
{
	const struct setting_value values[] = { { STR("url"), str_of(t.url) } };
	const char *why = "";
	const struct instance_spec spec = { .plugin = catalog_find(t.catalog, STR("mock"), &why),
					    .scope = STR("proj_3"),
					    .version = 1,
					    .values = values,
					    .n_values = 1 };
	struct instance *mock = NULL;
	struct report report;

	assert_int_equal(plugins_instance(call, t.plugins, &spec, &mock), OK);
	assert_int_equal(provider_verify(call, mock, &report), E_INVALID);
	instance_release(mock);
}

static void test_private_addresses_need_a_permit(void **state)
{
	(void)state;
	run(private_address);
}

static void wrong_settings(struct call *call)
{
	const struct setting_value values[] = {
		{ STR("url"), STR("ftp://x") },          { STR("buildMs"), STR("soon") },
		{ STR("outcome"), STR("maybe") },        { STR("colour"), STR("red") },
		{ STR("token"), STR("sec\nret-value") },
	};
	const char *why = "";
	const struct instance_spec spec = { .plugin = catalog_find(t.catalog, STR("mock"), &why),
					    .scope = STR("proj_4"),
					    .version = 1,
					    .values = values,
					    .n_values = 5 };
	struct instance *mock = NULL;

	assert_int_equal(plugins_instance(call, t.plugins, &spec, &mock), E_INVALID);
	assert_null(mock);
	for (size_t i = 0; i < 5; i++)
		assert_non_null(strstr(call->why, values[i].key.p));
	assert_null(strstr(call->why, "ret-value"));
	assert_null(strstr(call->why, "ftp"));
}

static void test_wrong_settings(void **state)
{
	(void)state;
	run(wrong_settings);
}

static void odd_answers(struct call *call)
{
	struct instance *odd = odd_instance(call, "foreign-memory");
	struct deployment d;

	assert_int_equal(create(call, odd, "att_odd", "x", &d), OK);
	assert_int_equal(d.state, DEPLOYMENT_UNKNOWN);
	assert_int_equal(d.url.n, 0);
	assert_int_equal(d.poll_after_ms, 0);
	assert_true(d.message.n <= 900 && str_is_text(d.message) && str_is_text(d.id));
	assert_int_equal(provider_destroy(call, odd, "id"), OK);
	assert_true(str_starts(d.id, STR("id??")));
	instance_release(odd);
	odd = odd_instance(call, "unknown-status");
	assert_int_equal(provider_destroy(call, odd, "id"), E_INTERNAL);
	assert_non_null(strstr(call->why, "unknown status -4711"));
	instance_release(odd);
	odd = odd_instance(call, "silent");
	assert_int_equal(create(call, odd, "att_odd", "x", &d), E_UPSTREAM);
	assert_non_null(strstr(call->why, "without saying why"));
	assert_int_equal(provider_find(call, odd, "att_odd", &d), E_UNSUPPORTED);
	instance_release(odd);
}

static void test_odd_answers(void **state)
{
	(void)state;
	run(odd_answers);
}

static int64_t counted;

static void add_count(void *arg, const char *plugin, const char *metric, int64_t value)
{
	(void)arg;
	if (strcmp(plugin, "blocking") == 0 && strcmp(metric, "blocked") == 0)
		counted += value;
}

static void blocking(struct call *call)
{
	struct instance *odd = odd_instance(call, "blocking");
	int64_t stalls = loop_stalls(call->loop);
	struct deployment d;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(create(call, odd, "att_thread", "x", &d), OK);
		assert_true(str_eq(d.id, STR("odd-1")));
	}
	assert_int_equal(loop_stalls(call->loop), stalls);
	plugins_each_count(t.plugins, add_count, NULL);
	assert_int_equal(counted, 3);
	instance_release(odd);
}

static void test_blocking_plugins_run_on_a_thread(void **state)
{
	(void)state;
	run(blocking);
}

/* ---- crashes, each in a child ---- */

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

static struct crash_record crash_with(const char *branch, int *ret_status)
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
		crash_branch = branch;
		run(crash);
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
	struct crash_record record = crash_with(branch, &status);

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

static void test_a_plugin_that_never_returns_is_ended(void **state)
{
	int64_t start = clock_mono_ms();

	(void)state;
	check_crash("mock-never-returns", "create", SIGALRM);
	assert_true(clock_mono_ms() - start >= CRASH_HOLD_MS - 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journey),
		cmocka_unit_test(test_faults_of_create),
		cmocka_unit_test(test_faults_of_builds),
		cmocka_unit_test(test_the_deadline_holds),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_versions_of_settings),
		cmocka_unit_test(test_private_addresses_need_a_permit),
		cmocka_unit_test(test_wrong_settings),
		cmocka_unit_test(test_odd_answers),
		cmocka_unit_test(test_blocking_plugins_run_on_a_thread),
		cmocka_unit_test(test_crashes_name_plugin_and_job),
		cmocka_unit_test(test_a_plugin_that_never_returns_is_ended),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

/* exec.so with a program of the test: what the program is given, what becomes of its answers, and how it ends. */
#include "unit/plugin/stand.h"

#include <fcntl.h>
#include <sys/stat.h>

static char folder[] = "/tmp/opshub-exec.XXXXXX";

/* It does what the deployment's id says. */
static const char program[] =
	"#!/bin/sh\n"
	"request=$(cat)\n"
	"ready() { echo '{\"type\":\"result\",\"state\":\"READY\",\"url\":\"http://127.0.0.1:1/\"}'; }\n"
	"case $1:${OPSHUB_ID-} in\n"
	"create:att_facts*)\n"
	"	printf '%s' \"$request\" >request; env >environment; ls /proc/self/fd >descriptors\n"
	"	echo \"$#\" >arguments; ps -o sid= -p $$ >session; echo $$ >pid; grep SigIgn /proc/$$/status >ignored\n"
	"	ready;;\n"
	"create:att_exit_*) echo 'the last words' >&2; exit \"${OPSHUB_ID#att_exit_}\";;\n"
	"create:att_said) echo '{\"type\":\"result\",\"message\":\"Nothing left\",\"retryAfterMs\":4000}'; exit 16;;\n"
	"create:att_silent) ;;\n"
	"create:att_killed) kill -9 $$;;\n"
	"create:att_stubborn) trap '' TERM; echo $$ >pid; while :; do sleep 1; done;;\n"
	"create:att_tree*) echo $$ >pid; sleep 600 & echo $! >child; wait;;\n"
	"create:att_wait_*) sleep 0.1; ready;;\n"
	"create:att_holds) sleep 600 & echo $! >child; ready;;\n"
	"create:att_flood) yes '{}';;\n"
	"create:att_talks) yes 0123456789012345678901234567890123456789 | head -n 20000 >&2; ready;;\n"
	"create:att_log) echo 'plain words'; echo '{\"type\":\"log\",\"text\":\"from json\"}'; echo '{broken'\n"
	"	echo '{\"type\":\"progress\",\"text\":\"half\"}'; echo 'token very-secret-token env hunter2hunter2' "
	">&2\n"
	"	printf 'no end'; ready | sed 's/^/\\n/';;\n"
	"create:att_key) echo '-----BEGIN KEY-----' >&2; echo 'x MIIEvQIBADANBgkq y' >&2; echo 'short' >&2; echo "
	"'****** end' >&2\n"
	"	echo '{\"type\":\"log\",\"text\":\"-----BEGIN KEY-----\\\\n  "
	"MIIEvQIBADANBgkq\\\\r\\\\nshort\\\\nlastLineOfIt\"}'\n"
	"	ready;;\n"
	"verify:*) echo "
	"'{\"type\":\"result\",\"account\":\"me\",\"lines\":[{\"label\":\"A\",\"text\":\"b\",\"state\":\"WARN\"},"
	"{\"label\":\"B\",\"text\":\"disk full\",\"state\":\"fail\"},{\"label\":\"C\",\"text\":\"c\",\"state\":\"OK\"},"
	"{\"label\":\"D\",\"text\":\"d\"}]}';;\n"
	"list:*) echo "
	"'{\"type\":\"result\",\"items\":[{\"id\":\"att_1\",\"state\":\"READY\",\"url\":\"http://x/\"},{\"id\":\"../"
	"x\"}]}';;\n"
	"status:att_gone) exit 13;;\n"
	"status:*) ready;;\n"
	"destroy:att_log) ;;\n"
	"*) exit 21;;\n"
	"esac\n";

static struct instance *exec_instance(struct call *call)
{
	static const struct setting_value values[] = { { STR("token"), STR("very-secret-token") },
						       { STR("options"), STR("size=$(reboot)") } };
	const char *why = "";
	const struct instance_spec spec = { .plugin = catalog_provider(t.catalog, STR("exec"), &why),
					    .scope = STR("proj_1"),
					    .version = 1,
					    .values = values,
					    .n_values = 2 };
	struct instance *instance = NULL;

	if (!spec.plugin || plugins_instance(call, t.plugins, &spec, &instance) < 0)
		fail_msg("%s %s", why, call->why);
	return instance;
}

/* A file in the folder of a deployment, as text. */
static const char *file_of(const char *id, const char *name)
{
	static char text[64 * 1024];
	char path[256];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "%s/exec/%s/%s", folder, id, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = 0;
	return n >= 0 ? text : NULL;
}

static pid_t pid_in(const char *id, const char *name)
{
	const char *text = file_of(id, name);

	return text ? (pid_t)atoi(text) : 0;
}

/* ---- what it is given ---- */

static void facts(struct call *call)
{
	struct instance *exec = exec_instance(call);
	struct deployment d;
	const char *text;

	assert_int_equal(create(call, exec, "att_facts", "a'b;$(reboot)", &d), OK);
	assert_int_equal(d.state, DEPLOYMENT_READY);
	assert_true(str_eq(d.id, STR("att_facts")));
	text = file_of("att_facts", "request");
	assert_non_null(strstr(text, "\"operation\":\"create\""));
	assert_non_null(strstr(text, "\"token\":\"very-secret-token\""));
	assert_non_null(strstr(text, "\"API_KEY\":\"hunter2hunter2\""));
	assert_non_null(strstr(text, "\"options\":\"size=$(reboot)\""));
	assert_non_null(strstr(text, "\"branch\":\"a'b;$(reboot)\""));
	assert_string_equal(file_of("att_facts", "arguments"), "1\n");
	text = file_of("att_facts", "environment");
	assert_null(strstr(text, "very-secret-token"));
	assert_null(strstr(text, "hunter2hunter2"));
	assert_null(strstr(text, "OF_THE_SERVER"));
	assert_non_null(strstr(text, "PASSED_ON=yes\n"));
	assert_non_null(strstr(text, "OPSHUB_BRANCH=a'b;$(reboot)\n"));
	assert_non_null(strstr(text, "OPSHUB_SHA=" SHA "\n"));
	assert_string_equal(file_of("att_facts", "descriptors"), "0\n1\n2\n3\n"); /* 3 is the folder that ls reads */
	assert_int_equal(pid_in("att_facts", "session"), pid_in("att_facts", "pid"));
	/* but for the two that glibc keeps for itself */
	assert_int_equal(strtoull(file_of("att_facts", "ignored") + strlen("SigIgn:"), NULL, 16) & 0x7fffffff, 0);
	instance_release(exec);
}

static void a_program_gets_facts_and_nothing_else(void **state)
{
	(void)state;
	run(facts);
}

/* ---- what becomes of its end ---- */

static void endings(struct call *call)
{
	static const struct {
		const char *id, *why;
		int code;
	} rows[] = {
		{ "att_exit_1", "exit status 1: the last words", E_UPSTREAM },
		{ "att_exit_11", "exit status 11: the last words", E_INVALID },
		{ "att_exit_12", "exit status 12", E_AUTH },
		{ "att_exit_13", "exit status 13", E_NOT_FOUND },
		{ "att_exit_15", "exit status 15", E_LIMITED },
		{ "att_exit_18", "exit status 18", E_NETWORK },
		{ "att_exit_20", "exit status 20", E_UPSTREAM },
		{ "att_exit_21", "exit status 21", E_UNSUPPORTED },
		{ "att_exit_127", "exit status 127", E_INVALID },
		{ "att_said", "exit status 16: Nothing left", E_QUOTA },
		{ "att_silent", "printed no line", E_UPSTREAM },
		{ "att_killed", "signal 9", E_UPSTREAM },
		{ "att_flood", "more than 4 MiB", E_UPSTREAM },
		{ "../escape", "no deployments with such an id", E_INVALID },
	};
	struct instance *exec = exec_instance(call);
	struct deployment d;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(create(call, exec, rows[i].id, "x", &d), rows[i].code);
		if (!strstr(call->why, rows[i].why))
			fail_msg("%s: %s", rows[i].id, call->why);
	}
	assert_int_equal(create(call, exec, "att_said", "x", &d), E_QUOTA);
	assert_int_equal(call->retry_after_ms, 4000);
	assert_int_equal(provider_find(call, exec, "att_gone", &d), E_NOT_FOUND);
	assert_int_equal(provider_cancel(call, exec, "att_other"), E_UNSUPPORTED);
	instance_release(exec);
}

static void every_end_has_a_code_and_a_sentence(void **state)
{
	(void)state;
	run(endings);
}

static void reading(struct call *call)
{
	struct instance *exec = exec_instance(call);
	struct deployment_list list;
	struct report report;

	assert_int_equal(provider_verify(call, exec, &report), OK);
	assert_true(str_eq(report.account, STR("me")));
	assert_int_equal(report.n_lines, 4);
	assert_int_equal(report.lines[0].state, OPSHUB_REPORT_WARN);
	assert_int_equal(report.lines[1].state, OPSHUB_REPORT_WARN); /* no word of ours is not "fine" */
	assert_true(str_starts(report.lines[1].text, STR("disk full (the program calls this \"fail\"")));
	assert_int_equal(report.lines[2].state, OPSHUB_REPORT_OK);
	assert_int_equal(report.lines[3].state, OPSHUB_REPORT_WARN);
	assert_int_equal(provider_list(call, exec, "", &list), OK);
	assert_int_equal(list.n_items, 1);
	assert_true(str_eq(list.items[0].attempt_id, STR("att_1")));
	instance_release(exec);
}

static void reports_and_lists_are_read(void **state)
{
	(void)state;
	run(reading);
}

/* ---- its time ---- */

static bool is_gone(pid_t pid)
{
	char path[64], text[256] = "";
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n <= 0 || strstr(text, ") Z") != NULL; /* nobody waits for orphans in some containers */
}

static void assert_gone(struct call *call, pid_t pid)
{
	assert_true(pid > 1);
	for (int i = 0; i < 500 && !is_gone(pid); i++)
		fiber_sleep(call, 20);
	assert_true(is_gone(pid));
}

static int code_of_late;

static void late(struct call *call)
{
	struct instance *exec = exec_instance(call);
	struct deployment d;

	code_of_late = create(call, exec, "att_tree", "x", &d);
	assert_non_null(strstr(call->why, "did not end its create in time"));
	instance_release(exec);
}

static void late_and_deaf(struct call *call)
{
	struct instance *exec = exec_instance(call);
	struct deployment d;

	code_of_late = create(call, exec, "att_stubborn", "x", &d);
	instance_release(exec);
}

static void nobody_is_left(struct call *call)
{
	assert_gone(call, pid_in("att_tree", "pid"));
	assert_gone(call, pid_in("att_tree", "child"));
	assert_gone(call, pid_in("att_stubborn", "pid"));
}

static void its_time_ends_for_the_whole_group(void **state)
{
	(void)state;
	run_for(late, 4000);
	assert_int_equal(code_of_late, E_TIMEOUT);
	run_for(late_and_deaf, 4000);
	assert_int_equal(code_of_late, E_TIMEOUT);
	run(nobody_is_left);
}

static void is_cancelled(struct call *call, void *arg)
{
	struct instance *exec = exec_instance(call);
	struct deployment d;

	*(int *)arg = create(call, exec, "att_tree_2", "x", &d);
	instance_release(exec);
}

static void cancels(struct call *call)
{
	struct fiber *fiber = NULL;
	int code = OK;
	const struct fiber_options options = { .name = "cancelled", .timeout_ms = 30000 };

	assert_int_equal(fiber_start(t.loop, &options, is_cancelled, &code, &fiber), OK);
	for (int i = 0; i < 1000 && pid_in("att_tree_2", "child") == 0; i++)
		fiber_sleep(call, 10);
	assert_int_equal(code, OK);
	fiber_cancel(fiber);
	assert_int_equal(fiber_join(call, fiber), OK);
	fiber_unref(fiber);
	assert_int_equal(code, E_CANCELLED);
	assert_gone(call, pid_in("att_tree_2", "pid"));
	assert_gone(call, pid_in("att_tree_2", "child"));
}

static void a_cancel_ends_the_whole_group(void **state)
{
	(void)state;
	run(cancels);
}

static int n_ready;

static void one_of_many(struct call *call, void *arg)
{
	struct instance *exec = exec_instance(call);
	struct deployment d;

	n_ready += create(call, exec, arg, "x", &d) == OK;
	instance_release(exec);
}

static void many(struct call *call)
{
	static char ids[80][24];
	const struct fiber_options options = { .name = "many", .timeout_ms = 60000 };

	for (int i = 0; i < 80; i++) {
		snprintf(ids[i], sizeof(ids[i]), "att_wait_%d", i);
		assert_int_equal(fiber_start(t.loop, &options, one_of_many, ids[i], NULL), OK);
	}
	for (int i = 0; i < 5000 && n_ready < 80; i++)
		fiber_sleep(call, 10);
	assert_int_equal(n_ready, 80);
}

static void more_programs_than_room_get_their_turn(void **state)
{
	(void)state;
	run_for(many, 60000);
}

/* A build that goes on in the background keeps the pipes open, and is left alone. */
static void background(struct call *call)
{
	struct instance *exec = exec_instance(call);
	struct deployment d;
	pid_t child;

	assert_int_equal(create(call, exec, "att_holds", "x", &d), OK);
	child = pid_in("att_holds", "child");
	assert_false(is_gone(child));
	kill(child, SIGKILL);
	instance_release(exec);
}

static void what_runs_in_the_background_is_left_alone(void **state)
{
	(void)state;
	run(background);
}

/* ---- its output ---- */

static void output(struct call *call)
{
	struct instance *exec = exec_instance(call);
	struct deployment d;
	struct build_log log;

	assert_int_equal(create(call, exec, "att_log", "x", &d), OK);
	assert_null(strstr(file_of("att_log", "build.log"), "secret"));
	assert_null(strstr(file_of("att_log", "build.log"), "hunter2"));
	assert_int_equal(provider_logs(call, exec, "att_log", "", &log), OK);
	assert_int_equal(log.n_lines, 5);
	assert_int_equal(provider_logs(call, exec, "att_log", log.next_cursor.p, &log), OK);
	assert_int_equal(log.n_lines, 0);
	assert_int_equal(provider_destroy(call, exec, "att_log"), OK);
	assert_null(file_of("att_log", "build.log"));
	assert_int_equal(provider_logs(call, exec, "att_log", "", &log), OK);
	assert_int_equal(log.n_lines, 0);
	instance_release(exec);
}

static void output_becomes_the_build_log_without_secrets(void **state)
{
	(void)state;
	run(output);
}

/* A key is blanked line by line, and a value of the letter that blanks ends, too. */
static void output_of_a_key(struct call *call)
{
	static const struct opshub_env env[] = {
		{ .key = "KEY",
		  .value = "-----BEGIN KEY-----\n  MIIEvQIBADANBgkq\r\nshort\nlastLineOfIt",
		  .is_secret = 1 },
		{ .key = "STARS", .value = "******", .is_secret = 1 },
	};
	struct opshub_deploy_request request = request_for("att_key", "x");
	struct instance *exec = exec_instance(call);
	struct deployment d;
	const char *text;

	request.env = env;
	request.n_env = 2;
	assert_int_equal(provider_create(call, exec, &request, &d), OK);
	text = file_of("att_key", "build.log");
	assert_null(strstr(text, "BEGIN"));
	assert_null(strstr(text, "MIIE"));
	assert_null(strstr(text, "lastLine"));
	assert_non_null(strstr(text, "\nx **************** y\nshort\n****** end\n"));
	instance_release(exec);
}

static void lines_of_a_key_are_not_in_the_file(void **state)
{
	(void)state;
	run(output_of_a_key);
}

/* More than can be looked for: nothing of it is written. */
static void output_of_many_secrets(struct call *call)
{
	static struct opshub_env env[1000];
	static char values[1000][64];
	struct opshub_deploy_request request = request_for("att_log", "x");
	struct instance *exec = exec_instance(call);
	struct deployment d;

	for (int i = 0; i < 1000; i++) {
		snprintf(values[i], sizeof(values[i]), "first line %03d\nsecond line %03d", i, i);
		env[i] = (struct opshub_env){ .key = "KEY", .value = values[i], .is_secret = 1 };
	}
	request.env = env;
	request.n_env = 1000;
	assert_int_equal(provider_create(call, exec, &request, &d), OK);
	assert_null(strstr(file_of("att_log", "build.log"), "words"));
	assert_non_null(strstr(file_of("att_log", "build.log"), "*****\n"));
	instance_release(exec);
}

static void more_secrets_than_it_knows_leave_no_output(void **state)
{
	(void)state;
	run(output_of_many_secrets);
}

static void much_output(struct call *call)
{
	struct instance *exec = exec_instance(call);
	struct str cursor = STR("");
	struct deployment d;
	struct build_log log;
	size_t bytes = 0;

	assert_int_equal(create(call, exec, "att_talks", "x", &d), OK);
	for (int page = 0; page < 20; page++) {
		assert_int_equal(provider_logs(call, exec, "att_talks", cursor.p, &log), OK);
		for (size_t i = 0; i < log.n_lines; i++)
			bytes += log.lines[i].text.n + 1;
		if (log.n_lines)
			assert_true(log.lines[0].text.n == 40 || page > 0);
		if (log.n_lines && log.is_complete)
			assert_true(str_starts(log.lines[log.n_lines - 1].text, STR("[exec.so keeps 512 KiB")));
		if (log.is_complete)
			break;
		cursor = log.next_cursor;
	}
	assert_true(log.is_complete);
	assert_in_range(bytes, 500 * 1024, 513 * 1024);
	instance_release(exec);
}

static void a_log_has_an_end(void **state)
{
	(void)state;
	run(much_output);
}

/* ---- who may say which program ---- */

static int open_with(struct call *call)
{
	const struct setting_value values[] = { { STR("program"), STR("/bin/sh") } };
	const char *why = "";
	const struct instance_spec spec = { .plugin = catalog_provider(t.catalog, STR("exec"), &why),
					    .scope = STR("proj_2"),
					    .version = ++t.next_version,
					    .values = values,
					    .n_values = 1 };
	struct instance *instance = NULL;
	int r = plugins_instance(call, t.plugins, &spec, &instance);

	instance_release(instance);
	return r;
}

static void programs(struct call *call)
{
	char path[128];

	assert_int_equal(open_with(call), OK);
	snprintf(path, sizeof(path), "%s/program", folder);
	chmod(path, 0775);
	assert_int_equal(open_with(call), E_INVALID);
	assert_non_null(strstr(call->why, "can be changed by others"));
	chmod(path, 0644);
	assert_int_equal(open_with(call), E_INVALID);
	assert_non_null(strstr(call->why, "chmod +x"));
	chmod(path, 0755);
	setenv("EXEC_PROGRAM", "sh", 1);
	assert_int_equal(open_with(call), E_INVALID);
	assert_non_null(strstr(call->why, "no absolute path"));
	unsetenv("EXEC_PROGRAM");
	assert_int_equal(open_with(call), E_INVALID);
	assert_non_null(strstr(call->why, "set EXEC_PROGRAM"));
	setenv("EXEC_PROGRAM", path, 1);
}

static void only_the_server_names_the_program(void **state)
{
	(void)state;
	run(programs);
}

static int setup_exec(void **state)
{
	char path[128];
	int fd;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/program", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	assert_int_equal(write(fd, program, sizeof(program) - 1), sizeof(program) - 1);
	fchmod(fd, 0755);
	close(fd);
	setenv("EXEC_PROGRAM", path, 1);
	setenv("STATE_DIRECTORY", folder, 1);
	setenv("EXEC_PASS", "PASSED_ON, NOT_THERE", 1);
	setenv("PASSED_ON", "yes", 1);
	setenv("OF_THE_SERVER", "secret", 1);
	return setup(state);
}

static int teardown_exec(void **state)
{
	char *const argv[] = { "rm", "-rf", folder, NULL };
	pid_t pid = fork();

	if (pid == 0)
		execv("/bin/rm", argv);
	waitpid(pid, NULL, 0);
	return teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_gets_facts_and_nothing_else),
		cmocka_unit_test(every_end_has_a_code_and_a_sentence),
		cmocka_unit_test(reports_and_lists_are_read),
		cmocka_unit_test(its_time_ends_for_the_whole_group),
		cmocka_unit_test(a_cancel_ends_the_whole_group),
		cmocka_unit_test(more_programs_than_room_get_their_turn),
		cmocka_unit_test(what_runs_in_the_background_is_left_alone),
		cmocka_unit_test(output_becomes_the_build_log_without_secrets),
		cmocka_unit_test(a_log_has_an_end),
		cmocka_unit_test(lines_of_a_key_are_not_in_the_file),
		cmocka_unit_test(more_secrets_than_it_knows_leave_no_output),
		cmocka_unit_test(only_the_server_names_the_program),
	};

	return cmocka_run_group_tests(tests, setup_exec, teardown_exec);
}

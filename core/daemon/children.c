/* The supervisor's children. */
#include "daemon/children.h"

#include "base/clock.h"
#include "base/id.h"
#include "daemon/state_folder.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_DELAY_MS   100
#define LONGEST_DELAY_MS 10000
#define STEADY_MS        10000 /* who lived so long starts again at once */
#define MOST_ARGS        8
#define ARG_MAX_BYTES    256
#define PATH_MAX_BYTES   512

extern char **environ;

const char *child_name(const struct child *child)
{
	static const char *const names[] = { "api", "worker", "mock-cloud" };

	return names[child->kind];
}

/* ---- start ---- */

struct args {
	char texts[MOST_ARGS][ARG_MAX_BYTES];
	char *list[MOST_ARGS + 1];
	int n;
};

static void add_arg(struct args *args, const char *name, const char *value)
{
	if (args->n == MOST_ARGS)
		return;
	snprintf(args->texts[args->n], sizeof(args->texts[0]), "%s%s", name, value);
	args->list[args->n] = args->texts[args->n];
	args->list[++args->n] = NULL;
}

/* A program beside our own. */
static void sibling(char ret_path[PATH_MAX_BYTES], const char *name)
{
	ssize_t n = readlink("/proc/self/exe", ret_path, PATH_MAX_BYTES - 64);
	char *slash;

	ret_path[n > 0 ? n : 0] = '\0';
	slash = strrchr(ret_path, '/');
	snprintf(slash ? slash + 1 : ret_path, 64, "%s", name);
}

static void mock_args(struct args *args, const struct config *config)
{
	char port[16], folder[160], journal[200];

	snprintf(port, sizeof(port), "%lld", (long long)config->mock_port);
	add_arg(args, "opshub-mock-cloud", "");
	add_arg(args, "--with-parent", "");
	add_arg(args, "--port", "");
	add_arg(args, port, "");
	if (!state_folder("/tmp", folder, sizeof(folder))) {
		log_warn("Supervisor",
			 "The mock provider forgets its deployments when it ends: the folder for its "
			 "journal, opshub-UID in /tmp, belongs to somebody else or is open to others",
			 F_INT("uid", geteuid()));
		return;
	}
	snprintf(journal, sizeof(journal), "%s/opshub-mock-%s.journal", folder, port);
	add_arg(args, "--data", "");
	add_arg(args, journal, "");
}

static void own_args(struct args *args, struct child *child, const struct child_setup *setup)
{
	char index[16];

	snprintf(index, sizeof(index), "%d", child->index);
	add_arg(args, "opshubd", "");
	if (setup->config_file)
		add_arg(args, "--config=", setup->config_file);
	add_arg(args, "--child=", child_name(child));
	add_arg(args, "--index=", index);
	add_arg(args, "--id=", child->id);
	if (child->last_id[0])
		add_arg(args, "--predecessor=", child->last_id);
	if (child->crash_job[0]) {
		add_arg(args, "--crash-job=", child->crash_job);
		add_arg(args, "--crash-why=", child->crash_why);
	}
}

static bool is_named(const char *variable, const char *name)
{
	size_t n = name ? strlen(name) : 0;

	return n && strncmp(variable, name, n) == 0 &&
	       (variable[n] == '=' || strncmp(variable + n, "_FILE=", strlen("_FILE=")) == 0);
}

static bool is_secret(const char *variable)
{
	for (size_t i = 0; i < config_table_size; i++)
		if (config_table[i].flags & (SET_SECRET | SET_URL) &&
		    (is_named(variable, config_table[i].env) || is_named(variable, config_table[i].alias)))
			return true;
	return false;
}

/* Our environment without the secrets of our configuration; the list is the caller's to free. */
static char **public_environment(void)
{
	size_t n = 0, kept = 0;
	char **list;

	while (environ[n])
		n++;
	list = calloc(n + 1, sizeof(*list));
	if (!list)
		abort();
	for (size_t i = 0; i < n; i++)
		if (!is_secret(environ[i]))
			list[kept++] = environ[i];
	return list;
}

/* The pipe ends and the socket go to fixed numbers; everything else is close-on-exec. */
static void place(posix_spawn_file_actions_t *actions, int fd, int number)
{
	if (fd >= 0)
		posix_spawn_file_actions_adddup2(actions, fd, number);
}

static int spawn(struct child *child, const struct child_setup *setup, int status_fd, int crash_fd)
{
	struct args args = { .n = 0 };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t blocked;
	char path[PATH_MAX_BYTES] = "/proc/self/exe", **environment = environ;
	int r;

	if (child->kind == CHILD_MOCK) {
		mock_args(&args, setup->config);
		sibling(path, "opshub-mock-cloud");
		environment = public_environment();
	} else {
		own_args(&args, child, setup);
	}
	/* The supervisor blocks its signals to read them; children start without that. But an api process opens SIGHUP
	 * itself, when it can take it. */
	sigemptyset(&blocked);
	if (child->kind == CHILD_API)
		sigaddset(&blocked, SIGHUP);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &blocked);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	if (child->kind != CHILD_MOCK) {
		place(&actions, status_fd, CHILD_STATUS_FD);
		place(&actions, child->kind == CHILD_API ? setup->listen_fd : -1, CHILD_LISTEN_FD);
		place(&actions, child->kind == CHILD_WORKER ? crash_fd : -1, CHILD_CRASH_FD);
	}
	r = posix_spawn(&child->pid, path, &actions, &attributes, args.list, environment);
	if (environment != environ)
		free(environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return r;
}

static void close_pipe(int fds[2])
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* Above the fixed numbers, so that placing one end never overwrites another. */
static bool open_pipe(int fds[2])
{
	int low[2];

	if (pipe2(low, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	fds[0] = fcntl(low[0], F_DUPFD_CLOEXEC, 10);
	fds[1] = fcntl(low[1], F_DUPFD_CLOEXEC, 10);
	close_pipe(low);
	return fds[0] >= 0 && fds[1] >= 0;
}

bool child_start(struct child *child, const struct child_setup *setup)
{
	char id_before[sizeof(child->id)], last_before[sizeof(child->last_id)];
	int status[2] = { -1, -1 }, crash[2] = { -1, -1 }, r;
	char id[ID_MAX];

	if (!open_pipe(status) || !open_pipe(crash)) {
		close_pipe(status);
		close_pipe(crash);
		log_error("Supervisor", "No file descriptors are left to start a process");
		return false;
	}
	memcpy(id_before, child->id, sizeof(id_before));
	memcpy(last_before, child->last_id, sizeof(last_before));
	memcpy(child->last_id, child->id, sizeof(child->last_id));
	id_new(id, "proc_");
	snprintf(child->id, sizeof(child->id), "%s", id);
	r = spawn(child, setup, status[1], crash[1]);
	if (r != 0) {
		close_pipe(status);
		close_pipe(crash);
		/* the next try still knows whose leases and whose crash it takes over */
		memcpy(child->id, id_before, sizeof(child->id));
		memcpy(child->last_id, last_before, sizeof(child->last_id));
		log_error("Supervisor", "A process could not be started", F_TEXT("process", child_name(child)),
			  F_TEXT("error", strerror(r)));
		return false;
	}
	close(status[1]);
	close(crash[1]);
	child->status_fd = status[0];
	child->crash_fd = crash[0];
	child->started_ms = child->heard_ms = clock_mono_ms();
	child->ready = child->kind == CHILD_MOCK;
	child->crash_job[0] = child->crash_why[0] = '\0'; /* handed over: its own death has another cause */
	log_info("Supervisor", "Process started", F_TEXT("process", child_name(child)), F_INT("pid", child->pid),
		 F_INT("index", child->index));
	return true;
}

/* ---- hear and bury ---- */

void child_hear(struct child *child, bool *ret_became_ready)
{
	char words[64];
	ssize_t n = read(child->status_fd, words, sizeof(words));

	*ret_became_ready = false;
	for (ssize_t i = 0; i < n; i++) {
		child->heard_ms = clock_mono_ms();
		if (words[i] == CHILD_READY && !child->ready)
			*ret_became_ready = child->ready = true;
	}
}

static void read_crash(struct child *child)
{
	struct crash_record record;

	if (read(child->crash_fd, &record, sizeof(record)) != (ssize_t)sizeof(record) || record.magic != CRASH_MAGIC ||
	    !record.in_plugin)
		return;
	record.plugin[sizeof(record.plugin) - 1] = record.operation[sizeof(record.operation) - 1] = '\0';
	record.job_id[sizeof(record.job_id) - 1] = '\0';
	snprintf(child->crash_job, sizeof(child->crash_job), "%s", record.job_id);
	snprintf(child->crash_why, sizeof(child->crash_why), "the plugin %s crashed in %s (%s)", record.plugin,
		 record.operation, record.signal == SIGALRM ? "it did not return" : strsignal(record.signal));
}

void child_buried(struct child *child, int wait_status)
{
	int64_t now = clock_mono_ms(), lived = now - child->started_ms;

	read_crash(child);
	close(child->status_fd);
	close(child->crash_fd);
	if (child->ending)
		log_info("Supervisor", "Process ended", F_TEXT("process", child_name(child)), F_INT("pid", child->pid));
	else
		log_error("Supervisor", "Process died and is started again", F_TEXT("process", child_name(child)),
			  F_INT("pid", child->pid),
			  F_INT("signal", WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0),
			  F_INT("exit", WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1),
			  F_TEXT("crash", child->crash_why));
	if (!child->crash_job[0])
		child->crash_why[0] = '\0';
	child->delay_ms = lived > STEADY_MS || child->delay_ms == 0 ? FIRST_DELAY_MS
			  : child->delay_ms * 2 < LONGEST_DELAY_MS  ? child->delay_ms * 2
								    : LONGEST_DELAY_MS;
	child->start_at_ms = now + child->delay_ms;
	child->pid = 0;
	child->ready = false;
}

/* One run of a program.
 *
 * Owns the process until it has ended. Its input is a sealed memory file, so that nobody waits for it to read. It is
 * looked at every few milliseconds instead of awaited: SIGCHLD stays unused in a worker. */
#include "worker/program.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 20

const char *program_why_not(const char *path)
{
	struct stat st;

	if (path[0] != '/')
		return "is no absolute path: let it begin with /";
	if (stat(path, &st) < 0)
		return "is not there, or its folder cannot be read";
	if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0)
		return "is no program: run chmod +x on it";
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return "can be changed by others: let it belong to root or to the user OpsHub runs as, and run chmod "
		       "go-w on it";
	return NULL;
}

static int input_file(struct str input)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	size_t done = 0;

	while (fd >= 0 && done < input.n) {
		ssize_t n = write(fd, input.p + done, input.n - done);

		if (n <= 0) {
			close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	if (fd >= 0 && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* "NAME=value" of our own environment, or a variable that says nothing. */
static char *passed(struct call *call, const char *name)
{
	const char *value = getenv(name);

	return (char *)(uintptr_t)arena_printf(call->arena, "%s=%s", name, value ? value : "").p;
}

static int spawn_with(struct call *call, const char *path, int in, pid_t *ret)
{
	char *argv[] = { (char *)(uintptr_t)path, NULL };
	char *env[] = { passed(call, "PATH"), passed(call, "HOME"), passed(call, "LANG"), NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	posix_spawn_file_actions_addchdir_np(&files, "/");
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	r = posix_spawn(ret, path, &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return r;
}

/* It and what it has started: gone when this returns. Its number is its group's, and nobody else's until it is reaped.
 */
static int kill_all(pid_t pid)
{
	int status = 0;

	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static int accompany(struct call *call, pid_t pid, int64_t end_ms, int *ret_status)
{
	int status, r;

	for (;;) {
		siginfo_t ended = { 0 };

		if (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) < 0 && errno != EINTR)
			return call_fail(call, E_UPSTREAM, "the program could not be followed to its end");
		if (ended.si_pid == pid)
			break;
		if (clock_mono_ms() >= end_ms) {
			kill_all(pid);
			return call_fail(call, E_TIMEOUT, "the program did not end in time and was killed");
		}
		r = fiber_sleep(call, LOOK_MS);
		if (r != OK) {
			kill_all(pid);
			return r;
		}
	}
	status = kill_all(pid);
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return OK;
}

int program_run(struct call *call, const char *path, struct str input, int64_t timeout_ms, int *ret_status)
{
	const char *why = program_why_not(path);
	int in, r;
	pid_t pid;

	if (why)
		return call_fail(call, E_INVALID, "the program %s %s", path, why);
	in = input_file(input);
	if (in < 0)
		return call_fail(call, E_UPSTREAM, "there is no memory for what the program is given");
	r = spawn_with(call, path, in, &pid);
	close(in);
	if (r != 0)
		return call_fail(call, E_UPSTREAM, "the program %s cannot be started: %s", path, strerror(r));
	return accompany(call, pid, clock_mono_ms() + timeout_ms, ret_status);
}

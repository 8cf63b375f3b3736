/* Loading a plugin in a child process first, because constructors run inside dlopen(): a plugin that aborts, exits or
 * never returns there would take every worker down at every start.
 *
 * Owns the child until it has ended.
 * Easy to break: fork() copies one thread only. This runs at start, before the loop and its thread pool exist. */
#include "plugin/load.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAME_BACK 42

static _Noreturn void child(const char *folder, const char *file)
{
	const struct rlimit no_core = { 0, 0 };
	const struct plugin *plugin;
	struct arena *arena = arena_new();
	const char *why;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	setrlimit(RLIMIT_CORE, &no_core);
	plugin_load(arena, folder, file, &plugin, &why);
	_exit(CAME_BACK);
}

int plugin_probe(struct arena *arena, const char *folder, const char *file, int limit_ms, const char **ret_why)
{
	int64_t until = clock_mono_ms() + limit_ms;
	int pipe_fds[2], status = 0;
	bool was_late = false;
	struct pollfd poll_fd;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
		*ret_why = arena_printf(arena, "%s could not be tried out: %s", file, strerrordesc_np(errno)).p;
		return E_INTERNAL;
	}
	pid = fork();
	if (pid < 0) {
		*ret_why = arena_printf(arena, "%s could not be tried out: %s", file, strerrordesc_np(errno)).p;
		close(pipe_fds[0]);
		close(pipe_fds[1]);
		return E_INTERNAL;
	}
	if (pid == 0) {
		close(pipe_fds[0]);
		child(folder, file);
	}
	close(pipe_fds[1]);
	/* The pipe closes when the child ends, however it ends. */
	poll_fd = (struct pollfd){ .fd = pipe_fds[0], .events = POLLIN };
	while (poll(&poll_fd, 1, (int)(until > clock_mono_ms() ? until - clock_mono_ms() : 0)) < 0 && errno == EINTR)
		;
	if (!poll_fd.revents) {
		was_late = true;
		kill(pid, SIGKILL);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	close(pipe_fds[0]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CAME_BACK)
		return OK;
	if (was_late)
		*ret_why = arena_printf(arena, "%s did not return within %d ms while it was being loaded", file,
					limit_ms)
				   .p;
	else if (WIFSIGNALED(status))
		*ret_why = arena_printf(arena, "%s crashed while it was being loaded (SIG%s)", file,
					sigabbrev_np(WTERMSIG(status)))
				   .p;
	else
		*ret_why = arena_printf(arena, "%s ended the process while it was being loaded (exit code %d)", file,
					WEXITSTATUS(status))
				   .p;
	return E_INVALID;
}

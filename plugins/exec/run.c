/* One program from its start to its end.
 *
 *   memfd  --- the request ----> stdin
 *   result, log, progress <----- stdout    JSON lines; any other line is build output
 *   build output          <----- stderr
 *
 * Owns the process until it has ended, and its pipes. It leads a session and a process group of its own. When its time
 * is up, or the host wants the call to end, the group gets SIGTERM, and SIGKILL a little later. What it leaves running
 * behind a good end (a build in the background) is its own affair.
 * Easy to break: a program that runs on in the background may hold the pipes open, so the end of the program counts,
 * not the end of its output. And it is not taken off the list of processes before its group got its last signal. */
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE      32 /* programs in one worker */
#define LOOK_MS      100
#define GRACE_MS     2000
#define STDOUT_MAX   (4 * 1024 * 1024)
#define OUT_LINE     (1024 * 1024)
#define ERR_LINE     (64 * 1024)
#define LAST_MAX     400
#define HIDDEN_MAX   2000 /* values and lines; with more of them all output is blanked */
#define HIDDEN_LEAST 6
#define HIDDEN_LINE  12

struct stream {
	int fd;
	char *line; /* what has come of the current one */
	size_t n, max;
	bool is_cut; /* the rest of this line is dropped */
	uint64_t total;
};

struct hidden {
	const char *p;
	size_t n;
};

struct program {
	opshub_call *call;
	const struct exec *exec;
	const struct order *order;
	pid_t pid;
	struct stream out, err;
	struct hidden *hidden;
	size_t n_hidden;
	bool hides_all;
	const opshub_json *result;
	char last[LAST_MAX]; /* the last line on stderr, for people */
	int64_t stopped_ms, grace_ms;
	opshub_status stopped; /* why it had to end early; OK = it had not */
};

static atomic_uint running;

static int64_t mono_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const char *program_why_not(opshub_call *call, const struct exec *exec)
{
	const struct opshub_host *host = exec->host;
	struct stat st;

	if (!exec->program || !*exec->program)
		return "No program is configured: set EXEC_PROGRAM in the environment of opshubd to its absolute path "
		       "and restart it";
	if (exec->program[0] != '/')
		return "EXEC_PROGRAM in the environment of opshubd is no absolute path: let it begin with /";
	if (stat(exec->program, &st) < 0)
		return host->format(call, "EXEC_PROGRAM %s cannot be used: %s", exec->program, strerror(errno));
	if (!S_ISREG(st.st_mode) || access(exec->program, X_OK) < 0)
		return host->format(call, "EXEC_PROGRAM %s is no program: run chmod +x on it", exec->program);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return host->format(call,
				    "EXEC_PROGRAM %s can be changed by others: let it belong to root or to the user "
				    "OpsHub runs as, and run chmod go-w on it",
				    exec->program);
	return NULL;
}

/* ---- output ---- */

static void hide_text(struct program *p, const char *text, size_t n, size_t least)
{
	if (n < least)
		return;
	p->hides_all |= p->n_hidden == HIDDEN_MAX;
	if (p->n_hidden < HIDDEN_MAX)
		p->hidden[p->n_hidden++] = (struct hidden){ text, n };
}

/* The whole of it first, because what is blanked of its lines is no longer the whole. */
static void hide(struct program *p, const char *secret)
{
	if (!secret)
		return;
	hide_text(p, secret, strlen(secret), HIDDEN_LEAST);
	if (!strchr(secret, '\n'))
		return;
	for (const char *line = secret; *line; line += strspn(line, "\r\n\t ")) {
		size_t n = strcspn(line, "\r\n");

		hide_text(p, line, n, HIDDEN_LINE);
		line += n;
	}
}

/* Overwrites secrets in place, so that none is in the file as it is: neither in one piece nor, where it has several
 * lines, a line of it that has 12 bytes. What a program makes of them (base64, codes of an address) is blanked when
 * OpsHub reads the file. */
static void blank(const struct program *p, char *text)
{
	char *end = text + strlen(text);

	if (p->hides_all)
		memset(text, '*', (size_t)(end - text));
	for (size_t i = 0; i < p->n_hidden; i++) {
		const struct hidden *h = &p->hidden[i];

		for (char *at = text; (at = memmem(at, (size_t)(end - at), h->p, h->n)) != NULL; at += h->n)
			memset(at, '*', h->n);
	}
}

static void add_output(const struct program *p, const char *text)
{
	size_t n = strlen(text);
	char *copy = p->exec->host->alloc(p->call, n + 1);

	memcpy(copy, text, n + 1);
	blank(p, copy);
	log_append(p->order->log_fd, copy, n);
}

/* A line of JSON. False when it is none of ours. */
static bool take_message(struct program *p, const char *line, size_t n)
{
	const struct opshub_host *host = p->exec->host;
	const opshub_json *message;
	const char *type;
	char *copy = host->alloc(p->call, n + 1); /* the values of the result may lie in it */

	memcpy(copy, line, n + 1);
	if (host->json_parse(p->call, copy, n, &message) < 0)
		return false;
	type = host->json_str(p->call, host->json_get(p->call, message, "type"), "");
	if (strcmp(type, "result") == 0)
		p->result = message;
	else if (strcmp(type, "log") == 0)
		add_output(p, host->json_str(p->call, host->json_get(p->call, message, "text"), ""));
	else if (strcmp(type, "progress") == 0)
		host->log(p->call, OPSHUB_LOG_INFO,
			  host->json_str(p->call, host->json_get(p->call, message, "text"), ""));
	else
		return false;
	return true;
}

static void take_line(struct program *p, struct stream *from)
{
	size_t n = from->n;
	char *line = from->line;

	from->n = 0;
	from->is_cut = false;
	line[n] = 0;
	if (from == &p->out && line[0] == '{' && take_message(p, line, n))
		return;
	blank(p, line);
	if (from == &p->err && n > 0) {
		n = n < LAST_MAX - 1 ? n : LAST_MAX - 1;
		memcpy(p->last, line, n);
		p->last[n] = 0;
		n = strlen(line);
	}
	log_append(p->order->log_fd, line, n);
}

static void take_bytes(struct program *p, struct stream *from, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == '\n')
			take_line(p, from);
		else if (from->n < from->max)
			from->line[from->n++] = bytes[i] ? bytes[i] : '?';
		else
			from->is_cut = true;
	}
	from->total += n;
}

/* What is there now. At its end, the last line too. */
static void read_stream(struct program *p, struct stream *from)
{
	char bytes[2048];
	ssize_t n;

	/* Bounded, because a program can write faster than anybody reads. */
	for (int i = 0; from->fd >= 0 && i < 64; i++) {
		n = read(from->fd, bytes, sizeof(bytes));
		if (n > 0) {
			take_bytes(p, from, bytes, (size_t)n);
			continue;
		}
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		close(from->fd);
		from->fd = -1;
	}
}

static void end_stream(struct program *p, struct stream *stream)
{
	if (stream->n > 0)
		take_line(p, stream);
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
}

/* ---- start ---- */

static int request_file(const char *json, uint64_t size)
{
	int fd = memfd_create("request", MFD_CLOEXEC);
	uint64_t done = 0;

	while (fd >= 0 && done < size) {
		ssize_t n = write(fd, json + done, size - done);

		if (n < 0) {
			close(fd);
			return -1;
		}
		done += (uint64_t)n;
	}
	if (fd >= 0 && lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int spawn_with(struct program *p, int in, int out, int err, char **env)
{
	char *argv[] = { (char *)(uintptr_t)p->exec->program, (char *)(uintptr_t)p->order->operation, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
	posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	posix_spawn_file_actions_addchdir_np(&files, p->order->folder);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	r = posix_spawn(&p->pid, p->exec->program, &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return r;
}

static opshub_status start(struct program *p)
{
	const struct opshub_host *host = p->exec->host;
	int in = -1, out[2] = { -1, -1 }, err[2] = { -1, -1 }, r;
	uint64_t size = 0;
	const char *json = request_json(p->call, p->exec, p->order, &size);
	char **env = request_environment(p->call, p->exec, p->order);

	if (!json)
		return OPSHUB_E_INVALID;
	in = request_file(json, size);
	r = in < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 ? errno : 0;
	if (r == 0) {
		/* ours alone: the program's ends block, as programs expect */
		fcntl(out[0], F_SETFL, O_NONBLOCK);
		fcntl(err[0], F_SETFL, O_NONBLOCK);
		r = spawn_with(p, in, out[1], err[1], env);
	}
	p->out = (struct stream){ .fd = out[0], .max = OUT_LINE, .line = host->alloc(p->call, OUT_LINE + 1) };
	p->err = (struct stream){ .fd = err[0], .max = ERR_LINE, .line = host->alloc(p->call, ERR_LINE + 1) };
	if (in >= 0)
		close(in);
	if (out[1] >= 0)
		close(out[1]);
	if (err[1] >= 0)
		close(err[1]);
	if (r == 0)
		return OPSHUB_OK;
	end_stream(p, &p->out);
	end_stream(p, &p->err);
	return host->fail(
		p->call, r == EAGAIN || r == ENOMEM || r == EMFILE ? OPSHUB_E_NETWORK : OPSHUB_E_INVALID,
		host->format(p->call, "EXEC_PROGRAM %s cannot be started: %s", p->exec->program, strerror(r)));
}

/* ---- its way to the end ---- */

static void stop(struct program *p, opshub_status why)
{
	p->stopped = why;
	p->stopped_ms = mono_ms();
	kill(-p->pid, SIGTERM);
}

static void look_at_the_time(struct program *p)
{
	const struct opshub_host *host = p->exec->host;
	opshub_status r;

	if (p->stopped != OPSHUB_OK) {
		if (mono_ms() - p->stopped_ms > p->grace_ms)
			kill(-p->pid, SIGKILL);
		return;
	}
	r = host->sleep(p->call, 0); /* cancelled? */
	if (r < 0)
		stop(p, r);
	else if (host->left_ms(p->call) <= p->grace_ms)
		stop(p, OPSHUB_E_TIMEOUT);
	else if (p->out.total > STDOUT_MAX)
		stop(p, OPSHUB_E_UPSTREAM);
}

/* Reads along until it has ended. Returns its wait status. */
static int accompany(struct program *p)
{
	siginfo_t info;
	int status = 0;

	for (;;) {
		struct pollfd fds[] = { { p->out.fd, POLLIN, 0 }, { p->err.fd, POLLIN, 0 } };
		bool is_silent = p->out.fd < 0 && p->err.fd < 0;

		poll(fds, 2, is_silent ? LOOK_MS / 10 : LOOK_MS);
		read_stream(p, &p->out);
		read_stream(p, &p->err);
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid != 0)
			break;
		look_at_the_time(p);
	}
	if (p->stopped != OPSHUB_OK)
		kill(-p->pid, SIGKILL);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	/* what it wrote last */
	for (int i = 0; i < 64; i++) {
		read_stream(p, &p->out);
		read_stream(p, &p->err);
	}
	end_stream(p, &p->out);
	end_stream(p, &p->err);
	return status;
}

/* ---- its end ---- */

/* An exit status of 10 + n is the result -n of plugin.h. */
static opshub_status code_of(int exit_status)
{
	if ((exit_status > 10 && exit_status <= 19) || exit_status == 21)
		return 10 - exit_status;
	return exit_status == 126 || exit_status == 127 ? OPSHUB_E_INVALID : OPSHUB_E_UPSTREAM;
}

static opshub_status failed(struct program *p, int status)
{
	const struct opshub_host *host = p->exec->host;
	const char *said = host->json_str(p->call, host->json_get(p->call, p->result, "message"), p->last);
	const char *what = p->order->operation;
	int64_t wait = host->json_int(p->call, host->json_get(p->call, p->result, "retryAfterMs"), 0);

	if (p->stopped == OPSHUB_E_TIMEOUT)
		return host->fail(p->call, p->stopped,
				  host->format(p->call,
					       "The program did not end its %s in time and was stopped: let it work on "
					       "in the background, or raise PROVIDER_TIMEOUT_MS. Its last words: %s",
					       what, *said ? said : "none"));
	if (p->stopped == OPSHUB_E_UPSTREAM)
		return host->fail(p->call, p->stopped,
				  host->format(p->call,
					       "The program printed more than 4 MiB for %s and was stopped: let build "
					       "output go to stderr or into $OPSHUB_LOG",
					       what));
	if (p->stopped != OPSHUB_OK)
		return host->fail(p->call, p->stopped,
				  host->format(p->call, "The program was stopped in its %s", what));
	if (WIFSIGNALED(status))
		return host->fail(p->call, OPSHUB_E_UPSTREAM,
				  host->format(p->call, "The program's %s was ended by signal %d. Its last words: %s",
					       what, WTERMSIG(status), *said ? said : "none"));
	if (wait > 0)
		host->retry_after(p->call, wait);
	return host->fail(p->call, code_of(WEXITSTATUS(status)),
			  host->format(p->call, "The program failed in its %s with exit status %d: %s", what,
				       WEXITSTATUS(status), *said ? said : "it said nothing"));
}

static opshub_status wait_for_room(opshub_call *call, const struct exec *exec)
{
	while (atomic_fetch_add(&running, 1) >= AT_ONCE) {
		atomic_fetch_sub(&running, 1);
		if (exec->host->left_ms(call) < 2 * GRACE_MS || exec->host->sleep(call, LOOK_MS) < 0) {
			exec->host->retry_after(call, 1000);
			return exec->host->fail(call, OPSHUB_E_LIMITED,
						"32 programs run already in this worker: it is tried again");
		}
	}
	return OPSHUB_OK;
}

opshub_status program_run(opshub_call *call, const struct exec *exec, const struct order *order,
			  const opshub_json **ret)
{
	int64_t left = exec->host->left_ms(call);
	struct program p = {
		.call = call, .exec = exec, .order = order, .grace_ms = left / 4 < GRACE_MS ? left / 4 : GRACE_MS
	};
	const char *why = program_why_not(call, exec);
	opshub_status r;
	int status;

	if (why)
		return exec->host->fail(call, OPSHUB_E_INVALID, why);
	r = wait_for_room(call, exec);
	if (r != OPSHUB_OK)
		return r;
	p.hidden = exec->host->alloc(call, HIDDEN_MAX * sizeof(*p.hidden));
	hide(&p, exec->token);
	for (uint32_t i = 0; order->request && i < order->request->n_env; i++) {
		const struct opshub_env *env = opshub_env_at(order->request, i);
		if (env->is_secret)
			hide(&p, env->value);
	}
	r = start(&p);
	if (r == OPSHUB_OK) {
		status = accompany(&p);
		if (p.stopped != OPSHUB_OK || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
			r = failed(&p, status);
		else
			*ret = p.result;
	}
	atomic_fetch_sub(&running, 1);
	return r;
}

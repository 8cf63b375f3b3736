/* What tests with a real server share: a folder, a free port, a process that is stopped by its own id.
 *
 * A check inside a fiber cannot use cmocka's assert_*, which jump to the test runner's stack: CHECK ends the program
 * with the place and the text instead, and the servers with it. */
#ifndef SERVER_FIXTURE_H
#define SERVER_FIXTURE_H

#include "fiber/fiber.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct server {
	char folder[64];
	int port;
	pid_t pid; /* 0 = not running */
};

#define SERVERS_MAX 4
static struct server *servers[SERVERS_MAX];

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void folder_free(struct server *server)
{
	nftw(server->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* To the process and its children: a stopped postmaster leaves its backends at work. */
static inline void signal_all(pid_t pid, int number)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	kill(pid, number);
	while (proc && (entry = readdir(proc))) {
		char path[300], text[256] = "", *at;
		int fd, parent = 0;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		fd = atoi(entry->d_name) > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		if (fd < 0)
			continue;
		if (read(fd, text, sizeof(text) - 1) > 0 && (at = strrchr(text, ')')))
			sscanf(at + 1, " %*c %d", &parent);
		close(fd);
		if (parent == pid)
			kill(atoi(entry->d_name), number);
	}
	if (proc)
		closedir(proc);
}

static inline void server_stop(struct server *server, int number)
{
	if (server->pid <= 0)
		return;
	kill(server->pid, number);
	signal_all(server->pid, SIGCONT);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

static inline void give_up(void)
{
	for (int i = 0; i < SERVERS_MAX && servers[i]; i++) {
		server_stop(servers[i], SIGQUIT);
		folder_free(servers[i]);
	}
	_exit(1);
}

#define CHECK(claim)                                                                                                   \
	do {                                                                                                           \
		if (!(claim)) {                                                                                        \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #claim);                          \
			give_up();                                                                                     \
		}                                                                                                      \
	} while (0)
#define CHECK_INT(a, b)                                                                                                \
	do {                                                                                                           \
		long long a_ = (long long)(a), b_ = (long long)(b);                                                    \
		if (a_ != b_) {                                                                                        \
			fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #a, a_, b_);              \
			give_up();                                                                                     \
		}                                                                                                      \
	} while (0)
#define CHECK_TEXT(a, b)                                                                                               \
	do {                                                                                                           \
		struct str a_ = (a), b_ = str_of(b);                                                                   \
		if (!str_eq(a_, b_)) {                                                                                 \
			fprintf(stderr, "%s:%d: %s is\n%.*s\nnot\n%s\n", __FILE__, __LINE__, #a, STR_FMT(a_), b_.p);   \
			give_up();                                                                                     \
		}                                                                                                      \
	} while (0)

static inline int free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
	close(fd);
	return ntohs(address.sin_port);
}

/* Output goes to <folder>/log. */
static inline pid_t spawn(const struct server *server, char *const argv[])
{
	posix_spawn_file_actions_t actions;
	char log[96];
	pid_t pid;

	snprintf(log, sizeof(log), "%s/log", server->folder);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0666);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	CHECK(posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) == 0);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static inline void folder_new(struct server *server, const char *name)
{
	snprintf(server->folder, sizeof(server->folder), "/tmp/opshub-%s-XXXXXX", name);
	CHECK(mkdtemp(server->folder));
	for (int i = 0; i < SERVERS_MAX; i++) {
		if (!servers[i]) {
			servers[i] = server;
			break;
		}
	}
}

static inline bool port_answers(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				       .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool open = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	close(fd);
	return open;
}

static inline void wait_for_port(const struct server *server)
{
	int tries = 0;

	while (!port_answers(server->port)) {
		CHECK(tries++ < 1000);
		usleep(10000);
	}
}

/* ---- fibers in tests ---- */

static inline void fiber_test_done(struct call *call, void *arg)
{
	(void)arg;
	if (loop_fibers(call->loop) == 1) /* this one is counted still */
		loop_stop(call->loop);
}

/* Starts fn(call, arg); run_all returns when all have. */
static inline void start_fiber(struct loop *loop, fiber_fn *fn, void *arg, struct fiber **ret)
{
	const struct fiber_options options = { .name = "test", .timeout_ms = 60000, .on_done = fiber_test_done };

	CHECK_INT(fiber_start(loop, &options, fn, arg, ret), OK);
}

static inline void run_fiber(struct loop *loop, fiber_fn *fn, void *arg)
{
	start_fiber(loop, fn, arg, NULL);
	loop_run(loop);
}

#endif

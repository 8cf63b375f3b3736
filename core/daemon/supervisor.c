/* The supervisor's loop: signals, signs of life, deadlines. */
#include "daemon/supervisor.h"

#include "base/clock.h"
#include "daemon/children.h"
#include "daemon/notify.h"
#include "http/http.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_CHILDREN 160 /* 64 of each kind, the mock provider, and those being replaced */
#define TICK_MS       100
#define BIND_MS       30000 /* a predecessor may still be draining on the port */
#define GRACE_OVER_MS 2000  /* for what comes after the grace: leases are given back, connections closed */
#define REPLACE_MS    15000 /* a replacement must be ready in this time, else the old one stays */

struct supervisor {
	const struct config *config;
	struct child_setup setup;
	const char *config_file;
	struct child children[MOST_CHILDREN];
	int n;
	bool stopping, announced;
	int64_t stop_by_ms, notify_at_ms;
	int exit_status;
	/* SIGHUP: workers are replaced one by one */
	bool rolling, roll_again;
	int roll_old, roll_new; /* indexes into children; roll_new < 0 = the next one is to be started */
	unsigned rolls;         /* rounds so far: a worker made in an earlier one is to be replaced */
};

static struct child *add_child(struct supervisor *sup, enum child_kind kind, int index)
{
	struct child *child = NULL;

	for (int i = 0; i < sup->n && !child; i++) /* a place of one that was replaced and is gone */
		if (sup->children[i].replaced && sup->children[i].pid == 0)
			child = &sup->children[i];
	if (!child && sup->n < MOST_CHILDREN)
		child = &sup->children[sup->n++];
	if (child)
		*child = (struct child){ .kind = kind, .index = index, .roll = sup->rolls };
	return child;
}

static bool is_place(const struct child *child)
{
	return !child->replaced;
}

/* ---- SIGHUP ---- */

static int next_worker(const struct supervisor *sup, int from)
{
	for (int i = from; i < sup->n; i++)
		if (sup->children[i].kind == CHILD_WORKER && is_place(&sup->children[i]) && sup->children[i].pid)
			return i;
	return -1;
}

/* They read the certificate again; nobody has to leave for that. */
static void tell_api_processes(const struct supervisor *sup)
{
	for (int i = 0; i < sup->n; i++)
		if (sup->children[i].kind == CHILD_API && sup->children[i].pid)
			kill(sup->children[i].pid, SIGHUP);
}

static void begin_roll(struct supervisor *sup)
{
	struct config fresh;
	char why[512];

	if (!config_load(sup->config_file, &fresh, why, sizeof(why))) {
		log_error("Supervisor", "SIGHUP: the configuration is wrong, everything stays as it is",
			  F_TEXT("error", why));
		return;
	}
	config_done(&fresh); /* each new worker reads it for itself */
	tell_api_processes(sup);
	if (sup->rolling) {
		sup->roll_again = true; /* workers that were replaced already have not seen what changed since */
		return;
	}
	log_info("Supervisor", "SIGHUP: the workers are replaced one by one");
	sup->rolls++;
	sup->roll_old = next_worker(sup, 0);
	sup->roll_new = -1;
	sup->rolling = sup->roll_old >= 0;
}

static void tell(const struct supervisor *sup, struct child *child, int signal)
{
	child->ending = true;
	child->kill_at_ms = clock_mono_ms() + sup->config->shutdown_grace_ms + GRACE_OVER_MS;
	kill(child->pid, signal);
}

static void next_roll(struct supervisor *sup)
{
	int next = next_worker(sup, 0);

	while (next >= 0 && sup->children[next].roll == sup->rolls)
		next = next_worker(sup, next + 1);
	sup->roll_old = next;
	sup->roll_new = -1;
	sup->rolling = next >= 0;
	if (sup->rolling)
		return;
	log_info("Supervisor", "All workers are replaced");
	if (sup->roll_again) {
		sup->roll_again = false;
		begin_roll(sup);
	}
}

static void roll(struct supervisor *sup)
{
	struct child *old = &sup->children[sup->roll_old], *fresh;

	if (sup->roll_new < 0) {
		fresh = add_child(sup, CHILD_WORKER, old->index);
		if (!fresh || !child_start(fresh, &sup->setup)) {
			if (fresh)
				fresh->replaced = true; /* a place given back, not one more worker */
			sup->rolling = false;
			return;
		}
		sup->roll_new = (int)(fresh - sup->children);
		return;
	}
	fresh = &sup->children[sup->roll_new];
	if (old->replaced) {
		if (!old->pid) /* DB_POOL_SIZE has room for one worker more, not for all that drain */
			next_roll(sup);
	} else if (fresh->ready) {
		old->replaced = true;
		if (old->pid)
			tell(sup, old, SIGTERM);
	} else if (!fresh->pid || clock_mono_ms() - fresh->started_ms > REPLACE_MS) {
		log_error("Supervisor", "SIGHUP: the replacement did not become ready, the old worker stays");
		fresh->replaced = true;
		if (fresh->pid)
			tell(sup, fresh, SIGKILL);
		sup->rolling = false;
	}
}

/* ---- the children's life ---- */

static void bury_the_dead(struct supervisor *sup)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) { /* as PID 1 also orphans that are nobody's */
		for (int i = 0; i < sup->n; i++) {
			if (sup->children[i].pid != pid)
				continue;
			child_buried(&sup->children[i], status);
			/* later it is an edit gone wrong: who runs goes on, who died is tried again */
			if (WIFEXITED(status) && WEXITSTATUS(status) == CONFIG_EXIT && !sup->stopping &&
			    !sup->announced) {
				sup->exit_status = CONFIG_EXIT;
				sup->stopping = true;
				sup->stop_by_ms = clock_mono_ms() + sup->config->shutdown_grace_ms;
			}
		}
	}
}

static void watch_child(struct supervisor *sup, struct child *child)
{
	int64_t now = clock_mono_ms();

	if (child->pid == 0) {
		if (is_place(child) && !sup->stopping && !(sup->rolling && child->kind == CHILD_WORKER) &&
		    now >= child->start_at_ms && !child_start(child, &sup->setup))
			child->start_at_ms = now + 1000;
		return;
	}
	if (child->ending && now > child->kill_at_ms) /* a plugin may hold it so that it cannot even drain */
		kill(child->pid, SIGKILL);
	if (child->kind != CHILD_MOCK && child->ready && !child->ending &&
	    now - child->heard_ms > sup->config->hang_ms) {
		log_error("Supervisor", "A process gives no sign of life and is ended",
			  F_TEXT("process", child_name(child)), F_INT("pid", child->pid));
		child->heard_ms =
			now; /* the handler of SIGABRT names the plugin that holds it; SIGKILL if even that hangs */
		kill(child->pid, child->crash_why[0] ? SIGKILL : SIGABRT);
		snprintf(child->crash_why, sizeof(child->crash_why), "it hung");
	}
}

static void announce(struct supervisor *sup)
{
	for (int i = 0; i < sup->n; i++)
		if (is_place(&sup->children[i]) && !sup->children[i].ready)
			return;
	if (sup->announced)
		return;
	sup->announced = true;
	log_info("Supervisor", "Ready", F_INT("processes", sup->n), F_INT("port", sup->config->port));
	notify_systemd("READY=1\nSTATUS=serving");
}

static bool all_gone(const struct supervisor *sup)
{
	for (int i = 0; i < sup->n; i++)
		if (sup->children[i].pid)
			return false;
	return true;
}

static void stop_all(struct supervisor *sup)
{
	bool late = clock_mono_ms() > sup->stop_by_ms;

	/* the mock provider last: workers that finish may still need it */
	bool others = false;
	for (int i = 0; i < sup->n; i++)
		others = others || (sup->children[i].pid && sup->children[i].kind != CHILD_MOCK);
	for (int i = 0; i < sup->n; i++) {
		struct child *child = &sup->children[i];

		if (!child->pid || (child->kind == CHILD_MOCK && others))
			continue;
		if (late)
			kill(child->pid, SIGKILL);
		else if (!child->ending)
			tell(sup, child, SIGTERM);
	}
}

static void begin_stop(struct supervisor *sup, int signal)
{
	if (sup->stopping)
		return;
	log_info("Supervisor", "Stopping: requests are finished and leases given back", F_INT("signal", signal));
	notify_systemd("STOPPING=1");
	sup->stopping = true;
	sup->rolling = false;
	if (sup->setup.listen_fd >= 0) /* nobody is started any more who would need it: whoever comes is refused */
		close(sup->setup.listen_fd);
	sup->setup.listen_fd = -1;
	sup->stop_by_ms = clock_mono_ms() + sup->config->shutdown_grace_ms + GRACE_OVER_MS;
}

/* ---- the loop ---- */

static void handle_signal(struct supervisor *sup, int signal)
{
	if (signal == SIGTERM || signal == SIGINT)
		begin_stop(sup, signal);
	else if (signal == SIGHUP && !sup->stopping)
		begin_roll(sup);
	/* SIGCHLD only wakes the loop */
}

static void read_signals(struct supervisor *sup, int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		handle_signal(sup, (int)info.ssi_signo);
}

static void wait_for_something(struct supervisor *sup, int signal_fd)
{
	struct pollfd fds[MOST_CHILDREN + 1];
	int of[MOST_CHILDREN + 1];
	nfds_t n = 0;

	fds[n++] = (struct pollfd){ .fd = signal_fd, .events = POLLIN };
	for (int i = 0; i < sup->n; i++) {
		if (!sup->children[i].pid || sup->children[i].kind == CHILD_MOCK)
			continue;
		of[n] = i;
		fds[n++] = (struct pollfd){ .fd = sup->children[i].status_fd, .events = POLLIN };
	}
	if (poll(fds, n, TICK_MS) <= 0)
		return;
	if (fds[0].revents)
		read_signals(sup, signal_fd);
	for (nfds_t k = 1; k < n; k++) {
		bool became_ready;

		if (fds[k].revents & POLLIN)
			child_hear(&sup->children[of[k]], &became_ready);
	}
}

static void tell_systemd(struct supervisor *sup)
{
	int64_t every = notify_watchdog_ms(), now = clock_mono_ms();

	if (every == 0 || now < sup->notify_at_ms)
		return;
	notify_systemd("WATCHDOG=1");
	sup->notify_at_ms = now + every;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* The test login lets anybody in: unless an address is named, only this machine may reach it. */
static const char *listen_address(const struct config *config)
{
	if (!config->test_login || strcmp(config->listen_address, "0.0.0.0") != 0)
		return config->listen_address;
	log_warn("Supervisor", "ALLOW_TEST_LOGIN is on: listening on 127.0.0.1 only");
	return "127.0.0.1";
}

static int open_port(const struct config *config)
{
	int64_t until = clock_mono_ms() + BIND_MS;
	const char *address = listen_address(config);
	int fd, high;

	while ((fd = http_listen(address, (int)config->port)) == -EADDRINUSE && clock_mono_ms() < until)
		usleep(50000);
	if (fd < 0) {
		log_error("Supervisor", "The port cannot be listened on: is another server using it?",
			  F_TEXT("address", address), F_INT("port", config->port), F_TEXT("error", strerror(-fd)));
		return -1;
	}
	high = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	close(fd);
	return high;
}

static void add_children(struct supervisor *sup, const struct supervisor_options *options)
{
	char url[64];

	if (sup->config->use_mock_provider && !*sup->config->mock_url && options->run_worker) {
		snprintf(url, sizeof(url), "http://127.0.0.1:%lld", (long long)sup->config->mock_port);
		setenv("MOCK_PROVIDER_URL", url, 1);
		add_child(sup, CHILD_MOCK, 0);
	} else if (*sup->config->mock_url) {
		setenv("MOCK_PROVIDER_URL", sup->config->mock_url, 1); /* also when it stood in the file */
	}
	setenv("GITHUB_API_BASE", sup->config->github_api_base, 1); /* for github.so, which reads no file */
	for (int i = 0; options->run_api && i < sup->config->api_processes; i++)
		add_child(sup, CHILD_API, i);
	for (int i = 0; options->run_worker && i < sup->config->worker_processes; i++)
		add_child(sup, CHILD_WORKER, i);
}

int supervise(const struct config *config, const struct supervisor_options *options)
{
	struct supervisor *sup = calloc(1, sizeof(*sup));
	int signal_fd = open_signals(), exit_status = 1;

	if (!sup || signal_fd < 0)
		goto out;
	sup->config = config;
	sup->config_file = options->config_file;
	sup->setup = (struct child_setup){ .config_file = options->config_file, .listen_fd = -1, .config = config };
	if (options->run_api && (sup->setup.listen_fd = open_port(config)) < 0)
		goto out;
	add_children(sup, options);
	while (!(sup->stopping && all_gone(sup))) {
		for (int i = 0; i < sup->n; i++)
			watch_child(sup, &sup->children[i]);
		if (sup->rolling && !sup->stopping)
			roll(sup);
		if (sup->stopping)
			stop_all(sup);
		wait_for_something(sup, signal_fd);
		bury_the_dead(sup);
		announce(sup);
		tell_systemd(sup);
	}
	exit_status = sup->exit_status;
	log_info("Supervisor", "Stopped");
out:
	free(sup);
	return exit_status;
}

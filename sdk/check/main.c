/* The program. Exit status: 0 the plugin is fine, 1 it is refused (one sentence on stderr), 2 wrong usage.
 *
 * Owns the child of the trial until it has ended. Easy to break: everything that runs the plugin's code runs in a
 * child, so that a crash and a hang are sentences too. */
#include "check.h"

#include "base/clock.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOAD_MS   5000
#define DEFAULT_S 30
#define CAME_BACK 42

static const char *const type_words[] = { "", "string", "secret", "url", "int", "bool", "duration", "choice" };

static int usage(FILE *to)
{
	fputs("usage: opshub-plugin-check [--recorded FILE] [--set KEY=VALUE]... [--limit SECONDS] PLUGIN.so\n"
	      "Loads the plugin as OpsHub would, reads what it imports and runs each of its operations once:\n"
	      "against the recorded answers, or without them against a network that is down.\n"
	      "  --recorded FILE   answers of the provider (format: docs/plugins.md)\n"
	      "  --set KEY=VALUE   a setting; those that are required get a value of their type otherwise\n"
	      "  --limit SECONDS   how long all operations together may take (default 30)\n",
	      to);
	return 2;
}

static int refuse(const char *file, const char *why)
{
	fflush(stdout);
	fprintf(stderr, "refused: %s%s%s\n", file ? file : "", file ? ": " : "", why);
	return 1;
}

static void describe(const struct plugin *plugin)
{
	const struct opshub_plugin *p = &plugin->about;

	printf("%s %s, a %s%s\n", p->name, p->version, plugin_kind_name(p->kind),
	       p->flags & OPSHUB_BLOCKING ? " that blocks (runs on threads)" : "");
	printf("  %s\n  license %s, built for ABI %u.%u, needs %u.%u\n", p->summary ? p->summary : "no summary",
	       p->license ? p->license : "not said", p->abi_major, p->abi_minor, p->abi_major, p->needs_minor);
	for (uint32_t i = 0; i < p->n_settings; i++) {
		const struct opshub_setting *s = &plugin->settings[i];
		bool is_secret = s->type == OPSHUB_SETTING_SECRET;
		printf("  setting %-20s %-8s%s%s%s%s%s\n", s->key, type_words[s->type],
		       s->flags & OPSHUB_SETTING_REQUIRED ? " required" : "",
		       !is_secret && s->initial && *s->initial ? " = " : "", is_secret || !s->initial ? "" : s->initial,
		       s->env && *s->env ? " or $" : "", s->env ? s->env : "");
	}
}

static _Noreturn void child(struct trial *trial)
{
	const struct rlimit no_core = { 0, 0 };

	/* A sanitizer's handlers would turn the signal into an exit code. */
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	setrlimit(RLIMIT_CORE, &no_core);
	trial_run(trial);
	fflush(stdout);
	_exit(CAME_BACK);
}

/* How the child ended, as a sentence; NULL when it came back. */
static const char *ending(struct arena *arena, const struct trial *trial, int status, bool was_late, int limit_s)
{
	const char *operation = trial->progress->operation;

	if (WIFEXITED(status) && WEXITSTATUS(status) == CAME_BACK)
		return NULL;
	if (was_late || (WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGALRM))
		return arena_printf(arena, "%s did not return within %d s: wait only in host->http() and host->sleep()",
				    operation, was_late ? limit_s : CRASH_HOLD_MS / 1000)
			.p;
	if (WIFSIGNALED(status))
		return arena_printf(arena, "%s crashed (SIG%s)", operation, sigabbrev_np(WTERMSIG(status))).p;
	return arena_printf(arena, "%s ended the process (exit code %d)", operation, WEXITSTATUS(status)).p;
}

static const char *run_trial(struct arena *arena, struct trial *trial, int limit_s)
{
	int64_t until = clock_mono_ms() + (int64_t)limit_s * 1000;
	bool was_late = false;
	const char *why;
	int status = 0;
	pid_t pid;

	printf("%s\n", trial->recording ? "operations against the recorded answers:" : "operations without a network:");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return "the trial could not be started: no process to be had";
	if (pid == 0)
		child(trial);
	while (waitpid(pid, &status, was_late ? 0 : WNOHANG) == 0) {
		if (clock_mono_ms() > until) {
			was_late = true;
			kill(pid, SIGKILL);
			continue;
		}
		usleep(5000);
	}
	why = ending(arena, trial, status, was_late, limit_s);
	return why ? why : trial->progress->why;
}

static int check(struct arena *arena, struct trial *trial, const char *path, int limit_s)
{
	const char *folder = dirname(arena_text(arena, str_of(path)));
	const char *file = basename(arena_text(arena, str_of(path)));
	const char *why = "";

	if (plugin_probe(arena, folder, file, LOAD_MS, &why) < 0)
		return refuse(NULL, why);
	if (plugin_load(arena, folder, file, &trial->plugin, &why) < 0)
		return refuse(NULL, why);
	describe(trial->plugin);
	why = imports_why_not(arena, path, trial->plugin->about.flags & OPSHUB_BLOCKING);
	if (!*why)
		why = run_trial(arena, trial, limit_s);
	if (*why)
		return refuse(file, why);
	printf("ok\n");
	return 0;
}

/* KEY=VALUE into the trial. */
static bool give(struct trial *trial, char *text)
{
	struct str rest = str_of(text), key = str_split(&rest, '=');

	if (trial->n_given == SETTINGS_GIVEN_MAX || !strchr(text, '='))
		return false;
	trial->given[trial->n_given++] = (struct setting_value){ key, rest };
	return true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "recorded", required_argument, NULL, 'r' },
						 { "set", required_argument, NULL, 's' },
						 { "limit", required_argument, NULL, 'l' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	struct trial trial = { .crash_fd = -1 };
	struct arena *arena = arena_new();
	int64_t limit_s = DEFAULT_S;
	const char *why = "";
	int option, r = 2;

	/* Lines of the plugin's log do not belong into the report. */
	log_open(STDERR_FILENO, LOG_WARN);
	trial.progress = mmap(NULL, sizeof(*trial.progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'r') {
			trial.recording = recording_read(arena, optarg, &why);
			if (!trial.recording) {
				fprintf(stderr, "%s\n", why);
				goto out;
			}
		} else if ((option == 's' && !give(&trial, optarg)) ||
			   (option == 'l' && !str_to_int(str_of(optarg), 1, 3600, &limit_s)) || option == '?') {
			usage(stderr);
			goto out;
		} else if (option == 'h') {
			usage(stdout);
			r = 0;
			goto out;
		}
	}
	r = optind + 1 == argc ? check(arena, &trial, argv[optind], (int)limit_s) : usage(stderr);
out:
	arena_free(arena);
	return r;
}

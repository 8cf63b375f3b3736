/* opshubd: the command line. */
#include "daemon/child.h"
#include "daemon/commands.h"
#include "daemon/supervisor.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct arguments {
	const char *config_file, *role;
	struct child_options child;
	char **words; /* of a command */
	int n_words;
};

static int usage(FILE *to, int status)
{
	fprintf(to, "usage: opshubd [--config FILE] [--role all|api|worker]     run the server\n");
	fprintf(to, "       opshubd [--config FILE] COMMAND                      administer it:\n");
	if (to == stdout)
		print_commands();
	else
		fprintf(to, "       opshubd --help lists the commands\n");
	return status;
}

/* "--name=value" or "--name value": the value, or NULL when it is another option. */
static const char *option(char **argv, int argc, int *i, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n) != 0)
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	if (argv[*i][n] == '\0' && *i + 1 < argc)
		return argv[++*i];
	return NULL;
}

static bool read_option(struct arguments *a, char **argv, int argc, int *i)
{
	struct {
		const char *name;
		const char **ret;
	} texts[] = {
		{ "--config", &a->config_file },
		{ "--role", &a->role },
		{ "--child", &a->child.kind },
		{ "--id", &a->child.id },
		{ "--predecessor", &a->child.predecessor },
		{ "--crash-job", &a->child.crash_job },
		{ "--crash-why", &a->child.crash_why },
	};
	const char *index;

	for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
		const char *value = option(argv, argc, i, texts[k].name);

		if (value) {
			*texts[k].ret = value;
			return true;
		}
	}
	index = option(argv, argc, i, "--index");
	if (index)
		a->child.index = atoi(index);
	return index != NULL;
}

/* No core dump holds our secrets, and nobody but root looks into our memory. */
static void harden(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
#ifndef OPSHUB_SANITIZED /* the leak checker has to trace its own process */
	prctl(PR_SET_DUMPABLE, 0);
#endif
	signal(SIGPIPE, SIG_IGN);
	umask(0077);
	setenv("RES_OPTIONS", "timeout:2 attempts:1", 0); /* silent name servers: 2 s, not 20 */
}

static int run_server(const struct arguments *a)
{
	struct supervisor_options options = { .config_file = a->config_file };
	static struct config config; /* its texts live as long as the process */
	enum log_level level = LOG_INFO;
	char why[512];

	if (a->role && strcmp(a->role, "all") != 0 && strcmp(a->role, "api") != 0 && strcmp(a->role, "worker") != 0)
		return usage(stderr, 2);
	if (!config_load(a->config_file, &config, why, sizeof(why))) {
		fprintf(stderr, "opshubd: %s\n", why);
		return CONFIG_EXIT;
	}
	log_level_parse(str_of(config.log_level), &level);
	log_open(STDOUT_FILENO, level);
	if (a->child.kind)
		prctl(PR_SET_NAME, strcmp(a->child.kind, "api") == 0 ? "opshub-api" : "opshub-worker");
	if (a->child.kind)
		return strcmp(a->child.kind, "api") == 0 ? run_api(&config, &a->child) : run_worker(&config, &a->child);
	options.run_api = !a->role || strcmp(a->role, "worker") != 0;
	options.run_worker = !a->role || strcmp(a->role, "api") != 0;
	if (options.run_api && !config_check_tls(&config, why, sizeof(why))) {
		fprintf(stderr, "opshubd: %s\n", why);
		return CONFIG_EXIT;
	}
	return supervise(&config, &options);
}

/* Batches of webhooks come and go by the megabyte; giving that back to the kernel and faulting it in again each time
 * costs more than keeping it. */
static void keep_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
	mallopt(M_TRIM_THRESHOLD, 8 * 1024 * 1024);
}

int main(int argc, char **argv)
{
	struct arguments a = { .child = { .id = "proc_none" } };
	int i = 1, status;

	harden();
	keep_memory();
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return usage(stdout, 0);
		if (strcmp(argv[i], "--version") == 0) {
			printf("opshubd %s\n", OPSHUB_VERSION);
			return 0;
		}
		if (!read_option(&a, argv, argc, &i)) {
			fprintf(stderr, "opshubd: unknown option %s\n", argv[i]);
			return usage(stderr, 2);
		}
	}
	if (i == argc)
		return run_server(&a);
	if (run_command(a.config_file, argv + i, argc - i, &status))
		return status;
	fprintf(stderr, "opshubd: unknown command \"%s\"\n", argv[i]);
	return usage(stderr, 2);
}

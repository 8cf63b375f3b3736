/* The administrator's commands. */
#include "daemon/commands.h"

#include "api/api.h"
#include "crypto/secret_key.h"
#include "daemon/admin.h"
#include "daemon/config.h"
#include "daemon/migrate.h"
#include "daemon/users.h"
#include "db/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_STDIN (16 * 1024 * 1024)

struct task {
	const struct config *config;
	struct admin_words admin;
	char **words; /* of the command line, the command's own name first */
	int n_words;
	struct buf report;
	int (*run)(struct call *call, struct task *task);
	int code;
	bool wrong_key; /* it failed because of a wrong configuration */
	char why[1024];
};

/* ---- on a loop of its own ---- */

static void run_task(struct call *call, void *arg)
{
	struct task *task = arg;

	task->code = task->run(call, task);
	if (task->code != OK)
		snprintf(task->why, sizeof(task->why), "%s", call->why);
}

static int run_on_loop(struct task *task)
{
	struct loop *loop = loop_new(16);
	struct fiber_options options = { .name = "command" };

	buf_init(&task->report, 64 * 1024 * 1024);
	fiber_start(loop, &options, run_task, task, NULL);
	while (loop_fibers(loop))
		uv_run(loop_uv(loop), UV_RUN_ONCE);
	loop_free(loop);
	fwrite(buf_str(&task->report).p, 1, task->report.n, stdout);
	buf_done(&task->report);
	if (task->code != OK)
		fprintf(stderr, "opshubd: %s\n", task->why);
	return task->code == OK ? 0 : task->wrong_key ? CONFIG_EXIT : 1;
}

static int do_deploy(struct call *call, struct task *task)
{
	return migrate_deploy(call, task->config->database_url, &task->report);
}

static int do_status(struct call *call, struct task *task)
{
	return migrate_status(call, task->config->database_url, &task->report);
}

static int do_check(struct call *call, struct task *task)
{
	return schema_check(call, task->config->database_url, &task->report);
}

static int do_seed(struct call *call, struct task *task)
{
	int r = seed(call, task->config->database_url);

	if (r == OK)
		buf_printf(&task->report, "the demonstration data is there: organization demo, project proj_demo\n");
	return r;
}

static int do_execute(struct call *call, struct task *task)
{
	struct db_options options = { .url = task->config->database_url,
				      .application = "opshub-execute",
				      .shared = 1,
				      .own = 1,
				      .unprepared = true };
	struct db *db = db_open(call->loop, &options);
	struct buf sql;
	char chunk[2048];
	size_t n;
	int r;

	buf_init(&sql, MOST_STDIN);
	while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
		buf_add(&sql, chunk, n);
	r = sql.overflow ? call_fail(call, E_INVALID, "the statements on stdin are longer than 16 MiB")
			 : db_ready(call, db, 10000);
	if (r == OK)
		r = db_execute(call, db, buf_str(&sql), &task->report);
	buf_done(&sql);
	db_close(db);
	return r;
}

static int do_audit_verify(struct call *call, struct task *task)
{
	return audit_verify(call, task->config->database_url, &task->admin);
}

static int do_audit_export(struct call *call, struct task *task)
{
	return audit_export(call, task->config->database_url, &task->admin);
}

static int do_lockdown(struct call *call, struct task *task)
{
	return admin_lockdown(call, task->config->database_url, &task->admin);
}

static int do_unlock(struct call *call, struct task *task)
{
	return admin_unlock(call, task->config->database_url, &task->admin);
}

static int do_reconcile(struct call *call, struct task *task)
{
	return admin_reconcile(call, task->config, &task->admin);
}

static int do_keys_status(struct call *call, struct task *task)
{
	return keys_status(call, task->config, &task->wrong_key);
}

static int do_keys_rotate(struct call *call, struct task *task)
{
	return keys_rotate(call, task->config, &task->wrong_key);
}

static int do_users(struct call *call, struct task *task)
{
	return users_command(call, task->config->database_url, task->words, task->n_words, &task->report);
}

static int with_database(const struct config *config, int (*run)(struct call *call, struct task *task), char **words,
			 int n, const struct admin_words *admin)
{
	struct task task = { .config = config, .run = run, .words = words, .n_words = n, .admin = *admin };

	return run_on_loop(&task);
}

/* ---- without a database ---- */

static int print_buf(void (*print)(struct buf *ret))
{
	struct buf text;

	buf_init(&text, 1024 * 1024);
	print(&text);
	fwrite(text.p, 1, text.n, stdout);
	buf_done(&text);
	return 0;
}

static void print_routes(struct buf *ret)
{
	for (const struct http_route *route = api_routes; route->path; route++)
		buf_printf(ret, "%s %s\n", http_method_word(route->method), route->path);
}

static int check_config(const struct config *config)
{
	struct buf text;
	char why[512];
	bool good = config_check_tls(config, why, sizeof(why));

	if (why[0])
		fprintf(stderr, "opshubd: %s\n", why);
	if (!good)
		return CONFIG_EXIT;
	buf_init(&text, 1024 * 1024);
	config_print(config, &text);
	fwrite(text.p, 1, text.n, stdout);
	buf_done(&text);
	return 0;
}

static int genkey(void)
{
	char text[SECRET_KEY_TEXT_SIZE];

	secret_key_generate(text);
	puts(text);
	return 0;
}

/* ---- dispatch ---- */

static const struct {
	const char *name, *what, *help;
	bool needs_config;
	int (*run)(struct call *call, struct task *task);
} commands[] = {
	{ "migrate", "deploy", "bring the database to this version's schema", true, do_deploy },
	{ "migrate", "status", "list the migrations and when they were applied", true, do_status },
	{ "schema", "check", "every migration is applied and every statement fits", true, do_check },
	{ "db", "seed", "demonstration data: one organization, four users, one project (--force in production)", true,
	  do_seed },
	{ "db", "execute", "run the SQL on stdin (--stdin)", true, do_execute },
	{ "audit", "verify", "check that no row of the audit was changed or taken out", true, do_audit_verify },
	{ "audit", "export", "print an organization's audit, or the installation's, as JSON lines", true,
	  do_audit_export },
	{ "lockdown", NULL, "log everybody out of an organization and deploy nothing new", true, do_lockdown },
	{ "unlock", NULL, "end a lockdown", true, do_unlock },
	{ "reconcile", NULL, "--dry-run: what GitHub and the providers have otherwise; --confirm: let it go", true,
	  do_reconcile },
	{ "keys", "status", "what is sealed with which master key", true, do_keys_status },
	{ "keys", "rotate", "seal all with ENCRYPTION_KEY_BASE64 that another master key has sealed", true,
	  do_keys_rotate },
	{ "users", "list", "who is here, when last seen (--inactive-days N: who was not)", true, do_users },
	{ "users", "deactivate", "EMAIL: log a user out of everything and keep him out", true, do_users },
	{ "users", "activate", "EMAIL: let him in again", true, do_users },
	{ "config", "check", "print the effective configuration, secrets masked", true, NULL },
	{ "config", "ini", "print conf/opshub.ini with every key and its default", false, NULL },
	{ "config", "docs", "print the table of settings for the documentation", false, NULL },
	{ "routes", NULL, "print what the API serves: method and path, one a line", false, NULL },
	{ "genkey", NULL, "print a fresh ENCRYPTION_KEY_BASE64", false, NULL },
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Commands with options of their own behind their name. */
static const struct {
	int (*run)(struct call *call, struct task *task);
	const char *options;
	bool (*fits)(const struct admin_words *words);
	const char *usage;
} usages[] = {
	{ do_audit_verify, "--org --expect", audit_verify_fits,
	  "audit verify [--org ID|installation] [--expect ORG:SEQ:HASH]..." },
	{ do_audit_export, "--org --installation --from --to", audit_export_fits,
	  "audit export --org ID|--installation [--from TIME] [--to TIME]" },
	{ do_lockdown, "--org --all --reason", lockdown_fits, "lockdown --org ID|--all --reason TEXT" },
	{ do_unlock, "--org --all --reason", unlock_fits, "unlock --org ID|--all [--reason TEXT]" },
	{ do_reconcile, "--dry-run --confirm --repo", reconcile_fits,
	  "reconcile --dry-run | --confirm [--repo OWNER/NAME]" },
};

/* True when the command takes no options, or takes these; else its usage was printed. */
static bool read_options(size_t found, char **words, int n, struct admin_words *ret)
{
	int named = commands[found].what ? 2 : 1;

	for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
		if (usages[i].run != commands[found].run)
			continue;
		if (admin_words_read(words + named, n - named, usages[i].options, ret) && usages[i].fits(ret))
			return true;
		fprintf(stderr, "opshubd: usage: opshubd %s\n", usages[i].usage);
		return false;
	}
	return true;
}

void print_commands(void)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("  opshubd %-8s %-10s %s\n", commands[i].name, commands[i].what ? commands[i].what : "",
		       commands[i].help);
}

static bool has_word(char **words, int n, const char *word)
{
	for (int i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

static int run_found(size_t found, const char *config_file, char **words, int n)
{
	static struct config config; /* its texts live as long as the process */
	struct admin_words options = { 0 };
	char why[512];

	if (!commands[found].needs_config) {
		if (strcmp(commands[found].name, "genkey") == 0)
			return genkey();
		if (strcmp(commands[found].name, "routes") == 0)
			return print_buf(print_routes);
		return print_buf(strcmp(commands[found].what, "ini") == 0 ? config_print_ini : config_print_docs);
	}
	if (!read_options(found, words, n, &options))
		return 2;
	log_open(STDERR_FILENO, LOG_WARN);
	if (!config_load(config_file, &config, why, sizeof(why))) {
		fprintf(stderr, "opshubd: %s\n", why);
		return CONFIG_EXIT;
	}
	if (!commands[found].run)
		return check_config(&config);
	if (commands[found].run == do_seed && config_is_production(&config) && !has_word(words, n, "--force")) {
		fprintf(stderr, "opshubd: this is production: demonstration data is only written with --force\n");
		return 1;
	}
	if (commands[found].run == do_execute && !has_word(words, n, "--stdin")) {
		fprintf(stderr, "opshubd: usage: opshubd db execute --stdin < statements.sql\n");
		return 2;
	}
	if (commands[found].run == do_users && !users_words_ok(words, n)) {
		fprintf(stderr,
			"opshubd: usage: opshubd users list [--inactive-days N] | deactivate EMAIL | activate EMAIL\n");
		return 2;
	}
	return with_database(&config, commands[found].run, words, n, &options);
}

bool run_command(const char *config_file, char **words, int n, int *ret_status)
{
	bool known = false;

	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(words[0], commands[i].name) != 0)
			continue;
		known = true;
		if (!commands[i].what || (n > 1 && strcmp(words[1], commands[i].what) == 0)) {
			*ret_status = run_found(i, config_file, words, n);
			return true;
		}
	}
	if (!known)
		return false;
	fprintf(stderr, "opshubd: \"%s\" needs one of these words behind it:\n", words[0]);
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(words[0], commands[i].name) == 0)
			fprintf(stderr, "  %s %s\n", commands[i].name, commands[i].what);
	*ret_status = 2;
	return true;
}

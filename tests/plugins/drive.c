/* One operation of a plugin, over the real network, for tests of what the daemon has no way to ask for: a provider's
 * report, and deployments with variables.
 *
 *   plugin-drive FOLDER NAME verify
 *   plugin-drive FOLDER NAME create ATTEMPT REPOSITORY BRANCH SHA [KEY=VALUE | KEY:=SECRET | KEY+=OF-THE-BUILD]...
 *   plugin-drive FOLDER NAME status|find|cancel|destroy ID
 *
 * Settings come from the environment, as the plugin declares them. The first line of the output is the result's name,
 * and its reason or the deployment's id; a report's lines follow. The exit status is 0 when the operation was carried
 * out, whatever came of it. */
#include "plugin/plugin.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENV_MAX      128
#define OPERATION_MS 30000

struct drive {
	const char *folder, *name, *operation;
	char **args;
	int n_args;
	struct plugins *plugins;
	struct catalog *catalog;
	bool done;
};

static void tell(struct call *call, int r, const struct deployment *d)
{
	static const char *const states[] = { "UNKNOWN", "QUEUED", "BUILDING", "READY", "FAILED", "CANCELLED", "GONE" };

	if (r < 0)
		printf("%s %s\n", status_name(r), call->why);
	else if (d)
		printf("OK %s %s %.*s\n", d->id.p, states[d->state], STR_FMT(d->message));
	else
		printf("OK\n");
}

static void verify(struct call *call, struct instance *instance)
{
	struct report report = { 0 };
	int r = provider_verify(call, instance, &report);

	tell(call, r, NULL);
	if (r < 0)
		return;
	printf("account %.*s\n", STR_FMT(report.account));
	for (size_t i = 0; i < report.n_lines; i++)
		printf("%u %.*s: %.*s\n", report.lines[i].state, STR_FMT(report.lines[i].label),
		       STR_FMT(report.lines[i].text));
}

/* "KEY=value", or "KEY:=value" for a secret one, "KEY+=value" for one of the build alone. */
static struct opshub_env env_of(char *text)
{
	char *at = strchr(text, '=');
	bool is_secret = at && at > text && at[-1] == ':';
	bool is_build_only = at && at > text && at[-1] == '+';

	if (!at)
		return (struct opshub_env){ .key = text, .value = "" };
	at[is_secret || is_build_only ? -1 : 0] = '\0';
	return (struct opshub_env){
		.key = text, .value = at + 1, .is_secret = is_secret, .is_build_only = is_build_only
	};
}

static void create(struct call *call, const struct drive *drive, struct instance *instance)
{
	struct opshub_env *env = arena_alloc(call->arena, ENV_MAX * sizeof(*env));
	struct opshub_deploy_request request = {
		.struct_size = sizeof(request),
		.attempt_id = drive->args[0],
		.project_id = "proj_drive",
		.project_name = "drive",
		.repo_full_name = drive->args[1],
		.pr_number = 1,
		.branch = drive->args[2],
		.sha = drive->args[3],
		.title = "Driven",
		.env = env,
		.env_size = sizeof(*env),
	};
	struct deployment d = { 0 };

	for (int i = 4; i < drive->n_args && request.n_env < ENV_MAX; i++)
		env[request.n_env++] = env_of(drive->args[i]);
	tell(call, provider_create(call, instance, &request, &d), &d);
}

static void carry_out(struct call *call, struct drive *drive, struct instance *instance)
{
	const char *id = drive->n_args ? drive->args[0] : "";
	struct deployment d = { 0 };

	drive->done = true;
	if (strcmp(drive->operation, "verify") == 0)
		verify(call, instance);
	else if (strcmp(drive->operation, "create") == 0 && drive->n_args >= 4)
		create(call, drive, instance);
	else if (strcmp(drive->operation, "status") == 0)
		tell(call, provider_status(call, instance, id, &d), &d);
	else if (strcmp(drive->operation, "find") == 0)
		tell(call, provider_find(call, instance, id, &d), &d);
	else if (strcmp(drive->operation, "cancel") == 0)
		tell(call, provider_cancel(call, instance, id), NULL);
	else if (strcmp(drive->operation, "destroy") == 0)
		tell(call, provider_destroy(call, instance, id), NULL);
	else
		drive->done = false;
}

static void run(struct call *call, void *arg)
{
	struct drive *drive = arg;
	const char *why = "";
	const struct instance_spec spec = { .plugin = catalog_provider(drive->catalog, str_of(drive->name), &why),
					    .scope = STR("proj_drive"),
					    .version = 1,
					    .allow_private = true };
	struct instance *instance = NULL;

	if (!spec.plugin || plugins_instance(call, drive->plugins, &spec, &instance) < 0)
		fprintf(stderr, "plugin-drive: %s %s\n", why, call->why);
	else
		carry_out(call, drive, instance);
	instance_release(instance);
}

static void on_done(struct call *call, void *arg)
{
	(void)arg;
	loop_stop(call->loop);
}

int main(int argc, char **argv)
{
	const struct fiber_options options = { .name = "drive", .timeout_ms = OPERATION_MS, .on_done = on_done };
	struct drive drive = { 0 };
	struct loop *loop;
	struct net *net;

	if (argc < 4) {
		fprintf(stderr, "usage: plugin-drive FOLDER NAME OPERATION [ARGUMENT...]\n");
		return 2;
	}
	drive = (struct drive){ argv[1], argv[2], argv[3], argv + 4, argc - 4, NULL, NULL, false };
	log_open(STDERR_FILENO, LOG_WARN);
	drive.catalog = catalog_open(&(struct catalog_options){ .folder = drive.folder, .probe_ms = -1 });
	loop = loop_new(0);
	net = net_open(loop);
	drive.plugins = plugins_open(loop, net);
	if (fiber_start(loop, &options, run, &drive, NULL) == OK)
		loop_run(loop);
	plugins_close(drive.plugins);
	net_close(net);
	loop_free(loop);
	catalog_close(drive.catalog);
	return drive.done ? 0 : 1;
}

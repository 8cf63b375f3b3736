/* The plugin: settings, operations, and what the result of a program means.
 *
 * Owns nothing. Easy to break: which program runs is decided by the environment of the server alone. It is no setting,
 * because whoever may change a project's settings must not be able to name a program. */
#include "exec.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ITEMS_MAX 500
#define LINES_MAX 32

static const struct opshub_setting settings[] = {
	{ .key = "options",
	  .label = "Options",
	  .type = OPSHUB_SETTING_STRING,
	  .max = 1000,
	  .help = "Text for the operator's program, which gets it as \"options\"; what it means is said by the "
		  "operator.",
	  .offset = offsetof(struct exec, options) },
	{ .key = "token",
	  .label = "Token",
	  .type = OPSHUB_SETTING_SECRET,
	  .max = 4096,
	  .help = "A secret for the operator's program, which gets it on its standard input as \"token\".",
	  .offset = offsetof(struct exec, token) },
};

static const char *text_of(opshub_call *call, const struct exec *exec, const opshub_json *object, const char *key)
{
	return exec->host->json_str(call, exec->host->json_get(call, object, key), "");
}

static int64_t number_of(opshub_call *call, const struct exec *exec, const opshub_json *object, const char *key)
{
	return exec->host->json_int(call, exec->host->json_get(call, object, key), 0);
}

/* The number of a word in a list that ends with NULL; otherwise when it is not there. */
static uint32_t number_of_word(const char *word, const char *const *words, uint32_t otherwise)
{
	for (uint32_t i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return otherwise;
}

static void fill(opshub_call *call, const struct exec *exec, const char *id, const opshub_json *from,
		 struct opshub_deployment *ret)
{
	static const char *const states[] = { "UNKNOWN", "QUEUED",    "BUILDING", "READY",
					      "FAILED",  "CANCELLED", "GONE",     NULL };
	static const char *const reasons[] = { "NONE", "BUILD", "QUOTA", "PROVIDER", "TIMEOUT", "CONFIG", NULL };

	ret->id = ret->attempt_id = id;
	ret->state = number_of_word(text_of(call, exec, from, "state"), states, OPSHUB_STATE_UNKNOWN);
	ret->reason = number_of_word(text_of(call, exec, from, "reason"), reasons,
				     ret->state == OPSHUB_STATE_FAILED ? OPSHUB_REASON_BUILD : OPSHUB_REASON_NONE);
	ret->url = text_of(call, exec, from, "url");
	ret->stable_url = text_of(call, exec, from, "stableUrl");
	ret->inspector_url = text_of(call, exec, from, "inspectorUrl");
	ret->message = text_of(call, exec, from, "message");
	ret->commit_sha = text_of(call, exec, from, "sha");
	ret->poll_after_ms = number_of(call, exec, from, "pollAfterMs");
	ret->created_at_ms = number_of(call, exec, from, "createdAtMs");
}

/* One operation on a deployment. */
static opshub_status run_on(opshub_call *call, const struct exec *exec, const char *operation, const char *id,
			    const struct opshub_deploy_request *request, const opshub_json **ret)
{
	struct order order = { .operation = operation, .id = id, .request = request, .log_fd = -1 };
	opshub_status r;

	if (!id_is_valid(id))
		return exec->host->fail(call, OPSHUB_E_INVALID, "exec.so makes no deployments with such an id");
	r = folder_open(call, exec, id, &order.folder, &order.log_fd);
	if (r != OPSHUB_OK)
		return r;
	r = program_run(call, exec, &order, ret);
	close(order.log_fd);
	if (r == OPSHUB_E_NOT_FOUND)
		folder_remove(call, exec, id);
	return r;
}

/* One that must answer with a deployment. */
static opshub_status deployment_of(opshub_call *call, const struct exec *exec, const char *operation, const char *id,
				   const struct opshub_deploy_request *request, struct opshub_deployment *ret)
{
	const opshub_json *result = NULL;
	opshub_status r = run_on(call, exec, operation, id, request, &result);

	if (r != OPSHUB_OK)
		return r;
	if (!result)
		return exec->host->fail(call, OPSHUB_E_UPSTREAM,
					exec->host->format(call,
							   "The program ended its %s well, but printed no line "
							   "{\"type\":\"result\", ...}",
							   operation));
	fill(call, exec, exec->host->format(call, "%s", id), result, ret);
	return OPSHUB_OK;
}

static opshub_status open_exec(opshub_call *call, const struct opshub_host *host, void *instance)
{
	struct exec *exec = instance;
	const char *why;

	exec->host = host;
	exec->program = getenv("EXEC_PROGRAM");
	exec->path = getenv("PATH");
	exec->home = getenv("HOME");
	exec->pass = getenv("EXEC_PASS");
	why = program_why_not(call, exec);
	return why ? host->fail(call, OPSHUB_E_INVALID, why) : folder_prepare(call, exec);
}

/* A word that is none of ours may be a "fail" that nobody is told of: it is shown, as something to look at. */
static struct opshub_report_line report_line(opshub_call *call, const struct exec *exec, const opshub_json *from)
{
	static const char *const states[] = { "OK", "WARN", "FAIL", NULL };
	const char *word = text_of(call, exec, from, "state");
	struct opshub_report_line line = {
		.label = text_of(call, exec, from, "label"),
		.text = text_of(call, exec, from, "text"),
		.state = number_of_word(word, states, UINT32_MAX),
	};

	if (line.state == UINT32_MAX) {
		line.state = OPSHUB_REPORT_WARN;
		line.text = exec->host->format(
			call, "%.2000s (the program calls this \"%.40s\": it has to be OK, WARN or FAIL)", line.text,
			word);
	}
	return line;
}

static opshub_status verify(opshub_call *call, void *instance, struct opshub_report *ret)
{
	const struct exec *exec = instance;
	const struct opshub_host *host = exec->host;
	const struct order order = { .operation = "verify", .id = "", .folder = exec->folder, .log_fd = -1 };
	struct opshub_report_line *lines = host->alloc(call, LINES_MAX * sizeof(*lines));
	const opshub_json *result = NULL, *all;
	opshub_status r = program_run(call, exec, &order, &result);

	if (r != OPSHUB_OK)
		return r;
	all = host->json_get(call, result, "lines");
	for (; ret->n_lines < LINES_MAX && ret->n_lines < host->json_len(call, all); ret->n_lines++)
		lines[ret->n_lines] = report_line(call, exec, host->json_at(call, all, ret->n_lines));
	ret->lines = lines;
	ret->line_size = sizeof(*lines);
	ret->account = text_of(call, exec, result, "account");
	return OPSHUB_OK;
}

static opshub_status create(opshub_call *call, void *instance, const struct opshub_deploy_request *request,
			    struct opshub_deployment *ret)
{
	return deployment_of(call, instance, "create", request->attempt_id, request, ret);
}

/* The attempt's id is the deployment's, so there is nothing to search. */
static opshub_status status(opshub_call *call, void *instance, const char *id, struct opshub_deployment *ret)
{
	return deployment_of(call, instance, "status", id, NULL, ret);
}

static opshub_status cancel(opshub_call *call, void *instance, const char *id)
{
	const opshub_json *result = NULL;
	opshub_status r = run_on(call, instance, "cancel", id, NULL, &result);

	return r == OPSHUB_E_NOT_FOUND ? OPSHUB_OK : r;
}

static opshub_status destroy(opshub_call *call, void *instance, const char *id)
{
	const opshub_json *result = NULL;
	opshub_status r = run_on(call, instance, "destroy", id, NULL, &result);

	if (r == OPSHUB_OK)
		folder_remove(call, instance, id);
	return r == OPSHUB_E_NOT_FOUND ? OPSHUB_OK : r;
}

static opshub_status logs(opshub_call *call, void *instance, const char *id, const char *cursor,
			  struct opshub_log_page *ret)
{
	const struct exec *exec = instance;

	if (!id_is_valid(id))
		return exec->host->fail(call, OPSHUB_E_INVALID, "exec.so makes no deployments with such an id");
	return log_read(call, exec, id, cursor, ret);
}

static opshub_status list(opshub_call *call, void *instance, const char *cursor, struct opshub_deployment_page *ret)
{
	const struct exec *exec = instance;
	const struct opshub_host *host = exec->host;
	const struct order order = {
		.operation = "list", .id = "", .cursor = cursor, .folder = exec->folder, .log_fd = -1
	};
	struct opshub_deployment *items;
	const opshub_json *result = NULL, *all;
	opshub_status r = program_run(call, exec, &order, &result);
	uint32_t n;

	if (r != OPSHUB_OK)
		return r;
	all = host->json_get(call, result, "items");
	n = host->json_len(call, all);
	if (n > ITEMS_MAX)
		return host->fail(call, OPSHUB_E_UPSTREAM,
				  "The program listed more than 500 deployments at once: let it print \"nextCursor\"");
	items = host->alloc(call, (n + 1) * sizeof(*items));
	for (uint32_t i = 0; i < n; i++) {
		const opshub_json *one = host->json_at(call, all, i);
		const char *id = text_of(call, exec, one, "id");

		if (id_is_valid(id))
			fill(call, exec, id, one, &items[ret->n_items++]);
	}
	ret->items = items;
	ret->item_size = sizeof(*items);
	ret->next_cursor = text_of(call, exec, result, "nextCursor");
	return OPSHUB_OK;
}

static const struct opshub_provider_ops ops = {
	.struct_size = sizeof(ops),
	.verify = verify,
	.create = create,
	.find = status,
	.status = status,
	.cancel = cancel,
	.destroy = destroy,
	.logs = logs,
	.list = list,
};

static const struct opshub_plugin plugin = {
	.magic = OPSHUB_MAGIC,
	.struct_size = sizeof(plugin),
	.abi_major = OPSHUB_ABI_MAJOR,
	.abi_minor = OPSHUB_ABI_MINOR,
	.kind = OPSHUB_KIND_PROVIDER,
	.flags = OPSHUB_BLOCKING,
	.instance_size = sizeof(struct exec),
	.name = "exec",
	.version = "1.0.0",
	.license = "MIT",
	.summary = "Deployments by a program of the operator: docker compose, kubectl, a script",
	.settings = settings,
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.setting_size = sizeof(settings[0]),
	.open = open_exec,
	.ops = &ops,
};

const struct opshub_plugin *opshub_plugin_entry(void)
{
	return &plugin;
}

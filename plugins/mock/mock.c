/* The mock provider: honest deployments at opshub-mock-cloud, failures and crashes on request.
 *
 * Owns nothing: settings are the host's, answers come from host->alloc().
 * Easy to break: the server may ignore the filter of a list, so find() compares the attempt id itself.
 *
 * Faults come from the setting "fault", or from the branch's name ("mock-slow"). Those that happen on the wire are the
 * server's part; crashing is this file's. */
#include <opshub/provider.h>

#include <string.h>

#define PAGES_MAX 1000
#define LINES_MAX 200

struct mock {
	const struct opshub_host *host;
	const char *url, *token, *outcome, *fault;
	int64_t build_ms, latency_ms, create_timeout_ms;
};

static const char faults[] = "none|fail-build|slow|hang|create-500|create-500-once|create-429|auth|quota|garbage|"
			     "lost-answer|late-accept|destroy-fails-twice|crash-create|crash-after-create|crash-status|"
			     "overflow|never-returns";

static const struct opshub_setting settings[] = {
	{ .key = "url",
	  .label = "Address",
	  .type = OPSHUB_SETTING_URL,
	  .flags = OPSHUB_SETTING_REQUIRED,
	  .help = "Where opshub-mock-cloud listens.",
	  .initial = "http://127.0.0.1:4010",
	  .env = "MOCK_PROVIDER_URL",
	  .offset = offsetof(struct mock, url) },
	{ .key = "token",
	  .label = "Token",
	  .type = OPSHUB_SETTING_SECRET,
	  .env = "MOCK_PROVIDER_TOKEN",
	  .help = "What opshub-mock-cloud expects when its MOCK_CLOUD_TOKEN is set.",
	  .offset = offsetof(struct mock, token) },
	{ .key = "buildMs",
	  .label = "Build time",
	  .type = OPSHUB_SETTING_DURATION,
	  .initial = "1500",
	  .env = "MOCK_BUILD_MS",
	  .help = "How long a build takes.",
	  .min = 0,
	  .max = 3600000,
	  .offset = offsetof(struct mock, build_ms) },
	{ .key = "latencyMs",
	  .label = "Latency",
	  .type = OPSHUB_SETTING_DURATION,
	  .initial = "0",
	  .help = "How long the provider thinks before it answers a create.",
	  .min = 0,
	  .max = 60000,
	  .offset = offsetof(struct mock, latency_ms) },
	{ .key = "createTimeoutMs",
	  .label = "Patience",
	  .type = OPSHUB_SETTING_DURATION,
	  .initial = "10s",
	  .help = "How long to wait for the answer to a create.",
	  .min = 100,
	  .max = 60000,
	  .offset = offsetof(struct mock, create_timeout_ms) },
	{ .key = "outcome",
	  .label = "Outcome",
	  .type = OPSHUB_SETTING_CHOICE,
	  .initial = "ready",
	  .choices = "ready|failed",
	  .help = "How builds end.",
	  .offset = offsetof(struct mock, outcome) },
	{ .key = "fault",
	  .label = "Fault",
	  .type = OPSHUB_SETTING_CHOICE,
	  .initial = "none",
	  .choices = faults,
	  .help = "How every deployment of this project misbehaves.",
	  .offset = offsetof(struct mock, fault) },
};

/* ---- misbehaving ---- */

static void crash(void)
{
	volatile int *volatile nowhere = NULL;

	*nowhere = 1;
}

/* The volatile frame keeps the compiler from turning the recursion into a loop. */
static __attribute__((noinline)) int recurse(volatile char *above, int depth)
{
	volatile char frame[512];

	frame[0] = above ? above[0] : 1;
	return depth < 0 ? frame[0] : recurse(frame, depth + 1) + frame[0];
}

static int has_fault(const struct mock *mock, const char *branch, const char *word)
{
	const char *at = strstr(branch, "mock-");

	if (strcmp(mock->fault, "none") != 0)
		return strcmp(mock->fault, word) == 0;
	return at && strncmp(at + 5, word, strlen(word)) == 0;
}

static void misbehave_at_create(const struct mock *mock, const char *branch)
{
	volatile int sink;

	if (has_fault(mock, branch, "crash-create"))
		crash();
	if (has_fault(mock, branch, "overflow"))
		sink = recurse(NULL, 0), (void)sink;
	if (has_fault(mock, branch, "never-returns"))
		for (volatile int on = 1; on;)
			;
}

/* ---- talking to the server ---- */

static opshub_status send_request(opshub_call *call, const struct mock *mock, const char *method, const char *path,
				  const char *body, uint64_t body_size, const opshub_json **ret)
{
	const struct opshub_host *host = mock->host;
	struct opshub_http_header headers[2] = { { "Content-Type", "application/json" } };
	struct opshub_http_request request = {
		.struct_size = sizeof(request),
		.method = method,
		.url = host->format(call, "%s%s", mock->url, path),
		.headers = headers,
		.n_headers = 1,
		.header_size = sizeof(headers[0]),
		.body = body,
		.body_size = body_size,
	};
	struct opshub_http_response response = { .struct_size = sizeof(response) };
	const opshub_json *answer = NULL;
	opshub_status r;

	if (*mock->token)
		headers[request.n_headers++] =
			(struct opshub_http_header){ "Authorization", host->format(call, "Bearer %s", mock->token) };
	/* Removing twice is removing once; creating is not. */
	if (strcmp(method, "DELETE") == 0 || strstr(path, "/cancel"))
		request.flags = OPSHUB_HTTP_IDEMPOTENT;
	if (body)
		request.timeout_ms = mock->create_timeout_ms;
	r = host->http(call, &request, &response);
	if (r < 0)
		return r;
	r = host->json_parse(call, response.body, response.body_size, &answer);
	if (r < 0)
		return r;
	r = opshub_http_code(response.status);
	if (r < 0)
		return host->fail(
			call, r,
			host->format(call, "Provider mock answered %u: %s", response.status,
				     host->json_str(call, host->json_get(call, answer, "message"), "no reason")));
	*ret = answer;
	return OPSHUB_OK;
}

static const char *text_of(opshub_call *call, const struct mock *mock, const opshub_json *object, const char *key)
{
	return mock->host->json_str(call, mock->host->json_get(call, object, key), "");
}

static int64_t number_of(opshub_call *call, const struct mock *mock, const opshub_json *object, const char *key)
{
	return mock->host->json_int(call, mock->host->json_get(call, object, key), 0);
}

static uint32_t state_of(const char *word)
{
	static const struct {
		const char *word;
		uint32_t state;
	} states[] = { { "QUEUED", OPSHUB_STATE_QUEUED },       { "BUILDING", OPSHUB_STATE_BUILDING },
		       { "READY", OPSHUB_STATE_READY },         { "FAILED", OPSHUB_STATE_FAILED },
		       { "CANCELLED", OPSHUB_STATE_CANCELLED }, { "GONE", OPSHUB_STATE_GONE } };

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(word, states[i].word) == 0)
			return states[i].state;
	return OPSHUB_STATE_UNKNOWN;
}

static void fill(opshub_call *call, const struct mock *mock, const opshub_json *from, struct opshub_deployment *ret)
{
	ret->state = state_of(text_of(call, mock, from, "state"));
	ret->reason = ret->state == OPSHUB_STATE_FAILED ? OPSHUB_REASON_BUILD : OPSHUB_REASON_NONE;
	ret->id = text_of(call, mock, from, "id");
	ret->url = text_of(call, mock, from, "url");
	ret->stable_url = text_of(call, mock, from, "alias");
	ret->inspector_url = ret->url;
	ret->message = text_of(call, mock, from, "message");
	ret->commit_sha = text_of(call, mock, from, "sha");
	ret->attempt_id = text_of(call, mock, from, "attemptId");
	ret->created_at_ms = number_of(call, mock, from, "createdMs");
	ret->poll_after_ms = mock->build_ms < 2000 ? 100 : 1000;
}

/* ---- the operations ---- */

static opshub_status mock_open(opshub_call *call, const struct opshub_host *host, void *instance)
{
	struct mock *mock = instance;

	(void)call;
	mock->host = host;
	return OPSHUB_OK;
}

static opshub_status verify(opshub_call *call, void *instance, struct opshub_report *ret)
{
	const struct mock *mock = instance;
	const struct opshub_host *host = mock->host;
	struct opshub_report_line *lines = host->alloc(call, 2 * sizeof(*lines));
	const opshub_json *account;
	int64_t used, limit;
	opshub_status r;

	ret->lines = lines;
	ret->line_size = sizeof(*lines);
	r = send_request(call, mock, "GET", "/v1/account", NULL, 0, &account);
	if (r == OPSHUB_E_AUTH) {
		lines[0] =
			(struct opshub_report_line){ .label = "Token", .text = "refused", .state = OPSHUB_REPORT_FAIL };
		ret->n_lines = 1;
		return OPSHUB_OK;
	}
	if (r < 0)
		return r;
	used = number_of(call, mock, account, "deployments");
	limit = number_of(call, mock, account, "limit");
	ret->account = text_of(call, mock, account, "name");
	lines[0] = (struct opshub_report_line){ .label = "Token", .text = "accepted" };
	lines[1] = (struct opshub_report_line){
		.label = "Deployments",
		.text = host->format(call, "%lld of %lld used", (long long)used, (long long)limit),
		.state = used >= limit ? OPSHUB_REPORT_FAIL : OPSHUB_REPORT_OK,
	};
	ret->n_lines = 2;
	return OPSHUB_OK;
}

/* A digest stands for a value: tests can tell which one it was, and nobody can read it. */
static void put_env(opshub_call *call, const struct opshub_host *host, opshub_json_out *out,
		    const struct opshub_deploy_request *request)
{
	static const char key[] = "opshub-mock";

	host->json_open(call, out, "env", OPSHUB_JSON_ARRAY);
	for (uint32_t i = 0; i < request->n_env; i++) {
		const struct opshub_env *env = opshub_env_at(request, i);
		const char *digest = host->hmac_sha256(call, key, sizeof(key) - 1, env->value, strlen(env->value));

		host->json_put_str(call, out, NULL,
				   host->format(call, "%s=%s%s", env->key, digest, env->is_build_only ? " build" : ""));
	}
	host->json_close(call, out);
}

static const char *create_body(opshub_call *call, const struct mock *mock, const struct opshub_deploy_request *request,
			       uint64_t *ret_size)
{
	const struct opshub_host *host = mock->host;
	opshub_json_out *out = host->json_begin(call);

	host->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
	host->json_put_str(call, out, "attemptId", request->attempt_id);
	host->json_put_str(call, out, "project", request->project_name);
	host->json_put_str(call, out, "projectId", request->project_id);
	host->json_put_str(call, out, "repo", request->repo_full_name);
	host->json_put_str(call, out, "branch", request->branch);
	host->json_put_str(call, out, "sha", request->sha);
	host->json_put_str(call, out, "title", request->title);
	host->json_put_int(call, out, "prNumber", request->pr_number);
	host->json_put_int(call, out, "buildMs", mock->build_ms);
	host->json_put_int(call, out, "latencyMs", mock->latency_ms);
	host->json_put_str(call, out, "outcome", mock->outcome);
	host->json_put_str(call, out, "fault", mock->fault);
	put_env(call, host, out, request);
	host->json_close(call, out);
	return host->json_end(call, out, ret_size);
}

static opshub_status create(opshub_call *call, void *instance, const struct opshub_deploy_request *request,
			    struct opshub_deployment *ret)
{
	const struct mock *mock = instance;
	const opshub_json *made;
	uint64_t size = 0;
	const char *body;
	opshub_status r;

	misbehave_at_create(mock, request->branch);
	body = create_body(call, mock, request, &size);
	if (!body)
		return OPSHUB_E_INTERNAL;
	r = send_request(call, mock, "POST", "/v1/deployments", body, size, &made);
	if (r < 0)
		return r;
	if (has_fault(mock, request->branch, "crash-after-create"))
		crash();
	fill(call, mock, made, ret);
	mock->host->count(call, "deployments_created", 1);
	mock->host->log(call, OPSHUB_LOG_INFO, mock->host->format(call, "Mock deployment %s created", ret->id));
	return OPSHUB_OK;
}

static opshub_status find(opshub_call *call, void *instance, const char *attempt_id, struct opshub_deployment *ret)
{
	const struct mock *mock = instance;
	const struct opshub_host *host = mock->host;
	const char *cursor = "";
	opshub_status r;

	for (int page = 0; page < PAGES_MAX; page++) {
		const opshub_json *answer, *all;

		r = send_request(call, mock, "GET",
				 host->format(call, "/v1/deployments?attemptId=%s&cursor=%s",
					      host->escape_url(call, attempt_id), host->escape_url(call, cursor)),
				 NULL, 0, &answer);
		if (r < 0)
			return r;
		all = host->json_get(call, answer, "deployments");
		for (uint32_t i = 0; i < host->json_len(call, all); i++) {
			const opshub_json *one = host->json_at(call, all, i);
			if (strcmp(text_of(call, mock, one, "attemptId"), attempt_id) != 0)
				continue;
			fill(call, mock, one, ret);
			return OPSHUB_OK;
		}
		cursor = text_of(call, mock, answer, "nextCursor");
		if (!*cursor)
			break;
	}
	return host->fail(call, OPSHUB_E_NOT_FOUND,
			  host->format(call, "Provider mock has no deployment of attempt %s", attempt_id));
}

static opshub_status status(opshub_call *call, void *instance, const char *id, struct opshub_deployment *ret)
{
	const struct mock *mock = instance;
	const opshub_json *answer;
	opshub_status r;

	r = send_request(call, mock, "GET",
			 mock->host->format(call, "/v1/deployments/%s", mock->host->escape_url(call, id)), NULL, 0,
			 &answer);
	if (r < 0)
		return r;
	if (has_fault(mock, text_of(call, mock, answer, "branch"), "crash-status"))
		crash();
	fill(call, mock, answer, ret);
	return OPSHUB_OK;
}

static opshub_status cancel(opshub_call *call, void *instance, const char *id)
{
	const struct mock *mock = instance;
	const opshub_json *answer;
	opshub_status r;

	r = send_request(call, mock, "POST",
			 mock->host->format(call, "/v1/deployments/%s/cancel", mock->host->escape_url(call, id)), NULL,
			 0, &answer);
	return r == OPSHUB_E_NOT_FOUND ? OPSHUB_OK : r;
}

static opshub_status destroy(opshub_call *call, void *instance, const char *id)
{
	const struct mock *mock = instance;
	const opshub_json *answer;
	opshub_status r;

	r = send_request(call, mock, "DELETE",
			 mock->host->format(call, "/v1/deployments/%s", mock->host->escape_url(call, id)), NULL, 0,
			 &answer);
	return r == OPSHUB_E_NOT_FOUND ? OPSHUB_OK : r;
}

static opshub_status logs(opshub_call *call, void *instance, const char *id, const char *cursor,
			  struct opshub_log_page *ret)
{
	const struct mock *mock = instance;
	const struct opshub_host *host = mock->host;
	struct opshub_log_line *lines;
	const opshub_json *answer, *all;
	opshub_status r;

	r = send_request(call, mock, "GET",
			 host->format(call, "/v1/deployments/%s/logs?cursor=%s", host->escape_url(call, id),
				      host->escape_url(call, cursor)),
			 NULL, 0, &answer);
	if (r < 0)
		return r;
	all = host->json_get(call, answer, "lines");
	lines = host->alloc(call, LINES_MAX * sizeof(*lines));
	for (; ret->n_lines < host->json_len(call, all) && ret->n_lines < LINES_MAX; ret->n_lines++) {
		const opshub_json *line = host->json_at(call, all, ret->n_lines);
		lines[ret->n_lines] = (struct opshub_log_line){
			.at_ms = number_of(call, mock, line, "at"),
			.text = text_of(call, mock, line, "text"),
			.stream = host->json_bool(call, host->json_get(call, line, "isError"), 0) ? OPSHUB_STREAM_ERR
												  : OPSHUB_STREAM_OUT,
		};
	}
	ret->lines = lines;
	ret->line_size = sizeof(*lines);
	ret->next_cursor = text_of(call, mock, answer, "nextCursor");
	ret->is_complete = (uint32_t)host->json_bool(call, host->json_get(call, answer, "isComplete"), 0);
	return OPSHUB_OK;
}

static opshub_status list(opshub_call *call, void *instance, const char *cursor, struct opshub_deployment_page *ret)
{
	const struct mock *mock = instance;
	const struct opshub_host *host = mock->host;
	struct opshub_deployment *items;
	const opshub_json *answer, *all;
	uint32_t n;
	opshub_status r;

	r = send_request(call, mock, "GET",
			 host->format(call, "/v1/deployments?cursor=%s", host->escape_url(call, cursor)), NULL, 0,
			 &answer);
	if (r < 0)
		return r;
	all = host->json_get(call, answer, "deployments");
	n = host->json_len(call, all);
	items = host->alloc(call, (n + 1) * sizeof(*items));
	for (uint32_t i = 0; i < n; i++) {
		const opshub_json *one = host->json_at(call, all, i);
		if (*text_of(call, mock, one, "attemptId"))
			fill(call, mock, one, &items[ret->n_items++]);
	}
	ret->items = items;
	ret->item_size = sizeof(*items);
	ret->next_cursor = text_of(call, mock, answer, "nextCursor");
	return OPSHUB_OK;
}

static const struct opshub_provider_ops ops = {
	.struct_size = sizeof(ops),
	.verify = verify,
	.create = create,
	.find = find,
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
	.needs_minor = 1, /* hmac_sha256() */
	.kind = OPSHUB_KIND_PROVIDER,
	.instance_size = sizeof(struct mock),
	.name = "mock",
	.version = "1.0.0",
	.license = "MIT",
	.summary = "Deployments at opshub-mock-cloud, for tests and demonstrations",
	.settings = settings,
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.setting_size = sizeof(settings[0]),
	.open = mock_open,
	.ops = &ops,
};

const struct opshub_plugin *opshub_plugin_entry(void)
{
	return &plugin;
}

/* A provider in one file. Copy this folder, rename "example" to your product, replace the addresses and the names of
 * the JSON fields. opshub-plugin-check and recorded.txt test it without a network.
 *
 * As it stands it speaks to opshub-mock-cloud, whose API is an ordinary one: POST /v1/deployments, GET and DELETE
 * /v1/deployments/ID, and a list that can be searched by the attempt's id. So it deploys before you have changed a
 * line. */
#include <opshub/provider.h>

#include <string.h>

/* One connection to the provider. The host fills in the settings before open(). */
struct example {
	const struct opshub_host *host;
	const char *url;
	const char *token;
};

static const struct opshub_setting settings[] = {
	{ .key = "apiUrl",
	  .label = "API address",
	  .type = OPSHUB_SETTING_URL,
	  .flags = OPSHUB_SETTING_REQUIRED,
	  .help = "Where the provider's API is.",
	  .initial = "https://api.example.com",
	  .offset = offsetof(struct example, url) },
	{ .key = "token",
	  .label = "API token",
	  .type = OPSHUB_SETTING_SECRET,
	  .flags = OPSHUB_SETTING_REQUIRED,
	  .help = "Made under Account, Tokens; needs the right to deploy.",
	  /* No .env: a token of the server's must not go to an address that a project may set. */
	  .offset = offsetof(struct example, token) },
};

/* One request, its answer as JSON. Everything that can go wrong here has its own code and its own sentence. */
static opshub_status ask(opshub_call *call, const struct example *example, const char *method, const char *path,
			 const char *body, uint64_t body_size, const opshub_json **ret)
{
	const struct opshub_host *host = example->host;
	const struct opshub_http_header headers[] = {
		{ "Authorization", host->format(call, "Bearer %s", example->token) },
		{ "Content-Type", "application/json" },
	};
	const struct opshub_http_request request = {
		.struct_size = sizeof(request),
		.flags = strcmp(method, "DELETE") == 0 ? OPSHUB_HTTP_IDEMPOTENT : 0,
		.method = method,
		.url = host->format(call, "%s%s", example->url, path),
		.headers = headers,
		.n_headers = 2,
		.header_size = sizeof(headers[0]),
		.body = body,
		.body_size = body_size,
	};
	struct opshub_http_response response = { .struct_size = sizeof(response) };
	opshub_status r = host->http(call, &request, &response);

	if (r < 0)
		return r;
	r = opshub_http_code(response.status);
	if (r < 0)
		return host->fail(
			call, r,
			host->format(call, "Provider example answered %u to %s %s", response.status, method, path));
	*ret = NULL;
	return response.body_size ? host->json_parse(call, response.body, response.body_size, ret) : OPSHUB_OK;
}

static uint32_t state_of(const char *word)
{
	if (strcmp(word, "QUEUED") == 0)
		return OPSHUB_STATE_QUEUED;
	if (strcmp(word, "BUILDING") == 0)
		return OPSHUB_STATE_BUILDING;
	if (strcmp(word, "READY") == 0)
		return OPSHUB_STATE_READY;
	if (strcmp(word, "FAILED") == 0)
		return OPSHUB_STATE_FAILED;
	return OPSHUB_STATE_UNKNOWN;
}

static void fill(opshub_call *call, const struct opshub_host *host, const opshub_json *from,
		 struct opshub_deployment *ret)
{
	ret->id = host->json_str(call, host->json_get(call, from, "id"), "");
	ret->state = state_of(host->json_str(call, host->json_get(call, from, "state"), ""));
	ret->url = host->json_str(call, host->json_get(call, from, "url"), "");
	ret->attempt_id = host->json_str(call, host->json_get(call, from, "attemptId"), "");
	ret->message = host->json_str(call, host->json_get(call, from, "message"), "");
	if (ret->state == OPSHUB_STATE_FAILED)
		ret->reason = OPSHUB_REASON_BUILD;
}

static opshub_status open_example(opshub_call *call, const struct opshub_host *host, void *instance)
{
	struct example *example = instance;

	(void)call;
	example->host = host;
	return OPSHUB_OK;
}

static opshub_status create(opshub_call *call, void *instance, const struct opshub_deploy_request *request,
			    struct opshub_deployment *ret)
{
	const struct example *example = instance;
	const struct opshub_host *host = example->host;
	opshub_json_out *out = host->json_begin(call);
	const opshub_json *answer;
	const char *body;
	uint64_t size;
	opshub_status r;

	host->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
	host->json_put_str(call, out, "attemptId", request->attempt_id);
	host->json_put_str(call, out, "project", request->project_name);
	host->json_put_str(call, out, "repo", request->repo_full_name);
	host->json_put_str(call, out, "branch", request->branch);
	host->json_put_str(call, out, "sha", request->sha);
	host->json_put_int(call, out, "prNumber", request->pr_number);
	host->json_open(call, out, "environment", OPSHUB_JSON_OBJECT);
	for (uint32_t i = 0; i < request->n_env; i++) {
		const struct opshub_env *env = opshub_env_at(request, i);
		host->json_put_str(call, out, env->key, env->value);
	}
	host->json_close(call, out);
	host->json_close(call, out);
	body = host->json_end(call, out, &size);
	if (!body)
		return OPSHUB_E_INTERNAL;
	r = ask(call, example, "POST", "/v1/deployments", body, size, &answer);
	if (r == OPSHUB_OK)
		fill(call, host, answer, ret);
	return r;
}

static opshub_status find(opshub_call *call, void *instance, const char *attempt_id, struct opshub_deployment *ret)
{
	const struct example *example = instance;
	const struct opshub_host *host = example->host;
	const opshub_json *answer, *all;
	opshub_status r;

	r = ask(call, example, "GET",
		host->format(call, "/v1/deployments?attemptId=%s", host->escape_url(call, attempt_id)), NULL, 0,
		&answer);
	if (r < 0)
		return r;
	all = host->json_get(call, answer, "deployments");
	for (uint32_t i = 0; i < host->json_len(call, all); i++) {
		struct opshub_deployment one = { .struct_size = ret->struct_size };
		fill(call, host, host->json_at(call, all, i), &one);
		/* Filters of lists are easily ignored: look again. */
		if (strcmp(one.attempt_id, attempt_id) != 0)
			continue;
		*ret = one;
		return OPSHUB_OK;
	}
	return host->fail(call, OPSHUB_E_NOT_FOUND, "Provider example has no deployment of that attempt");
}

static opshub_status status(opshub_call *call, void *instance, const char *id, struct opshub_deployment *ret)
{
	const struct example *example = instance;
	const struct opshub_host *host = example->host;
	const opshub_json *answer;
	opshub_status r;

	r = ask(call, example, "GET", host->format(call, "/v1/deployments/%s", host->escape_url(call, id)), NULL, 0,
		&answer);
	if (r == OPSHUB_OK)
		fill(call, host, answer, ret);
	return r;
}

static opshub_status destroy(opshub_call *call, void *instance, const char *id)
{
	const struct example *example = instance;
	const struct opshub_host *host = example->host;
	const opshub_json *answer;
	opshub_status r;

	r = ask(call, example, "DELETE", host->format(call, "/v1/deployments/%s", host->escape_url(call, id)), NULL, 0,
		&answer);
	return r == OPSHUB_E_NOT_FOUND ? OPSHUB_OK : r;
}

static const struct opshub_provider_ops ops = {
	.struct_size = sizeof(ops),
	.create = create,
	.find = find,
	.status = status,
	.destroy = destroy,
};

static const struct opshub_plugin plugin = {
	.magic = OPSHUB_MAGIC,
	.struct_size = sizeof(plugin),
	.abi_major = OPSHUB_ABI_MAJOR,
	.abi_minor = OPSHUB_ABI_MINOR,
	.kind = OPSHUB_KIND_PROVIDER,
	.instance_size = sizeof(struct example),
	.name = "example",
	.version = "0.1.0",
	.license = "MIT",
	.summary = "Previews at example.com",
	.settings = settings,
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.setting_size = sizeof(settings[0]),
	.open = open_example,
	.ops = &ops,
};

const struct opshub_plugin *opshub_plugin_entry(void)
{
	return &plugin;
}

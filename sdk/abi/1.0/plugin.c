/* A plugin of the release 1.0, built for ever with the headers of that release, which lie beside it. Every later host
 * must load it and run it. */
#include <opshub/provider.h>

#include <string.h>

struct old {
	const struct opshub_host *host;
	const char *url;
};

static const struct opshub_setting settings[] = {
	{ .key = "url",
	  .label = "Address",
	  .type = OPSHUB_SETTING_URL,
	  .initial = "http://127.0.0.1:9",
	  .offset = offsetof(struct old, url) },
};

static opshub_status ask(opshub_call *call, const struct old *old, const char *path, const opshub_json **ret)
{
	const struct opshub_host *host = old->host;
	struct opshub_http_request request = { .struct_size = sizeof(request) };
	struct opshub_http_response response = { .struct_size = sizeof(response) };
	opshub_status r;

	request.url = host->format(call, "%s%s", old->url, path);
	r = host->http(call, &request, &response);
	if (r < 0)
		return r;
	r = opshub_http_code(response.status);
	if (r < 0)
		return host->fail(call, r, "The other side refused");
	return host->json_parse(call, response.body, response.body_size, ret);
}

static opshub_status open_old(opshub_call *call, const struct opshub_host *host, void *instance)
{
	if (!OPSHUB_HAS(host, count))
		return host->fail(call, OPSHUB_E_UNSUPPORTED, "This host is older than 1.0");
	((struct old *)instance)->host = host;
	return OPSHUB_OK;
}

static opshub_status create(opshub_call *call, void *instance, const struct opshub_deploy_request *request,
			    struct opshub_deployment *ret)
{
	const opshub_json *answer;
	opshub_status r = ask(call, instance, "/v1/account", &answer);

	if (r < 0)
		return r;
	ret->id = "old-1";
	ret->attempt_id = request->attempt_id;
	ret->state = OPSHUB_STATE_QUEUED;
	return OPSHUB_OK;
}

static opshub_status status(opshub_call *call, void *instance, const char *id, struct opshub_deployment *ret)
{
	const opshub_json *answer;
	opshub_status r = ask(call, instance, "/v1/account", &answer);

	if (r < 0)
		return r;
	ret->id = id;
	ret->state = OPSHUB_STATE_BUILDING;
	return OPSHUB_OK;
}

static opshub_status destroy(opshub_call *call, void *instance, const char *id)
{
	const opshub_json *answer;

	(void)id;
	return ask(call, instance, "/v1/account", &answer);
}

static const struct opshub_provider_ops ops = {
	.struct_size = sizeof(ops),
	.create = create,
	.status = status,
	.destroy = destroy,
};

static const struct opshub_plugin plugin = {
	.magic = OPSHUB_MAGIC,
	.struct_size = sizeof(plugin),
	.abi_major = OPSHUB_ABI_MAJOR,
	.abi_minor = OPSHUB_ABI_MINOR,
	.kind = OPSHUB_KIND_PROVIDER,
	.instance_size = sizeof(struct old),
	.name = "abi-1-0",
	.version = "1.0",
	.license = "MIT",
	.summary = "built with the headers of 1.0",
	.settings = settings,
	.n_settings = 1,
	.setting_size = sizeof(settings[0]),
	.open = open_old,
	.ops = &ops,
};

const struct opshub_plugin *opshub_plugin_entry(void)
{
	return &plugin;
}

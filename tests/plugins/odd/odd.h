/* A sane provider in macros. Each odd plugin includes this and changes one thing; ODD_NAME comes from the build. */
#ifndef ODD_H
#define ODD_H

#include <opshub/provider.h>

#include <string.h>

struct odd {
	const struct opshub_host *host;
	const char *url;
	int64_t number;
};

static inline opshub_status odd_open(opshub_call *call, const struct opshub_host *host, void *instance)
{
	(void)call;
	((struct odd *)instance)->host = host;
	return OPSHUB_OK;
}

static inline opshub_status odd_get(opshub_call *call, struct odd *odd, const char *path, const opshub_json **ret)
{
	struct opshub_http_request request = { .struct_size = sizeof(request) };
	struct opshub_http_response response = { .struct_size = sizeof(response) };
	opshub_status r;

	request.url = odd->host->format(call, "%s%s", odd->url, path);
	r = odd->host->http(call, &request, &response);
	if (r < 0)
		return r;
	if (opshub_http_code(response.status) < 0)
		return odd->host->fail(call, opshub_http_code(response.status), "The other side refused");
	return odd->host->json_parse(call, response.body, response.body_size, ret);
}

static inline opshub_status odd_create(opshub_call *call, void *instance, const struct opshub_deploy_request *request,
				       struct opshub_deployment *ret)
{
	const opshub_json *answer;
	opshub_status r = odd_get(call, instance, "/v1/account", &answer);

	if (r < 0)
		return r;
	ret->id = "odd-1";
	ret->attempt_id = request->attempt_id;
	ret->state = OPSHUB_STATE_QUEUED;
	return OPSHUB_OK;
}

static inline opshub_status odd_status(opshub_call *call, void *instance, const char *id, struct opshub_deployment *ret)
{
	const opshub_json *answer;
	opshub_status r = odd_get(call, instance, "/v1/account", &answer);

	if (r < 0)
		return r;
	ret->id = id;
	ret->state = OPSHUB_STATE_BUILDING;
	return OPSHUB_OK;
}

static inline opshub_status odd_destroy(opshub_call *call, void *instance, const char *id)
{
	const opshub_json *answer;

	(void)id;
	return odd_get(call, instance, "/v1/account", &answer);
}

#define SANE_OPS                                                                                                       \
	.struct_size = sizeof(struct opshub_provider_ops), .create = odd_create, .status = odd_status,                 \
	.destroy = odd_destroy
#define SANE_SETTING                                                                                                   \
	.key = "url", .label = "Address", .type = OPSHUB_SETTING_URL, .initial = "http://127.0.0.1:9",                 \
	.offset = offsetof(struct odd, url)
#define SANE                                                                                                           \
	.magic = OPSHUB_MAGIC, .struct_size = sizeof(struct opshub_plugin), .abi_major = OPSHUB_ABI_MAJOR,             \
	.abi_minor = OPSHUB_ABI_MINOR, .kind = OPSHUB_KIND_PROVIDER, .instance_size = sizeof(struct odd),              \
	.name = ODD_NAME, .version = "1.0", .license = "MIT", .summary = "for tests", .open = odd_open,                \
	.settings = odd_settings, .n_settings = 1, .setting_size = sizeof(struct opshub_setting), .ops = &odd_ops

#define ODD_OPS(...)     static const struct opshub_provider_ops odd_ops = { SANE_OPS, ##__VA_ARGS__ };
#define ODD_SETTING(...) static const struct opshub_setting odd_settings[] = { { SANE_SETTING, ##__VA_ARGS__ } };
#define ODD_PLUGIN(...)                                                                                                \
	static const struct opshub_plugin odd_plugin = { SANE, ##__VA_ARGS__ };                                        \
	const struct opshub_plugin *opshub_plugin_entry(void)                                                          \
	{                                                                                                              \
		return &odd_plugin;                                                                                    \
	}

#endif

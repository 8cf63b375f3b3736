/* A host of the release 1.0, built for ever with the headers of that release, which lie beside it. A plugin of today
 * has to say that it needs a later one, or to work here.
 *
 *   abi-host-1-0 PLUGIN.so     exit status 0: works; 3: refused, it needs a later host; 1: broken
 *
 * Owns the table of services, which ends where a page ends that nobody may read beyond: a plugin that uses a later
 * service without asking for it crashes. Its network is down. */
#include <opshub/notifier.h>
#include <opshub/provider.h>

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct opshub_call {
	int has_failed;
};

static void *alloc(opshub_call *call, uint64_t size)
{
	void *p = calloc(1, size + 1); /* freed by the end of the program */

	(void)call;
	if (!p)
		abort();
	return p;
}

static const char *format(opshub_call *call, const char *text, ...)
{
	char *out = alloc(call, 4096);
	va_list args;

	va_start(args, text);
	vsnprintf(out, 4096, text, args);
	va_end(args);
	return out;
}

static const char *escape_url(opshub_call *call, const char *text)
{
	(void)call;
	return text;
}

static opshub_status fail(opshub_call *call, opshub_status code, const char *why)
{
	call->has_failed = 1;
	printf("  %d %s\n", code, why);
	return code;
}

static void retry_after(opshub_call *call, int64_t ms)
{
	(void)call, (void)ms;
}

static void log_line(opshub_call *call, uint32_t level, const char *text)
{
	(void)call, (void)level, (void)text;
}

static int64_t now_ms(opshub_call *call)
{
	(void)call;
	return 1700000000000;
}

static int64_t parse_time(opshub_call *call, const char *text)
{
	(void)call, (void)text;
	return 0;
}

static int64_t left_ms(opshub_call *call)
{
	(void)call;
	return 10000;
}

static opshub_status sleep_ms(opshub_call *call, int64_t ms)
{
	(void)call, (void)ms;
	return OPSHUB_OK;
}

static opshub_status http(opshub_call *call, const struct opshub_http_request *request,
			  struct opshub_http_response *response)
{
	(void)request, (void)response;
	return fail(call, OPSHUB_E_NETWORK, "the network is down");
}

static const char *http_header(opshub_call *call, const struct opshub_http_response *response, const char *name)
{
	(void)call, (void)response, (void)name;
	return "";
}

/* No answer comes that could be read, so every JSON text is refused, and every value is none. */
static opshub_status json_parse(opshub_call *call, const char *text, uint64_t size, const opshub_json **ret)
{
	(void)text, (void)size, (void)ret;
	return fail(call, OPSHUB_E_UPSTREAM, "this is no JSON");
}

static uint32_t json_type(opshub_call *call, const opshub_json *value)
{
	(void)call, (void)value;
	return OPSHUB_JSON_NONE;
}

static const opshub_json *json_get(opshub_call *call, const opshub_json *object, const char *key)
{
	(void)call, (void)object, (void)key;
	return NULL;
}

static const opshub_json *json_at(opshub_call *call, const opshub_json *array, uint32_t index)
{
	(void)call, (void)array, (void)index;
	return NULL;
}

static uint32_t json_len(opshub_call *call, const opshub_json *value)
{
	(void)call, (void)value;
	return 0;
}

static const char *json_str(opshub_call *call, const opshub_json *value, const char *otherwise)
{
	(void)call, (void)value;
	return otherwise;
}

static int64_t json_int(opshub_call *call, const opshub_json *value, int64_t otherwise)
{
	(void)call, (void)value;
	return otherwise;
}

static int32_t json_bool(opshub_call *call, const opshub_json *value, int32_t otherwise)
{
	(void)call, (void)value;
	return otherwise;
}

static opshub_json_out *json_begin(opshub_call *call)
{
	return alloc(call, 1);
}

static void json_open(opshub_call *call, opshub_json_out *out, const char *key, uint32_t type)
{
	(void)call, (void)out, (void)key, (void)type;
}

static void json_close(opshub_call *call, opshub_json_out *out)
{
	(void)call, (void)out;
}

static void json_put_str(opshub_call *call, opshub_json_out *out, const char *key, const char *text)
{
	(void)call, (void)out, (void)key, (void)text;
}

static void json_put_int(opshub_call *call, opshub_json_out *out, const char *key, int64_t value)
{
	(void)call, (void)out, (void)key, (void)value;
}

static void json_put_bool(opshub_call *call, opshub_json_out *out, const char *key, int32_t value)
{
	(void)call, (void)out, (void)key, (void)value;
}

static const char *json_end(opshub_call *call, opshub_json_out *out, uint64_t *ret_size)
{
	(void)call, (void)out;
	*ret_size = 2;
	return "{}";
}

static void redact(opshub_call *call, const char *secret)
{
	(void)call, (void)secret;
}

static void count(opshub_call *call, const char *metric, int64_t delta)
{
	(void)call, (void)metric, (void)delta;
}

static const struct opshub_host services = {
	.struct_size = sizeof(struct opshub_host),
	.abi_major = OPSHUB_ABI_MAJOR,
	.abi_minor = OPSHUB_ABI_MINOR,
	.version = "1.0",
	.alloc = alloc,
	.format = format,
	.escape_url = escape_url,
	.fail = fail,
	.retry_after = retry_after,
	.log = log_line,
	.now_ms = now_ms,
	.parse_time = parse_time,
	.left_ms = left_ms,
	.sleep = sleep_ms,
	.http = http,
	.http_header = http_header,
	.json_parse = json_parse,
	.json_type = json_type,
	.json_get = json_get,
	.json_at = json_at,
	.json_len = json_len,
	.json_str = json_str,
	.json_int = json_int,
	.json_bool = json_bool,
	.json_begin = json_begin,
	.json_open = json_open,
	.json_close = json_close,
	.json_put_str = json_put_str,
	.json_put_int = json_put_int,
	.json_put_bool = json_put_bool,
	.json_end = json_end,
	.redact = redact,
	.count = count,
};

/* A copy that ends with its page. */
static void *at_the_edge(const void *from, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (size > page || p == MAP_FAILED || mprotect(p + page, page, PROT_NONE) < 0)
		abort();
	return memcpy(p + page - size, from, size);
}

/* Something of its type for each setting. */
static void *instance_of(const struct opshub_plugin *plugin)
{
	char *instance = calloc(1, plugin->instance_size + 1);

	for (uint32_t i = 0; instance && i < plugin->n_settings; i++) {
		const struct opshub_setting *s = (const void *)((const char *)plugin->settings +
								i * (size_t)plugin->setting_size);
		int64_t number = s->min;

		if (s->type < OPSHUB_SETTING_INT || s->type == OPSHUB_SETTING_CHOICE) {
			const char *text = s->initial && *s->initial       ? s->initial
					   : s->type == OPSHUB_SETTING_URL ? "https://check.invalid"
									   : "check";
			memcpy(instance + s->offset, &text, sizeof(text));
		} else {
			memcpy(instance + s->offset, &number, sizeof(number));
		}
	}
	return instance;
}

static int told(opshub_call *call, const char *operation, opshub_status r)
{
	int is_sound = r == OPSHUB_OK || (r < 0 && r >= OPSHUB_E_INTERNAL && call->has_failed);

	printf("%s: %d%s\n", operation, r, is_sound ? "" : " without saying why");
	call->has_failed = 0;
	return is_sound;
}

static int try_provider(opshub_call *call, const struct opshub_provider_ops *ops, void *instance)
{
	struct opshub_deploy_request request = {
		.struct_size = sizeof(request),
		.attempt_id = "att_check",
		.project_id = "proj_check",
		.project_name = "check",
		.repo_full_name = "acme/check",
		.branch = "check",
		.title = "Check",
		.env_size = sizeof(struct opshub_env),
	};
	struct opshub_deployment d = { .struct_size = sizeof(d) };

	request.sha = "0123456789abcdef0123456789abcdef01234567";
	return told(call, "create",
		    ops->create(call, instance, at_the_edge(&request, sizeof(request)), at_the_edge(&d, sizeof(d)))) &&
	       told(call, "status", ops->status(call, instance, "id-1", at_the_edge(&d, sizeof(d)))) &&
	       told(call, "destroy", ops->destroy(call, instance, "id-1"));
}

static int try_notifier(opshub_call *call, const struct opshub_notifier_ops *ops, void *instance)
{
	const struct opshub_event event = {
		.struct_size = sizeof(event),
		.id = "evt_check",
		.kind = "preview.ready",
		.title = "Ready",
		.text = "A check",
		.url = "https://example.com/",
		.org = "acme",
		.project = "check",
		.repo = "acme/check",
		.sha = "0123456789abcdef0123456789abcdef01234567",
		.thread_key = "check",
		.thread = "",
		.field_size = sizeof(struct opshub_event_field),
	};
	struct opshub_receipt receipt = { .struct_size = sizeof(receipt) };

	return told(
		call, "send",
		ops->send(call, instance, at_the_edge(&event, sizeof(event)), at_the_edge(&receipt, sizeof(receipt))));
}

int main(int argc, char **argv)
{
	const struct opshub_plugin *(*entry)(void);
	const struct opshub_plugin *plugin;
	opshub_call call = { 0 };
	void *object = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL, *symbol, *instance;

	symbol = object ? dlsym(object, "opshub_plugin_entry") : NULL;
	if (!symbol) {
		fprintf(stderr, "%s\n", argc == 2 ? dlerror() : "usage: abi-host-1-0 PLUGIN.so");
		return 1;
	}
	memcpy(&entry, &symbol, sizeof(entry));
	plugin = entry();
	if (plugin->abi_major == OPSHUB_ABI_MAJOR && plugin->needs_minor > OPSHUB_ABI_MINOR) {
		printf("refused: it needs %u.%u, this host has 1.0\n", plugin->abi_major, plugin->needs_minor);
		return 3;
	}
	if (plugin->magic != OPSHUB_MAGIC || plugin->abi_major != OPSHUB_ABI_MAJOR ||
	    plugin->struct_size < sizeof(*plugin))
		return 1;
	instance = instance_of(plugin);
	if (!told(&call, "open", plugin->open(&call, at_the_edge(&services, sizeof(services)), instance)))
		return 1;
	return plugin->kind == OPSHUB_KIND_PROVIDER ? !try_provider(&call, plugin->ops, instance)
						    : !try_notifier(&call, plugin->ops, instance);
}

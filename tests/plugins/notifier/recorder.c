/* A notifier for tests: gives each event to a server that the test runs, which says what becomes of it.
 *
 *   GET  <url>/verify               {"account":"...","lines":[{"label":"...","text":"...","state":0}]}
 *   POST <url>/send, <url>/update   the event; {"receipt":"..."}; {"crash":true} takes the worker down after the
 * message has arrived, before anybody knows */
#include <opshub/notifier.h>

struct recorder {
	const struct opshub_host *host;
	const char *url, *token, *channel;
};

static const struct opshub_setting settings[] = {
	{ .key = "url",
	  .label = "Address",
	  .help = "Where the test listens.",
	  .type = OPSHUB_SETTING_URL,
	  .flags = OPSHUB_SETTING_REQUIRED,
	  .offset = offsetof(struct recorder, url) },
	{ .key = "token",
	  .label = "Token",
	  .help = "What it wants to hear.",
	  .type = OPSHUB_SETTING_SECRET,
	  .offset = offsetof(struct recorder, token) },
	{ .key = "channel",
	  .label = "Channel",
	  .help = "Goes along.",
	  .type = OPSHUB_SETTING_STRING,
	  .max = 80,
	  .offset = offsetof(struct recorder, channel) },
};

static opshub_status ask(opshub_call *call, const struct recorder *r, const char *method, const char *path,
			 const char *body, uint64_t size, const opshub_json **ret)
{
	struct opshub_http_header headers[] = { { "Content-Type", "application/json" },
						{ "Authorization", r->host->format(call, "Bearer %s", r->token) } };
	struct opshub_http_request request = { .struct_size = sizeof(request),
					       .method = method,
					       .url = r->host->format(call, "%s%s", r->url, path),
					       .headers = headers,
					       .n_headers = 2,
					       .header_size = sizeof(headers[0]),
					       .body = body,
					       .body_size = size };
	struct opshub_http_response response = { .struct_size = sizeof(response) };
	opshub_status code = r->host->http(call, &request, &response);

	if (code != OPSHUB_OK)
		return code;
	code = opshub_http_code(response.status);
	if (code != OPSHUB_OK)
		return r->host->fail(call, code,
				     r->host->format(call, "The recorder answered %u to %s: look at the test",
						     response.status, path));
	return r->host->json_parse(call, response.body, response.body_size, ret);
}

static const char *event_json(opshub_call *call, const struct recorder *r, const struct opshub_event *e,
			      const char *receipt, uint64_t *ret_size)
{
	const struct opshub_host *h = r->host;
	opshub_json_out *out = h->json_begin(call);

	h->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
	h->json_put_str(call, out, "receipt", receipt);
	h->json_put_str(call, out, "channel", r->channel);
	h->json_put_str(call, out, "id", e->id);
	h->json_put_str(call, out, "kind", e->kind);
	h->json_put_int(call, out, "severity", e->severity);
	h->json_put_int(call, out, "at", e->at_ms);
	h->json_put_str(call, out, "title", e->title);
	h->json_put_str(call, out, "text", e->text);
	h->json_put_str(call, out, "url", e->url);
	h->json_put_str(call, out, "org", e->org);
	h->json_put_str(call, out, "project", e->project);
	h->json_put_str(call, out, "repo", e->repo);
	h->json_put_str(call, out, "sha", e->sha);
	h->json_put_int(call, out, "pr", e->pr_number);
	h->json_put_str(call, out, "threadKey", e->thread_key);
	h->json_put_str(call, out, "thread", e->thread);
	h->json_open(call, out, "fields", OPSHUB_JSON_OBJECT);
	for (uint32_t i = 0; i < e->n_fields; i++) {
		const struct opshub_event_field *f = (const void *)((const char *)e->fields +
								    (uint64_t)i * e->field_size);
		h->json_put_str(call, out, f->label, f->value);
	}
	h->json_close(call, out);
	h->json_close(call, out);
	return h->json_end(call, out, ret_size);
}

static opshub_status tell(opshub_call *call, const struct recorder *r, const char *path, const char *receipt,
			  const struct opshub_event *event, const opshub_json **ret)
{
	uint64_t size = 0;
	const char *body = event_json(call, r, event, receipt, &size);
	opshub_status code = body ? ask(call, r, "POST", path, body, size, ret) : OPSHUB_E_INTERNAL;

	if (code == OPSHUB_OK && r->host->json_bool(call, r->host->json_get(call, *ret, "crash"), 0))
		__builtin_trap();
	return code;
}

static opshub_status verify(opshub_call *call, void *instance, struct opshub_report *ret)
{
	const struct recorder *r = instance;
	const struct opshub_host *h = r->host;
	const opshub_json *answer = NULL, *lines;
	struct opshub_report_line *copy;
	opshub_status code = ask(call, r, "GET", "/verify", NULL, 0, &answer);

	if (code != OPSHUB_OK)
		return code;
	lines = h->json_get(call, answer, "lines");
	ret->n_lines = h->json_len(call, lines);
	copy = h->alloc(call, (ret->n_lines + 1) * sizeof(*copy));
	for (uint32_t i = 0; i < ret->n_lines; i++) {
		const opshub_json *line = h->json_at(call, lines, i);

		copy[i].label = h->json_str(call, h->json_get(call, line, "label"), "");
		copy[i].text = h->json_str(call, h->json_get(call, line, "text"), "");
		copy[i].state = (uint32_t)h->json_int(call, h->json_get(call, line, "state"), 0);
	}
	ret->lines = copy;
	ret->line_size = sizeof(*copy);
	ret->account = h->json_str(call, h->json_get(call, answer, "account"), "");
	return OPSHUB_OK;
}

static opshub_status send(opshub_call *call, void *instance, const struct opshub_event *event,
			  struct opshub_receipt *ret)
{
	const struct recorder *r = instance;
	const opshub_json *answer = NULL;
	opshub_status code = tell(call, r, "/send", "", event, &answer);

	if (code == OPSHUB_OK)
		ret->text = r->host->json_str(call, r->host->json_get(call, answer, "receipt"), NULL);
	return code;
}

static opshub_status update(opshub_call *call, void *instance, const char *receipt, const struct opshub_event *event)
{
	const opshub_json *answer = NULL;

	return tell(call, instance, "/update", receipt, event, &answer);
}

static opshub_status open_recorder(opshub_call *call, const struct opshub_host *host, void *instance)
{
	(void)call;
	((struct recorder *)instance)->host = host;
	return OPSHUB_OK;
}

static const struct opshub_notifier_ops ops = {
	.struct_size = sizeof(ops), .verify = verify, .send = send, .update = update
};

static const struct opshub_plugin plugin = {
	.magic = OPSHUB_MAGIC,
	.struct_size = sizeof(plugin),
	.abi_major = OPSHUB_ABI_MAJOR,
	.abi_minor = OPSHUB_ABI_MINOR,
	.kind = OPSHUB_KIND_NOTIFIER,
	.instance_size = sizeof(struct recorder),
	.name = "recorder",
	.version = "1.0",
	.license = "MIT",
	.summary = "Gives events to a test.",
	.settings = settings,
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.setting_size = sizeof(settings[0]),
	.open = open_recorder,
	.ops = &ops,
};

OPSHUB_EXPORT const struct opshub_plugin *opshub_plugin_entry(void)
{
	return &plugin;
}

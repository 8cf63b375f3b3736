/* webhook: one signed POST for each event, to an address of the project's choice, as the Standard Webhooks
 * specification (version 1.0.0) says: https://www.standardwebhooks.com. Whoever receives it verifies it with one of its
 * libraries.
 *
 * An instance owns the decoded secrets.
 * Easy to break: webhook-id is the event's own id at every try, so that a receiver can drop doubles; the signature
 * covers id, time and body, so all three are made once and sent as they were signed. */
#include <opshub/notifier.h>

#include <string.h>
#include <time.h>

#define SECRETS_MAX 4
#define KEY_MIN     24
#define KEY_MAX     64
#define TIMEOUT_MS  20000
#define SECRET_MAX  1024

struct key {
	unsigned char bytes[KEY_MAX];
	uint64_t size;
};

struct webhook {
	const struct opshub_host *host;
	const char *url, *secret;
	struct key keys[SECRETS_MAX];
	uint32_t n_keys;
};

static const struct opshub_setting settings[] = {
	{ .key = "url",
	  .label = "Address",
	  .type = OPSHUB_SETTING_URL,
	  .flags = OPSHUB_SETTING_REQUIRED,
	  .max = 2000,
	  .help = "Where events are sent to. It must answer 2xx within 20 seconds.",
	  .offset = offsetof(struct webhook, url) },
	{ .key = "secret",
	  .label = "Signing secret",
	  .type = OPSHUB_SETTING_SECRET,
	  .flags = OPSHUB_SETTING_REQUIRED,
	  .max = SECRET_MAX,
	  .help = "whsec_ and 24 to 64 bytes as base64: echo whsec_$(openssl rand -base64 32). While it is being "
		  "changed: "
		  "the new one, a space, the old one.",
	  .offset = offsetof(struct webhook, secret) },
};

/* ---- settings ---- */

#define SECRET_WRONG                                                                                                   \
	"Provider settings of webhook: secret must be whsec_ followed by 24 to 64 bytes as base64, for example from "  \
	"`echo whsec_$(openssl rand -base64 32)`; up to four of them, separated by spaces"

static opshub_status add_key(opshub_call *call, struct webhook *webhook, const char *text, size_t n)
{
	const struct opshub_host *host = webhook->host;
	const char *encoded;
	const void *bytes;
	uint64_t size = 0;

	if (webhook->n_keys == SECRETS_MAX || n < 7 || strncmp(text, "whsec_", 6) != 0)
		return host->fail(call, OPSHUB_E_INVALID, SECRET_WRONG);
	encoded = host->format(call, "%.*s", (int)(n - 6), text + 6);
	host->redact(call, encoded);
	bytes = host->base64_decode(call, encoded, &size);
	if (!bytes || size < KEY_MIN || size > KEY_MAX)
		return host->fail(call, OPSHUB_E_INVALID, SECRET_WRONG);
	memcpy(webhook->keys[webhook->n_keys].bytes, bytes, size);
	webhook->keys[webhook->n_keys++].size = size;
	return OPSHUB_OK;
}

static opshub_status webhook_open(opshub_call *call, const struct opshub_host *host, void *instance)
{
	struct webhook *webhook = instance;
	const char *at = webhook->secret;

	webhook->host = host;
	while (*at) {
		size_t n = strcspn(at, " ");
		opshub_status r = n ? add_key(call, webhook, at, n) : OPSHUB_OK;

		if (r < 0)
			return r;
		at += n + (at[n] == ' ');
	}
	return webhook->n_keys ? OPSHUB_OK : host->fail(call, OPSHUB_E_INVALID, SECRET_WRONG);
}

static void webhook_close(void *instance)
{
	struct webhook *webhook = instance;

	explicit_bzero(webhook->keys, sizeof(webhook->keys));
}

static opshub_status verify(opshub_call *call, void *instance, struct opshub_report *ret)
{
	const struct webhook *webhook = instance;
	const struct opshub_host *host = webhook->host;
	struct opshub_report_line *lines = host->alloc(call, 2 * sizeof(*lines));

	lines[0] = (struct opshub_report_line){
		.label = "Address",
		.text = strncmp(webhook->url, "https://", 8) == 0 ? "encrypted"
								  : "http: what is sent can be read on its way",
		.state = strncmp(webhook->url, "https://", 8) == 0 ? OPSHUB_REPORT_OK : OPSHUB_REPORT_WARN,
	};
	lines[1] = (struct opshub_report_line){
		.label = "Signing secrets",
		.text = webhook->n_keys == 1 ? "one"
					     : host->format(call,
							    "%u: remove the old ones when every receiver knows the "
							    "first",
							    webhook->n_keys),
		.state = webhook->n_keys == 1 ? OPSHUB_REPORT_OK : OPSHUB_REPORT_WARN,
	};
	ret->lines = lines;
	ret->n_lines = 2;
	ret->line_size = sizeof(*lines);
	return OPSHUB_OK;
}

/* ---- the message ---- */

/* RFC 3339 with milliseconds, in UTC. */
static const char *time_text(opshub_call *call, const struct opshub_host *host, int64_t at_ms)
{
	time_t seconds = (time_t)(at_ms / 1000);
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return host->format(call, "%s.%03dZ", text, (int)(at_ms % 1000));
}

static const char *severity_word(uint32_t severity)
{
	static const char *const words[] = { "info", "success", "warning", "error" };

	return words[severity < sizeof(words) / sizeof(words[0]) ? severity : OPSHUB_SEVERITY_INFO];
}

static const char *body_of(opshub_call *call, const struct opshub_host *host, const struct opshub_event *event,
			   uint64_t *ret_size)
{
	opshub_json_out *out = host->json_begin(call);

	host->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
	host->json_put_str(call, out, "type", event->kind);
	host->json_put_str(call, out, "timestamp", time_text(call, host, event->at_ms));
	host->json_open(call, out, "data", OPSHUB_JSON_OBJECT);
	host->json_put_str(call, out, "id", event->id);
	host->json_put_str(call, out, "severity", severity_word(event->severity));
	host->json_put_str(call, out, "title", event->title);
	host->json_put_str(call, out, "text", event->text);
	host->json_put_str(call, out, "url", event->url);
	host->json_put_str(call, out, "organization", event->org);
	host->json_put_str(call, out, "project", event->project);
	host->json_put_str(call, out, "repository", event->repo);
	host->json_put_str(call, out, "sha", event->sha);
	host->json_put_int(call, out, "pullRequest", event->pr_number);
	host->json_put_str(call, out, "thread", event->thread_key);
	host->json_open(call, out, "fields", OPSHUB_JSON_ARRAY);
	for (uint32_t i = 0; i < event->n_fields; i++) {
		const struct opshub_event_field *field = (const void *)((const char *)event->fields +
									(size_t)i * event->field_size);

		host->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
		host->json_put_str(call, out, "label", field->label);
		host->json_put_str(call, out, "value", field->value);
		host->json_close(call, out);
	}
	host->json_close(call, out);
	host->json_close(call, out);
	host->json_close(call, out);
	return host->json_end(call, out, ret_size);
}

/* "v1,SIGNATURE v1,SIGNATURE": one by each secret, over "ID.TIME.BODY". */
static const char *signatures(opshub_call *call, const struct webhook *webhook, const char *id, const char *at,
			      const char *body, uint64_t size)
{
	const struct opshub_host *host = webhook->host;
	size_t head = strlen(id) + strlen(at) + 2;
	char *content = host->alloc(call, head + size + 1);
	const char *all = "";

	memcpy(content, host->format(call, "%s.%s.", id, at), head);
	memcpy(content + head, body, size);
	for (uint32_t i = 0; i < webhook->n_keys; i++)
		all = host->format(
			call, "%s%sv1,%s", all, i ? " " : "",
			host->hmac_sha256(call, webhook->keys[i].bytes, webhook->keys[i].size, content, head + size));
	return all;
}

/* Whatever is not 2xx may be mended at the other end, so it is tried again; 410 is how a receiver says "stop". */
static opshub_status judge(opshub_call *call, const struct opshub_host *host,
			   const struct opshub_http_response *response)
{
	uint32_t status = response->status;

	if (status >= 200 && status < 300)
		return OPSHUB_OK;
	if (status == 410)
		return host->fail(
			call, OPSHUB_E_NOT_FOUND,
			"Webhook receiver answered 410: it wants no more events. Delete this connection, or save "
			"it again when the receiver is back");
	if (status == 429)
		return host->fail(call, OPSHUB_E_LIMITED,
				  "Webhook receiver answered 429: it takes no more at the moment, sent again later");
	if (status >= 300 && status < 400)
		return host->fail(
			call, OPSHUB_E_UPSTREAM,
			host->format(call,
				     "Webhook receiver answered %u, a redirect, which is not followed: put the "
				     "final address into the settings",
				     status));
	if (status == 401 || status == 403)
		return host->fail(
			call, OPSHUB_E_UPSTREAM,
			host->format(call,
				     "Webhook receiver answered %u: it does not accept the signature. Compare "
				     "the signing secret on both sides, and both clocks",
				     status));
	return host->fail(
		call, OPSHUB_E_UPSTREAM,
		host->format(call, "Webhook receiver answered %u instead of 2xx: look into its log, sent again later",
			     status));
}

static opshub_status send(opshub_call *call, void *instance, const struct opshub_event *event,
			  struct opshub_receipt *ret)
{
	const struct webhook *webhook = instance;
	const struct opshub_host *host = webhook->host;
	const char *at = host->format(call, "%lld", (long long)(host->now_ms(call) / 1000));
	struct opshub_http_header headers[4];
	struct opshub_http_request request = {
		.struct_size = sizeof(request),
		.flags = OPSHUB_HTTP_IDEMPOTENT, /* the receiver knows doubles by webhook-id */
		.method = "POST",
		.url = webhook->url,
		.headers = headers,
		.n_headers = 4,
		.header_size = sizeof(headers[0]),
		.max_body = 64 * 1024,
		.timeout_ms = TIMEOUT_MS,
	};
	struct opshub_http_response response = { .struct_size = sizeof(response) };
	uint64_t size = 0;
	const char *body = body_of(call, host, event, &size);
	opshub_status r;

	(void)ret;
	if (!body)
		return OPSHUB_E_INTERNAL;
	headers[0] = (struct opshub_http_header){ "Content-Type", "application/json" };
	headers[1] = (struct opshub_http_header){ "webhook-id", event->id };
	headers[2] = (struct opshub_http_header){ "webhook-timestamp", at };
	headers[3] = (struct opshub_http_header){ "webhook-signature",
						  signatures(call, webhook, event->id, at, body, size) };
	request.body = body;
	request.body_size = size;
	r = host->http(call, &request, &response);
	return r < 0 ? r : judge(call, host, &response);
}

static const struct opshub_notifier_ops ops = {
	.struct_size = sizeof(ops),
	.verify = verify,
	.send = send,
};

static const struct opshub_plugin plugin = {
	.magic = OPSHUB_MAGIC,
	.struct_size = sizeof(plugin),
	.abi_major = OPSHUB_ABI_MAJOR,
	.abi_minor = OPSHUB_ABI_MINOR,
	.needs_minor = 1,
	.kind = OPSHUB_KIND_NOTIFIER,
	.instance_size = sizeof(struct webhook),
	.name = "webhook",
	.version = "1.0.0",
	.license = "MIT",
	.summary = "Events as signed JSON to an address of your own (Standard Webhooks)",
	.settings = settings,
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.setting_size = sizeof(settings[0]),
	.open = webhook_open,
	.close = webhook_close,
	.ops = &ops,
};

const struct opshub_plugin *opshub_plugin_entry(void)
{
	return &plugin;
}

/* The Slack notifier: settings, send and update.
 *
 * Owns nothing: settings are the host's. The receipt of a message is "CHANNEL TS", all that Slack needs to edit it and
 * to find its thread; a later change of the channel's setting moves new messages only.
 *
 * Easy to break: update() is two requests, and may be run again after either of them. Editing is absolute, so doing it
 * twice changes nothing; it goes first, so that what people see is right when the reply fails. The reply carries a
 * client_msg_id made from the event's id, so Slack knows one that is sent again, and the same for send(). Slack's
 * reference names this id only in its error codes: should it be ignored, an answer that is lost can cost one double. */
#include "slack.h"

#include <string.h>

#define CHANNEL_MAX 80
#define TS_MAX      40

static const struct opshub_setting settings[] = {
	{ .key = "botToken",
	  .label = "Bot token",
	  .help = "The app's Bot User OAuth Token (xoxb-…), under OAuth & Permissions; it needs chat:write.",
	  .env = "SLACK_BOT_TOKEN",
	  .type = OPSHUB_SETTING_SECRET,
	  .flags = OPSHUB_SETTING_REQUIRED,
	  .offset = offsetof(struct slack, token),
	  .max = 500 },
	{ .key = "channel",
	  .label = "Channel",
	  .help = "The channel's id (C…), at the bottom of View channel details; the app has to be in it.",
	  .env = "SLACK_CHANNEL",
	  .type = OPSHUB_SETTING_STRING,
	  .flags = OPSHUB_SETTING_REQUIRED,
	  .offset = offsetof(struct slack, channel),
	  .max = CHANNEL_MAX },
	{ .key = "apiBase",
	  .label = "API address",
	  .help = "Where Slack's Web API is; set by the operator of the server only.",
	  .initial = "https://slack.com/api",
	  .env = "SLACK_API_BASE",
	  .type = OPSHUB_SETTING_URL,
	  .flags = OPSHUB_SETTING_OPERATOR,
	  .offset = offsetof(struct slack, base) },
};

/* Where a message is. ts is "" for one that does not exist yet. */
struct place {
	char channel[CHANNEL_MAX + 1], ts[TS_MAX + 1];
};

static opshub_status open_slack(opshub_call *call, const struct opshub_host *host, void *instance)
{
	struct slack *slack = instance;

	slack->host = host;
	if (strncmp(slack->token, "http", 4) == 0)
		return host->fail(call, OPSHUB_E_INVALID,
				  "Slack: the token is an address. Incoming webhooks cannot edit messages: use the "
				  "app's Bot User OAuth Token (xoxb-…)");
	if (slack->channel[strcspn(slack->channel, " \t<>&\"")])
		return host->fail(
			call, OPSHUB_E_INVALID,
			"Slack: the channel has to be one id, such as C024BE91L (View channel details, at the bottom)");
	return OPSHUB_OK;
}

/* ---- receipts ---- */

static int read_receipt(const char *receipt, struct place *ret)
{
	const char *space = strchr(receipt, ' ');
	size_t n = space ? (size_t)(space - receipt) : 0;

	if (n == 0 || n > CHANNEL_MAX || !space[1] || strlen(space + 1) > TS_MAX ||
	    space[1 + strspn(space + 1, "0123456789.")])
		return 0;
	*ret = (struct place){ 0 };
	memcpy(ret->channel, receipt, n);
	memcpy(ret->ts, space + 1, strlen(space + 1));
	return 1;
}

/* The channel of the answer is an id also where a name was given. NULL when the answer does not say where it is. */
static const char *receipt_of(opshub_call *call, const struct opshub_host *host, const struct slack_answer *answer)
{
	const char *receipt = host->format(call, "%s %s",
					   host->json_str(call, host->json_get(call, answer->json, "channel"), ""),
					   host->json_str(call, host->json_get(call, answer->json, "ts"), ""));
	struct place place;

	return read_receipt(receipt, &place) ? receipt : NULL;
}

static opshub_status bad_receipt(opshub_call *call, const struct slack *slack)
{
	return slack->host->fail(call, OPSHUB_E_NOT_FOUND,
				 "Slack: the stored place of the message cannot be read: a new one is started");
}

/* ---- requests ---- */

/* Two 64-bit FNV-1a sums of the event's id, written as a random UUID is: the same event always gets the same one. */
static const char *message_id(opshub_call *call, const struct opshub_host *host, const struct opshub_event *event,
			      const char *thread_ts)
{
	uint64_t a = UINT64_C(0xcbf29ce484222325), b = UINT64_C(0x84222325cbf29ce4);
	const char *text = host->format(call, "%s %s", event->id, thread_ts);

	for (; *text; text++) {
		a = (a ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
		b = (b ^ (unsigned char)*text ^ 0x55) * UINT64_C(0x100000001b3);
	}
	return host->format(call, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xFFFF),
			    (unsigned)(a & 0xFFF), (unsigned)(0x8000 | (b >> 48 & 0x3FFF)),
			    (unsigned long long)(b & UINT64_C(0xFFFFFFFFFFFF)));
}

/* What chat.postMessage gets; place->ts is the thread, "" = none. */
static opshub_status post_body(opshub_call *call, const struct slack *slack, const struct opshub_event *event,
			       const struct place *place, int has_id, struct slack_request *request)
{
	const struct opshub_host *host = slack->host;
	opshub_json_out *out = host->json_begin(call);

	host->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
	host->json_put_str(call, out, "channel", place->channel);
	if (*place->ts)
		host->json_put_str(call, out, "thread_ts", place->ts);
	slack_put_event(call, host, out, event, *place->ts != 0);
	host->json_put_str(call, out, "parse", "none");
	host->json_put_bool(call, out, "unfurl_links", 0);
	host->json_put_bool(call, out, "unfurl_media", 0);
	if (has_id)
		host->json_put_str(call, out, "client_msg_id", message_id(call, host, event, place->ts));
	host->json_open(call, out, "metadata", OPSHUB_JSON_OBJECT);
	host->json_put_str(call, out, "event_type", "opshub_event");
	host->json_open(call, out, "event_payload", OPSHUB_JSON_OBJECT);
	host->json_put_str(call, out, "id", event->id);
	host->json_put_str(call, out, "kind", event->kind);
	host->json_close(call, out);
	host->json_close(call, out);
	host->json_close(call, out);
	request->body = host->json_end(call, out, &request->size);
	return request->body ? OPSHUB_OK : OPSHUB_E_INTERNAL;
}

/* Only a public channel can be joined, and only with channels:join. *ret tells whether the app is in it now. */
static opshub_status join(opshub_call *call, const struct slack *slack, const char *channel, int *ret)
{
	const struct opshub_host *host = slack->host;
	struct slack_request request = { .method = "conversations.join", .channel = channel };
	opshub_json_out *out = host->json_begin(call);
	struct slack_answer answer;
	opshub_status r;

	host->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
	host->json_put_str(call, out, "channel", channel);
	host->json_close(call, out);
	request.body = host->json_end(call, out, &request.size);
	request.flags = OPSHUB_HTTP_IDEMPOTENT;
	r = request.body ? slack_ask(call, slack, &request, &answer) : OPSHUB_E_INTERNAL;
	if (r == OPSHUB_OK)
		*ret = !*answer.error;
	return r;
}

/* Posts, and does what can be done about two refusals: joins the channel, and forgets an id of which Slack remembers
 * that it was used but not for what. OK also when it is refused in the end: look at ret->error. */
static opshub_status post(opshub_call *call, const struct slack *slack, const struct opshub_event *event,
			  const struct place *place, struct slack_request *request, struct slack_answer *ret)
{
	int has_id = 1, has_joined = 0;
	opshub_status r;

	*request = (struct slack_request){ .method = "chat.postMessage", .channel = place->channel };
	for (int i = 0; i < 3; i++) {
		r = post_body(call, slack, event, place, has_id, request);
		if (r == OPSHUB_OK)
			r = slack_ask(call, slack, request, ret);
		if (r < 0)
			return r;
		if (has_id && strncmp(ret->error, "duplicate_", 10) == 0) {
			has_id = 0;
		} else if (!has_joined && strcmp(ret->error, "not_in_channel") == 0) {
			r = join(call, slack, place->channel, &has_joined);
			if (r < 0)
				return r;
			if (!has_joined)
				return OPSHUB_OK;
		} else {
			return OPSHUB_OK;
		}
	}
	return OPSHUB_OK;
}

static opshub_status edit(opshub_call *call, const struct slack *slack, const struct opshub_event *event,
			  const struct place *place, struct slack_request *request, struct slack_answer *ret)
{
	const struct opshub_host *host = slack->host;
	opshub_json_out *out = host->json_begin(call);

	*request = (struct slack_request){ .method = "chat.update", .channel = place->channel };
	host->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
	host->json_put_str(call, out, "channel", place->channel);
	host->json_put_str(call, out, "ts", place->ts);
	slack_put_event(call, host, out, event, 0);
	host->json_put_str(call, out, "parse", "none");
	host->json_close(call, out);
	request->body = host->json_end(call, out, &request->size);
	request->flags = OPSHUB_HTTP_IDEMPOTENT;
	return request->body ? slack_ask(call, slack, request, ret) : OPSHUB_E_INTERNAL;
}

/* ---- the operations ---- */

static opshub_status send(opshub_call *call, void *instance, const struct opshub_event *event,
			  struct opshub_receipt *ret)
{
	const struct slack *slack = instance;
	const struct opshub_host *host = slack->host;
	struct place place = { 0 };
	struct slack_request request;
	struct slack_answer answer;
	opshub_status r;

	if (*event->thread && !read_receipt(event->thread, &place))
		return bad_receipt(call, slack);
	if (!*event->thread)
		memcpy(place.channel, slack->channel, strnlen(slack->channel, CHANNEL_MAX));
	r = post(call, slack, event, &place, &request, &answer);
	if (r < 0)
		return r;
	if (*answer.error)
		return slack_refused(call, slack, &request, &answer);
	host->count(call, "messages_posted", 1);
	ret->text = *event->thread ? event->thread : receipt_of(call, host, &answer);
	return OPSHUB_OK;
}

/* The edit is refused, but the thread is still there to write in. */
static int is_only_uneditable(const char *error)
{
	return strcmp(error, "cant_update_message") == 0 || strcmp(error, "edit_window_closed") == 0;
}

/* The reply is refused for good while the message itself is right: nothing that trying again or a new message mends. */
static int takes_no_replies(const char *error)
{
	return strcmp(error, "cannot_reply_to_message") == 0 || strcmp(error, "restricted_action_thread_locked") == 0 ||
	       strcmp(error, "restricted_action_non_threadable_channel") == 0;
}

/* A channel that is closed to us is E_NOT_FOUND too: where the settings name another one by now, a new message there is
 * the way on. */
static opshub_status update(opshub_call *call, void *instance, const char *receipt, const struct opshub_event *event)
{
	const struct slack *slack = instance;
	const struct opshub_host *host = slack->host;
	struct slack_request request;
	struct slack_answer answer;
	struct place place;
	int is_edited;
	opshub_status r;

	if (!read_receipt(receipt, &place))
		return bad_receipt(call, slack);
	r = edit(call, slack, event, &place, &request, &answer);
	if (r < 0)
		return r;
	is_edited = !*answer.error;
	if (is_edited)
		host->count(call, "messages_edited", 1);
	else if (is_only_uneditable(answer.error))
		host->log(call, OPSHUB_LOG_WARN, slack_refusal_text(call, slack, &request, &answer));
	else
		return slack_refused(call, slack, &request, &answer);
	r = post(call, slack, event, &place, &request, &answer);
	if (r < 0)
		return r;
	if (!*answer.error)
		host->count(call, "replies_posted", 1);
	else if (is_edited && takes_no_replies(answer.error))
		host->log(call, OPSHUB_LOG_WARN, slack_refusal_text(call, slack, &request, &answer));
	else
		return slack_refused(call, slack, &request, &answer);
	return OPSHUB_OK;
}

static const struct opshub_notifier_ops ops = {
	.struct_size = sizeof(ops),
	.verify = slack_verify,
	.send = send,
	.update = update,
};

static const struct opshub_plugin plugin = {
	.magic = OPSHUB_MAGIC,
	.struct_size = sizeof(plugin),
	.abi_major = OPSHUB_ABI_MAJOR,
	.abi_minor = OPSHUB_ABI_MINOR,
	.needs_minor = 1, /* an older host would let projects set the API's address */
	.kind = OPSHUB_KIND_NOTIFIER,
	.instance_size = sizeof(struct slack),
	.name = "slack",
	.version = "1.0.0",
	.license = "MIT",
	.summary = "Tells a Slack channel: one message a preview, edited in place, with a thread of its changes",
	.settings = settings,
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.setting_size = sizeof(settings[0]),
	.open = open_slack,
	.ops = &ops,
};

const struct opshub_plugin *opshub_plugin_entry(void)
{
	return &plugin;
}

/* verify: is the token good, may it post, and is the channel there with the app in it?
 *
 * Owns nothing. Sends no message and joins no channel. Easy to break: looking at a channel needs a permission that
 * posting does not (channels:read, groups:read), so not being able to look is a warning, not a failure. */
#include "slack.h"

#include <string.h>

#define LINES 3

static void add(struct opshub_report *report, const char *label, uint32_t state, const char *text)
{
	struct opshub_report_line *lines = (struct opshub_report_line *)(uintptr_t)report->lines;

	lines[report->n_lines++] = (struct opshub_report_line){ .label = label, .text = text, .state = state };
}

static int has_scope(const char *scopes, const char *scope)
{
	size_t n = strlen(scope);

	for (const char *at = scopes; (at = strstr(at, scope)); at += n)
		if ((at == scopes || at[-1] == ',' || at[-1] == ' ') && (!at[n] || at[n] == ',' || at[n] == ' '))
			return 1;
	return 0;
}

/* An id as Slack makes them: C, G or D and capitals and digits. Names can be posted to, but not looked up. */
static int is_id(const char *channel)
{
	return strchr("CGD", channel[0]) && strlen(channel) >= 9 &&
	       !channel[strspn(channel, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")];
}

/* Found out, or worth trying again? */
static int is_final(const char *error)
{
	opshub_status code = slack_refusal_code(error);

	return code == OPSHUB_E_AUTH || code == OPSHUB_E_INVALID || code == OPSHUB_E_NOT_FOUND;
}

static opshub_status look_at_token(opshub_call *call, const struct slack *slack, struct opshub_report *report,
				   struct slack_answer *ret)
{
	const struct slack_request request = { .method = "auth.test", .flags = OPSHUB_HTTP_IDEMPOTENT };
	const struct opshub_host *host = slack->host;
	const char *user, *team;
	opshub_status r = slack_ask(call, slack, &request, ret);

	if (r < 0)
		return r;
	if (*ret->error && !is_final(ret->error))
		return slack_refused(call, slack, &request, ret);
	if (*ret->error) {
		add(report, "Token", OPSHUB_REPORT_FAIL, slack_refusal_text(call, slack, &request, ret));
		return OPSHUB_OK;
	}
	user = host->json_str(call, host->json_get(call, ret->json, "user"), "");
	team = host->json_str(call, host->json_get(call, ret->json, "team"), "");
	report->account = host->format(call, "%s in %s", user, team);
	add(report, "Token", OPSHUB_REPORT_OK, host->format(call, "accepted: @%s in the workspace %s", user, team));
	if (*ret->scopes && !has_scope(ret->scopes, "chat:write"))
		add(report, "Permission", OPSHUB_REPORT_FAIL,
		    "chat:write is missing: add it under OAuth & Permissions and install the app again");
	return OPSHUB_OK;
}

static void describe_channel(opshub_call *call, const struct slack *slack, const opshub_json *channel,
			     const char *scopes, struct opshub_report *report)
{
	const struct opshub_host *host = slack->host;
	const char *name = host->json_str(call, host->json_get(call, channel, "name"), slack->channel);
	int is_private = host->json_bool(call, host->json_get(call, channel, "is_private"), 0);
	uint32_t state = OPSHUB_REPORT_OK;
	const char *text;

	if (host->json_bool(call, host->json_get(call, channel, "is_archived"), 0)) {
		state = OPSHUB_REPORT_FAIL;
		text = "is archived: bring it back or choose another one";
	} else if (host->json_bool(call, host->json_get(call, channel, "is_im"), 0) ||
		   host->json_bool(call, host->json_get(call, channel, "is_member"), 0)) {
		text = "found, and the app is in it";
	} else if (!is_private && has_scope(scopes, "chat:write.public")) {
		text = "found; chat:write.public lets the app post without being in it";
	} else if (!is_private && has_scope(scopes, "channels:join")) {
		text = "found; the app joins it with its first message";
	} else {
		state = OPSHUB_REPORT_FAIL;
		text = "found, but the app is not in it: write /invite and the app's name there";
	}
	add(report, "Channel", state, host->format(call, "#%s %s", name, text));
}

static opshub_status look_at_channel(opshub_call *call, const struct slack *slack, const char *scopes,
				     struct opshub_report *report)
{
	const struct opshub_host *host = slack->host;
	const struct slack_request request = {
		.method = "conversations.info",
		.channel = slack->channel,
		.query = host->format(call, "channel=%s", host->escape_url(call, slack->channel)),
	};
	struct slack_answer answer;
	opshub_status r;

	if (!is_id(slack->channel)) {
		add(report, "Channel", OPSHUB_REPORT_WARN,
		    host->format(call,
				 "%s is a name: it cannot be looked up, and breaks when the channel is renamed. Use "
				 "the id (View channel details, at the bottom)",
				 slack->channel));
		return OPSHUB_OK;
	}
	r = slack_ask(call, slack, &request, &answer);
	if (r < 0)
		return r;
	if (strcmp(answer.error, "missing_scope") == 0)
		add(report, "Channel", OPSHUB_REPORT_WARN,
		    host->format(call,
				 "%s could not be looked up without channels:read (groups:read for a private one); "
				 "posting does not need it",
				 slack->channel));
	else if (*answer.error && !is_final(answer.error))
		return slack_refused(call, slack, &request, &answer);
	else if (*answer.error)
		add(report, "Channel", OPSHUB_REPORT_FAIL, slack_refusal_text(call, slack, &request, &answer));
	else
		describe_channel(call, slack, host->json_get(call, answer.json, "channel"), scopes, report);
	return OPSHUB_OK;
}

opshub_status slack_verify(opshub_call *call, void *instance, struct opshub_report *ret)
{
	const struct slack *slack = instance;
	struct slack_answer answer;
	opshub_status r;

	ret->lines = slack->host->alloc(call, LINES * sizeof(*ret->lines));
	ret->line_size = sizeof(*ret->lines);
	r = look_at_token(call, slack, ret, &answer);
	if (r < 0 || *answer.error)
		return r;
	return look_at_channel(call, slack, answer.scopes, ret);
}

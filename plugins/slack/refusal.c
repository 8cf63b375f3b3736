/* Slack's error codes: what the host should do, and a sentence for people.
 *
 * Owns nothing. Easy to break: a code that is not in the table counts as final, since Slack keeps adding codes for
 * things that will not mend themselves. Those that will are all here. */
#include "slack.h"

#include <string.h>

#define REINSTALL                                                                                                      \
	"install the app in the workspace again and put its new Bot User OAuth Token (xoxb-…) into the settings"
#define DEFECT "this is a defect of the Slack plugin, please report it"

static const struct refusal {
	const char *error;
	opshub_status code;
	const char *text;
} refusals[] = {
	/* the token */
	{ "not_authed", OPSHUB_E_AUTH,
	  "no token reached it: set the token, and look for a proxy that removes headers" },
	{ "invalid_auth", OPSHUB_E_AUTH,
	  "it does not know the token, or not from this address: copy the Bot User OAuth Token (xoxb-…) again, and "
	  "look at the app's list of allowed addresses" },
	{ "token_revoked", OPSHUB_E_AUTH, "the token was revoked: " REINSTALL },
	{ "token_expired", OPSHUB_E_AUTH,
	  "the token has expired: switch token rotation off for the app, or set a token without an end" },
	{ "account_inactive", OPSHUB_E_AUTH, "the bot or its workspace was deactivated: " REINSTALL },
	{ "not_allowed_token_type", OPSHUB_E_AUTH,
	  "this is a token of another kind: use the Bot User OAuth Token, which starts with xoxb-" },
	{ "missing_scope", OPSHUB_E_AUTH,
	  "the token lacks a permission: add the scope under OAuth & Permissions and install the app again" },
	{ "no_permission", OPSHUB_E_AUTH,
	  "the app may not post there: invite it to the channel and give it chat:write" },
	{ "team_access_not_granted", OPSHUB_E_AUTH,
	  "the app was not approved for this workspace of the organization: ask an administrator to approve it" },
	{ "ekm_access_denied", OPSHUB_E_AUTH,
	  "the administrators have suspended posting (key management): ask them to allow it again" },
	{ "access_denied", OPSHUB_E_AUTH, "access is denied to this app: ask an administrator of the workspace" },
	{ "accesslimited", OPSHUB_E_AUTH,
	  "Slack may not be used from this server's network: ask whoever keeps the network's rules" },
	{ "org_login_required", OPSHUB_E_AUTH,
	  "the workspace is being moved to an organization: set a new token when that is over" },
	{ "two_factor_setup_required", OPSHUB_E_AUTH,
	  "the token's user has to set up two-factor login first: use a bot token instead" },
	/* the channel: messages wait until somebody has put it right, and a new token would not */
	{ "channel_not_found", OPSHUB_E_NOT_FOUND,
	  "there is no such channel, or it is private and the app is not in it: copy the channel's id (View channel "
	  "details, at the bottom) and invite the app with /invite" },
	{ "not_in_channel", OPSHUB_E_NOT_FOUND,
	  "the app is not in the channel: write /invite and the app's name there, or give it channels:join" },
	{ "is_archived", OPSHUB_E_NOT_FOUND, "the channel is archived: bring it back or choose another one" },
	{ "restricted_action", OPSHUB_E_NOT_FOUND,
	  "a rule of the workspace keeps the app from posting there: ask an administrator, or choose another channel" },
	{ "restricted_action_read_only_channel", OPSHUB_E_NOT_FOUND,
	  "the channel is read-only for the app: allow it under the channel's posting permissions" },
	{ "restricted_action_thread_only_channel", OPSHUB_E_NOT_FOUND,
	  "the channel takes replies in threads only: choose a channel in which the app may start messages" },
	{ "restricted_action_non_threadable_channel", OPSHUB_E_NOT_FOUND,
	  "the channel has no threads: allow replies under its posting permissions" },
	{ "restricted_action_thread_locked", OPSHUB_E_INVALID, "somebody has locked the thread: unlock it" },
	{ "cannot_reply_to_message", OPSHUB_E_INVALID, "this message can have no replies" },
	/* the message */
	{ "message_not_found", OPSHUB_E_NOT_FOUND, "the message was deleted: a new one is started" },
	{ "thread_not_found", OPSHUB_E_NOT_FOUND, "the thread was deleted: a new one is started" },
	{ "cant_update_message", OPSHUB_E_INVALID,
	  "the message was written by another app or user: the token was changed since; new previews get new "
	  "messages" },
	{ "edit_window_closed", OPSHUB_E_INVALID,
	  "the workspace does not let old messages be edited: allow editing under Settings & permissions" },
	{ "no_text", OPSHUB_E_INVALID, "the message has no text: " DEFECT },
	{ "msg_too_long", OPSHUB_E_INVALID, "the text is too long: " DEFECT },
	{ "msg_blocks_too_long", OPSHUB_E_INVALID, "the blocks are too long: " DEFECT },
	{ "invalid_blocks", OPSHUB_E_INVALID, "it cannot read the blocks: " DEFECT },
	{ "invalid_blocks_format", OPSHUB_E_INVALID, "the blocks are no list: " DEFECT },
	{ "too_many_attachments", OPSHUB_E_INVALID, "there are too many attachments: " DEFECT },
	{ "metadata_too_large", OPSHUB_E_INVALID, "the metadata is too large: " DEFECT },
	/* the request */
	{ "invalid_json", OPSHUB_E_INVALID, "the body is no JSON: " DEFECT },
	{ "json_not_object", OPSHUB_E_INVALID, "the body is no JSON object: " DEFECT },
	{ "invalid_arguments", OPSHUB_E_INVALID, "an argument is wrong: " DEFECT },
	{ "invalid_arg_name", OPSHUB_E_INVALID, "an argument has a wrong name: " DEFECT },
	{ "invalid_array_arg", OPSHUB_E_INVALID, "an argument is a list and should be none: " DEFECT },
	{ "invalid_charset", OPSHUB_E_INVALID, "the character set is wrong: " DEFECT },
	{ "invalid_form_data", OPSHUB_E_INVALID, "it took the body for a form: look for a proxy that changes headers" },
	{ "invalid_post_type", OPSHUB_E_INVALID, "the Content-Type is wrong: look for a proxy that changes headers" },
	{ "missing_post_type", OPSHUB_E_INVALID, "the Content-Type is missing: look for a proxy that removes headers" },
	{ "unknown_method", OPSHUB_E_INVALID, "it does not know this method: look at SLACK_API_BASE" },
	{ "method_deprecated", OPSHUB_E_UNSUPPORTED, "the method was switched off: a newer OpsHub is needed" },
	{ "deprecated_endpoint", OPSHUB_E_UNSUPPORTED, "the address was switched off: a newer OpsHub is needed" },
	/* what mends itself */
	{ "ratelimited", OPSHUB_E_LIMITED, "too many requests: sent again after a pause" },
	{ "rate_limited", OPSHUB_E_LIMITED, "too many messages in this channel: sent again after a pause" },
	{ "message_limit_exceeded", OPSHUB_E_QUOTA,
	  "the workspace has used up its messages: wait, or ask an administrator for a larger plan" },
	{ "internal_error", OPSHUB_E_UPSTREAM, "something went wrong there: tried again" },
	{ "fatal_error", OPSHUB_E_UPSTREAM, "something went badly wrong there: tried again" },
	{ "request_timeout", OPSHUB_E_UPSTREAM, "the request did not arrive whole in time: tried again" },
	{ "service_unavailable", OPSHUB_E_UPSTREAM, "it is out of order: tried again" },
	{ "team_added_to_org", OPSHUB_E_UPSTREAM,
	  "the workspace is being moved to an organization: tried again until that is over" },
};

static const struct refusal *find(const char *error)
{
	static const struct refusal unknown = {
		"", OPSHUB_E_INVALID,
		"OpsHub does not know this code: look it up under docs.slack.dev/reference/methods"
	};

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (strcmp(refusals[i].error, error) == 0)
			return &refusals[i];
	return &unknown;
}

opshub_status slack_refusal_code(const char *error)
{
	return find(error)->code;
}

const char *slack_refusal_text(opshub_call *call, const struct slack *slack, const struct slack_request *request,
			       const struct slack_answer *answer)
{
	const struct opshub_host *host = slack->host;
	const char *needed = host->json_str(call, host->json_get(call, answer->json, "needed"), "");

	return host->format(call, "Slack refused %s%s%s (%s%s%s): %s", request->method, request->channel ? " in " : "",
			    request->channel ? request->channel : "", answer->error, *needed ? ", needed: " : "",
			    needed, find(answer->error)->text);
}

opshub_status slack_refused(opshub_call *call, const struct slack *slack, const struct slack_request *request,
			    const struct slack_answer *answer)
{
	return slack->host->fail(call, slack_refusal_code(answer->error),
				 slack_refusal_text(call, slack, request, answer));
}

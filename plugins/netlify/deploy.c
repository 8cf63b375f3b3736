/* A deploy of Netlify's as the host wants to see it, and the mark by which ours are known.
 *
 *   title:  OpsHub #12 att_01j… 0123456789abcdef0123456789abcdef01234567 env
 *                  PR  attempt  the commit that was wanted               variables were set for it
 *
 * Owns nothing.
 * Easy to break: a build is asked for by branch. When somebody pushes before Netlify has fetched it, another commit is
 * built, and READY would be a lie: commit_ref is compared with the commit in the mark. */
#include "netlify.h"

#include <string.h>
#include <strings.h>

#define PREFIX        "OpsHub #"
#define ENV_SUFFIX    " env"
#define SHA_LENGTH    40
#define QUEUED_MS     5000  /* between looks while it waits for its turn */
#define APPROVAL_MS   60000 /* and while it waits for a person */
#define ATTEMPT_CHARS "abcdefghijklmnopqrstuvwxyz0123456789_"

const char *mark_title(opshub_call *call, const struct netlify *n, const struct opshub_deploy_request *request)
{
	return n->host->format(call, PREFIX "%lld %s %s%s", (long long)request->pr_number, request->attempt_id,
			       request->sha, request->n_env ? ENV_SUFFIX : "");
}

static int is_sha(const char *text)
{
	return strlen(text) == SHA_LENGTH && strspn(text, "0123456789abcdef") == SHA_LENGTH;
}

int mark_read(const char *title, struct mark *ret)
{
	struct mark mark = { .has_env = 0 };
	const char *at = title;
	size_t n;

	if (strncmp(at, PREFIX, strlen(PREFIX)) != 0)
		return 0;
	at += strlen(PREFIX);
	n = strspn(at, "0123456789");
	if (n == 0 || at[n] != ' ')
		return 0;
	at += n + 1;
	n = strspn(at, ATTEMPT_CHARS);
	if (n == 0 || n >= sizeof(mark.attempt) || at[n] != ' ')
		return 0;
	memcpy(mark.attempt, at, n);
	at += n + 1;
	if (strspn(at, "0123456789abcdef") != SHA_LENGTH)
		return 0;
	memcpy(mark.sha, at, SHA_LENGTH);
	at += SHA_LENGTH;
	mark.has_env = strcmp(at, ENV_SUFFIX) == 0;
	if (*at && !mark.has_env)
		return 0;
	*ret = mark;
	return 1;
}

/* ---- states ---- */

/* The list is that of the filter "state" of listSiteDeploys, and the two words that are seen for a cancelled one. */
static const struct {
	const char *word;
	uint32_t state;
	int64_t poll_after_ms;
} states[] = {
	{ "new", OPSHUB_STATE_QUEUED, QUEUED_MS },
	{ "accepted", OPSHUB_STATE_QUEUED, QUEUED_MS },
	{ "enqueued", OPSHUB_STATE_QUEUED, QUEUED_MS },
	{ "pending_review", OPSHUB_STATE_QUEUED, APPROVAL_MS },
	{ "building", OPSHUB_STATE_BUILDING, 0 },
	{ "uploading", OPSHUB_STATE_BUILDING, 0 },
	{ "uploaded", OPSHUB_STATE_BUILDING, 0 },
	{ "preparing", OPSHUB_STATE_BUILDING, 0 },
	{ "prepared", OPSHUB_STATE_BUILDING, 0 },
	{ "processing", OPSHUB_STATE_BUILDING, 0 },
	{ "processed", OPSHUB_STATE_BUILDING, 0 }, /* not every address works yet */
	{ "retrying", OPSHUB_STATE_BUILDING, 0 },
	{ "ready", OPSHUB_STATE_READY, 0 },
	{ "error", OPSHUB_STATE_FAILED, 0 },
	{ "rejected", OPSHUB_STATE_FAILED, 0 },
	{ "canceled", OPSHUB_STATE_CANCELLED, 0 },
	{ "cancelled", OPSHUB_STATE_CANCELLED, 0 },
};

/* What an error_message holds, the first that fits counts; everything else is a failed build. */
static const struct {
	const char *sign;
	uint32_t reason;
	const char *advice;
} failures[] = {
	{ "exceeded maximum allowed runtime", OPSHUB_REASON_TIMEOUT,
	  "Make the build faster, or ask Netlify for a longer limit" },
	{ "stage 'building site'", OPSHUB_REASON_BUILD, "Look at the build's output" },
	{ "no content change", OPSHUB_REASON_BUILD,
	  "Netlify skipped the build because the site's ignore command saw no change; change that command, or retry" },
	{ "build minutes", OPSHUB_REASON_QUOTA, "Raise the allowance in the team's billing settings" },
	{ "credit", OPSHUB_REASON_QUOTA, "Raise the allowance in the team's billing settings" },
	{ "usage limit", OPSHUB_REASON_QUOTA, "Raise the allowance in the team's billing settings" },
	{ "timed out", OPSHUB_REASON_TIMEOUT, "Retry it; if it happens again, look at the build's output" },
	{ "preparing repo", OPSHUB_REASON_CONFIG,
	  "Netlify could not read the repository or its branch: link the site to it again" },
	{ "unable to access repository", OPSHUB_REASON_CONFIG, "Link the site to the repository again" },
	{ "internal error", OPSHUB_REASON_PROVIDER, "Retry it, and see netlifystatus.com" },
	{ "system error", OPSHUB_REASON_PROVIDER, "Retry it, and see netlifystatus.com" },
	{ "unexpected error", OPSHUB_REASON_PROVIDER, "Retry it, and see netlifystatus.com" },
};

static void explain_failure(opshub_call *call, const struct netlify *n, const opshub_json *deploy,
			    struct opshub_deployment *ret)
{
	const char *why = text_of(call, n, deploy, "error_message");

	ret->reason = OPSHUB_REASON_BUILD;
	ret->message = *why ? n->host->format(call, "Netlify's build failed: %.500s", why)
			    : "Netlify's build failed without a message: look at its output";
	if (strcmp(text_of(call, n, deploy, "state"), "rejected") == 0) {
		ret->message = "somebody rejected this deploy at Netlify; retry asks for another one";
		return;
	}
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		if (!mentions(why, failures[i].sign))
			continue;
		ret->reason = failures[i].reason;
		ret->message = n->host->format(call, "Netlify's build failed: %.500s. %s", why, failures[i].advice);
		return;
	}
	if (strncasecmp(why, "cancel", 6) == 0)
		ret->state = OPSHUB_STATE_CANCELLED;
}

/* READY only when it is what was asked for. */
static void compare_commit(opshub_call *call, const struct netlify *n, const struct mark *mark,
			   struct opshub_deployment *ret)
{
	if (!is_sha(ret->commit_sha) || strcmp(ret->commit_sha, mark->sha) == 0)
		return;
	ret->state = OPSHUB_STATE_FAILED;
	ret->reason = OPSHUB_REASON_PROVIDER;
	ret->message = n->host->format(
		call,
		"Netlify built commit %.12s, not %.12s: it builds the newest commit of a branch, "
		"and the branch has moved on. The newer push gets a deployment of its own; if it has "
		"none, redeliver its webhook",
		ret->commit_sha, mark->sha);
}

static const char *inspector_of(opshub_call *call, const struct netlify *n, const opshub_json *deploy)
{
	const char *admin = text_of(call, n, deploy, "admin_url");

	return *admin ? n->host->format(call, "%s/deploys/%s", admin, text_of(call, n, deploy, "id")) : "";
}

void deploy_fill(opshub_call *call, const struct netlify *n, const opshub_json *deploy, struct opshub_deployment *ret)
{
	const char *word = text_of(call, n, deploy, "state"), *url = text_of(call, n, deploy, "deploy_ssl_url");
	struct mark *mark = n->host->alloc(call, sizeof(*mark));

	ret->state = OPSHUB_STATE_UNKNOWN;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (strcmp(word, states[i].word) != 0)
			continue;
		ret->state = states[i].state;
		ret->poll_after_ms = states[i].poll_after_ms;
	}
	ret->id = text_of(call, n, deploy, "id");
	ret->url = *url ? url : text_of(call, n, deploy, "deploy_url");
	ret->inspector_url = inspector_of(call, n, deploy);
	ret->commit_sha = text_of(call, n, deploy, "commit_ref");
	ret->created_at_ms = n->host->parse_time(call, text_of(call, n, deploy, "created_at"));
	if (ret->state == OPSHUB_STATE_FAILED)
		explain_failure(call, n, deploy, ret);
	if (!mark_read(text_of(call, n, deploy, "title"), mark))
		return;
	ret->attempt_id = mark->attempt;
	if (ret->state == OPSHUB_STATE_READY)
		compare_commit(call, n, mark, ret);
}

/* Settings, and which event does what at GitHub. */
#include "github.h"

#include <string.h>

static const struct opshub_setting settings[] = {
	{ .key = "token",
	  .label = "Token",
	  .type = OPSHUB_SETTING_SECRET,
	  .max = 1000,
	  .help = "Fine-grained, for the project's repository, with write for Deployments, Commit statuses and Pull "
		  "requests; or classic with the scope repo. Leave it empty to use a GitHub App.",
	  .offset = offsetof(struct github, token) },
	{ .key = "appId",
	  .label = "App id",
	  .type = OPSHUB_SETTING_STRING,
	  .max = 100,
	  .env = "GITHUB_APP_ID",
	  .help = "The App id or client id of a GitHub App that is installed on the repository.",
	  .offset = offsetof(struct github, app_id) },
	{ .key = "privateKey",
	  .label = "App private key",
	  .type = OPSHUB_SETTING_SECRET,
	  .env = "GITHUB_APP_PRIVATE_KEY",
	  .help = "The .pem file of the GitHub App in one line: tr -d '\\n' < app.private-key.pem",
	  .offset = offsetof(struct github, private_key) },
	{ .key = "comment",
	  .label = "Comment",
	  .type = OPSHUB_SETTING_CHOICE,
	  .initial = "failures",
	  .choices = "off|on|failures",
	  .help = "One comment in the pull request, edited in place: never, at the first preview or failure, or at the "
		  "first failure.",
	  .offset = offsetof(struct github, comment) },
	{ .key = "deployments",
	  .label = "Deployments",
	  .type = OPSHUB_SETTING_BOOL,
	  .initial = "on",
	  .help = "Show each preview as a GitHub Deployment.",
	  .offset = offsetof(struct github, deployments) },
	{ .key = "statuses",
	  .label = "Commit statuses",
	  .type = OPSHUB_SETTING_BOOL,
	  .initial = "on",
	  .help = "Show each preview as the commit status opshub/PROJECT.",
	  .offset = offsetof(struct github, statuses) },
	{ .key = "deleteDeployments",
	  .label = "Delete old deployments",
	  .type = OPSHUB_SETTING_BOOL,
	  .initial = "off",
	  .help = "Delete GitHub Deployments of previews that are gone, instead of keeping them as inactive.",
	  .offset = offsetof(struct github, delete_deployments) },
	{ .key = "pause",
	  .label = "Pause between changes",
	  .type = OPSHUB_SETTING_DURATION,
	  .initial = "1s",
	  .min = 0,
	  .max = 10000,
	  .help = "GitHub asks for a second.",
	  .offset = offsetof(struct github, pause_ms) },
	{ .key = "apiBase",
	  .label = "API address",
	  .type = OPSHUB_SETTING_URL,
	  .flags = OPSHUB_SETTING_OPERATOR,
	  .initial = "https://api.github.com",
	  .env = "GITHUB_API_BASE",
	  .help = "GitHub's REST API; of GitHub Enterprise Server its address with /api/v3.",
	  .offset = offsetof(struct github, api) },
};

/* What an event becomes; NULL = nothing. Without a row of its own an event leaves GitHub as it is. */
static const struct act {
	const char *kind;
	const char *deployment; /* state of the commit's deployment; "gone" = none is left active */
	const char *status;     /* state of the commit status */
	int is_useful;          /* worth a first comment with comment = on */
	int is_failure;         /* with comment = failures too */
} acts[] = {
	{ "preview.queued", "queued", "pending", 0, 0 },  { "preview.held", NULL, "pending", 0, 0 },
	{ "preview.waiting", "queued", "pending", 0, 0 }, { "preview.building", "in_progress", "pending", 0, 0 },
	{ "preview.ready", "success", "success", 1, 0 },  { "preview.failed", "failure", "failure", 1, 1 },
	{ "preview.cancelled", "error", "error", 0, 0 },  { "preview.destroyed", "gone", NULL, 0, 0 },
	{ "preview.destroy_failed", NULL, NULL, 1, 1 },
};

static const struct act *act_of(const struct opshub_event *event)
{
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (strcmp(acts[i].kind, event->kind) == 0)
			return &acts[i];
	return NULL;
}

const char *field_of(const struct opshub_event *event, const char *label)
{
	for (uint32_t i = 0; i < event->n_fields; i++) {
		const struct opshub_event_field *field = (const void *)((const char *)event->fields +
									(size_t)i * event->field_size);
		if (strcmp(field->label, label) == 0)
			return field->value;
	}
	return "";
}

/* A success speaks for itself; for the rest the paragraph is the reason. */
static const char *reason_of(struct work *work)
{
	const struct opshub_event *event = work->event;
	int has_reason = *event->text && event->severity >= OPSHUB_SEVERITY_WARN;

	return short_text(work, has_reason ? event->text : event->title);
}

static opshub_status show(struct work *work, const struct act *act)
{
	const struct github *github = work->github;
	const char *reason = reason_of(work);
	opshub_status r = OPSHUB_OK;

	if (github->deployments && act->deployment && strcmp(act->deployment, "gone") == 0)
		r = deployments_retire(work);
	else if (github->deployments && act->deployment && *work->event->sha)
		r = deployment_show(work, act->deployment, reason);
	if (r == OPSHUB_OK && github->statuses && act->status && *work->event->sha)
		r = status_show(work, act->status, reason);
	return r;
}

static int is_for_us(const struct opshub_event *event, const struct act *act)
{
	return act && event->pr_number > 0 && *event->repo;
}

static opshub_status github_send(opshub_call *call, void *instance, const struct opshub_event *event,
				 struct opshub_receipt *ret)
{
	struct github *github = instance;
	struct work work = { .call = call, .github = github, .host = github->host, .event = event };
	const struct act *act = act_of(event);
	int has_comment = strcmp(github->comment, "off") != 0, may_make;
	opshub_status r;

	if (!is_for_us(event, act))
		return OPSHUB_OK;
	may_make = strcmp(github->comment, "on") == 0 ? act->is_useful : act->is_failure;
	r = show(&work, act);
	return r == OPSHUB_OK && has_comment ? comment_show(&work, may_make, &ret->text) : r;
}

/* The comment first: when somebody has deleted it the host calls send(), and nothing was done twice. */
static opshub_status github_update(opshub_call *call, void *instance, const char *receipt,
				   const struct opshub_event *event)
{
	struct github *github = instance;
	struct work work = { .call = call, .github = github, .host = github->host, .event = event };
	const struct act *act = act_of(event);
	opshub_status r = OPSHUB_OK;

	if (!is_for_us(event, act))
		return OPSHUB_OK;
	if (strcmp(github->comment, "off") != 0)
		r = comment_edit(&work, receipt);
	return r < 0 ? r : show(&work, act);
}

static opshub_status github_open(opshub_call *call, const struct opshub_host *host, void *instance)
{
	struct github *github = instance;

	github->host = host;
	if (!*github->token && (!*github->app_id || !*github->private_key))
		return host->fail(call, OPSHUB_E_INVALID,
				  "Provider settings of github: give a token, or appId and privateKey of a GitHub App");
	return OPSHUB_OK;
}

static void github_close(void *instance)
{
	struct github *github = instance;

	explicit_bzero(&github->installation, sizeof(github->installation));
}

static const struct opshub_notifier_ops ops = {
	.struct_size = sizeof(ops),
	.verify = github_verify,
	.send = github_send,
	.update = github_update,
};

static const struct opshub_plugin plugin = {
	.magic = OPSHUB_MAGIC,
	.struct_size = sizeof(plugin),
	.abi_major = OPSHUB_ABI_MAJOR,
	.abi_minor = OPSHUB_ABI_MINOR,
	.needs_minor = 1,
	.kind = OPSHUB_KIND_NOTIFIER,
	.instance_size = sizeof(struct github),
	.name = "github",
	.version = "1.0.0",
	.license = "MIT",
	.summary = "Deployments, commit statuses and one comment in the pull request",
	.settings = settings,
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.setting_size = sizeof(settings[0]),
	.open = github_open,
	.close = github_close,
	.ops = &ops,
};

const struct opshub_plugin *opshub_plugin_entry(void)
{
	return &plugin;
}

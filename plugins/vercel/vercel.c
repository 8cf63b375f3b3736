/* Vercel as a provider: its settings and its description. What is sent, in which order, and what each answer means:
 * docs/plugins/vercel.md.
 *
 * Easy to break: the token may be the operator's, from the server's environment. So where requests go is the operator's
 * to say as well, and never a project's. */
#include "vercel.h"

#include <string.h>

static const struct opshub_setting settings[] = {
	{ .key = "token",
	  .label = "Token",
	  .type = OPSHUB_SETTING_SECRET,
	  .flags = OPSHUB_SETTING_REQUIRED,
	  .help = "Made at vercel.com under Account Settings, Tokens, for the team that owns the project.",
	  .env = "VERCEL_TOKEN",
	  .max = 500,
	  .offset = offsetof(struct vercel, token) },
	{ .key = "projectId",
	  .label = "Project",
	  .type = OPSHUB_SETTING_STRING,
	  .flags = OPSHUB_SETTING_REQUIRED,
	  .help = "The project's id (prj_...) or its name; in Vercel under Settings, General.",
	  .env = "VERCEL_PROJECT_ID",
	  .max = 100,
	  .offset = offsetof(struct vercel, project) },
	{ .key = "teamId",
	  .label = "Team",
	  .type = OPSHUB_SETTING_STRING,
	  .help = "The id (team_...) or the slug of the team that owns the project; empty for a personal account.",
	  .env = "VERCEL_TEAM_ID",
	  .max = 100,
	  .offset = offsetof(struct vercel, team) },
	{ .key = "protectionBypass",
	  .label = "Protection bypass",
	  .type = OPSHUB_SETTING_SECRET,
	  .help = "Lets health checks in when previews are protected; in Vercel under Settings, Deployment "
		  "Protection, Protection Bypass for Automation.",
	  .max = 500,
	  .offset = offsetof(struct vercel, bypass) },
	{ .key = "apiBase",
	  .label = "API address",
	  .type = OPSHUB_SETTING_URL,
	  .flags = OPSHUB_SETTING_OPERATOR,
	  .help = "Where Vercel's API is.",
	  .initial = "https://api.vercel.com",
	  .env = "VERCEL_API_BASE",
	  .max = 500,
	  .offset = offsetof(struct vercel, base) },
};

static int is_plain(const char *text)
{
	return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")] == 0;
}

static opshub_status vercel_open(opshub_call *call, const struct opshub_host *host, void *instance)
{
	struct vercel *v = instance;

	v->host = host;
	if (!is_plain(v->project))
		return host->fail(call, OPSHUB_E_INVALID,
				  "projectId is no id or name of a Vercel project: take it from Settings, General "
				  "(letters, digits, '-', '_' and '.')");
	if (!is_plain(v->team))
		return host->fail(call, OPSHUB_E_INVALID,
				  "teamId is no id or slug of a Vercel team: take it from the team's settings, or "
				  "leave it empty for a personal account");
	return OPSHUB_OK;
}

static const struct opshub_provider_ops ops = {
	.struct_size = sizeof(ops),
	.verify = vercel_verify,
	.create = vercel_create,
	.find = vercel_find,
	.status = vercel_status,
	.cancel = vercel_cancel,
	.destroy = vercel_destroy,
	.logs = vercel_logs,
	.list = vercel_list,
};

static const struct opshub_plugin plugin = {
	.magic = OPSHUB_MAGIC,
	.struct_size = sizeof(plugin),
	.abi_major = OPSHUB_ABI_MAJOR,
	.abi_minor = OPSHUB_ABI_MINOR,
	.needs_minor = 1, /* an older host would let projects set apiBase */
	.kind = OPSHUB_KIND_PROVIDER,
	.instance_size = sizeof(struct vercel),
	.name = "vercel",
	.version = "1.0.0",
	.license = "MIT",
	.summary = "Previews at Vercel",
	.settings = settings,
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.setting_size = sizeof(settings[0]),
	.open = vercel_open,
	.ops = &ops,
};

const struct opshub_plugin *opshub_plugin_entry(void)
{
	return &plugin;
}

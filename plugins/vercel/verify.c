/* Would a deployment work? Token, project, repository, protection, allowance, and the newest preview: a line each.
 *
 * Changes nothing at Vercel. Easy to break: what could not be found out is no line but a failure, except at the end,
 * where the lines before are worth more than the last one. */
#include "vercel.h"

#include <string.h>

#define DAY_MS       (24ll * 60 * 60 * 1000)
#define FREE_PER_DAY 100
#define MANY_PER_DAY 80
#define LINES_MAX    10
#define PROBE_MS     10000

struct checks {
	struct ask ask;
	struct opshub_report *report;
	struct opshub_report_line *lines;
};

static void say(struct checks *c, const char *label, uint32_t state, const char *text)
{
	if (c->report->n_lines < LINES_MAX)
		c->lines[c->report->n_lines++] =
			(struct opshub_report_line){ .label = label, .text = text, .state = state };
}

static int is_refusal(opshub_status r)
{
	return r == OPSHUB_E_AUTH || r == OPSHUB_E_NOT_FOUND || r == OPSHUB_E_INVALID;
}

static opshub_status check_token(struct checks *c, int *ret_go_on)
{
	struct ask *a = &c->ask;
	const opshub_json *answer = NULL, *user, *block;
	const char *name;
	opshub_status r;

	a->goal = "say whose token this is";
	r = ask_get(a, "/v2/user", &answer);
	*ret_go_on = r == OPSHUB_OK;
	if (is_refusal(r)) {
		say(c, "Token", OPSHUB_REPORT_FAIL,
		    "Vercel refused it: make a new one under Account Settings, Tokens, and set it as `token`");
		return OPSHUB_OK;
	}
	if (r < 0)
		return r;
	user = a->host->json_get(a->call, answer, "user");
	block = a->host->json_get(a->call, user, "softBlock");
	name = text_of(a, user, "username");
	c->report->account = *a->v->team ? a->host->format(a->call, "%s", a->v->team) : name;
	say(c, "Token", OPSHUB_REPORT_OK, *name ? a->host->format(a->call, "accepted, of %s", name) : "accepted");
	if (a->host->json_type(a->call, block) == OPSHUB_JSON_OBJECT)
		say(c, "Account", OPSHUB_REPORT_FAIL,
		    a->host->format(a->call, "blocked by Vercel (%s): look at Billing there",
				    text_of(a, block, "reason")));
	return OPSHUB_OK;
}

static void check_link(struct checks *c, const opshub_json *project)
{
	struct ask *a = &c->ask;
	const opshub_json *link = a->host->json_get(a->call, project, "link");
	const opshub_json *options = a->host->json_get(a->call, project, "gitProviderOptions");
	const char *type = text_of(a, link, "type");

	if (!*type) {
		say(c, "Repository", OPSHUB_REPORT_WARN,
		    "the project is not linked to one: link it in Vercel under Settings, Git, so that its GitHub app "
		    "may "
		    "read it");
		return;
	}
	if (strncmp(type, "github", 6) != 0) {
		say(c, "Repository", OPSHUB_REPORT_FAIL,
		    a->host->format(a->call, "the project is linked to %s, not to GitHub", type));
		return;
	}
	say(c, "Repository", OPSHUB_REPORT_OK,
	    a->host->format(a->call, "%s/%s", text_of(a, link, "org"), text_of(a, link, "repo")));
	if (strcmp(text_of(a, options, "createDeployments"), "disabled") != 0)
		say(c, "Automatic deployments", OPSHUB_REPORT_WARN,
		    "unless they are switched off (\"git\": {\"deploymentEnabled\": false} in vercel.json), Vercel "
		    "deploys "
		    "each push by itself as well");
}

static void check_protection(struct checks *c, const opshub_json *project)
{
	struct ask *a = &c->ask;
	const opshub_json *sso = a->host->json_get(a->call, project, "ssoProtection");
	const opshub_json *password = a->host->json_get(a->call, project, "passwordProtection");
	const opshub_json *secrets = a->host->json_get(a->call, project, "protectionBypass");
	int is_protected = a->host->json_type(a->call, sso) == OPSHUB_JSON_OBJECT ||
			   a->host->json_type(a->call, password) == OPSHUB_JSON_OBJECT;

	if (*a->v->bypass && !a->host->json_get(a->call, secrets, a->v->bypass))
		say(c, "Protection", OPSHUB_REPORT_FAIL,
		    "the project does not know the secret in `protectionBypass`: take it from Settings, Deployment "
		    "Protection");
	else if (!is_protected)
		say(c, "Protection", OPSHUB_REPORT_OK, "previews are open to everybody");
	else if (*a->v->bypass)
		say(c, "Protection", OPSHUB_REPORT_OK, "previews are protected; health checks have a way in");
	else
		say(c, "Protection", OPSHUB_REPORT_WARN,
		    "previews are protected and health checks are not let in: make a secret under Settings, Deployment "
		    "Protection, Protection Bypass for Automation, and set it as `protectionBypass`");
}

static opshub_status check_project(struct checks *c, int *ret_go_on)
{
	struct ask *a = &c->ask;
	const opshub_json *project = NULL;
	opshub_status r;

	a->goal = "show the project";
	r = ask_get(a, a->host->format(a->call, "/v9/projects/%s", segment(a, a->v->project)), &project);
	*ret_go_on = r == OPSHUB_OK;
	if (is_refusal(r)) {
		say(c, "Project", OPSHUB_REPORT_FAIL,
		    a->host->format(
			    a->call,
			    "Vercel knows no project %s that this token may see: look at `projectId` and `teamId`",
			    a->v->project));
		return OPSHUB_OK;
	}
	if (r < 0)
		return r;
	say(c, "Project", OPSHUB_REPORT_OK, a->host->format(a->call, "found: %s", text_of(a, project, "name")));
	check_link(c, project);
	check_protection(c, project);
	return OPSHUB_OK;
}

/* ---- the newest preview ---- */

static int is_login_page(const struct ask *a, const struct opshub_http_response *response)
{
	const char *location = a->host->http_header(a->call, response, "location");

	return response->status == 401 || response->status == 403 ||
	       (response->status >= 300 && response->status < 400 && strstr(location, "vercel.com/") != NULL);
}

static void check_preview(struct checks *c, const char *name)
{
	struct ask *a = &c->ask;
	const struct opshub_http_header header = { "x-vercel-protection-bypass", a->v->bypass };
	const struct opshub_http_request request = {
		.struct_size = sizeof(request),
		.method = "HEAD",
		.url = a->host->format(a->call, "https://%s/", name),
		.headers = &header,
		.n_headers = *a->v->bypass ? 1 : 0,
		.header_size = sizeof(header),
		.timeout_ms = PROBE_MS,
	};
	struct opshub_http_response response = { .struct_size = sizeof(response) };

	if (a->host->http(a->call, &request, &response) < 0)
		say(c, "Newest preview", OPSHUB_REPORT_WARN, a->host->format(a->call, "%s could not be reached", name));
	else if (is_login_page(a, &response))
		say(c, "Newest preview", OPSHUB_REPORT_WARN,
		    a->host->format(a->call,
				    "%s is protected (it answered %u): it is up, but nobody gets in without "
				    "logging in; set `protectionBypass`",
				    name, response.status));
	else
		say(c, "Newest preview", response.status < 500 ? OPSHUB_REPORT_OK : OPSHUB_REPORT_WARN,
		    a->host->format(a->call, "%s answers %u", name, response.status));
}

/* ---- the allowance ---- */

static opshub_status check_quota(struct checks *c)
{
	struct ask *a = &c->ask;
	const opshub_json *answer = NULL, *all;
	const char *newest = "";
	uint32_t n;
	opshub_status r;

	a->goal = "list its deployments";
	r = ask_get(a,
		    a->host->format(a->call, "/v6/deployments?projectId=%s&limit=%d&since=%lld",
				    segment(a, a->v->project), FREE_PER_DAY,
				    (long long)(a->host->now_ms(a->call) - DAY_MS)),
		    &answer);
	if (r < 0)
		return r;
	all = a->host->json_get(a->call, answer, "deployments");
	n = a->host->json_type(a->call, all) == OPSHUB_JSON_ARRAY ? a->host->json_len(a->call, all) : 0;
	for (uint32_t i = 0; i < n && !*newest; i++) {
		const opshub_json *one = a->host->json_at(a->call, all, i);

		if (strcmp(text_of(a, one, "state"), "READY") == 0 && !*text_of(a, one, "target"))
			newest = text_of(a, one, "url");
	}
	say(c, "Deployments", n >= MANY_PER_DAY || a->remaining == 0 ? OPSHUB_REPORT_WARN : OPSHUB_REPORT_OK,
	    a->host->format(a->call,
			    "%u%s of this project in the last 24 hours; the free plan has %d for the whole account", n,
			    n == FREE_PER_DAY ? " or more" : "", FREE_PER_DAY));
	if (*newest)
		check_preview(c, newest);
	return OPSHUB_OK;
}

opshub_status vercel_verify(opshub_call *call, void *instance, struct opshub_report *ret)
{
	struct checks c = { .ask = ask_begin(call, instance, "show the project"), .report = ret };
	int go_on = 0;
	opshub_status r;

	c.lines = c.ask.host->alloc(call, LINES_MAX * sizeof(*c.lines));
	ret->lines = c.lines;
	ret->line_size = sizeof(*c.lines);
	r = check_token(&c, &go_on);
	if (r == OPSHUB_OK && go_on)
		r = check_project(&c, &go_on);
	if (r == OPSHUB_OK && go_on)
		r = check_quota(&c);
	return r;
}

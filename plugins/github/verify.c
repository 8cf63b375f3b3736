/* What the account is and may do, as far as GitHub tells. Changes nothing. */
#include "github.h"

#include <string.h>

#define LINES_MAX 6

static void add(struct opshub_report *ret, struct opshub_report_line *lines, const char *label, const char *text,
		uint32_t state)
{
	if (ret->n_lines < LINES_MAX)
		lines[ret->n_lines++] = (struct opshub_report_line){ .label = label, .text = text, .state = state };
}

/* Scopes are listed for classic tokens only. */
static void judge_scopes(struct work *work, const struct opshub_http_response *response, struct opshub_report *ret,
			 struct opshub_report_line *lines)
{
	const struct opshub_host *host = work->host;
	const char *scopes = host->http_header(work->call, response, "x-oauth-scopes");
	const char *until = host->http_header(work->call, response, "github-authentication-token-expiration");
	const char *all = host->format(work->call, " %s,", scopes);

	add(ret, lines, "Token", *until ? host->format(work->call, "accepted, expires %s", until) : "accepted",
	    OPSHUB_REPORT_OK);
	if (!*scopes)
		add(ret, lines, "Permissions",
		    "a fine-grained token does not tell: it needs write for Deployments, Commit statuses and Pull "
		    "requests "
		    "of the project's repository",
		    OPSHUB_REPORT_WARN);
	else if (strstr(all, " repo,"))
		add(ret, lines, "Scopes", scopes, OPSHUB_REPORT_OK);
	else if (strstr(all, " public_repo,"))
		add(ret, lines, "Scopes", host->format(work->call, "%s: enough for public repositories only", scopes),
		    OPSHUB_REPORT_WARN);
	else
		add(ret, lines, "Scopes", host->format(work->call, "%s: the scope repo is missing", scopes),
		    OPSHUB_REPORT_FAIL);
}

static opshub_status ask_user(struct work *work, struct opshub_report *ret, struct opshub_report_line *lines)
{
	const struct opshub_host *host = work->host;
	const struct request request = { .path = "/user",
					 .doing = "read whose token this is",
					 .needs = "a valid token" };
	struct opshub_http_response response;
	const opshub_json *answer = NULL;
	opshub_status r = ask_as(work, work->github->token, &request, &response, &answer);

	if (r == OPSHUB_E_AUTH && response.status == 401) {
		add(ret, lines, "Token", "refused: it is revoked, expired or mistyped", OPSHUB_REPORT_FAIL);
		return OPSHUB_OK;
	}
	if (r < 0)
		return r;
	ret->account = host->json_str(work->call, host->json_get(work->call, answer, "login"), "");
	judge_scopes(work, &response, ret, lines);
	return OPSHUB_OK;
}

static void judge_permission(struct work *work, const opshub_json *permissions, const char *key, const char *label,
			     struct opshub_report *ret, struct opshub_report_line *lines)
{
	const struct opshub_host *host = work->host;
	const char *level = host->json_str(work->call, host->json_get(work->call, permissions, key), "none");
	int is_enough = strcmp(level, "write") == 0;

	add(ret, lines, label,
	    is_enough ? level
		      : host->format(work->call, "%s: give the App \"write\" and accept it at its installation", level),
	    is_enough ? OPSHUB_REPORT_OK : OPSHUB_REPORT_FAIL);
}

static void look_at_clock(struct work *work, struct opshub_report *ret, struct opshub_report_line *lines)
{
	const char *skew = clock_words(work);

	if (*skew)
		add(ret, lines, "Clock",
		    work->host->format(work->call, "%s: set it right, tokens of an App are made by it", skew),
		    OPSHUB_REPORT_WARN);
}

static opshub_status ask_app(struct work *work, struct opshub_report *ret, struct opshub_report_line *lines)
{
	const struct opshub_host *host = work->host;
	const struct request request = { .path = "/app", .doing = "read the App", .needs = "a valid App id and key" };
	const struct github *github = work->github;
	struct opshub_http_response response = { .struct_size = sizeof(response) };
	const opshub_json *answer = NULL, *permissions;
	opshub_status r = ask_as_app(work, &request, &response, &answer);

	if (r == OPSHUB_OK || response.status == 401)
		look_at_clock(work, ret, lines);
	if (r == OPSHUB_E_AUTH && (response.status == 401 || response.status == 404)) {
		add(ret, lines, "App", "refused: the App's id and the private key do not belong together",
		    OPSHUB_REPORT_FAIL);
		return OPSHUB_OK;
	}
	if (r < 0)
		return r;
	ret->account = host->json_str(work->call, host->json_get(work->call, answer, "name"), "");
	permissions = host->json_get(work->call, answer, "permissions");
	add(ret, lines, "App", "accepted", OPSHUB_REPORT_OK);
	if (github->deployments)
		judge_permission(work, permissions, "deployments", "Deployments", ret, lines);
	if (github->statuses)
		judge_permission(work, permissions, "statuses", "Commit statuses", ret, lines);
	if (strcmp(github->comment, "off") != 0)
		judge_permission(work, permissions, "pull_requests", "Pull requests", ret, lines);
	return OPSHUB_OK;
}

opshub_status github_verify(opshub_call *call, void *instance, struct opshub_report *ret)
{
	struct github *github = instance;
	struct work work = { .call = call, .github = github, .host = github->host };
	struct opshub_report_line *lines = github->host->alloc(call, LINES_MAX * sizeof(*lines));

	ret->lines = lines;
	ret->line_size = sizeof(*lines);
	return *github->token ? ask_user(&work, ret, lines) : ask_app(&work, ret, lines);
}

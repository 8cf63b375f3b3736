/* The site that a project deploys to: is it one that pull requests can be built at?
 *
 * Owns nothing.
 * Easy to break: Netlify takes a build of the site's main branch for a production deploy. No pull request may be built
 * under that name, whatever it is called. */
#include "netlify.h"

#include <string.h>
#include <strings.h>

#define LINES_MAX 8

opshub_status site_get(opshub_call *call, const struct netlify *n, const char *site_id, struct site *ret)
{
	const struct opshub_host *host = n->host;
	const opshub_json *site, *build;
	struct answer answer;
	opshub_status r;

	r = get(call, n, host->format(call, "/sites/%s", host->escape_url(call, site_id)), "read the site", &answer);
	if (r == OPSHUB_E_NOT_FOUND)
		return host->fail(
			call, OPSHUB_E_INVALID,
			host->format(call,
				     "Netlify knows no site \"%.100s\" that this token may see: check "
				     "netlifySiteId (the Project ID in the site's settings) and whose token it is",
				     site_id));
	if (r < 0)
		return r;
	site = answer.json;
	build = host->json_get(call, site, "build_settings");
	*ret = (struct site){
		.id = text_of(call, n, site, "id"),
		.name = text_of(call, n, site, "name"),
		.account = text_of(call, n, site, "account_slug"),
		.admin_url = text_of(call, n, site, "admin_url"),
		.repo = text_of(call, n, build, "repo_path"),
		.branch = text_of(call, n, build, "repo_branch"),
		.is_stopped = host->json_bool(call, host->json_get(call, build, "stop_builds"), 0),
		.has_password = *text_of(call, n, site, "password") != 0,
		.left = answer.left,
		.limit = answer.limit,
	};
	if (!*ret->account)
		ret->account = text_of(call, n, site, "account_id");
	if (!*ret->repo)
		ret->repo = text_of(call, n, build, "repo_url");
	if (!*ret->id)
		return host->fail(call, OPSHUB_E_UPSTREAM,
				  "Netlify's answer when asked to read the site holds no site: something on the way "
				  "answers in its place. See netlifystatus.com");
	return OPSHUB_OK;
}

/* "owner/name" stands at the end of whatever the site's repository is called. */
static int is_repository(const char *of_site, const char *wanted)
{
	size_t n = strlen(of_site), m = strlen(wanted);

	if (n > 4 && strcmp(of_site + n - 4, ".git") == 0)
		n -= 4;
	if (n < m || strncasecmp(of_site + n - m, wanted, m) != 0)
		return 0;
	return n == m || of_site[n - m - 1] == '/';
}

opshub_status site_check(opshub_call *call, const struct netlify *n, const struct site *site,
			 const struct opshub_deploy_request *request)
{
	const struct opshub_host *host = n->host;
	const char *why = NULL;

	if (!*site->repo)
		why = host->format(
			call,
			"The Netlify site %s is not linked to a Git repository, or this token may not see to "
			"which: link it under Build & deploy > Continuous deployment",
			site->name);
	else if (!is_repository(site->repo, request->repo_full_name))
		why = host->format(call,
				   "The Netlify site %s builds %.200s, not %s: set netlifySiteId to the site of %s",
				   site->name, site->repo, request->repo_full_name, request->repo_full_name);
	else if (site->is_stopped)
		why = host->format(call,
				   "Builds of the Netlify site %s are stopped: activate them under Build & deploy > "
				   "Build settings",
				   site->name);
	else if (!*site->branch || strcmp(site->branch, request->branch) == 0)
		why = host->format(
			call,
			"Netlify would deploy branch %s of the site %s to production, so OpsHub does not build "
			"it: open the pull request from another branch",
			request->branch, site->name);
	return why ? host->fail(call, OPSHUB_E_INVALID, why) : OPSHUB_OK;
}

/* ---- the report ---- */

static void add(struct opshub_report *report, struct opshub_report_line *lines, uint32_t state, const char *label,
		const char *text)
{
	lines[report->n_lines++] = (struct opshub_report_line){ .label = label, .text = text, .state = state };
}

static void add_repository(opshub_call *call, const struct netlify *n, const struct site *site,
			   struct opshub_report *ret, struct opshub_report_line *lines)
{
	const struct opshub_host *host = n->host;

	if (!*site->repo)
		add(ret, lines, OPSHUB_REPORT_FAIL, "Repository",
		    "none: link the site under Build & deploy > Continuous deployment");
	else
		add(ret, lines, OPSHUB_REPORT_OK, "Repository",
		    host->format(call, "%.200s; its branch %s is production and is not built by OpsHub", site->repo,
				 site->branch));
	if (site->is_stopped)
		add(ret, lines, OPSHUB_REPORT_FAIL, "Builds",
		    "stopped: activate them under Build & deploy > Build settings");
	else
		add(ret, lines, OPSHUB_REPORT_OK, "Builds", "active; Netlify starts three a minute at most");
	if (site->has_password)
		add(ret, lines, OPSHUB_REPORT_WARN, "Protection",
		    "visitors need the site's password, and so do health checks");
}

static void add_requests(opshub_call *call, const struct netlify *n, const struct site *site, struct opshub_report *ret,
			 struct opshub_report_line *lines)
{
	if (site->limit > 0)
		add(ret, lines, site->left * 10 < site->limit ? OPSHUB_REPORT_WARN : OPSHUB_REPORT_OK, "Requests",
		    n->host->format(call, "%lld of %lld left in this minute", (long long)site->left,
				    (long long)site->limit));
}

static opshub_status add_variables(opshub_call *call, const struct netlify *n, const struct site *site,
				   struct opshub_report *ret, struct opshub_report_line *lines)
{
	const struct env_place place = { .account = site->account, .site_id = site->id };
	const opshub_json *all;
	opshub_status r = env_list(call, n, &place, &all);

	if (r == OPSHUB_OK)
		add(ret, lines, OPSHUB_REPORT_OK, "Variables", "can be set");
	else if (r == OPSHUB_E_AUTH || r == OPSHUB_E_NOT_FOUND || r == OPSHUB_E_INVALID)
		add(ret, lines, OPSHUB_REPORT_WARN, "Variables",
		    "the token may not read the site's variables: previews with variables cannot be deployed");
	else
		return r;
	return OPSHUB_OK;
}

opshub_status verify(opshub_call *call, void *instance, struct opshub_report *ret)
{
	const struct netlify *n = instance;
	struct opshub_report_line *lines = n->host->alloc(call, LINES_MAX * sizeof(*lines));
	struct answer user;
	struct site site;
	opshub_status r;

	ret->lines = lines;
	ret->line_size = sizeof(*lines);
	r = get(call, n, "/user", "say whose token this is", &user);
	if (r == OPSHUB_E_AUTH) {
		add(ret, lines, OPSHUB_REPORT_FAIL, "Token",
		    "refused: make a new one at app.netlify.com/user/applications");
		return OPSHUB_OK;
	}
	if (r < 0)
		return r;
	ret->account = text_of(call, n, user.json, "full_name");
	if (!*ret->account)
		ret->account = text_of(call, n, user.json, "email");
	add(ret, lines, OPSHUB_REPORT_OK, "Token", "accepted");
	r = site_get(call, n, n->site_id, &site);
	if (r == OPSHUB_E_INVALID || r == OPSHUB_E_AUTH) {
		add(ret, lines, OPSHUB_REPORT_FAIL, "Site",
		    "not found with this token: check netlifySiteId and whose token it is");
		return OPSHUB_OK;
	}
	if (r < 0)
		return r;
	add(ret, lines, OPSHUB_REPORT_OK, "Site", site.name);
	add_repository(call, n, &site, ret, lines);
	r = add_variables(call, n, &site, ret, lines);
	if (r == OPSHUB_OK)
		add_requests(call, n, &site, ret, lines);
	return r;
}

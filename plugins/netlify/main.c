/* The Netlify provider: a build of the pull request's branch, followed to its end.
 *
 * Owns nothing: settings are the host's, answers come from host->alloc().
 * Easy to break: Netlify has no idempotency key. POST …/builds is never repeated here; after a lost answer find() looks
 * for the attempt's mark among the site's deploys. */
#include "netlify.h"

#include <stdlib.h>
#include <string.h>

#define PER_PAGE      100
#define PAGES_MAX     50
#define FIRST_POLL_MS 2000
#define FIND_BACK_MS  (7ll * 24 * 60 * 60 * 1000)

static const struct opshub_setting settings[] = {
	{ .key = "token",
	  .label = "Access token",
	  .type = OPSHUB_SETTING_SECRET,
	  .flags = OPSHUB_SETTING_REQUIRED,
	  .help = "A personal access token, made at app.netlify.com/user/applications by a member of the site's team.",
	  .env = "NETLIFY_TOKEN",
	  .max = 500,
	  .offset = offsetof(struct netlify, token) },
	{ .key = "siteId",
	  .label = "Site",
	  .type = OPSHUB_SETTING_STRING,
	  .flags = OPSHUB_SETTING_REQUIRED,
	  .help = "The Project ID in the site's settings, or its domain; the site must be linked to the repository.",
	  .env = "NETLIFY_SITE_ID",
	  .max = 200,
	  .offset = offsetof(struct netlify, site_id) },
	{ .key = "apiBase",
	  .label = "Address of the API",
	  .type = OPSHUB_SETTING_URL,
	  .flags = OPSHUB_SETTING_OPERATOR,
	  .help = "Where Netlify's API is, for tests and proxies; only the server's environment sets it.",
	  .initial = "https://api.netlify.com/api/v1",
	  .env = "NETLIFY_API_BASE",
	  .offset = offsetof(struct netlify, api_base) },
};

static opshub_status netlify_open(opshub_call *call, const struct opshub_host *host, void *instance)
{
	struct netlify *n = instance;

	(void)call;
	n->host = host;
	return OPSHUB_OK;
}

static const char *deploy_path(opshub_call *call, const struct netlify *n, const char *id, const char *more)
{
	return n->host->format(call, "/deploys/%s%s", n->host->escape_url(call, id), more);
}

/* ---- create ---- */

static opshub_status start_build(opshub_call *call, const struct netlify *n, const struct site *site,
				 const struct opshub_deploy_request *request, struct opshub_deployment *ret)
{
	const struct opshub_host *host = n->host;
	const char *title = mark_title(call, n, request), *error;
	const struct question q = {
		.method = "POST",
		.path = host->format(call, "/sites/%s/builds?branch=%s&title=%s", host->escape_url(call, site->id),
				     host->escape_url(call, request->branch), host->escape_url(call, title)),
		.purpose = "start a build",
	};
	struct answer answer;
	opshub_status r = ask(call, n, &q, &answer);

	if (r == OPSHUB_E_NOT_FOUND)
		return host->fail(
			call, OPSHUB_E_INVALID,
			host->format(call,
				     "Netlify cannot build branch %s of the site %s: the branch is not there any "
				     "more, or the site is not linked to a repository",
				     request->branch, site->name));
	if (r < 0)
		return r;
	ret->id = text_of(call, n, answer.json, "deploy_id");
	error = text_of(call, n, answer.json, "error");
	if (!*ret->id && *error)
		return host->fail(call, OPSHUB_E_INVALID,
				  host->format(call, "Netlify does not build it: %.300s", error));
	if (!*ret->id)
		return host->fail(call, OPSHUB_E_UPSTREAM,
				  "Netlify accepted the build and did not say which deploy it is: OpsHub looks for it");
	ret->state = OPSHUB_STATE_QUEUED;
	ret->attempt_id = request->attempt_id;
	ret->created_at_ms = host->parse_time(call, text_of(call, n, answer.json, "created_at"));
	ret->poll_after_ms = FIRST_POLL_MS;
	if (*site->admin_url)
		ret->inspector_url = host->format(call, "%s/deploys/%s", site->admin_url, ret->id);
	return OPSHUB_OK;
}

static opshub_status create(opshub_call *call, void *instance, const struct opshub_deploy_request *request,
			    struct opshub_deployment *ret)
{
	const struct netlify *n = instance;
	struct env_place place;
	struct site site;
	opshub_status r;

	if (request->is_fork)
		return n->host->fail(call, OPSHUB_E_UNSUPPORTED,
				     "Netlify builds branches of the repository that its site is linked to, and this "
				     "pull request comes from a fork: push the branch to the repository itself");
	if (!*request->branch)
		return n->host->fail(call, OPSHUB_E_INVALID,
				     "Netlify builds branches, and this pull request has none: its branch was deleted");
	r = site_get(call, n, n->site_id, &site);
	if (r == OPSHUB_OK)
		r = site_check(call, n, &site, request);
	place = (struct env_place){ site.account, site.id, request->branch };
	if (r == OPSHUB_OK && request->n_env)
		r = env_set(call, n, &place, request);
	if (r == OPSHUB_OK)
		r = start_build(call, n, &site, request, ret);
	return r;
}

/* ---- looking ---- */

static opshub_status status(opshub_call *call, void *instance, const char *id, struct opshub_deployment *ret)
{
	const struct netlify *n = instance;
	struct answer answer;
	opshub_status r = get(call, n, deploy_path(call, n, id, ""), "show a deploy", &answer);

	if (r < 0)
		return r;
	deploy_fill(call, n, answer.json, ret);
	if (answer.wait_ms > ret->poll_after_ms)
		ret->poll_after_ms = answer.wait_ms;
	if (!*ret->id)
		return n->host->fail(call, OPSHUB_E_UPSTREAM,
				     "Netlify's answer when asked to show a deploy holds none: something on the way "
				     "answers in its place. See netlifystatus.com");
	if (ret->state == OPSHUB_STATE_READY && !*ret->url)
		return n->host->fail(call, OPSHUB_E_UPSTREAM,
				     "Netlify calls the deploy ready and gives no address of it");
	if (ret->state == OPSHUB_STATE_READY && !ret->attempt_id)
		n->host->log(
			call, OPSHUB_LOG_WARN,
			n->host->format(call,
					"Netlify shows deploy %s under another title than OpsHub gave it: its commit "
					"is not compared, and it would not be found after a crash",
					id));
	return OPSHUB_OK;
}

static opshub_status page_of_deploys(opshub_call *call, const struct netlify *n, int page, const opshub_json **ret)
{
	const struct opshub_host *host = n->host;
	struct answer answer;
	opshub_status r = get(call, n,
			      host->format(call, "/sites/%s/deploys?page=%d&per_page=%d",
					   host->escape_url(call, n->site_id), page, PER_PAGE),
			      "list the site's deploys", &answer);

	if (r == OPSHUB_OK && host->json_type(call, answer.json) != OPSHUB_JSON_ARRAY)
		return host->fail(call, OPSHUB_E_UPSTREAM,
				  "Netlify's answer when asked to list the site's deploys holds no list");
	/* the site, not the deploy: "not found" would mean that the attempt never arrived */
	if (r == OPSHUB_E_NOT_FOUND)
		r = host->fail(
			call, OPSHUB_E_INVALID,
			"Netlify does not know the site any more, or this token may not see it: check netlifySiteId");
	if (r == OPSHUB_OK)
		*ret = answer.json;
	return r;
}

static const opshub_json *search(opshub_call *call, const struct netlify *n, const opshub_json *deploys,
				 const char *attempt_id)
{
	const struct opshub_host *host = n->host;
	struct mark *mark = host->alloc(call, sizeof(*mark));

	for (uint32_t i = 0; i < host->json_len(call, deploys); i++) {
		const opshub_json *one = host->json_at(call, deploys, i);
		if (mark_read(text_of(call, n, one, "title"), mark) && strcmp(mark->attempt, attempt_id) == 0)
			return one;
	}
	return NULL;
}

/* Newest first, and no filter by title: until what is listed is older than any attempt that is still looked for. */
static opshub_status find(opshub_call *call, void *instance, const char *attempt_id, struct opshub_deployment *ret)
{
	const struct netlify *n = instance;
	const struct opshub_host *host = n->host;
	int64_t oldest = host->now_ms(call) - FIND_BACK_MS;
	int page = 1;

	for (; page <= PAGES_MAX; page++) {
		const opshub_json *deploys = NULL, *found;
		uint32_t n_deploys;
		int64_t at;
		opshub_status r = page_of_deploys(call, n, page, &deploys);

		if (r < 0)
			return r;
		found = search(call, n, deploys, attempt_id);
		if (found) {
			deploy_fill(call, n, found, ret);
			return OPSHUB_OK;
		}
		n_deploys = host->json_len(call, deploys);
		if (n_deploys < PER_PAGE)
			break;
		at = host->parse_time(call,
				      text_of(call, n, host->json_at(call, deploys, n_deploys - 1), "created_at"));
		if (at && at < oldest)
			break;
	}
	if (page > PAGES_MAX)
		return host->fail(call, OPSHUB_E_UPSTREAM,
				  "The site has more deploys of the last week at Netlify than OpsHub looks through: it "
				  "cannot tell whether the build was started");
	return host->fail(call, OPSHUB_E_NOT_FOUND,
			  host->format(call, "Netlify has no deploy of attempt %s", attempt_id));
}

static opshub_status list(opshub_call *call, void *instance, const char *cursor, struct opshub_deployment_page *ret)
{
	const struct netlify *n = instance;
	const struct opshub_host *host = n->host;
	struct mark *mark = host->alloc(call, sizeof(*mark));
	int page = *cursor ? atoi(cursor) : 1;
	struct opshub_deployment *items;
	const opshub_json *deploys = NULL;
	uint32_t n_deploys;
	opshub_status r = page_of_deploys(call, n, page, &deploys);

	if (r < 0)
		return r;
	n_deploys = host->json_len(call, deploys);
	items = host->alloc(call, (n_deploys + 1) * sizeof(*items));
	for (uint32_t i = 0; i < n_deploys && i < PER_PAGE; i++) {
		const opshub_json *one = host->json_at(call, deploys, i);
		if (mark_read(text_of(call, n, one, "title"), mark))
			deploy_fill(call, n, one, &items[ret->n_items++]);
	}
	ret->items = items;
	ret->item_size = sizeof(*items);
	if (n_deploys >= PER_PAGE)
		ret->next_cursor = host->format(call, "%d", page + 1);
	return OPSHUB_OK;
}

/* ---- ending ---- */

static opshub_status cancel(opshub_call *call, void *instance, const char *id)
{
	const struct netlify *n = instance;
	const struct question q = { .method = "POST",
				    .path = deploy_path(call, n, id, "/cancel"),
				    .purpose = "cancel a build",
				    .flags = OPSHUB_HTTP_IDEMPOTENT };
	struct opshub_deployment now = { .struct_size = sizeof(now) };
	struct answer answer;
	opshub_status r = ask(call, n, &q, &answer);

	if (r == OPSHUB_E_NOT_FOUND)
		return OPSHUB_OK;
	if (r != OPSHUB_E_INVALID && r != OPSHUB_E_CONFLICT)
		return r;
	/* refused: because it is over? */
	r = status(call, instance, id, &now);
	if (r == OPSHUB_E_NOT_FOUND || (r == OPSHUB_OK && now.state >= OPSHUB_STATE_READY))
		return OPSHUB_OK;
	return r < 0 ? r
		     : n->host->fail(call, OPSHUB_E_INVALID,
				     "Netlify does not cancel this build: cancel it on the site's page at Netlify");
}

static opshub_status remove_variables(opshub_call *call, const struct netlify *n, const opshub_json *deploy)
{
	struct mark *mark = n->host->alloc(call, sizeof(*mark));
	struct env_place place;
	struct site site;
	opshub_status r;

	if (!mark_read(text_of(call, n, deploy, "title"), mark) || !mark->has_env)
		return OPSHUB_OK;
	r = site_get(call, n, text_of(call, n, deploy, "site_id"), &site);
	if (r == OPSHUB_E_INVALID)
		return OPSHUB_OK; /* without the site there are no variables */
	if (r < 0)
		return r;
	place = (struct env_place){ site.account, site.id, text_of(call, n, deploy, "branch") };
	return env_remove(call, n, &place, mark->attempt);
}

/* The variables first: once the deploy is gone, nobody knows that there were any. */
static opshub_status destroy(opshub_call *call, void *instance, const char *id)
{
	const struct netlify *n = instance;
	const struct question q = { .method = "DELETE",
				    .path = deploy_path(call, n, id, ""),
				    .purpose = "delete a deploy",
				    .flags = OPSHUB_HTTP_IDEMPOTENT };
	struct answer answer;
	opshub_status r = get(call, n, q.path, "show a deploy", &answer);

	if (r == OPSHUB_OK)
		r = remove_variables(call, n, answer.json);
	if (r == OPSHUB_OK)
		r = ask(call, n, &q, &answer);
	return r == OPSHUB_E_NOT_FOUND ? OPSHUB_OK : r;
}

/* ---- the plugin ---- */

static const struct opshub_provider_ops ops = {
	.struct_size = sizeof(ops),
	.verify = verify,
	.create = create,
	.find = find,
	.status = status,
	.cancel = cancel,
	.destroy = destroy,
	.logs = logs,
	.list = list,
};

static const struct opshub_plugin plugin = {
	.magic = OPSHUB_MAGIC,
	.struct_size = sizeof(plugin),
	.abi_major = OPSHUB_ABI_MAJOR,
	.abi_minor = OPSHUB_ABI_MINOR,
	.kind = OPSHUB_KIND_PROVIDER,
	.instance_size = sizeof(struct netlify),
	.name = "netlify",
	.version = "1.0.0",
	.license = "MIT",
	.summary = "Branch deploys at Netlify",
	.settings = settings,
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.setting_size = sizeof(settings[0]),
	.open = netlify_open,
	.ops = &ops,
};

const struct opshub_plugin *opshub_plugin_entry(void)
{
	return &plugin;
}

/* The Netlify provider: a build of the pull request's branch, followed to its end.
 *
 * Owns nothing: settings are the host's, answers come from host->alloc().
 * Easy to break: find() says "not found" only when it has seen every deploy that could be the attempt's; else a build
 * is started twice. */
#include "netlify.h"

#include <stdlib.h>
#include <string.h>

#define PER_PAGE     100
#define PAGES_MAX    50
#define FIND_BACK_MS (7ll * 24 * 60 * 60 * 1000)

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
	{ .key = "buildsPerMinute",
	  .label = "Builds a minute",
	  .type = OPSHUB_SETTING_INT,
	  .help = "How many builds are started in a minute, further ones wait; 0 = as many as Netlify takes.",
	  .initial = "3",
	  .env = "NETLIFY_BUILDS_PER_MINUTE",
	  .max = BUILDS_MAX,
	  .offset = offsetof(struct netlify, builds_per_minute) },
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

/* Newest first. filter is "" or "&branch=…". */
static opshub_status page_of_deploys(opshub_call *call, const struct netlify *n, const char *site_id,
				     const char *filter, int page, const opshub_json **ret)
{
	const struct opshub_host *host = n->host;
	struct answer answer;
	opshub_status r = get(call, n,
			      host->format(call, "/sites/%s/deploys?page=%d&per_page=%d%s",
					   host->escape_url(call, site_id), page, PER_PAGE, filter),
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

/* The attempt's deploy, but not the one with the id besides. */
static const opshub_json *find_on_page(opshub_call *call, const struct netlify *n, const opshub_json *deploys,
				       const char *attempt_id, const char *besides)
{
	const struct opshub_host *host = n->host;
	struct mark *mark = host->alloc(call, sizeof(*mark));

	for (uint32_t i = 0; i < host->json_len(call, deploys); i++) {
		const opshub_json *one = host->json_at(call, deploys, i);
		if (mark_read(text_of(call, n, one, "title"), mark) && strcmp(mark->attempt, attempt_id) == 0 &&
		    strcmp(text_of(call, n, one, "id"), besides) != 0)
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
		opshub_status r = page_of_deploys(call, n, n->site_id, "", page, &deploys);

		if (r < 0)
			return r;
		found = find_on_page(call, n, deploys, attempt_id, "");
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
	opshub_status r = page_of_deploys(call, n, n->site_id, "", page, &deploys);

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

/* Has the deploy's attempt another one, which still needs the variables? A build that was started twice has. It is of
 * the same branch, and there are no hundred newer ones while the variables are still this attempt's. */
static opshub_status has_twin(opshub_call *call, const struct netlify *n, const opshub_json *deploy,
			      const struct env_place *place, const char *attempt, int *ret)
{
	const struct opshub_host *host = n->host;
	const char *filter = host->format(call, "&branch=%s", host->escape_url(call, place->branch));
	const opshub_json *deploys = NULL;
	opshub_status r = page_of_deploys(call, n, place->site_id, filter, 1, &deploys);

	if (r == OPSHUB_OK)
		*ret = find_on_page(call, n, deploys, attempt, text_of(call, n, deploy, "id")) != NULL;
	return r;
}

static opshub_status remove_variables(opshub_call *call, const struct netlify *n, const opshub_json *deploy)
{
	struct mark *mark = n->host->alloc(call, sizeof(*mark));
	struct env_place place;
	struct variables v;
	struct site site;
	int is_shared = 0;
	opshub_status r;

	if (!mark_read(text_of(call, n, deploy, "title"), mark) || !mark->has_env)
		return OPSHUB_OK;
	r = site_get(call, n, text_of(call, n, deploy, "site_id"), &site);
	if (r == OPSHUB_E_INVALID)
		return OPSHUB_OK; /* without the site there are no variables */
	if (r < 0)
		return r;
	place = (struct env_place){ site.account, site.id, text_of(call, n, deploy, "branch") };
	r = env_load(call, n, &place, &v);
	if (r < 0 || strcmp(v.attempt, mark->attempt) != 0)
		return r; /* a later attempt has taken them over */
	r = has_twin(call, n, deploy, &place, mark->attempt, &is_shared);
	return r == OPSHUB_OK && !is_shared ? env_clear(call, &v) : r;
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
	.needs_minor = 1, /* an older host would let projects set apiBase */
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

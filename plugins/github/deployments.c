/* GitHub Deployments: one for each commit, in an environment for each pull request of a project, so that GitHub shows
 * "View deployment" where people look.
 *
 * Owns nothing. Easy to break: GitHub itself ends no transient deployment when the next one succeeds, so the older ones
 * of the environment are made inactive here, the oldest first: where an inactive one stands, all before it are. */
#include "github.h"

#include <string.h>

#define DEPLOYMENTS_MAX 30
#define NEEDS           "Deployments: write"

static const char *environment_of(struct work *work)
{
	return work->host->format(work->call, "preview/%s/pr-%lld", work->event->project,
				  (long long)work->event->pr_number);
}

/* Newest first, as GitHub answers. */
static opshub_status list(struct work *work, const opshub_json **ret)
{
	const struct opshub_host *host = work->host;
	const struct request request = {
		.path = host->format(work->call, "/deployments?environment=%s&per_page=%d",
				     host->escape_url(work->call, environment_of(work)), DEPLOYMENTS_MAX),
		.doing = "list the deployments",
		.needs = NEEDS,
	};

	return ask_repository(work, &request, ret, NULL);
}

static int64_t id_at(struct work *work, const opshub_json *all, uint32_t i, const char **ret_sha)
{
	const struct opshub_host *host = work->host;
	const opshub_json *one = host->json_at(work->call, all, i);

	*ret_sha = host->json_str(work->call, host->json_get(work->call, one, "sha"), "");
	return host->json_int(work->call, host->json_get(work->call, one, "id"), 0);
}

static opshub_status make(struct work *work, const char *description, int64_t *ret)
{
	const struct opshub_host *host = work->host;
	opshub_call *call = work->call;
	struct request request = {
		.method = "POST", .path = "/deployments", .doing = "make a deployment", .needs = NEEDS
	};
	opshub_json_out *out = host->json_begin(call);
	const opshub_json *answer = NULL;
	opshub_status r;

	host->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
	host->json_put_str(call, out, "ref", work->event->sha);
	host->json_put_str(call, out, "environment", environment_of(work));
	host->json_put_str(call, out, "description", description);
	host->json_put_bool(call, out, "auto_merge", 0);
	host->json_put_bool(call, out, "transient_environment", 1);
	host->json_put_bool(call, out, "production_environment", 0);
	host->json_open(call, out, "required_contexts", OPSHUB_JSON_ARRAY);
	host->json_close(call, out);
	host->json_close(call, out);
	request.body = host->json_end(call, out, &request.body_size);
	if (!request.body)
		return OPSHUB_E_INTERNAL;
	r = ask_repository(work, &request, &answer, NULL);
	if (r < 0)
		return r;
	*ret = host->json_int(call, host->json_get(call, answer, "id"), 0);
	if (*ret == 0)
		return host->fail(call, OPSHUB_E_UPSTREAM,
				  "GitHub made no deployment and gave no reason: tried again later");
	return OPSHUB_OK;
}

static opshub_status set_state(struct work *work, int64_t id, const char *state, const char *description)
{
	const struct opshub_host *host = work->host;
	opshub_call *call = work->call;
	const char *preview = field_of(work->event, "Preview"), *build = field_of(work->event, "Build");
	struct request request = {
		.method = "POST",
		.path = host->format(call, "/deployments/%lld/statuses", (long long)id),
		.doing = "set a deployment's status",
		.needs = NEEDS,
		.is_repeatable = 1,
	};
	opshub_json_out *out = host->json_begin(call);
	const opshub_json *answer = NULL;

	host->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
	host->json_put_str(call, out, "state", state);
	host->json_put_str(call, out, "description", description);
	if (strcmp(state, "success") == 0 && *preview)
		host->json_put_str(call, out, "environment_url", preview);
	if (*build)
		host->json_put_str(call, out, "log_url", build);
	host->json_put_bool(call, out, "auto_inactive", 0);
	host->json_close(call, out);
	request.body = host->json_end(call, out, &request.body_size);
	return request.body ? ask_repository(work, &request, &answer, NULL) : OPSHUB_E_INTERNAL;
}

static opshub_status is_inactive(struct work *work, int64_t id, int *ret)
{
	const struct opshub_host *host = work->host;
	const struct request request = {
		.path = host->format(work->call, "/deployments/%lld/statuses?per_page=1", (long long)id),
		.doing = "read a deployment's status",
		.needs = NEEDS,
	};
	const opshub_json *all = NULL, *state;
	opshub_status r = ask_repository(work, &request, &all, NULL);

	if (r < 0)
		return r;
	state = host->json_get(work->call, host->json_at(work->call, all, 0), "state");
	*ret = strcmp(host->json_str(work->call, state, ""), "inactive") == 0;
	return OPSHUB_OK;
}

/* GitHub deletes no active deployment, so it is inactive before. Gone already is fine. */
static opshub_status delete_it(struct work *work, int64_t id)
{
	const struct request request = {
		.method = "DELETE",
		.path = work->host->format(work->call, "/deployments/%lld", (long long)id),
		.doing = "delete a deployment",
		.needs = NEEDS,
		.is_repeatable = 1,
	};
	const opshub_json *answer = NULL;
	uint32_t status = 0;
	opshub_status r = ask_repository(work, &request, &answer, &status);

	return status == 404 ? OPSHUB_OK : r;
}

/* All from the list but those of one commit. */
static opshub_status retire(struct work *work, const opshub_json *all, const char *but_sha)
{
	int64_t ids[DEPLOYMENTS_MAX];
	uint32_t n = 0, length = work->host->json_len(work->call, all);
	int is_over = 0;
	opshub_status r = OPSHUB_OK;

	for (uint32_t i = 0; i < length && n < DEPLOYMENTS_MAX && r == OPSHUB_OK && !is_over; i++) {
		const char *sha;
		int64_t id = id_at(work, all, i, &sha);

		if (id == 0 || strcmp(sha, but_sha) == 0)
			continue;
		r = is_inactive(work, id, &is_over);
		if (r == OPSHUB_OK && (!is_over || work->github->delete_deployments))
			ids[n++] = id;
		if (work->github->delete_deployments)
			is_over = 0;
	}
	while (r == OPSHUB_OK && n > 0) {
		r = set_state(work, ids[--n], "inactive", "The preview is gone");
		if (r == OPSHUB_OK && work->github->delete_deployments)
			r = delete_it(work, ids[n]);
	}
	return r;
}

opshub_status deployments_retire(struct work *work)
{
	const opshub_json *all = NULL;
	opshub_status r = list(work, &all);

	return r < 0 ? r : retire(work, all, "");
}

opshub_status deployment_show(struct work *work, const char *state, const char *description)
{
	const opshub_json *all = NULL;
	int64_t id = 0;
	opshub_status r = list(work, &all);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < work->host->json_len(work->call, all) && id == 0; i++) {
		const char *sha;
		int64_t at = id_at(work, all, i, &sha);

		if (strcmp(sha, work->event->sha) == 0)
			id = at;
	}
	if (id == 0)
		r = make(work, description, &id);
	if (r == OPSHUB_OK)
		r = set_state(work, id, state, description);
	if (r == OPSHUB_OK && strcmp(state, "success") == 0)
		r = retire(work, all, work->event->sha);
	return r;
}

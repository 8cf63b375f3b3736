/* Deployments at Vercel, from create to gone.
 *
 * Which deployment is whose stands in its meta, which Vercel stores and gives back: opshubAttempt, and the branch and
 * number of its variables, so that they can be taken away with it.
 * Easy to break: each attempt needs a deployment of its own (forceNew), because destroying an older one must not take
 * the newer away; and the list's filter by meta is not documented, so each entry is looked at. */
#include "vercel.h"

#include <string.h>

#define ID_MAX    200 /* the host's */
#define PAGES_MAX 20
#define PAGE      100

/* ---- reading ---- */

static int starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int ends_with(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = strlen(suffix);

	return n >= m && strcmp(text + n - m, suffix) == 0;
}

/* Vercel's host names, without a scheme, as addresses; "" for anything else. */
static const char *address_of(const struct ask *a, const char *name)
{
	if (!*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:")] != 0)
		return "";
	return a->host->format(a->call, "https://%s", name);
}

/* The alias that follows the branch: name-git-branch-team.vercel.app. */
static const char *branch_alias(const struct ask *a, const opshub_json *from)
{
	const opshub_json *all = a->host->json_get(a->call, from, "alias");
	uint32_t n = a->host->json_type(a->call, all) == OPSHUB_JSON_ARRAY ? a->host->json_len(a->call, all) : 0;

	for (uint32_t i = 0; i < n; i++) {
		const char *alias = a->host->json_str(a->call, a->host->json_at(a->call, all, i), "");

		if (strstr(alias, "-git-"))
			return address_of(a, alias);
	}
	return "";
}

static uint32_t state_of(const char *word)
{
	static const struct {
		const char *word;
		uint32_t state;
	} states[] = {
		{ "QUEUED", OPSHUB_STATE_QUEUED },      { "INITIALIZING", OPSHUB_STATE_BUILDING },
		{ "ANALYZING", OPSHUB_STATE_BUILDING }, { "BUILDING", OPSHUB_STATE_BUILDING },
		{ "DEPLOYING", OPSHUB_STATE_BUILDING }, { "READY", OPSHUB_STATE_READY },
		{ "CANCELED", OPSHUB_STATE_CANCELLED }, { "DELETED", OPSHUB_STATE_GONE },
		{ "ERROR", OPSHUB_STATE_FAILED },       { "BLOCKED", OPSHUB_STATE_FAILED },
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(word, states[i].word) == 0)
			return states[i].state;
	return ends_with(word, "_ERROR") ? OPSHUB_STATE_FAILED : OPSHUB_STATE_UNKNOWN;
}

/* Why a build failed, by Vercel's code. What is not told apart here is the build's own failure. */
static uint32_t reason_of(const char *code)
{
	if (strstr(code, "quota") || strstr(code, "limit") || strstr(code, "payment"))
		return OPSHUB_REASON_QUOTA;
	if (strstr(code, "internal") || strstr(code, "INTERNAL"))
		return OPSHUB_REASON_PROVIDER;
	if (strstr(code, "timeout") || strstr(code, "TIMEOUT"))
		return OPSHUB_REASON_TIMEOUT;
	return OPSHUB_REASON_BUILD;
}

static void fill_failure(const struct ask *a, const opshub_json *from, const char *word, struct opshub_deployment *ret)
{
	const char *code = text_of(a, from, "errorCode"), *message = text_of(a, from, "errorMessage");

	if (strcmp(word, "BLOCKED") == 0) {
		ret->reason = OPSHUB_REASON_CONFIG;
		ret->message = a->host->format(
			a->call, "Vercel has blocked the deployment until a person looks at it there%s%.300s",
			*message ? ": " : "", message);
		return;
	}
	ret->reason = reason_of(code);
	if (*code || *message)
		ret->message = a->host->format(a->call, "%s%s%.600s", code, *code && *message ? ": " : "", message);
	else
		ret->message = "the build failed at Vercel, which did not say why: read its log there";
}

/* READY says that it is built. Only with its alias it can be reached. */
static void fill_alias(const struct ask *a, const opshub_json *from, struct opshub_deployment *ret)
{
	const opshub_json *assigned = a->host->json_get(a->call, from, "aliasAssigned");
	const opshub_json *error = a->host->json_get(a->call, from, "aliasError");

	if (a->host->json_type(a->call, error) == OPSHUB_JSON_OBJECT) {
		ret->state = OPSHUB_STATE_FAILED;
		ret->reason = OPSHUB_REASON_CONFIG;
		ret->message = a->host->format(
			a->call,
			"it was built, but Vercel could not give it its address (%s: %.300s): look at "
			"the project's domains",
			text_of(a, error, "code"), text_of(a, error, "message"));
	} else if (!*ret->url ||
		   (!a->host->json_bool(a->call, assigned, 0) && a->host->json_int(a->call, assigned, 0) == 0)) {
		ret->state = OPSHUB_STATE_BUILDING;
	}
}

static void fill_probe(const struct ask *a, struct opshub_deployment *ret)
{
	struct opshub_http_header *header;

	if (!*a->v->bypass)
		return;
	header = a->host->alloc(a->call, sizeof(*header));
	*header = (struct opshub_http_header){ "x-vercel-protection-bypass",
					       a->host->format(a->call, "%s", a->v->bypass) };
	ret->probe_headers = header;
	ret->n_probe_headers = 1;
	ret->probe_header_size = sizeof(*header);
}

/* From any of the forms in which Vercel shows a deployment: lists call some fields by other names. */
static void fill(const struct ask *a, const opshub_json *from, struct opshub_deployment *ret)
{
	const opshub_json *meta = a->host->json_get(a->call, from, "meta");
	const char *word = text_of(a, from, "readyState"), *id = text_of(a, from, "id");

	if (!*word)
		word = text_of(a, from, "state");
	id = *id ? id : text_of(a, from, "uid");
	ret->id = strlen(id) <= ID_MAX ? id : "";
	ret->state = number_of(a, from, "deletedAt") > 0 ? OPSHUB_STATE_GONE : state_of(word);
	ret->url = address_of(a, text_of(a, from, "url"));
	ret->stable_url = branch_alias(a, from);
	ret->inspector_url = text_of(a, from, "inspectorUrl");
	ret->commit_sha = text_of(a, a->host->json_get(a->call, from, "gitSource"), "sha");
	ret->attempt_id = text_of(a, meta, "opshubAttempt");
	ret->created_at_ms = number_of(a, from, "createdAt");
	if (ret->created_at_ms == 0)
		ret->created_at_ms = number_of(a, from, "created");
	if (ret->state == OPSHUB_STATE_FAILED)
		fill_failure(a, from, word, ret);
	if (ret->state == OPSHUB_STATE_READY)
		fill_alias(a, from, ret);
	fill_probe(a, ret);
}

/* ---- create ---- */

/* A fork's branch is not in the repository that Vercel reads; its pull request's head is. */
static const char *ref_of(const struct ask *a, const struct opshub_deploy_request *request)
{
	if (request->is_fork && request->pr_number > 0)
		return a->host->format(a->call, "refs/pull/%lld/head", (long long)request->pr_number);
	return request->branch;
}

static void put_source(const struct ask *a, opshub_json_out *out, const struct opshub_deploy_request *request,
		       const char *ref)
{
	const struct opshub_host *host = a->host;
	const char *slash = strchr(request->repo_full_name, '/');

	host->json_open(a->call, out, "gitSource", OPSHUB_JSON_OBJECT);
	host->json_put_str(a->call, out, "type", "github");
	if (request->repo_id > 0) {
		host->json_put_int(a->call, out, "repoId", request->repo_id);
	} else {
		host->json_put_str(
			a->call, out, "org",
			host->format(a->call, "%.*s", (int)(slash - request->repo_full_name), request->repo_full_name));
		host->json_put_str(a->call, out, "repo", slash + 1);
	}
	host->json_put_str(a->call, out, "ref", ref);
	host->json_put_str(a->call, out, "sha", request->sha);
	host->json_close(a->call, out);
}

static void put_meta(const struct ask *a, opshub_json_out *out, const struct opshub_deploy_request *request,
		     const char *ref)
{
	const struct opshub_host *host = a->host;

	host->json_open(a->call, out, "meta", OPSHUB_JSON_OBJECT);
	host->json_put_str(a->call, out, "opshubAttempt", request->attempt_id);
	host->json_put_str(a->call, out, "opshubProject", request->project_id);
	host->json_put_str(a->call, out, "opshubPr", host->format(a->call, "%lld", (long long)request->pr_number));
	host->json_put_str(a->call, out, "opshubBranch", ref);
	host->json_put_str(a->call, out, "opshubVariables", host->format(a->call, "%u", request->n_env));
	host->json_close(a->call, out);
}

static opshub_json_out *create_body(const struct ask *a, const struct opshub_deploy_request *request, const char *ref)
{
	const struct opshub_host *host = a->host;
	opshub_json_out *out = host->json_begin(a->call);

	host->json_open(a->call, out, NULL, OPSHUB_JSON_OBJECT);
	host->json_put_str(a->call, out, "name", a->v->project);
	host->json_put_str(a->call, out, "project", a->v->project);
	put_source(a, out, request, ref);
	put_meta(a, out, request, ref);
	host->json_close(a->call, out);
	return out;
}

static opshub_status deploy(struct ask *a, const struct opshub_deploy_request *request, const char *ref,
			    struct opshub_deployment *ret)
{
	const opshub_json *made = NULL;
	opshub_status r;

	a->goal = "deploy";
	r = ask_post(a, "/v13/deployments?forceNew=1&skipAutoDetectionConfirmation=1", create_body(a, request, ref),
		     &made);
	if (r < 0)
		return r;
	fill(a, made, ret);
	if (!*ret->id)
		return a->host->fail(a->call, OPSHUB_E_UPSTREAM,
				     "Vercel took the deployment on but did not say its id: OpsHub looks for it");
	return OPSHUB_OK;
}

/* Nothing was deployed and nothing will be: what was set for it goes again. The first failure is the one to tell. */
static opshub_status undo(struct ask *a, const struct opshub_deploy_request *request, const char *ref, opshub_status r)
{
	const char *why = a->why;

	if (request->n_env == 0 || a->status == 0)
		return r;
	variables_remove(a, request->attempt_id, ref);
	return a->host->fail(a->call, r, why);
}

opshub_status vercel_create(opshub_call *call, void *instance, const struct opshub_deploy_request *request,
			    struct opshub_deployment *ret)
{
	struct ask a = ask_begin(call, instance, "deploy");
	const char *ref = ref_of(&a, request);
	opshub_status r;

	if (request->repo_id <= 0 && !strchr(request->repo_full_name, '/'))
		return a.host->fail(call, OPSHUB_E_INVALID,
				    "The project's repository is not \"owner/name\": set repoFullName");
	a.is_create = 1;
	r = variables_set(&a, request, ref);
	if (r == OPSHUB_OK)
		r = deploy(&a, request, ref, ret);
	if (r == OPSHUB_OK)
		a.host->count(call, "deployments_created", 1);
	if (r == OPSHUB_E_INVALID || r == OPSHUB_E_AUTH || r == OPSHUB_E_NOT_FOUND || r == OPSHUB_E_CONFLICT)
		r = undo(&a, request, ref, r);
	return r;
}

/* ---- find and list ---- */

/* A page of deployments, newest first. cursor is the time before which they were made; "" = now. */
static opshub_status read_page(struct ask *a, const char *filter, const char *cursor, const opshub_json **ret_all,
			       const char **ret_next)
{
	const struct opshub_host *host = a->host;
	const opshub_json *answer = NULL;
	int64_t next;
	opshub_status r;

	if (cursor[strspn(cursor, "0123456789")] != 0)
		return host->fail(a->call, OPSHUB_E_INVALID, "The cursor of Vercel's list is not a number");
	r = ask_get(a,
		    host->format(a->call, "/v6/deployments?projectId=%s&limit=%d%s%s%s", segment(a, a->v->project),
				 PAGE, filter, *cursor ? "&until=" : "", cursor),
		    &answer);
	if (r < 0)
		return r;
	*ret_all = host->json_get(a->call, answer, "deployments");
	if (host->json_type(a->call, *ret_all) != OPSHUB_JSON_ARRAY)
		return host->fail(a->call, OPSHUB_E_UPSTREAM,
				  "Vercel's answer to a question for its deployments has no list of them");
	next = number_of(a, host->json_get(a->call, answer, "pagination"), "next");
	*ret_next = next > 0 ? host->format(a->call, "%lld", (long long)next) : "";
	return OPSHUB_OK;
}

opshub_status vercel_find(opshub_call *call, void *instance, const char *attempt_id, struct opshub_deployment *ret)
{
	struct ask a = ask_begin(call, instance, "find a deployment");
	const char *filter = a.host->format(call, "&meta-opshubAttempt=%s", segment(&a, attempt_id)), *cursor = "";

	for (int page = 0; page < PAGES_MAX; page++) {
		const opshub_json *all = NULL;
		opshub_status r = read_page(&a, filter, cursor, &all, &cursor);

		if (r < 0)
			return r;
		for (uint32_t i = 0; i < a.host->json_len(call, all); i++) {
			struct opshub_deployment one = { .struct_size = ret->struct_size };

			fill(&a, a.host->json_at(call, all, i), &one);
			if (strcmp(one.attempt_id, attempt_id) != 0 || one.state == OPSHUB_STATE_GONE)
				continue;
			*ret = one;
			return OPSHUB_OK;
		}
		if (!*cursor)
			break;
	}
	return a.host->fail(call, OPSHUB_E_NOT_FOUND,
			    a.host->format(call, "Vercel has no deployment of attempt %s", attempt_id));
}

opshub_status vercel_list(opshub_call *call, void *instance, const char *cursor, struct opshub_deployment_page *ret)
{
	struct ask a = ask_begin(call, instance, "list its deployments");
	struct opshub_deployment *items;
	const opshub_json *all = NULL;
	const char *next = "";
	uint32_t n;
	opshub_status r = read_page(&a, "", cursor, &all, &next);

	if (r < 0)
		return r;
	n = a.host->json_len(call, all);
	items = a.host->alloc(call, (n + 1) * sizeof(*items));
	for (uint32_t i = 0; i < n && ret->n_items < 5 * PAGE; i++) {
		struct opshub_deployment *one = &items[ret->n_items];

		*one = (struct opshub_deployment){ .struct_size = sizeof(*one) };
		fill(&a, a.host->json_at(call, all, i), one);
		if (starts_with(one->attempt_id, "att_") && one->state != OPSHUB_STATE_GONE && *one->id)
			ret->n_items++;
	}
	ret->items = items;
	ret->item_size = sizeof(*items);
	ret->next_cursor = next;
	return OPSHUB_OK;
}

/* ---- one of them ---- */

static const char *path_of(const struct ask *a, const char *id)
{
	return a->host->format(a->call, "/v13/deployments/%s", segment(a, id));
}

static int is_gone(const struct ask *a)
{
	return a->status == 404 || a->status == 410;
}

opshub_status vercel_status(opshub_call *call, void *instance, const char *id, struct opshub_deployment *ret)
{
	struct ask a = ask_begin(call, instance, "show the deployment");
	const opshub_json *answer = NULL;
	opshub_status r = ask_get(&a, path_of(&a, id), &answer);

	if (r < 0)
		return r;
	fill(&a, answer, ret);
	if (strcmp(ret->id, id) != 0)
		return a.host->fail(
			call, OPSHUB_E_UPSTREAM,
			"Vercel's answer to a question for a deployment is about another one, or about none");
	return OPSHUB_OK;
}

opshub_status vercel_cancel(opshub_call *call, void *instance, const char *id)
{
	struct ask a = ask_begin(call, instance, "cancel the build");
	opshub_status r = ask_change(&a, "PATCH", a.host->format(call, "/v12/deployments/%s/cancel", segment(&a, id)));

	/* 400: there is nothing left to cancel */
	return is_gone(&a) || a.status == 400 ? OPSHUB_OK : r;
}

opshub_status vercel_destroy(opshub_call *call, void *instance, const char *id)
{
	struct ask a = ask_begin(call, instance, "show the deployment");
	const opshub_json *answer = NULL, *meta;
	const char *attempt, *variables;
	opshub_status r = ask_get(&a, path_of(&a, id), &answer);

	if (r < 0)
		return is_gone(&a) ? OPSHUB_OK : r;
	meta = a.host->json_get(call, answer, "meta");
	attempt = text_of(&a, meta, "opshubAttempt");
	variables = text_of(&a, meta, "opshubVariables");
	/* before the deployment, which knows what they are: a failure in between comes here again */
	if (*attempt && *variables && strcmp(variables, "0") != 0)
		r = variables_remove(&a, attempt, text_of(&a, meta, "opshubBranch"));
	if (r < 0)
		return r;
	a.goal = "delete the deployment";
	r = ask_change(&a, "DELETE", path_of(&a, id));
	return is_gone(&a) ? OPSHUB_OK : r;
}

/* Deployments at Vercel, from create to gone.
 *
 * Which deployment is whose stands in its meta, which Vercel stores and gives back: opshubAttempt, and the branch and
 * number of its variables, so that they can be taken away with it.
 * Easy to break: each attempt needs a deployment of its own (forceNew), because destroying an older one must not take
 * the newer away; and the list's filter by meta is not documented, so each entry is looked at. */
#include "vercel.h"

#include <string.h>

#define PAGES_MAX 20
#define PAGE      100

static int starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
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
	deployment_read(a, made, ret);
	if (!*ret->id)
		return a->host->fail(a->call, OPSHUB_E_UPSTREAM,
				     "Vercel took the deployment on but did not say its id: OpsHub looks for it");
	return OPSHUB_OK;
}

/* After these nothing was deployed, for certain. After all others the answer may have been lost on its way, and a
 * deployment that is built needs its variables. */
static int is_certain(opshub_status r)
{
	return r == OPSHUB_E_INVALID || r == OPSHUB_E_AUTH || r == OPSHUB_E_NOT_FOUND || r == OPSHUB_E_CONFLICT ||
	       r == OPSHUB_E_LIMITED || r == OPSHUB_E_QUOTA || r == OPSHUB_E_NETWORK || r == OPSHUB_E_UNSUPPORTED;
}

/* Nothing was deployed: what was set for it goes again, and another try sets it again. The first failure is the one to
 * tell, and its wait the one to keep. */
static opshub_status undo(struct ask *a, const struct opshub_deploy_request *request, const char *ref, opshub_status r)
{
	const struct opshub_host *host = a->host;
	const char *why = a->why;
	int64_t wait_ms = a->wait_ms;
	struct owned ours = { 0 };
	opshub_status undone = variables_of(a, request->attempt_id, ref, &ours);

	if (undone == OPSHUB_OK)
		undone = variables_remove(a, &ours);
	if (undone < 0)
		host->log(a->call, OPSHUB_LOG_WARN,
			  host->format(a->call,
				       "Variables of %s stay at Vercel on the branch %s until it is deployed again",
				       request->attempt_id, ref));
	if (wait_ms > 0)
		host->retry_after(a->call, wait_ms);
	return *why ? host->fail(a->call, r, why) : r; /* without an answer the host has said why */
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
	if (a.has_set && is_certain(r))
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
	/* the project, not a deployment: "not found" would mean that the attempt never arrived */
	if (r == OPSHUB_E_NOT_FOUND)
		return host->fail(a->call, OPSHUB_E_INVALID,
				  "Vercel does not show the project's deployments: it does not know the project any "
				  "more, or the token may not see it; look at `projectId` and `teamId`");
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

/* The attempt's deployment, other than the one with the id besides. E_NOT_FOUND only when there is none for certain. */
static opshub_status search(struct ask *a, const char *attempt_id, const char *besides, struct opshub_deployment *ret)
{
	const struct opshub_host *host = a->host;
	const char *filter = host->format(a->call, "&meta-opshubAttempt=%s", segment(a, attempt_id)), *cursor = "";

	for (int page = 0; page < PAGES_MAX; page++) {
		const opshub_json *all = NULL;
		opshub_status r = read_page(a, filter, cursor, &all, &cursor);

		if (r < 0)
			return r;
		for (uint32_t i = 0; i < host->json_len(a->call, all); i++) {
			struct opshub_deployment one = { .struct_size = sizeof(one) };

			deployment_read(a, host->json_at(a->call, all, i), &one);
			if (strcmp(one.attempt_id, attempt_id) != 0 || one.state == OPSHUB_STATE_GONE ||
			    strcmp(one.id, besides) == 0)
				continue;
			*ret = one;
			return OPSHUB_OK;
		}
		if (!*cursor)
			return host->fail(a->call, OPSHUB_E_NOT_FOUND,
					  host->format(a->call, "Vercel has no deployment of attempt %s", attempt_id));
	}
	return host->fail(
		a->call, OPSHUB_E_UPSTREAM,
		"The project has more deployments at Vercel than OpsHub looks through: it cannot tell whether "
		"this one is among them");
}

opshub_status vercel_find(opshub_call *call, void *instance, const char *attempt_id, struct opshub_deployment *ret)
{
	struct ask a = ask_begin(call, instance, "find a deployment");
	struct opshub_deployment found;
	opshub_status r = search(&a, attempt_id, "", &found);

	if (r < 0)
		return r;
	found.struct_size = ret->struct_size;
	*ret = found;
	return OPSHUB_OK;
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
		deployment_read(&a, a.host->json_at(call, all, i), one);
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
	deployment_read(&a, answer, ret);
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

/* What the deployment's attempt has set, unless another deployment of the same attempt still needs it: a create that
 * was done twice. */
static opshub_status remove_variables(struct ask *a, const char *id, const opshub_json *meta)
{
	const char *attempt = text_of(a, meta, "opshubAttempt"), *variables = text_of(a, meta, "opshubVariables");
	struct opshub_deployment other;
	struct owned ours = { 0 };
	opshub_status r;

	if (!*attempt || !*variables || strcmp(variables, "0") == 0)
		return OPSHUB_OK;
	r = variables_of(a, attempt, text_of(a, meta, "opshubBranch"), &ours);
	if (r < 0 || ours.n == 0)
		return r;
	a->goal = "find another deployment of the attempt";
	r = search(a, attempt, id, &other);
	return r == OPSHUB_E_NOT_FOUND ? variables_remove(a, &ours) : r;
}

opshub_status vercel_destroy(opshub_call *call, void *instance, const char *id)
{
	struct ask a = ask_begin(call, instance, "show the deployment");
	const opshub_json *answer = NULL;
	opshub_status r = ask_get(&a, path_of(&a, id), &answer);

	if (r < 0)
		return is_gone(&a) ? OPSHUB_OK : r;
	/* before the deployment, which knows what they are: a failure in between comes here again */
	r = remove_variables(&a, id, a.host->json_get(call, answer, "meta"));
	if (r < 0)
		return r;
	a.goal = "delete the deployment";
	r = ask_change(&a, "DELETE", path_of(&a, id));
	return is_gone(&a) ? OPSHUB_OK : r;
}

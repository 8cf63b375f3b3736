/* The variables of a preview: set on Vercel's project, for one git branch.
 *
 * Whose a variable is says its comment, "OpsHub att_...": the attempt that set it last. One without such a comment is
 * somebody else's and is neither overwritten nor removed. Setting it again changes the comment, so taking an older
 * deployment of the branch away removes nothing that the newer one has set.
 * Easy to break: the list may hold more than was asked for, so branch and comment of each are looked at here. */
#include "vercel.h"

#include <string.h>

#define MARK          "OpsHub " /* and the attempt */
#define MOST_REMOVALS 40        /* in one operation: the host allows it 64 requests */
#define BRANCH_MAX    250

static const char *list_path(const struct ask *a, const char *branch)
{
	return a->host->format(a->call, "/v10/projects/%s/env?gitBranch=%s", segment(a, a->v->project),
			       segment(a, branch));
}

/* Variables whose branch may be this one: an array of them, or NULL. */
static opshub_status list_variables(struct ask *a, const char *branch, const opshub_json **ret)
{
	const opshub_json *answer, *all;
	opshub_status r = ask_get(a, list_path(a, branch), &answer);

	if (r < 0)
		return r;
	all = a->host->json_get(a->call, answer, "envs");
	*ret = all ? all : answer;
	return OPSHUB_OK;
}

static int is_of_branch(const struct ask *a, const opshub_json *variable, const char *branch)
{
	return strcmp(text_of(a, variable, "gitBranch"), branch) == 0;
}

static uint32_t length_of(const struct ask *a, const opshub_json *all)
{
	return a->host->json_type(a->call, all) == OPSHUB_JSON_ARRAY ? a->host->json_len(a->call, all) : 0;
}

static int is_ours(const struct ask *a, const opshub_json *variable)
{
	return strncmp(text_of(a, variable, "comment"), MARK, strlen(MARK)) == 0;
}

/* Does somebody else have a variable of this name on this branch? */
static int is_taken(const struct ask *a, const opshub_json *all, const char *key, const char *branch)
{
	uint32_t n = length_of(a, all);

	for (uint32_t i = 0; i < n; i++) {
		const opshub_json *one = a->host->json_at(a->call, all, i);

		if (is_of_branch(a, one, branch) && strcmp(text_of(a, one, "key"), key) == 0 && !is_ours(a, one))
			return 1;
	}
	return 0;
}

static int is_requested(const struct opshub_deploy_request *request, const char *key)
{
	for (uint32_t i = 0; i < request->n_env; i++)
		if (strcmp(opshub_env_at(request, i)->key, key) == 0)
			return 1;
	return 0;
}

static void add_owned(const struct ask *a, const opshub_json *variable, struct owned *owned)
{
	owned->ids[owned->n++] = text_of(a, variable, "id");
}

static struct owned owned_begin(const struct ask *a, const opshub_json *all)
{
	return (struct owned){ .ids = a->host->alloc(a->call, (length_of(a, all) + 1) * sizeof(const char *)) };
}

static void put_variable(const struct ask *a, opshub_json_out *out, const struct opshub_env *env,
			 const char *attempt_id, const char *branch)
{
	const struct opshub_host *host = a->host;

	host->json_open(a->call, out, NULL, OPSHUB_JSON_OBJECT);
	host->json_put_str(a->call, out, "key", env->key);
	host->json_put_str(a->call, out, "value", env->value);
	host->json_put_str(a->call, out, "type", env->is_secret ? "sensitive" : "encrypted");
	host->json_open(a->call, out, "target", OPSHUB_JSON_ARRAY);
	host->json_put_str(a->call, out, NULL, "preview");
	host->json_close(a->call, out);
	host->json_put_str(a->call, out, "gitBranch", branch);
	host->json_put_str(a->call, out, "comment", host->format(a->call, MARK "%s", attempt_id));
	host->json_close(a->call, out);
}

/* A 201 can still hold variables that were not set. */
static opshub_status check_failed(struct ask *a, const opshub_json *answer)
{
	const opshub_json *failed = a->host->json_get(a->call, answer, "failed");
	const opshub_json *error;
	const char *key;

	if (a->host->json_type(a->call, failed) != OPSHUB_JSON_ARRAY || a->host->json_len(a->call, failed) == 0)
		return OPSHUB_OK;
	error = a->host->json_get(a->call, a->host->json_at(a->call, failed, 0), "error");
	a->code = text_of(a, error, "code");
	key = text_of(a, error, "envVarKey");
	a->why = a->host->format(a->call, "Vercel did not take the variable %s for this branch (%s: %.300s)",
				 *key ? key : text_of(a, error, "key"), a->code, text_of(a, error, "message"));
	return a->host->fail(a->call, OPSHUB_E_INVALID, a->why);
}

static opshub_status post_variables(struct ask *a, const struct opshub_deploy_request *request, const opshub_json *all,
				    const char *branch)
{
	const struct opshub_host *host = a->host;
	opshub_json_out *out = host->json_begin(a->call);
	const opshub_json *answer;
	uint32_t n = 0;
	opshub_status r;

	host->json_open(a->call, out, NULL, OPSHUB_JSON_ARRAY);
	for (uint32_t i = 0; i < request->n_env; i++) {
		const struct opshub_env *env = opshub_env_at(request, i);

		if (is_taken(a, all, env->key, branch)) {
			host->log(
				a->call, OPSHUB_LOG_WARN,
				host->format(a->call,
					     "Vercel keeps its own value of %s on the branch %s: somebody set it there",
					     env->key, branch));
			continue;
		}
		put_variable(a, out, env, request->attempt_id, branch);
		n++;
	}
	host->json_close(a->call, out);
	if (n == 0)
		return OPSHUB_OK;
	r = ask_post(a, host->format(a->call, "/v10/projects/%s/env?upsert=true", segment(a, a->v->project)), out,
		     &answer);
	a->has_set = r != OPSHUB_E_NETWORK;
	return r < 0 ? r : check_failed(a, answer);
}

/* What earlier attempts have set for the branch, and this one has not: else it enters the build. */
static opshub_status remove_stale(struct ask *a, const struct opshub_deploy_request *request, const opshub_json *all,
				  const char *branch)
{
	struct owned stale = owned_begin(a, all);
	uint32_t n = length_of(a, all);

	for (uint32_t i = 0; i < n; i++) {
		const opshub_json *one = a->host->json_at(a->call, all, i);

		if (is_of_branch(a, one, branch) && is_ours(a, one) && !is_requested(request, text_of(a, one, "key")))
			add_owned(a, one, &stale);
	}
	return variables_remove(a, &stale);
}

/* A preview without variables does not need an account that may have some. */
static int is_refusal(opshub_status r)
{
	return r == OPSHUB_E_AUTH || r == OPSHUB_E_NOT_FOUND || r == OPSHUB_E_INVALID;
}

/* Vercel has variables for branches of the linked repository, and says so of others in one of these words. */
static opshub_status explain(struct ask *a, const struct opshub_deploy_request *request, opshub_status r)
{
	if (!strstr(a->code, "branch_not_found") && !strstr(a->code, "BRANCH_NOT_FOUND"))
		return r;
	a->why =
		request->is_fork
			? "Vercel has variables only for branches of the repository that its project is linked to, and "
			  "this pull request comes from a fork: take the mark \"safe for forks\" from the project's "
			  "variables and set what forks need at Vercel, for all previews; or push the branch to the "
			  "repository itself"
			: "Vercel has no variables for this branch because it does not find it: the branch was "
			  "deleted, "
			  "or Vercel's project is linked to another repository; push it again, or link the project "
			  "again";
	return a->host->fail(a->call, OPSHUB_E_INVALID, a->why);
}

opshub_status variables_set(struct ask *a, const struct opshub_deploy_request *request, const char *branch)
{
	const opshub_json *all = NULL;
	opshub_status r;

	if (strlen(branch) > BRANCH_MAX && request->n_env == 0)
		return OPSHUB_OK;
	if (strlen(branch) > BRANCH_MAX)
		return a->host->fail(a->call, OPSHUB_E_INVALID,
				     "The branch's name is longer than 250 bytes: Vercel has no variables for such a "
				     "branch; rename it, or deploy without variables");
	a->goal = "set the preview's variables";
	r = list_variables(a, branch, &all);
	if (is_refusal(r) && request->n_env == 0)
		return OPSHUB_OK;
	if (r == OPSHUB_OK)
		r = remove_stale(a, request, all, branch);
	if (r == OPSHUB_OK)
		r = post_variables(a, request, all, branch);
	if (is_refusal(r))
		r = explain(a, request, r);
	/* Nothing is deployed yet, so nothing has to be looked for: the host may simply begin again. */
	return r == OPSHUB_E_UPSTREAM || r == OPSHUB_E_TIMEOUT ? OPSHUB_E_NETWORK : r;
}

opshub_status variables_of(struct ask *a, const char *attempt_id, const char *branch, struct owned *ret)
{
	const struct opshub_host *host = a->host;
	const char *mark = host->format(a->call, MARK "%s", attempt_id);
	const opshub_json *all = NULL;
	struct owned owned;
	opshub_status r;

	a->goal = "list the preview's variables";
	r = list_variables(a, branch, &all);
	if (r < 0)
		return a->status == 404 ? OPSHUB_OK : r; /* with the project they are gone */
	owned = owned_begin(a, all);
	for (uint32_t i = 0; i < length_of(a, all); i++) {
		const opshub_json *one = host->json_at(a->call, all, i);

		if (is_of_branch(a, one, branch) && strcmp(text_of(a, one, "comment"), mark) == 0)
			add_owned(a, one, &owned);
	}
	*ret = owned;
	return OPSHUB_OK;
}

opshub_status variables_remove(struct ask *a, const struct owned *owned)
{
	const struct opshub_host *host = a->host;

	a->goal = "remove the preview's variables";
	for (uint32_t i = 0; i < owned->n; i++) {
		opshub_status r;

		if (a->n_removed++ >= MOST_REMOVALS)
			return host->fail(a->call, OPSHUB_E_LIMITED,
					  "Vercel removes variables one by one, and more than 40 are left: OpsHub "
					  "goes on with the rest");
		r = ask_change(a, "DELETE",
			       host->format(a->call, "/v9/projects/%s/env/%s", segment(a, a->v->project),
					    segment(a, owned->ids[i])));
		if (r < 0 && a->status != 404)
			return r;
	}
	return OPSHUB_OK;
}

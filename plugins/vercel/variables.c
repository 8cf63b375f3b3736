/* The variables of a preview: set on Vercel's project, for one git branch.
 *
 * Whose a variable is says its comment, "OpsHub att_...": the attempt that set it last. One without such a comment is
 * somebody else's and is neither overwritten nor removed. Setting it again changes the comment, so taking an older
 * deployment of the branch away removes nothing that the newer one has set.
 * Easy to break: the list may hold more than was asked for, so branch and comment of each are looked at here. */
#include "vercel.h"

#include <string.h>

#define MARK          "OpsHub "
#define MOST_REMOVALS 40 /* in one operation: the host allows it 64 requests */
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

/* Does somebody else have a variable of this name on this branch? */
static int is_taken(const struct ask *a, const opshub_json *all, const char *key, const char *branch)
{
	uint32_t n = a->host->json_type(a->call, all) == OPSHUB_JSON_ARRAY ? a->host->json_len(a->call, all) : 0;

	for (uint32_t i = 0; i < n; i++) {
		const opshub_json *one = a->host->json_at(a->call, all, i);

		if (is_of_branch(a, one, branch) && strcmp(text_of(a, one, "key"), key) == 0 &&
		    strncmp(text_of(a, one, "comment"), MARK, strlen(MARK)) != 0)
			return 1;
	}
	return 0;
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
	key = text_of(a, error, "envVarKey");
	a->why = a->host->format(a->call, "Vercel did not take the variable %s for this branch (%s: %.300s)",
				 *key ? key : text_of(a, error, "key"), text_of(a, error, "code"),
				 text_of(a, error, "message"));
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
		const struct opshub_env *env = (const void *)((const char *)request->env +
							      (size_t)i * request->env_size);
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
	return r < 0 ? r : check_failed(a, answer);
}

opshub_status variables_set(struct ask *a, const struct opshub_deploy_request *request, const char *branch)
{
	const opshub_json *all = NULL;
	opshub_status r;

	if (request->n_env == 0)
		return OPSHUB_OK;
	if (strlen(branch) > BRANCH_MAX)
		return a->host->fail(a->call, OPSHUB_E_INVALID,
				     "The branch's name is longer than 250 bytes: Vercel has no variables for such a "
				     "branch; rename it, or deploy without variables");
	a->goal = "set the preview's variables";
	r = list_variables(a, branch, &all);
	if (r == OPSHUB_OK)
		r = post_variables(a, request, all, branch);
	/* Nothing is deployed yet, so nothing has to be looked for: the host may simply begin again. */
	return r == OPSHUB_E_UPSTREAM ? OPSHUB_E_NETWORK : r;
}

opshub_status variables_remove(struct ask *a, const char *attempt_id, const char *branch)
{
	const struct opshub_host *host = a->host;
	const char *mark = host->format(a->call, MARK "%s", attempt_id);
	const opshub_json *all = NULL;
	uint32_t n, n_removed = 0;
	opshub_status r;

	a->goal = "remove the preview's variables";
	r = list_variables(a, branch, &all);
	if (r < 0)
		return a->status == 404 ? OPSHUB_OK : r; /* with the project they are gone */
	n = host->json_type(a->call, all) == OPSHUB_JSON_ARRAY ? host->json_len(a->call, all) : 0;
	for (uint32_t i = 0; i < n; i++) {
		const opshub_json *one = host->json_at(a->call, all, i);

		if (!is_of_branch(a, one, branch) || strcmp(text_of(a, one, "comment"), mark) != 0)
			continue;
		if (n_removed++ == MOST_REMOVALS)
			return host->fail(a->call, OPSHUB_E_LIMITED,
					  "Vercel removes variables one by one, and more than 40 are left: OpsHub "
					  "goes on with the rest");
		r = ask_change(a, "DELETE",
			       host->format(a->call, "/v9/projects/%s/env/%s", segment(a, a->v->project),
					    segment(a, text_of(a, one, "id"))));
		if (r < 0 && a->status != 404)
			return r;
	}
	return OPSHUB_OK;
}

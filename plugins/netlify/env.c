/* Variables of one branch.
 *
 * Netlify keeps variables for a site, with a value for each context; a build of a branch has no other place for them.
 * So OpsHub adds values in the context of the pull request's branch and must know later which were its own: the
 * variable OPSHUB_VARIABLES has, in the same context, the attempt they were set for and their names.
 *
 *   OPSHUB_VARIABLES  branch feature-1   "att_01j… API_URL FEATURE_FLAG"
 *   API_URL           all                "https://api.example.com"          somebody's: never touched
 *                     branch feature-1   "https://staging.example.com"      ours
 *
 * Owns nothing.
 * Easy to break: the note is written before the values, else a crash in between leaves values that nobody knows to be
 * ours; and it is taken away after them. */
#include "netlify.h"

#include <string.h>

#define NOTE        "OPSHUB_VARIABLES"
#define NOTE_MAX    4096
#define KEYS_MAX    50
#define CHANGES_MAX 55 /* an operation has 64 requests */

static const char *path_of(opshub_call *call, const struct netlify *n, const struct env_place *place, const char *rest)
{
	const struct opshub_host *host = n->host;

	return host->format(call, "/accounts/%s/env%s?site_id=%s", host->escape_url(call, place->account), rest,
			    host->escape_url(call, place->site_id));
}

opshub_status env_list(opshub_call *call, const struct netlify *n, const struct env_place *place,
		       const opshub_json **ret)
{
	struct answer answer;
	opshub_status r = get(call, n, path_of(call, n, place, ""), "list the site's variables", &answer);

	if (r < 0)
		return r;
	if (n->host->json_type(call, answer.json) != OPSHUB_JSON_ARRAY)
		return n->host->fail(call, OPSHUB_E_UPSTREAM,
				     "Netlify's answer when asked to list the site's variables holds no list");
	*ret = answer.json;
	return OPSHUB_OK;
}

static const opshub_json *find_variable(opshub_call *call, const struct variables *v, const char *key)
{
	const struct opshub_host *host = v->n->host;

	for (uint32_t i = 0; i < host->json_len(call, v->all); i++) {
		const opshub_json *one = host->json_at(call, v->all, i);
		if (strcmp(text_of(call, v->n, one, "key"), key) == 0)
			return one;
	}
	return NULL;
}

/* The variable's value for our branch, NULL when it has none. */
static const opshub_json *value_of(opshub_call *call, const struct variables *v, const opshub_json *variable)
{
	const struct opshub_host *host = v->n->host;
	const opshub_json *values = host->json_get(call, variable, "values");

	for (uint32_t i = 0; i < host->json_len(call, values); i++) {
		const opshub_json *one = host->json_at(call, values, i);
		if (strcmp(text_of(call, v->n, one, "context"), "branch") == 0 &&
		    strcmp(text_of(call, v->n, one, "context_parameter"), v->place->branch) == 0)
			return one;
	}
	return NULL;
}

/* One change; what is too much for one operation goes on when the host tries it again. */
static opshub_status change(opshub_call *call, struct variables *v, const struct question *q)
{
	struct question told = *q;
	struct answer answer;

	told.ret_refusal = &v->refusal;
	if (v->n_changes++ < CHANGES_MAX)
		return ask(call, v->n, &told, &answer);
	v->n->host->retry_after(call, 1000);
	return v->n->host->fail(
		call, OPSHUB_E_LIMITED,
		"There are more variables to change at Netlify than one round of requests allows: OpsHub "
		"goes on in a moment");
}

opshub_status env_load(opshub_call *call, const struct netlify *n, const struct env_place *place, struct variables *ret)
{
	const char *note;
	size_t length;
	opshub_status r;

	*ret = (struct variables){ .n = n, .place = place, .note = "", .attempt = "" };
	r = env_list(call, n, place, &ret->all);
	if (r < 0)
		return r;
	note = text_of(call, n, value_of(call, ret, find_variable(call, ret, NOTE)), "value");
	length = strcspn(note, " ");
	ret->attempt = n->host->format(call, "%.*s", (int)(length < 64 ? length : 64), note);
	ret->note = note + length;
	return OPSHUB_OK;
}

/* Does a list " A B C" hold the name? */
static int is_listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = list; n && (at = strstr(at, name)); at += n)
		if (at > list && at[-1] == ' ' && (at[n] == ' ' || !at[n]))
			return 1;
	return 0;
}

/* The name that a list " A B C" begins with, and the rest of it; NULL at its end. */
static const char *next_name(opshub_call *call, const struct netlify *n, const char **list)
{
	const char *at = *list + strspn(*list, " ");
	size_t length = strcspn(at, " ");

	*list = at + length;
	return length ? n->host->format(call, "%.*s", (int)length, at) : NULL;
}

static int is_requested(const struct opshub_deploy_request *request, const char *key)
{
	for (uint32_t i = 0; i < request->n_env; i++)
		if (strcmp(opshub_env_at(request, i)->key, key) == 0)
			return 1;
	return 0;
}

/* ---- writing ---- */

static void put_value(opshub_call *call, const struct variables *v, opshub_json_out *out, const char *value)
{
	const struct opshub_host *host = v->n->host;

	host->json_put_str(call, out, "context", "branch");
	host->json_put_str(call, out, "context_parameter", v->place->branch);
	host->json_put_str(call, out, "value", value);
}

/* A variable that Netlify does not have. One that is secret cannot be used in post-processing, and has to say so. */
static void put_variable(opshub_call *call, const struct variables *v, opshub_json_out *out,
			 const struct opshub_env *env)
{
	const struct opshub_host *host = v->n->host;

	host->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
	host->json_put_str(call, out, "key", env->key);
	if (env->is_secret)
		host->json_put_bool(call, out, "is_secret", 1);
	if (env->is_secret || env->is_build_only) {
		host->json_open(call, out, "scopes", OPSHUB_JSON_ARRAY);
		host->json_put_str(call, out, NULL, "builds");
		if (!env->is_build_only) {
			host->json_put_str(call, out, NULL, "functions");
			host->json_put_str(call, out, NULL, "runtime");
		}
		host->json_close(call, out);
	}
	host->json_open(call, out, "values", OPSHUB_JSON_ARRAY);
	host->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
	put_value(call, v, out, env->value);
	host->json_close(call, out);
	host->json_close(call, out);
	host->json_close(call, out);
}

static opshub_status post_variables(opshub_call *call, struct variables *v, const struct opshub_env **envs,
				    uint32_t n_envs)
{
	const struct opshub_host *host = v->n->host;
	opshub_json_out *out = host->json_begin(call);
	struct question q = { .method = "POST",
			      .path = path_of(call, v->n, v->place, ""),
			      .purpose = "make variables for the branch" };

	host->json_open(call, out, NULL, OPSHUB_JSON_ARRAY);
	for (uint32_t i = 0; i < n_envs; i++)
		put_variable(call, v, out, envs[i]);
	host->json_close(call, out);
	q.body = host->json_end(call, out, &q.body_size);
	return q.body ? change(call, v, &q) : OPSHUB_E_INTERNAL;
}

static opshub_status patch_value(opshub_call *call, struct variables *v, const char *key, const char *value)
{
	const struct opshub_host *host = v->n->host;
	opshub_json_out *out = host->json_begin(call);
	struct question q = { .method = "PATCH",
			      .purpose = "set a variable for the branch",
			      .flags = OPSHUB_HTTP_IDEMPOTENT };

	q.path = path_of(call, v->n, v->place, host->format(call, "/%s", host->escape_url(call, key)));
	host->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
	put_value(call, v, out, value);
	host->json_close(call, out);
	q.body = host->json_end(call, out, &q.body_size);
	return q.body ? change(call, v, &q) : OPSHUB_E_INTERNAL;
}

/* Variables that were not there a moment ago. Another pull request may have made one of them meanwhile: the same call
 * then has to be one for its value. */
static opshub_status make_variables(opshub_call *call, struct variables *v, const struct opshub_env **envs,
				    uint32_t n_envs)
{
	opshub_status r = post_variables(call, v, envs, n_envs), again;
	uint32_t n_left = 0;

	if (r != OPSHUB_E_INVALID && r != OPSHUB_E_CONFLICT)
		return r;
	again = env_list(call, v->n, v->place, &v->all);
	for (uint32_t i = 0; again == OPSHUB_OK && i < n_envs; i++) {
		if (find_variable(call, v, envs[i]->key))
			again = patch_value(call, v, envs[i]->key, envs[i]->value);
		else
			envs[n_left++] = envs[i];
	}
	if (again < 0 || n_left == n_envs)
		return again < 0 ? again : r;
	return n_left ? post_variables(call, v, envs, n_left) : OPSHUB_OK;
}

static opshub_status remove_at(opshub_call *call, struct variables *v, const char *key, const char *rest)
{
	const struct opshub_host *host = v->n->host;
	const struct question q = {
		.method = "DELETE",
		.path = path_of(call, v->n, v->place, host->format(call, "/%s%s", host->escape_url(call, key), rest)),
		.purpose = "remove a variable of the branch",
		.flags = OPSHUB_HTTP_IDEMPOTENT,
	};
	opshub_status r = change(call, v, &q);

	return r == OPSHUB_E_NOT_FOUND ? OPSHUB_OK : r;
}

/* The value for our branch, if there is one. */
static opshub_status remove_value(opshub_call *call, struct variables *v, const char *key)
{
	const struct opshub_host *host = v->n->host;
	const opshub_json *value = value_of(call, v, find_variable(call, v, key));

	return value ? remove_at(call, v, key,
				 host->format(call, "/value/%s",
					      host->escape_url(call, text_of(call, v->n, value, "id"))))
		     : OPSHUB_OK;
}

/* A variable without a value. It is not removed together with its last value: somebody may give it another one, for a
 * branch of his own, between our look and that. */
static opshub_status remove_empty(opshub_call *call, struct variables *v, const char *key)
{
	const struct opshub_host *host = v->n->host;
	const opshub_json *variable = find_variable(call, v, key);

	if (!variable || host->json_len(call, host->json_get(call, variable, "values")))
		return OPSHUB_OK;
	return remove_at(call, v, key, "");
}

static opshub_status for_each_name(opshub_call *call, struct variables *v,
				   opshub_status (*fn)(opshub_call *call, struct variables *v, const char *key))
{
	const char *list = v->note, *key;
	opshub_status r = OPSHUB_OK;

	while (r == OPSHUB_OK && (key = next_name(call, v->n, &list)))
		r = fn(call, v, key);
	return r;
}

/* ---- setting ---- */

/* Ours to set: nobody else has a value for this branch. */
static int may_set(opshub_call *call, const struct variables *v, const char *key)
{
	return is_listed(v->note, key) || !value_of(call, v, find_variable(call, v, key));
}

static opshub_status write_note(opshub_call *call, struct variables *v, const struct opshub_deploy_request *request)
{
	const struct opshub_host *host = v->n->host;
	const char *note = host->format(call, "%s%.*s", request->attempt_id, NOTE_MAX, v->note);

	for (uint32_t i = 0; i < request->n_env; i++) {
		const char *key = opshub_env_at(request, i)->key;
		if (!is_listed(note, key) && may_set(call, v, key))
			note = host->format(call, "%s %s", note, key);
	}
	if (strlen(note) > NOTE_MAX)
		return host->fail(call, OPSHUB_E_INVALID,
				  "The names of the variables are too long together for Netlify: 4 KiB is the most");
	if (find_variable(call, v, NOTE))
		return patch_value(call, v, NOTE, note);
	return make_variables(call, v,
			      &(const struct opshub_env *){ &(struct opshub_env){ .key = NOTE, .value = note } }, 1);
}

static opshub_status set_one(opshub_call *call, struct variables *v, const struct opshub_env *env)
{
	const struct opshub_host *host = v->n->host;
	const opshub_json *value = value_of(call, v, find_variable(call, v, env->key));

	if (!may_set(call, v, env->key)) {
		host->log(call, OPSHUB_LOG_WARN,
			  host->format(call, "Variable %s has a value of its own for branch %s at Netlify, which stays",
				       env->key, v->place->branch));
		return OPSHUB_OK;
	}
	if (value && !env->is_secret && strcmp(text_of(call, v->n, value, "value"), env->value) == 0)
		return OPSHUB_OK;
	return patch_value(call, v, env->key, env->value);
}

static opshub_status remove_stale(opshub_call *call, struct variables *v, const struct opshub_deploy_request *request)
{
	const char *list = v->note, *key;
	opshub_status r = OPSHUB_OK;

	while (r == OPSHUB_OK && (key = next_name(call, v->n, &list)))
		if (!is_requested(request, key))
			r = remove_value(call, v, key);
	return r;
}

opshub_status env_set(opshub_call *call, struct variables *v, const struct opshub_deploy_request *request)
{
	const struct opshub_host *host = v->n->host;
	const struct opshub_env **missing = host->alloc(call, (request->n_env + 1) * sizeof(*missing));
	uint32_t n_missing = 0;
	opshub_status r;

	if (request->n_env > KEYS_MAX)
		return host->fail(call, OPSHUB_E_INVALID,
				  "A preview at Netlify can have 50 variables at most: remove some from the project");
	r = write_note(call, v, request);
	if (r == OPSHUB_OK)
		r = remove_stale(call, v, request);
	for (uint32_t i = 0; r == OPSHUB_OK && i < request->n_env; i++) {
		const struct opshub_env *env = opshub_env_at(request, i);
		if (!find_variable(call, v, env->key))
			missing[n_missing++] = env;
		else
			r = set_one(call, v, env);
	}
	if (r == OPSHUB_OK && n_missing)
		r = make_variables(call, v, missing, n_missing);
	return r;
}

int env_is_cut(const struct variables *v)
{
	return v->n_changes > CHANGES_MAX;
}

opshub_status env_clear(opshub_call *call, struct variables *v)
{
	opshub_status r = for_each_name(call, v, remove_value);

	if (r == OPSHUB_OK)
		r = env_list(call, v->n, v->place, &v->all);
	if (r == OPSHUB_OK)
		r = for_each_name(call, v, remove_empty);
	if (r == OPSHUB_OK)
		r = remove_value(call, v, NOTE);
	if (r == OPSHUB_OK)
		r = env_list(call, v->n, v->place, &v->all);
	return r == OPSHUB_OK ? remove_empty(call, v, NOTE) : r;
}

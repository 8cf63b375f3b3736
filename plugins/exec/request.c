/* What a program is told. Facts that anybody may see are in its environment, where a shell script reads them without a
 * parser; everything, and the secrets, is JSON on its standard input.
 *
 * Owns nothing. Easy to break: the environment can be seen by other processes of the same user, so no secret goes in,
 * and nothing of the server's own environment but what is named here and in EXEC_PASS. */
#include "exec.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 32
#define NAME_MAX  64

struct writer {
	opshub_call *call;
	const struct opshub_host *host;
	opshub_json_out *out;
};

static void put(const struct writer *w, const char *key, const char *text)
{
	w->host->json_put_str(w->call, w->out, key, text);
}

static void put_request(const struct writer *w, const struct opshub_deploy_request *r)
{
	const struct opshub_host *host = w->host;

	put(w, "project", r->project_name);
	put(w, "projectId", r->project_id);
	put(w, "repository", r->repo_full_name);
	host->json_put_int(w->call, w->out, "repositoryId", r->repo_id);
	host->json_put_int(w->call, w->out, "pullRequest", r->pr_number);
	put(w, "title", r->title);
	put(w, "branch", r->branch);
	put(w, "sha", r->sha);
	host->json_put_bool(w->call, w->out, "isFork", r->is_fork != 0);
	host->json_open(w->call, w->out, "environment", OPSHUB_JSON_OBJECT);
	for (uint32_t i = 0; i < r->n_env; i++) {
		const struct opshub_env *env = opshub_env_at(r, i);

		put(w, env->key, env->value);
	}
	host->json_close(w->call, w->out);
	host->json_open(w->call, w->out, "buildOnly", OPSHUB_JSON_ARRAY);
	for (uint32_t i = 0; i < r->n_env; i++) {
		const struct opshub_env *env = opshub_env_at(r, i);

		if (env->is_build_only)
			host->json_put_str(w->call, w->out, NULL, env->key);
	}
	host->json_close(w->call, w->out);
}

const char *request_json(opshub_call *call, const struct exec *exec, const struct order *order, uint64_t *ret_size)
{
	const struct opshub_host *host = exec->host;
	struct writer w = { call, host, host->json_begin(call) };

	host->json_open(call, w.out, NULL, OPSHUB_JSON_OBJECT);
	put(&w, "operation", order->operation);
	put(&w, "id", order->id);
	if (order->cursor)
		put(&w, "cursor", order->cursor);
	put(&w, "token", exec->token);
	put(&w, "options", exec->options);
	if (order->request)
		put_request(&w, order->request);
	host->json_close(call, w.out);
	return host->json_end(call, w.out, ret_size);
}

/* The names in EXEC_PASS with the values the server has. */
static size_t pass_on(opshub_call *call, const struct exec *exec, char **ret, size_t room)
{
	const char *at = exec->pass ? exec->pass : "";
	size_t n = 0;

	for (int i = 0; *at && i < NAMES_MAX && n < room; i++) {
		size_t length = strcspn(at, ", ");
		char name[NAME_MAX];
		const char *value;

		if (length > 0 && length < sizeof(name)) {
			memcpy(name, at, length);
			name[length] = 0;
			value = getenv(name);
			if (value)
				ret[n++] = (char *)(uintptr_t)exec->host->format(call, "%s=%s", name, value);
		}
		at += length;
		at += strspn(at, ", ");
	}
	return n;
}

char **request_environment(opshub_call *call, const struct exec *exec, const struct order *order)
{
	const struct opshub_host *host = exec->host;
	const struct opshub_deploy_request *r = order->request;
	char **env = host->alloc(call, (NAMES_MAX + 20) * sizeof(*env));
	size_t n = pass_on(call, exec, env, NAMES_MAX);

#define ADD(...) (env[n++] = (char *)(uintptr_t)host->format(call, __VA_ARGS__))
	ADD("PATH=%s", exec->path && *exec->path ? exec->path : "/usr/local/bin:/usr/bin:/bin");
	ADD("HOME=%s", exec->home && *exec->home ? exec->home : "/");
	ADD("LANG=C.UTF-8");
	ADD("OPSHUB_OPERATION=%s", order->operation);
	if (*order->id) {
		ADD("OPSHUB_ID=%s", order->id);
		ADD("OPSHUB_LOG=%s/build.log", order->folder);
	}
	if (r) {
		ADD("OPSHUB_PROJECT=%s", r->project_name);
		ADD("OPSHUB_REPOSITORY=%s", r->repo_full_name);
		ADD("OPSHUB_PR=%lld", (long long)r->pr_number);
		ADD("OPSHUB_BRANCH=%s", r->branch);
		ADD("OPSHUB_SHA=%s", r->sha);
		ADD("OPSHUB_IS_FORK=%u", r->is_fork != 0);
	}
#undef ADD
	return env;
}

/* What the tests of vercel.so stand on: the plugin over a scripted network. Each test says which requests must come, in
 * which order, and what is answered. */
#ifndef TESTS_PLUGIN_VERCEL_H
#define TESTS_PLUGIN_VERCEL_H

#include "plugin/plugin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define API       "https://api.vercel.com"
#define SHA       "0123456789abcdef0123456789abcdef01234567"
#define LIST      API "/v6/deployments?projectId=prj_1&limit=100"
#define ENV       API "/v10/projects/prj_1/env"
#define STEPS_MAX 64

static struct {
	struct catalog *catalog;
	struct loop *loop;
	struct plugins *plugins;
	int64_t version;
} t;

/* ---- the script ---- */

struct step {
	const char *method, *url; /* the url's beginning */
	int status;
	const char *body;
	char sent[4096]; /* what the request held */
	char bypass[64]; /* its header */
};

static struct step script[STEPS_MAX];
static struct step *always; /* the answer to whatever comes; NULL = the script's */
static unsigned n_script, at_script;

static inline struct step *plan(const char *method, const char *url, int status, const char *body)
{
	assert_true(n_script < STEPS_MAX);
	script[n_script] = (struct step){ method, url, status, body, "", "" };
	return &script[n_script++];
}

static inline int fetch(struct call *call, void *arg, const struct net_request *request, struct net_response *ret)
{
	static const struct net_header headers[] = { { STR("location"), STR("https://vercel.com/sso-api?url=x") } };
	struct step *step = always ? always : &script[at_script++];

	(void)arg;
	if (always) {
		*ret = (struct net_response){ .status = step->status, .body = str_of(step->body) };
		return OK;
	}
	if (at_script > n_script)
		fail_msg("nobody expected %s %s", request->method, request->url);
	if (strcmp(request->method, step->method) != 0 || strncmp(request->url, step->url, strlen(step->url)) != 0)
		fail_msg("%s %s came instead of %s %s", request->method, request->url, step->method, step->url);
	snprintf(step->sent, sizeof(step->sent), "%.*s", (int)request->body.n, request->body.p ? request->body.p : "");
	for (size_t i = 0; i < request->n_headers; i++)
		if (str_eq(request->headers[i].name, STR("x-vercel-protection-bypass")))
			snprintf(step->bypass, sizeof(step->bypass), "%.*s", STR_FMT(request->headers[i].value));
	if (step->status < 0)
		return call_fail(call, step->status, "scripted failure");
	*ret = (struct net_response){
		.status = step->status, .body = str_of(step->body), .headers = headers, .n_headers = 1
	};
	return OK;
}

static inline void begin(void)
{
	n_script = at_script = 0;
}

static inline void expect_all_came(void)
{
	if (at_script != n_script)
		fail_msg("%s %s never came", script[at_script].method, script[at_script].url);
}

/* ---- running ---- */

typedef void body_fn(struct call *call, struct instance *vercel);

static const char *given_bypass = "";

static inline void on_fiber(struct call *call, void *arg)
{
	const struct setting_value values[] = { { STR("token"), STR("vcp_secretOfTheTest") },
						{ STR("projectId"), STR("prj_1") },
						{ STR("apiBase"), STR("https://elsewhere.example") },
						{ STR("protectionBypass"), str_of(given_bypass) } };
	const char *why = "";
	const struct instance_spec spec = { .plugin = catalog_provider(t.catalog, STR("vercel"), &why),
					    .scope = STR("proj_1"),
					    .version = ++t.version,
					    .values = values,
					    .n_values = 4 };
	struct instance *vercel = NULL;

	if (!spec.plugin || plugins_instance(call, t.plugins, &spec, &vercel) < 0)
		fail_msg("%s %s", why, call->why);
	begin();
	(*(body_fn **)arg)(call, vercel);
	instance_release(vercel);
}

static inline void on_done(struct call *call, void *arg)
{
	(void)arg;
	loop_stop(call->loop);
}

static inline void run(body_fn *body)
{
	const struct fiber_options options = { .name = "test", .timeout_ms = 30000, .on_done = on_done };

	assert_int_equal(fiber_start(t.loop, &options, on_fiber, &body, NULL), OK);
	loop_run(t.loop);
	assert_int_equal(plugins_faults(t.plugins), 0);
}

static inline int setup(void **state)
{
	(void)state;
	unsetenv("VERCEL_API_BASE");
	t.catalog = catalog_open(&(struct catalog_options){ .folder = OPSHUB_BUILD_DIR "/plugins", .probe_ms = -1 });
	t.loop = loop_new(0);
	t.plugins = plugins_open_with(t.loop, fetch, NULL);
	plugins_set_strict(t.plugins);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	plugins_close(t.plugins);
	loop_free(t.loop);
	catalog_close(t.catalog);
	return 0;
}

static inline struct opshub_deploy_request request_for(uint32_t n_env)
{
	static const struct opshub_env env[] = { { .key = "API_KEY", .value = "hunter2hunter2", .is_secret = 1 },
						 { .key = "MODE", .value = "preview" },
						 { .key = "THEIRS", .value = "x" } };

	return (struct opshub_deploy_request){
		.struct_size = sizeof(struct opshub_deploy_request),
		.attempt_id = "att_2",
		.project_id = "proj_1",
		.project_name = "shop",
		.repo_full_name = "acme/shop",
		.pr_number = 7,
		.branch = "feature",
		.sha = SHA,
		.title = "x",
		.env = env,
		.n_env = n_env,
		.env_size = sizeof(env[0]),
	};
}

/* An entry of Vercel's list. */
#define ENTRY(id, state, meta)                                                                                         \
	"{\"uid\":\"" id "\",\"state\":\"" state "\",\"url\":\"u.vercel.app\",\"meta\":{" meta "}}"

/* Without a way past the previews' protection, and with one. */
#define TEST(name, body)                                                                                               \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		given_bypass = "";                                                                                     \
		run(body);                                                                                             \
		given_bypass = "bypass-secret";                                                                        \
		run(body);                                                                                             \
	}

#endif

/* What the tests of this folder stand on: an opshub-mock-cloud of their own, the catalogs, a loop and a network, and a
 * way to run a function on a fiber. */
#ifndef TESTS_PLUGIN_STAND_H
#define TESTS_PLUGIN_STAND_H

#include "plugin/plugin.h"

#include "base/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SHA "0123456789abcdef0123456789abcdef01234567"

static struct {
	struct loop *loop;
	struct net *net;
	struct plugins *plugins;
	struct catalog *catalog, *odd;
	char url[64];
	pid_t cloud;
	int64_t next_version;
} t;

/* ---- the other side ---- */

static inline void cloud_start(void)
{
	int fds[2];
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	t.cloud = fork();
	assert_true(t.cloud >= 0);
	if (t.cloud == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		execl(OPSHUB_BUILD_DIR "/bin/opshub-mock-cloud", "opshub-mock-cloud", "--port", "0", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	n = read(fds[0], t.url, sizeof(t.url) - 1);
	assert_true(n > 20);
	t.url[n] = 0;
	memmove(t.url, t.url + strlen("listening on "), strlen(t.url));
	*strchr(t.url, '\n') = 0;
	close(fds[0]);
}

static inline int setup(void **state)
{
	(void)state;
	t.catalog = catalog_open(&(struct catalog_options){ .folder = OPSHUB_BUILD_DIR "/plugins", .probe_ms = -1 });
	t.odd = catalog_open(&(struct catalog_options){ .folder = OPSHUB_BUILD_DIR "/tests/plugins",
							.probe_ms = -1,
							.disabled = STR("ctor-aborts ctor-exits ctor-hangs") });
	cloud_start();
	t.loop = loop_new(0);
	t.net = net_open(t.loop);
	t.plugins = plugins_open(t.loop, t.net);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	plugins_close(t.plugins);
	net_close(t.net);
	loop_free(t.loop);
	catalog_close(t.catalog);
	catalog_close(t.odd);
	kill(t.cloud, SIGTERM);
	waitpid(t.cloud, NULL, 0);
	return 0;
}

/* ---- running ---- */

typedef void body_fn(struct call *call);

static inline void on_fiber(struct call *call, void *arg)
{
	(*(body_fn **)arg)(call);
}

static inline void on_done(struct call *call, void *arg)
{
	(void)arg;
	loop_stop(call->loop);
}

static inline void run_for(body_fn *body, int64_t timeout_ms)
{
	const struct fiber_options options = { .name = "test", .timeout_ms = timeout_ms, .on_done = on_done };

	assert_int_equal(fiber_start(t.loop, &options, on_fiber, &body, NULL), OK);
	loop_run(t.loop);
}

static inline void run(body_fn *body)
{
	run_for(body, 30000);
}

static inline struct instance *instance_with(struct call *call, const char *key, const char *value)
{
	const struct setting_value values[] = {
		{ STR("url"), str_of(t.url) },
		{ STR("buildMs"), STR("300ms") },
		{ STR("token"), STR("very-secret-token") },
		{ str_of(key), str_of(value) },
	};
	const char *why = "";
	const struct instance_spec spec = {
		.plugin = catalog_provider(t.catalog, STR("mock"), &why),
		.scope = STR("proj_1"),
		.version = ++t.next_version,
		.values = values,
		.n_values = key ? 4 : 3,
		.allow_private = true,
	};
	struct instance *instance = NULL;

	if (!spec.plugin || plugins_instance(call, t.plugins, &spec, &instance) < 0)
		fail_msg("%s %s", why, call->why);
	return instance;
}

static inline struct instance *odd_instance(struct call *call, const char *name)
{
	const struct setting_value values[] = { { STR("url"), str_of(t.url) } };
	const char *why = "";
	const struct instance_spec spec = {
		.plugin = catalog_provider(t.odd, str_of(name), &why),
		.scope = STR("proj_1"),
		.version = 1,
		.values = values,
		.n_values = 1,
		.allow_private = true,
	};
	struct instance *instance = NULL;

	if (!spec.plugin || plugins_instance(call, t.plugins, &spec, &instance) < 0)
		fail_msg("%s %s", why, call->why);
	return instance;
}

static inline struct opshub_deploy_request request_for(const char *attempt, const char *branch)
{
	static const struct opshub_env env[] = { { .key = "API_KEY", .value = "hunter2hunter2", .is_secret = 1 },
						 { .key = "MODE", .value = "preview" } };

	return (struct opshub_deploy_request){
		.struct_size = sizeof(struct opshub_deploy_request),
		.attempt_id = attempt,
		.project_id = "proj_1",
		.project_name = "hello-world",
		.repo_full_name = "Codertocat/Hello-World",
		.pr_number = 7,
		.branch = branch,
		.sha = SHA,
		.title = "Change the greeting",
		.env = env,
		.n_env = 2,
		.env_size = sizeof(env[0]),
	};
}

static inline int create(struct call *call, struct instance *instance, const char *attempt, const char *branch,
			 struct deployment *ret)
{
	struct opshub_deploy_request request = request_for(attempt, branch);

	return provider_create(call, instance, &request, ret);
}

static inline void wait_for(struct call *call, struct instance *instance, const char *id, enum deployment_state state,
			    struct deployment *ret)
{
	for (int i = 0; i < 100; i++) {
		assert_int_equal(provider_status(call, instance, id, ret), OK);
		if (ret->state == state)
			return;
		fiber_sleep(call, 50);
	}
	fail_msg("%s never reached state %d", id, (int)state);
}

static inline int page_status(struct call *call, struct str url)
{
	const struct net_request request = { .method = "GET", .url = url.p, .allow_private = true };
	struct net_response response = { 0 };

	assert_int_equal(net_fetch(call, t.net, &request, &response), OK);
	return response.status;
}

#endif

/* The api process: HTTP in front, PostgreSQL and Redis behind. It never loads a plugin. */
#include "daemon/github.h"
#include "daemon/process.h"

#include "api/api.h"
#include "crypto/secret_key.h"

#include <signal.h>

struct api_process {
	struct process process;
	struct api *api;
	struct key_ring *keys;
	struct probe_rules probe_rules;
	struct http_server *server;
	uv_timer_t poll;
	uv_signal_t hangup;
};

static void boot(struct call *call, void *arg)
{
	struct api_process *p = arg;

	if (process_await_db(call, &p->process, p->api->db) &&
	    process_check_keys(call, &p->process, p->api->db, p->keys))
		heart_ready(p->process.heart);
}

static void on_poll(uv_timer_t *timer)
{
	struct api_process *p = timer->data;

	if (http_server_busy(p->server) == 0)
		loop_stop(p->process.loop);
}

static void on_stop(void *arg)
{
	struct api_process *p = arg;

	http_server_drain(p->server);
	uv_timer_start(&p->poll, on_poll, 0, 20);
}

static void on_hangup(uv_signal_t *signal, int number)
{
	struct api_process *p = signal->data;

	(void)number;
	if (p->server)
		http_server_reload(p->server);
}

static void watch_hangup(struct api_process *p)
{
	sigset_t hangup;

	uv_signal_init(loop_uv(p->process.loop), &p->hangup);
	p->hangup.data = p;
	uv_signal_start(&p->hangup, on_hangup, SIGHUP);
	/* blocked since before main, so that one sent while this process started is not lost and does not end it */
	sigemptyset(&hangup);
	sigaddset(&hangup, SIGHUP);
	pthread_sigmask(SIG_UNBLOCK, &hangup, NULL);
}

static struct http_server *open_server(struct api_process *p)
{
	const struct config *c = p->process.config;
	struct http_options options = {
		.listen_fd = CHILD_LISTEN_FD,
		.routes = api_routes,
		.app = p->api,
		.guard = api_guard,
		.max_connections = (unsigned)c->max_connections,
		.max_per_address = (unsigned)c->max_connections_per_address,
		.request_timeout_ms = c->request_timeout_ms,
		.response_timeout_ms = c->response_timeout_ms,
		.trusted_proxies = c->trusted_proxies,
		.tls_cert = c->tls_cert,
		.tls_key = c->tls_key,
		.web_url = c->web_base_url,
		.is_production = config_is_production(c),
	};

	return http_server_new(p->process.loop, &options);
}

static void close_all(struct api_process *p)
{
	process_run_out(&p->process);
	p->server = http_server_free(p->server);
	p->api = api_close(p->api);
	p->keys = key_ring_free(p->keys);
	uv_close((uv_handle_t *)&p->hangup, NULL);
	uv_close((uv_handle_t *)&p->poll, NULL);
	process_done(&p->process);
}

int run_api(const struct config *config, const struct child_options *options)
{
	struct api_process p = { .keys = config_key_ring(config) };
	struct fiber_options boot_options = { .name = "boot" };

	config_probe_rules(config, &p.probe_rules);
	process_init(&p.process, config, options, 0, on_stop, &p);
	struct api_options api = {
		.loop = p.process.loop,
		.database_url = config->database_url,
		.application = p.process.application,
		.own_connections = config_own_connections(config),
		.redis_url = config->redis_url,
		.jwt_secrets = { str_of(config->jwt_secret), str_of(config->jwt_secret_previous) },
		.webhook_secrets = { str_of(config->github_webhook_secret),
				     str_of(config->github_webhook_secret_previous) },
		.keys = p.keys,
		.test_login = config->test_login,
		.is_production = config_is_production(config),
		.base_url = str_of(config->api_base_url),
		.login_failure_threshold = config->login_failure_threshold,
		.login_failure_window_ms = config->login_failure_window_ms,
		.limits = { [LIMIT_GENERAL] = { config->limit_general, config->limit_general_window_ms },
			    [LIMIT_AUTH] = { config->limit_auth, config->limit_auth_window_ms },
			    [LIMIT_WEBHOOK] = { config->limit_webhook, config->limit_webhook_window_ms },
			    [LIMIT_REVEAL] = { config->limit_reveal, config->limit_reveal_window_ms } },
		.probe_rules = &p.probe_rules,
		.contacts = { str_of(config->security_contact), str_of(config->operations_contact),
			      str_of(config->management_contact) },
		.web_base_url = str_of(config->web_base_url),
		.github = { .client_id = str_of(config->github_client_id),
			    .client_secret = str_of(config->github_client_secret),
			    .web_base = str_of(config->github_web_base),
			    .api_base = str_of(config->github_api_base) },
		.rest = github_from(config, NULL),
		.first_login_owner = config->first_login_owner,
	};

	watch_hangup(&p);
	uv_timer_init(loop_uv(p.process.loop), &p.poll);
	p.poll.data = &p;
	p.api = api_open(&api);
	p.server = open_server(&p);
	if (!p.server) {
		p.process.exit_status = 1;
	} else {
		fiber_start(p.process.loop, &boot_options, boot, &p, NULL);
		loop_run(p.process.loop);
	}
	close_all(&p);
	return p.process.exit_status;
}

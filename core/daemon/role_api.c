/* The api process: HTTP in front, PostgreSQL and Redis behind. It never loads a plugin. */
#include "daemon/child.h"

#include "api/api.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

struct api_process {
	const struct config *config;
	struct loop *loop;
	struct api *api;
	struct http_server *server;
	struct heart *heart;
	uv_signal_t term, interrupt;
	uv_timer_t poll, grace;
	bool stopping;
	int exit_status;
};

static void boot(struct call *call, void *arg)
{
	struct api_process *p = arg;
	int r;

	while ((r = db_ready(call, p->api->db, 5000)) != OK) {
		if (r == E_CANCELLED)
			return;
		log_error("Api", "The database is not ready", F_TEXT("error", call->why));
		if (r == E_INVALID) {
			p->exit_status = 1;
			loop_stop(p->loop);
			return;
		}
	}
	heart_ready(p->heart);
}

static void on_poll(uv_timer_t *timer)
{
	struct api_process *p = timer->data;

	if (http_server_busy(p->server) == 0)
		loop_stop(p->loop);
}

static void on_grace(uv_timer_t *timer)
{
	loop_stop(((struct api_process *)timer->data)->loop);
}

static void on_stop(uv_signal_t *signal, int number)
{
	struct api_process *p = signal->data;

	(void)number;
	if (p->stopping)
		return;
	p->stopping = true;
	http_server_drain(p->server);
	uv_timer_start(&p->poll, on_poll, 0, 20);
	uv_timer_start(&p->grace, on_grace, (uint64_t)p->config->shutdown_grace_ms, 0);
}

static void watch_signals(struct api_process *p)
{
	uv_loop_t *uv = loop_uv(p->loop);

	uv_signal_init(uv, &p->term);
	uv_signal_init(uv, &p->interrupt);
	uv_timer_init(uv, &p->poll);
	uv_timer_init(uv, &p->grace);
	p->term.data = p->interrupt.data = p->poll.data = p->grace.data = p;
	uv_signal_start(&p->term, on_stop, SIGTERM);
	uv_signal_start(&p->interrupt, on_stop, SIGINT);
}

static struct http_server *open_server(struct api_process *p)
{
	const struct config *c = p->config;
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
	};

	return http_server_new(p->loop, &options);
}

static void close_all(struct api_process *p)
{
	loop_cancel_all(p->loop);
	while (loop_fibers(p->loop))
		uv_run(loop_uv(p->loop), UV_RUN_ONCE);
	p->server = http_server_free(p->server);
	p->api = api_close(p->api);
	p->heart = heart_stop(p->heart);
	uv_close((uv_handle_t *)&p->term, NULL);
	uv_close((uv_handle_t *)&p->interrupt, NULL);
	uv_close((uv_handle_t *)&p->poll, NULL);
	uv_close((uv_handle_t *)&p->grace, NULL);
	p->loop = loop_free(p->loop);
}

int run_api(const struct config *config, const struct child_options *options)
{
	struct api_process p = { .config = config, .loop = loop_new(0) };
	struct fiber_options boot_options = { .name = "boot" };
	int64_t processes = config->api_processes + config->worker_processes,
		own = config->db_pool_size / processes - 2;
	char application[64];

	snprintf(application, sizeof(application), "opshub-api/%d", options->index);
	struct api_options api = {
		.loop = p.loop,
		.database_url = config->database_url,
		.application = application,
		.own_connections = (unsigned)(own < 1   ? 1
					      : own > 4 ? 4
							: own),
		.redis_url = config->redis_url,
		.jwt_secrets = { str_of(config->jwt_secret), str_of(config->jwt_secret_previous) },
		.webhook_secrets = { str_of(config->github_webhook_secret),
				     str_of(config->github_webhook_secret_previous) },
		.test_login = config->test_login,
		.is_production = config_is_production(config),
		.base_url = str_of(config->api_base_url),
		.login_failure_threshold = config->login_failure_threshold,
		.login_failure_window_ms = config->login_failure_window_ms,
		.limits = { [LIMIT_GENERAL] = { config->limit_general, config->limit_general_window_ms },
			    [LIMIT_AUTH] = { config->limit_auth, config->limit_auth_window_ms },
			    [LIMIT_WEBHOOK] = { config->limit_webhook, config->limit_webhook_window_ms } },
	};

	p.heart = heart_start(p.loop);
	watch_signals(&p);
	p.api = api_open(&api);
	p.server = open_server(&p);
	if (!p.server) {
		p.exit_status = 1;
	} else {
		fiber_start(p.loop, &boot_options, boot, &p, NULL);
		loop_run(p.loop);
	}
	close_all(&p);
	return p.exit_status;
}

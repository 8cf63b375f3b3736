/* The configuration: one table (config_table.c) from which come the defaults, the checks, conf/opshub.ini, the masked
 * listing and the table in docs/operations.md.
 *
 * Order: default, then conf file (section.key), then environment variable. Every text lives as long as the process. */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include "base/buf.h"
#include "base/log.h"

#define CONFIG_EXIT 78 /* EX_CONFIG of sysexits.h */

struct key_ring;
struct probe_rules;

struct config {
	/* required */
	const char *database_url, *redis_url, *jwt_secret, *encryption_key, *github_client_id, *github_client_secret;
	const char *github_webhook_secret;
	/* logging in with GitHub */
	const char *github_web_base, *github_api_base;
	int64_t first_login_owner; /* 0 or 1 */
	/* asking GitHub for what its webhooks did not bring */
	const char *github_token, *github_app_id, *github_app_private_key;
	int64_t github_sweep_ms, github_rate_reserve;
	/* what and where */
	const char *environment; /* "development", "test", "production" */
	const char *api_base_url, *web_base_url, *listen_address;
	int64_t port;
	const char *tls_cert, *tls_key;
	const char *security_contact, *operations_contact, *management_contact;
	const char *log_level;
	const char *trusted_proxies;
	int64_t max_connections, max_connections_per_address, request_timeout_ms, response_timeout_ms;
	int64_t test_login, disable_slack, use_mock_provider; /* 0 or 1 */
	/* rate limits, and the windows they hold for */
	int64_t limit_general, limit_general_window_ms, limit_auth, limit_auth_window_ms, limit_webhook,
		limit_webhook_window_ms, limit_reveal, limit_reveal_window_ms;
	int64_t login_failure_threshold, login_failure_window_ms;
	/* secrets during a rollover */
	const char *jwt_secret_previous, *github_webhook_secret_previous, *encryption_key_previous;
	/* plugins */
	const char *plugin_dir, *plugins_enabled, *plugins_disabled, *plugins_allow_private, *mock_url;
	int64_t mock_port;
	/* processes */
	int64_t api_processes, worker_processes, shutdown_grace_ms, hang_ms;
	/* database */
	int64_t db_pool_size, db_require_tls;
	/* queue and reconciler */
	int64_t jobs_at_once, job_lease_ms, sweep_ms, repair_ms, provider_timeout_ms, provider_settle_ms,
		build_timeout_ms, notify_age_ms, health_group_ms, reap_ms;
	int64_t reap_orphans, builds_per_account;
	/* new values of variables */
	const char *rotation_verify_program, *rotation_check;
	int64_t rotation_verify_ms, rotation_trial_ms, rotation_evaluate_ms, rotation_values, rotation_retry_ms;
	/* probes of health checks */
	const char *probe_allow_cidrs, *probe_ports, *probe_sentinels;
	int64_t probes, probes_at_once; /* probes: 0 or 1 */
	int64_t delivery_retention_days, build_log_retention_days, retention_sweep_ms;
	int64_t health_sample_days, health_rollup_5m_days, health_rollup_1h_days, health_rollup_1d_days;
};

/* Reads the file (NULL: $OPSHUB_CONFIG, else /etc/opshub/opshub.ini when it is there) and the environment. False with
 * one sentence in ret_why that names the variable and what is wrong with it, never its value. Registers secrets with
 * the log. */
bool config_load(const char *file, struct config *ret, char *ret_why, size_t why_size);

/* Are TLS_CERT and TLS_KEY files that a server can start with? ret_why is as of config_load; when they are good it is
 * empty or a warning. Not a part of config_load: a worker needs no certificate, and an api process that runs keeps its
 * own. */
bool config_check_tls(const struct config *config, char *ret_why, size_t why_size);
void config_done(struct config *config); /* frees its texts */

/* The effective configuration, secrets and passwords masked. */
void config_print(const struct config *config, struct buf *ret);
/* conf/opshub.ini, and the table of docs/operations.md. */
void config_print_ini(struct buf *ret);
void config_print_docs(struct buf *ret);
bool config_is_production(const struct config *config);
struct key_ring *config_key_ring(const struct config *config); /* of a configuration that was checked: both keys */

void config_probe_rules(const struct config *config, struct probe_rules *ret); /* the same: where probes may go */

/* Connections to PostgreSQL. DB_POOL_SIZE is divided among all processes and the worker that comes in when one is
 * replaced: each has SHARED_CONNECTIONS that are always open, and as many more for transactions. */
#define SHARED_CONNECTIONS 2
unsigned config_own_connections(const struct config *config); /* 1 to 4 */

/* ---- the table ---- */
enum setting_type { SET_TEXT, SET_INT, SET_BOOL, SET_MS };
#define SET_REQUIRED 1u
#define SET_SECRET   2u /* masked and redacted as a whole */
#define SET_URL      4u /* its password is masked and redacted */

struct setting {
	const char *section, *key;
	const char *env, *alias; /* alias: a second name, or NULL */
	enum setting_type type;
	unsigned flags;
	size_t offset;
	const char *initial; /* as text; NULL = none */
	int64_t min, max;    /* of INT and MS */
	const char *help;
};
extern const struct setting config_table[];
extern const size_t config_table_size;

#endif

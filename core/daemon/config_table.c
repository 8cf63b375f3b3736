/* Every setting there is. Order is the order of conf/opshub.ini. */
#include "daemon/config.h"

#include <stddef.h>

#define TEXT(section, key, env, alias, flags, field, initial, help)                                                    \
	{                                                                                                              \
		section, key, env, alias, SET_TEXT, flags, offsetof(struct config, field), initial, 0, 0, help         \
	}
#define INT(section, key, env, field, initial, min, max, help)                                                         \
	{                                                                                                              \
		section, key, env, NULL, SET_INT, 0, offsetof(struct config, field), initial, min, max, help           \
	}
#define BOOL(section, key, env, field, initial, help)                                                                  \
	{                                                                                                              \
		section, key, env, NULL, SET_BOOL, 0, offsetof(struct config, field), initial, 0, 1, help              \
	}
#define MS(section, key, env, field, initial, min, max, help)                                                          \
	{                                                                                                              \
		section, key, env, NULL, SET_MS, 0, offsetof(struct config, field), initial, min, max, help            \
	}

#define DAY_MS (24ll * 60 * 60 * 1000)

const struct setting config_table[] = {
	TEXT("database", "url", "DATABASE_URL", NULL, SET_REQUIRED | SET_URL, database_url, NULL,
	     "PostgreSQL 15 or newer: postgresql://user:password@host:5432/database, with any libpq parameter"),
	INT("database", "pool_size", "DB_POOL_SIZE", db_pool_size, "20", 9, 1000,
	    "most connections of the whole daemon, divided among its processes: at least three for each and three "
	    "more"),
	BOOL("database", "require_tls", "DB_REQUIRE_TLS", db_require_tls, "0",
	     "refuse to start when the database is on another host and sslmode allows plain text"),
	TEXT("redis", "url", "REDIS_URL", NULL, SET_REQUIRED | SET_URL, redis_url, NULL,
	     "Redis 7 or newer: redis://[user:password@]host:6379[/db]"),

	TEXT("secrets", "jwt_secret", "JWT_SECRET", NULL, SET_REQUIRED | SET_SECRET, jwt_secret, NULL,
	     "signs sessions; 32 characters or more"),
	TEXT("secrets", "jwt_secret_previous", "JWT_SECRET_PREVIOUS", NULL, SET_SECRET, jwt_secret_previous, "",
	     "still accepted while sessions signed with it run out"),
	TEXT("secrets", "encryption_key", "ENCRYPTION_KEY_BASE64", NULL, SET_REQUIRED | SET_SECRET, encryption_key,
	     NULL, "32 random bytes in base64, as opshubd genkey prints them"),
	TEXT("secrets", "encryption_key_previous", "ENCRYPTION_KEY_PREVIOUS_BASE64", NULL, SET_SECRET,
	     encryption_key_previous, "",
	     "while the key is changed: the one before, which still opens what it sealed, until opshubd keys rotate "
	     "says that it may go"),

	TEXT("github", "client_id", "GITHUB_CLIENT_ID", NULL, SET_REQUIRED, github_client_id, NULL,
	     "OAuth app: client id; none = nobody logs in with GitHub"),
	TEXT("github", "client_secret", "GITHUB_CLIENT_SECRET", NULL, SET_REQUIRED | SET_SECRET, github_client_secret,
	     NULL, "OAuth app: client secret"),
	TEXT("github", "webhook_secret", "GITHUB_WEBHOOK_SECRET", NULL, SET_REQUIRED | SET_SECRET,
	     github_webhook_secret, NULL, "what GitHub signs webhooks with"),
	TEXT("github", "webhook_secret_previous", "GITHUB_WEBHOOK_SECRET_PREVIOUS", NULL, SET_SECRET,
	     github_webhook_secret_previous, "", "still accepted while the secret is changed at GitHub"),
	TEXT("github", "web_base", "GITHUB_WEB_BASE", NULL, 0, github_web_base, "https://github.com",
	     "where people log in; of GitHub Enterprise Server its own address"),
	TEXT("github", "api_base", "GITHUB_API_BASE", NULL, 0, github_api_base, "https://api.github.com",
	     "GitHub's REST API; of GitHub Enterprise Server its address with /api/v3"),
	TEXT("github", "token", "GITHUB_TOKEN", NULL, SET_SECRET, github_token, "",
	     "a token to ask GitHub with: for what its webhooks did not bring, for previews without a webhook, and "
	     "who may approve forks; empty = as the GitHub App, if there is one"),
	TEXT("github", "app_id", "GITHUB_APP_ID", NULL, 0, github_app_id, "",
	     "to ask GitHub for all of that as a GitHub App, when there is no token: its App id"),
	TEXT("github", "app_private_key", "GITHUB_APP_PRIVATE_KEY", NULL, SET_SECRET, github_app_private_key, "",
	     "the App's private key in PEM form"),
	MS("github", "sweep_ms", "GITHUB_SWEEP_MS", github_sweep_ms, "300000", 1000, DAY_MS,
	   "how often each repository is compared with GitHub"),
	INT("github", "rate_reserve", "GITHUB_RATE_RESERVE", github_rate_reserve, "500", 0, 1000000,
	    "requests of GitHub's hourly allowance that are left to others who use the token"),
	BOOL("github", "first_login_owner", "FIRST_LOGIN_OWNER", first_login_owner, "1",
	     "who logs in with GitHub first, while there is no organization and no other user, gets the first "
	     "organization as its OWNER"),

	TEXT("server", "environment", "NODE_ENV", "OPSHUB_ENV", 0, environment, "development",
	     "development, test or production; production means secure cookies and no test login"),
	TEXT("server", "api_base_url", "API_BASE_URL", NULL, 0, api_base_url, "http://localhost:4000",
	     "where GitHub and people reach the API"),
	TEXT("server", "web_base_url", "WEB_BASE_URL", NULL, 0, web_base_url, "http://localhost:3000",
	     "where people reach the dashboard"),
	TEXT("server", "listen", "LISTEN_ADDRESS", NULL, 0, listen_address, "0.0.0.0", "address to listen on"),
	INT("server", "port", "PORT", port, "4000", 1, 65535, "port to listen on"),
	TEXT("server", "tls_cert", "TLS_CERT", NULL, 0, tls_cert, "",
	     "PEM file with the certificate and its chain: the port then speaks TLS 1.2 and 1.3 only; read again at "
	     "SIGHUP"),
	TEXT("server", "tls_key", "TLS_KEY", NULL, 0, tls_key, "", "PEM file with its private key, without a password"),
	TEXT("server", "trusted_proxies", "TRUSTED_PROXIES", NULL, 0, trusted_proxies, "",
	     "addresses and CIDRs of reverse proxies whose X-Forwarded-For is believed, comma-separated"),
	INT("server", "max_connections", "MAX_CONNECTIONS", max_connections, "8192", 16, 100000,
	    "connections of one api process"),
	INT("server", "max_connections_per_address", "MAX_CONNECTIONS_PER_ADDRESS", max_connections_per_address, "256",
	    1, 100000, "of them from one address"),
	MS("server", "request_timeout_ms", "REQUEST_TIMEOUT_MS", request_timeout_ms, "30000", 100, 600000,
	   "a request must have arrived"),
	MS("server", "response_timeout_ms", "RESPONSE_TIMEOUT_MS", response_timeout_ms, "30000", 100, 600000,
	   "an answer must have left"),
	TEXT("server", "log_level", "LOG_LEVEL", NULL, 0, log_level, "info", "debug, info, warn or error"),
	TEXT("server", "security_contact", "SECURITY_CONTACT", NULL, 0, security_contact, "",
	     "whom to tell of a weakness, published as /.well-known/security.txt: an e-mail address or an https:// "
	     "URL"),
	TEXT("server", "operations_contact", "OPERATIONS_CONTACT", "OPS_CONTACT", 0, operations_contact, "",
	     "the second contact there"),
	TEXT("server", "management_contact", "MANAGEMENT_CONTACT", NULL, 0, management_contact, "",
	     "the third contact there"),
	BOOL("server", "test_login", "ALLOW_TEST_LOGIN", test_login, "0",
	     "POST /test/login-as lets anybody in; refused in production, and 0.0.0.0 becomes 127.0.0.1"),

	INT("limits", "general", "RATE_LIMIT_GENERAL", limit_general, "600", 0, 1000000,
	    "requests of one user or token, or of one address while nobody is logged in; 0 = no limit"),
	MS("limits", "general_window_ms", "RATE_LIMIT_GENERAL_WINDOW_MS", limit_general_window_ms, "60000", 1000,
	   DAY_MS, "in this time"),
	INT("limits", "auth", "RATE_LIMIT_AUTH", limit_auth, "20", 0, 1000000,
	    "logins and refused credentials of one address; 0 = no limit"),
	MS("limits", "auth_window_ms", "RATE_LIMIT_AUTH_WINDOW_MS", limit_auth_window_ms, "900000", 1000, DAY_MS,
	   "in this time"),
	INT("limits", "webhook", "RATE_LIMIT_WEBHOOK", limit_webhook, "50", 0, 1000000,
	    "webhooks with a wrong signature of one address; signed ones have no limit; 0 = no limit"),
	MS("limits", "webhook_window_ms", "RATE_LIMIT_WEBHOOK_WINDOW_MS", limit_webhook_window_ms, "900000", 1000,
	   DAY_MS, "in this time"),
	INT("limits", "reveal", "RATE_LIMIT_REVEAL", limit_reveal, "20", 0, 1000000,
	    "variables shown in clear to one user, an export counting as one; 0 = no limit"),
	MS("limits", "reveal_window_ms", "RATE_LIMIT_REVEAL_WINDOW_MS", limit_reveal_window_ms, "3600000", 1000, DAY_MS,
	   "in this time"),
	INT("limits", "login_failure_threshold", "LOGIN_FAILURE_THRESHOLD", login_failure_threshold, "10", 0, 1000000,
	    "failed logins of one address that are worth a warning, in the log and in the audit; 0 = none"),
	MS("limits", "login_failure_window_ms", "LOGIN_FAILURE_WINDOW_MS", login_failure_window_ms, "900000", 1000,
	   DAY_MS, "in this time"),

	INT("processes", "api", "API_PROCESSES", api_processes, "0", 0, 64,
	    "api processes; 0 = one for each processor, at most four"),
	INT("processes", "worker", "WORKER_PROCESSES", worker_processes, "1", 1, 64, "worker processes"),
	MS("processes", "shutdown_grace_ms", "SHUTDOWN_GRACE_MS", shutdown_grace_ms, "25000", 0, 3600000,
	   "time to finish requests and give leases back after SIGTERM"),
	MS("processes", "hang_ms", "HANG_MS", hang_ms, "30000", 1000, 3600000,
	   "a process whose event loop gives no sign of life for so long is replaced"),

	TEXT("plugins", "dir", "PLUGIN_DIR", "OPSHUB_PLUGIN_DIR", 0, plugin_dir, OPSHUB_PLUGIN_FOLDER,
	     "folder of the plugins; owned by root or the service user, writable for nobody else"),
	TEXT("plugins", "enabled", "PLUGINS_ENABLED", NULL, 0, plugins_enabled, "",
	     "names to load, comma-separated; empty = all"),
	TEXT("plugins", "disabled", "PLUGINS_DISABLED", NULL, 0, plugins_disabled, "", "names never loaded"),
	TEXT("plugins", "allow_private", "PLUGINS_ALLOW_PRIVATE", NULL, 0, plugins_allow_private, "mock",
	     "names of plugins that may reach loopback and private addresses"),
	BOOL("plugins", "disable_slack", "DISABLE_SLACK", disable_slack, "0", "send nothing to Slack"),
	BOOL("plugins", "use_mock_provider", "USE_MOCK_PROVIDER", use_mock_provider, "0",
	     "send every project to the mock provider"),
	TEXT("plugins", "mock_url", "MOCK_PROVIDER_URL", NULL, 0, mock_url, "",
	     "where the mock provider is; empty with use_mock_provider = run one beside the daemon"),
	INT("plugins", "mock_port", "MOCK_PROVIDER_PORT", mock_port, "4010", 0, 65535, "port of that one"),

	INT("jobs", "at_once", "JOBS_AT_ONCE", jobs_at_once, "256", 1, 512, "jobs that one worker runs at once"),
	MS("jobs", "lease_ms", "JOB_LEASE_MS", job_lease_ms, "60000", 1000, 3600000,
	   "after this long without a word a worker's jobs go to another"),
	MS("jobs", "sweep_ms", "SWEEP_MS", sweep_ms, "250", 20, 60000,
	   "how often due jobs and expired leases are looked for"),
	MS("jobs", "repair_ms", "REPAIR_MS", repair_ms, "5000", 100, 3600000,
	   "how often the Redis list is compared with the database"),
	MS("jobs", "provider_timeout_ms", "PROVIDER_TIMEOUT_MS", provider_timeout_ms, "30000", 100, 600000,
	   "longest call to a provider; at most half a lease is used"),
	MS("jobs", "provider_settle_ms", "PROVIDER_SETTLE_MS", provider_settle_ms, "90000", 100, 3600000,
	   "after this long a create that the provider does not know was never received, and is sent again"),
	MS("jobs", "build_timeout_ms", "BUILD_TIMEOUT_MS", build_timeout_ms, "1800000", 1000, DAY_MS,
	   "deadline of a build"),
	INT("jobs", "builds_per_account", "BUILDS_PER_ACCOUNT", builds_per_account, "0", 0, 10000,
	    "builds that run at once in one account of a provider: the server's own, or that of an organization whose "
	    "projects have a token of their own; 0 = no limit"),
	MS("jobs", "notify_age_ms", "NOTIFY_AGE_MS", notify_age_ms, "86400000", 1000, 30 * DAY_MS,
	   "a notification that could not be sent for so long is given up"),
	MS("jobs", "health_group_ms", "HEALTH_GROUP_MS", health_group_ms, "5000", 0, 600000,
	   "how long an alert of a health check waits for others of the same cause, to be told with them"),
	MS("jobs", "reap_ms", "REAP_MS", reap_ms, "300000", 1000, DAY_MS,
	   "how often providers are asked what they have of ours"),
	BOOL("jobs", "reap_orphans", "REAP_ORPHANS", reap_orphans, "0",
	     "destroy deployments of this installation that its database does not know; else they are only named in "
	     "the log"),

	TEXT("rotation", "verify_program", "ROTATION_VERIFY_PROGRAM", NULL, 0, rotation_verify_program, "",
	     "absolute path of a program that says whether a new value of a variable is good; empty = none"),
	MS("rotation", "verify_ms", "ROTATION_VERIFY_MS", rotation_verify_ms, "30000", 100, 60000,
	   "longest run of that program"),
	TEXT("rotation", "check", "ROTATION_CHECK", NULL, 0, rotation_check, "on",
	     "on: the page of a preview that tries a new value must answer with 200 to 399; login: 401 and 403 are "
	     "good "
	     "as well, for previews behind a login; off: its page is not asked for"),
	MS("rotation", "trial_ms", "ROTATION_TRIAL_MS", rotation_trial_ms, "3600000", 1000, DAY_MS,
	   "a preview that tries a new value must be ready by then, and the program must have decided"),
	MS("rotation", "evaluate_ms", "ROTATION_EVALUATE_MS", rotation_evaluate_ms, "3600000", 100, DAY_MS,
	   "how often policies are compared with what they mean"),
	INT("rotation", "values", "ROTATION_VALUES", rotation_values, "3", 1, 20,
	    "values that are tried in one period before it is given up"),
	MS("rotation", "retry_ms", "ROTATION_RETRY_MS", rotation_retry_ms, "3600000", 100, DAY_MS,
	   "pause before the second of them; it doubles each time"),

	BOOL("probes", "enabled", "PROBES", probes, "1",
	     "the workers of this installation probe the targets of health checks"),
	TEXT("probes", "allow_cidrs", "PROBE_ALLOW_CIDRS", NULL, 0, probe_allow_cidrs, "",
	     "private networks that health checks may reach, like 10.0.0.0/8,fd00::/8; each change is written into the "
	     "audit; empty = public addresses only"),
	TEXT("probes", "ports", "PROBE_PORTS", NULL, 0, probe_ports, "80,443,8080,8443",
	     "ports that they may reach; 8000-8999 is a range"),
	INT("probes", "at_once", "PROBES_AT_ONCE", probes_at_once, "2000", 1, 20000,
	    "probes that one worker has under way at once"),
	TEXT("probes", "sentinels", "PROBE_SENTINELS", NULL, 0, probe_sentinels, "",
	     "addresses that are known to be well, comma-separated: while none answers, this server is offline and no "
	     "check fails for it; empty = GITHUB_WEB_BASE; none = do not ask"),

	INT("retention", "delivery_days", "DELIVERY_RETENTION_DAYS", delivery_retention_days, "30", 0, 3650,
	    "days after which a webhook's payload and decision are deleted; 0 = never"),
	INT("retention", "build_log_days", "BUILD_LOG_RETENTION_DAYS", build_log_retention_days, "30", 0, 3650,
	    "days after which the build output of a deployment that is gone is deleted; 0 = never"),
	MS("retention", "sweep_ms", "RETENTION_SWEEP_MS", retention_sweep_ms, "600000", 100, DAY_MS,
	   "how often what is too old is looked for"),
	INT("retention", "health_sample_days", "HEALTH_SAMPLE_DAYS", health_sample_days, "14", 1, 3650,
	    "days after which each single result of a health check is deleted"),
	INT("retention", "health_rollup_5m_days", "HEALTH_ROLLUP_5M_DAYS", health_rollup_5m_days, "14", 1, 3650,
	    "days after which what results came to in five minutes is deleted"),
	INT("retention", "health_rollup_1h_days", "HEALTH_ROLLUP_1H_DAYS", health_rollup_1h_days, "120", 8, 3650,
	    "days after which what they came to in an hour is deleted: uptime of 24 hours and of 7 days is read from "
	    "it"),
	INT("retention", "health_rollup_1d_days", "HEALTH_ROLLUP_1D_DAYS", health_rollup_1d_days, "800", 91, 36500,
	    "days after which what they came to in a day is deleted: uptime of 30 and 90 days is read from it"),
};

const size_t config_table_size = sizeof(config_table) / sizeof(config_table[0]);

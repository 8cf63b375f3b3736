/* The configuration: what is refused and with which sentence, what outranks what, and what is never shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/config.h"
#include "daemon/config_file.h"

#define KEY "3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8="

static char path[64], why[512];
static struct config config;

static const char *const good[][2] = {
	{ "DATABASE_URL", "postgresql://ops:db-password@db.internal:5432/opshub" },
	{ "REDIS_URL", "redis://:redis-password@cache.internal:6379/2" },
	{ "JWT_SECRET", "a-jwt-secret-of-more-than-32-characters" },
	{ "ENCRYPTION_KEY_BASE64", KEY },
	{ "GITHUB_CLIENT_ID", "Iv1.8a61f9b3a7aba766" },
	{ "GITHUB_CLIENT_SECRET", "client-secret-value" },
	{ "GITHUB_WEBHOOK_SECRET", "webhook-secret-value" },
};
enum { N_GOOD = sizeof(good) / sizeof(good[0]) };

static int set_up(void **state)
{
	int fd;

	(void)state;
	clearenv();
	for (size_t i = 0; i < N_GOOD; i++)
		setenv(good[i][0], good[i][1], 1);
	snprintf(path, sizeof(path), "/tmp/opshub-config-XXXXXX");
	fd = mkstemp(path);
	memset(why, 0, sizeof(why));
	config = (struct config){ 0 };
	return fd < 0 || close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	config_done(&config);
	return unlink(path);
}

static void write_file(struct str text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text.p, 1, text.n, file), text.n);
	assert_int_equal(fclose(file), 0);
}

static bool load(const char *file)
{
	config_done(&config);
	why[0] = '\0';
	return config_load(file, &config, why, sizeof(why));
}

static void check_loaded(const char *file)
{
	if (!load(file))
		fail_msg("%s", why);
}

/* ---- the environment ---- */

static void good_values_are_taken_and_the_rest_has_defaults(void **state)
{
	(void)state;
	check_loaded(NULL);
	assert_string_equal(config.database_url, good[0][1]);
	assert_string_equal(config.github_webhook_secret, "webhook-secret-value");
	assert_string_equal(config.environment, "development");
	assert_string_equal(config.api_base_url, "http://localhost:4000");
	assert_string_equal(config.web_base_url, "http://localhost:3000");
	assert_string_equal(config.log_level, "info");
	assert_int_equal(config.port, 4000);
	assert_int_equal(config.use_mock_provider, 0);
	assert_int_equal(config.db_pool_size, 20);
	assert_false(config_is_production(&config));
}

static const struct {
	const char *name, *value, *says; /* value NULL = not set */
} bad[] = {
	{ "DATABASE_URL", NULL, "is missing: set it in the environment or in the configuration file" },
	{ "DATABASE_URL", "", "is missing" },
	{ "REDIS_URL", NULL, "is missing" },
	{ "JWT_SECRET", NULL, "is missing" },
	{ "ENCRYPTION_KEY_BASE64", NULL, "is missing" },
	{ "GITHUB_CLIENT_ID", NULL, "is missing" },
	{ "GITHUB_CLIENT_SECRET", NULL, "is missing" },
	{ "GITHUB_WEBHOOK_SECRET", NULL, "is missing" },
	{ "DATABASE_URL", "mysql://u:very-hidden@h/db", "must begin with postgresql:// or postgres://" },
	{ "DATABASE_URL", "host=h password=very-hidden", "must begin with postgresql:// or postgres://" },
	{ "REDIS_URL", "rediss://:very-hidden@h", "rediss:// is not supported" },
	{ "REDIS_URL", "very-hidden", "does not begin with redis://" },
	{ "REDIS_URL", "redis://:very-hidden@h:port", "a port that is no number" },
	{ "JWT_SECRET", "your-jwt-secret-here", "is shorter than 32 bytes" }, /* as the operations guide has it */
	{ "JWT_SECRET", "very-hidden-of-31-characters-xx", "is shorter than 32 bytes" },
	{ "JWT_SECRET", "your-super-secret-jwt-key-change-this-in-production", "stands in documentation" },
	{ "JWT_SECRET_PREVIOUS", "very-hidden", "is shorter than 32 bytes" },
	/* the guide's */
	{ "ENCRYPTION_KEY_BASE64", "dGhpc2lzMzJieXRlc2VjcmV0a2V5dGhpc2lzMzJieXRl", "decoded 33 bytes, need 32" },
	{ "ENCRYPTION_KEY_BASE64", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "stands in documentation" },
	{ "ENCRYPTION_KEY_BASE64", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "is one byte repeated" },
	{ "ENCRYPTION_KEY_BASE64", "very hidden", "is not canonical base64" },
	{ "ENCRYPTION_KEY_BASE64", "dmVyeS1oaWRkZW4=", "decoded 11 bytes, need 32" },
	{ "NODE_ENV", "prod", "must be development, test or production" },
	{ "NODE_ENV", "Production", "must be development, test or production" },
	{ "LOG_LEVEL", "verbose", "must be debug, info, warn or error" },
	{ "API_BASE_URL", "api.opshub.dev", "must be an http:// or https:// URL" },
	{ "API_BASE_URL", "https://", "must be an http:// or https:// URL" },
	{ "WEB_BASE_URL", "ftp://x", "must be an http:// or https:// URL" },
	{ "GITHUB_WEB_BASE", "ghe.internal", "must be an http:// or https:// URL" },
	{ "GITHUB_API_BASE", "https://api.github.com?very=hidden",
	  "must be an http:// or https:// URL without a query" },
	{ "GITHUB_API_BASE", "ftp://x", "must be an http:// or https:// URL" },
	{ "GITHUB_TOKEN", "very hidden", "must be one word" },
	{ "GITHUB_SWEEP_MS", "10", "must be a whole number from 1000 to 86400000" },
	{ "GITHUB_RATE_RESERVE", "-1", "must be a whole number from 0 to 1000000" },
	{ "FIRST_LOGIN_OWNER", "me", "must be 0 or 1" },
	{ "MOCK_PROVIDER_URL", "localhost:4010", "must be an http:// or https:// URL" },
	{ "PORT", "0", "must be a whole number from 1 to 65535" },
	{ "PORT", "65536", "must be a whole number from 1 to 65535" },
	{ "PORT", "4000 ", "must be a whole number from 1 to 65535" },
	{ "PORT", "http", "must be a whole number from 1 to 65535" },
	{ "PORT", "4e3", "must be a whole number from 1 to 65535" },
	{ "PORT", "99999999999999999999", "must be a whole number from 1 to 65535" },
	{ "DB_POOL_SIZE", "8", "must be a whole number from 9 to 1000" },
	{ "DATABASE_URL", "postgresql://u:very-hidden@h/db?no_such_parameter=1", "is no connection URL" },
	{ "DATABASE_URL", "postgresql://u:very%hidden@h/db", "must be percent-encoded" },
	{ "JOB_LEASE_MS", "60s", "must be a whole number from 1000 to 3600000" },
	{ "ALLOW_TEST_LOGIN", "yes", "must be 0 or 1" },
	{ "USE_MOCK_PROVIDER", "2", "must be 0 or 1" },
	{ "DISABLE_SLACK", "TRUE", "must be 0 or 1" },
	{ "PROVIDER_SETTLE_MS", "29999", "must not be shorter than PROVIDER_TIMEOUT_MS" },
};

static void each_bad_value_is_named_and_not_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *before = getenv(bad[i].name);
		char kept[128] = "";

		snprintf(kept, sizeof(kept), "%s", before ? before : "");
		if (bad[i].value)
			setenv(bad[i].name, bad[i].value, 1);
		else
			unsetenv(bad[i].name);
		if (load(NULL))
			fail_msg("%s=%s was taken", bad[i].name, bad[i].value ? bad[i].value : "(not set)");
		if (strncmp(why, bad[i].name, strlen(bad[i].name)) != 0 || why[strlen(bad[i].name)] != ' ' ||
		    !strstr(why, bad[i].says))
			fail_msg("row %zu: \"%s\" does not say \"%s\"", i, why, bad[i].says);
		if (strstr(why, "hidden") || (bad[i].value && strlen(bad[i].value) > 8 && strstr(why, bad[i].value)))
			fail_msg("row %zu shows the value: %s", i, why);
		assert_null(strchr(why, '\n'));
		assert_null(config.database_url); /* nothing was written */
		setenv(bad[i].name, kept, 1);
	}
	check_loaded(NULL);
}

static void settings_that_need_each_other(void **state)
{
	(void)state;
	setenv("NODE_ENV", "production", 1);
	check_loaded(NULL);
	assert_true(config_is_production(&config));
	setenv("ALLOW_TEST_LOGIN", "1", 1);
	assert_false(load(NULL));
	assert_string_equal(why, "ALLOW_TEST_LOGIN must be 0 in production: it lets anybody in");
	setenv("ALLOW_TEST_LOGIN", "0", 1);
	setenv("GITHUB_API_BASE", "http://ghe.internal/api/v3", 1);
	assert_false(load(NULL));
	assert_string_equal(why, "GITHUB_API_BASE must begin with https:// in production");
	setenv("GITHUB_API_BASE", "https://ghe.internal/api/v3", 1);
	check_loaded(NULL);
	setenv("GITHUB_APP_ID", "12", 1);
	assert_false(load(NULL));
	assert_string_equal(why, "GITHUB_APP_PRIVATE_KEY is missing: an App's id and its key are set together");
	setenv("GITHUB_APP_PRIVATE_KEY", "a key", 1);
	unsetenv("GITHUB_APP_ID");
	assert_false(load(NULL));
	assert_string_equal(why, "GITHUB_APP_ID is missing: an App's id and its key are set together");
	unsetenv("GITHUB_APP_PRIVATE_KEY");
	setenv("DB_REQUIRE_TLS", "1", 1);
	assert_false(load(NULL));
	assert_non_null(strstr(why, "DATABASE_URL must have sslmode=verify-full"));
	setenv("DATABASE_URL", "postgresql://u:p@db.internal/x?sslmode=verify-full", 1);
	check_loaded(NULL);
	setenv("DATABASE_URL", "postgres://u@localhost/x", 1);
	check_loaded(NULL);
}

/* Whatever the numbers: no process without a connection, and together never more than DB_POOL_SIZE, also while a
 * worker is replaced. */
static void connections_are_divided(void **state)
{
	char api[16], worker[16], pool[16];
	int refused = 0, taken = 0;

	(void)state;
	for (int a = 1; a <= 64; a += 7) {
		for (int w = 1; w <= 64; w += 9) {
			for (int p = 9; p <= 1000; p += 37) {
				bool fits = p >= 3 * (a + w + 1);
				unsigned own;

				snprintf(api, sizeof(api), "%d", a);
				snprintf(worker, sizeof(worker), "%d", w);
				snprintf(pool, sizeof(pool), "%d", p);
				setenv("API_PROCESSES", api, 1);
				setenv("WORKER_PROCESSES", worker, 1);
				setenv("DB_POOL_SIZE", pool, 1);
				assert_int_equal(load(NULL), fits);
				refused += !fits;
				taken += fits;
				if (!fits)
					continue;
				own = config_own_connections(&config);
				assert_in_range(own, 1, 4);
				assert_in_range((unsigned)(a + w + 1) * (SHARED_CONNECTIONS + own), 9, p);
			}
		}
	}
	assert_true(refused > 100 && taken > 100);
	setenv("API_PROCESSES", "4", 1);
	setenv("WORKER_PROCESSES", "6", 1);
	setenv("DB_POOL_SIZE", "20", 1);
	assert_false(load(NULL));
	assert_string_equal(why, "DB_POOL_SIZE is 20, but 4 api and 6 worker processes need 33: 3 for each, and for a "
				 "worker that is being replaced; raise it to 33, or lower API_PROCESSES or "
				 "WORKER_PROCESSES");
}

/* Container secrets and systemd's credentials are files. The variable itself counts before them, the ini file after. */
static void a_secret_may_stand_in_a_file(void **state)
{
	(void)state;
	write_file(STR("-----BEGIN PRIVATE KEY-----\nMIIE\r\n-----END PRIVATE KEY-----\n"));
	setenv("GITHUB_APP_ID", "12", 1);
	setenv("GITHUB_APP_PRIVATE_KEY_FILE", path, 1);
	check_loaded(NULL);
	assert_string_equal(config.github_app_private_key, "-----BEGIN PRIVATE KEY-----MIIE"
							   "-----END PRIVATE KEY-----");
	setenv("GITHUB_APP_PRIVATE_KEY", "in the variable", 1);
	check_loaded(NULL);
	assert_string_equal(config.github_app_private_key, "in the variable");
	unsetenv("GITHUB_APP_PRIVATE_KEY");
	write_file(STR("\n"));
	assert_false(load(NULL));
	assert_string_equal(why,
			    "GITHUB_APP_PRIVATE_KEY is in a file that cannot be read or is empty: see its variable "
			    "with _FILE");
	setenv("GITHUB_APP_PRIVATE_KEY_FILE", "/nowhere/app.pem", 1);
	assert_false(load(NULL));
	assert_non_null(strstr(why, "cannot be read"));
	setenv("PORT_FILE", path, 1); /* no secret */
	setenv("GITHUB_APP_PRIVATE_KEY_FILE", "", 1);
	unsetenv("GITHUB_APP_ID");
	check_loaded(NULL);
	unsetenv("PORT_FILE");
}

static void words_for_yes_and_no(void **state)
{
	(void)state;
	setenv("USE_MOCK_PROVIDER", "true", 1);
	setenv("DISABLE_SLACK", "false", 1);
	setenv("ALLOW_TEST_LOGIN", "1", 1);
	check_loaded(NULL);
	assert_int_equal(config.use_mock_provider, 1);
	assert_int_equal(config.disable_slack, 0);
	assert_int_equal(config.test_login, 1);
}

/* ---- what outranks what ---- */

static void environment_over_file_over_default(void **state)
{
	(void)state;
	write_file(STR("[server]\nport = 5000\nlog_level = warn\n[processes]\nworker =\n"));
	check_loaded(path);
	assert_int_equal(config.port, 5000);
	assert_string_equal(config.log_level, "warn");
	assert_int_equal(config.worker_processes, 1); /* an empty value is none */
	assert_in_range(config.api_processes, 1, 4);  /* 0, the default: one for each processor */
	setenv("PORT", "6000", 1);
	setenv("LOG_LEVEL", "", 1); /* an empty line in an env file */
	check_loaded(path);
	assert_int_equal(config.port, 6000);
	assert_string_equal(config.log_level, "warn");
	setenv("OPSHUB_CONFIG", path, 1);
	check_loaded(NULL);
	assert_string_equal(config.log_level, "warn");
	setenv("OPSHUB_CONFIG", "/nowhere/opshub.ini", 1);
	assert_false(load(NULL));
	assert_non_null(strstr(why, "/nowhere/opshub.ini cannot be read: No such file"));
	check_loaded(path); /* the argument outranks the variable */
	assert_false(load("/tmp"));
	assert_non_null(strstr(why, "/tmp cannot be read: Is a directory"));
}

static void a_second_name_counts_when_the_first_is_not_set(void **state)
{
	(void)state;
	setenv("OPSHUB_ENV", "test", 1);
	setenv("OPSHUB_PLUGIN_DIR", "/opt/plugins", 1);
	check_loaded(NULL);
	assert_string_equal(config.environment, "test");
	assert_string_equal(config.plugin_dir, "/opt/plugins");
	setenv("NODE_ENV", "production", 1);
	check_loaded(NULL);
	assert_string_equal(config.environment, "production");
	setenv("NODE_ENV", "", 1);
	check_loaded(NULL);
	assert_string_equal(config.environment, "test");
}

/* ---- the file ---- */

static void check_file_refused(struct str text, int line, const char *says)
{
	char place[96];

	write_file(text);
	if (load(path))
		fail_msg("was taken: %.*s", STR_FMT(text));
	snprintf(place, sizeof(place), "%s:%d: ", path, line);
	if (strncmp(why, place, strlen(place)) != 0 || !strstr(why, says))
		fail_msg("\"%s\" does not say \"%s%s\"", why, place, says);
	assert_null(strstr(why, "very-hidden"));
}

static void what_is_no_good_file_is_refused_with_its_line(void **state)
{
	char text[1000];

	(void)state;
	check_file_refused(STR("[server]\nport 4000\n"), 2, "neither a section nor key = value");
	check_file_refused(STR("[server\nport = 4000\n"), 1, "neither a section nor key = value");
	check_file_refused(STR("[server]\n\n; note\nport = 4000\nports = 1\n"), 5, "no such key; `opshubd config ini`");
	check_file_refused(STR("[servers]\nport = 4000\n"), 2, "no such key");
	check_file_refused(STR("port = 4000\n"), 1, "no such key");
	check_file_refused(STR("[database]\nport = 4000\n"), 2, "no such key");
	check_file_refused(STR("[server]\nPORT = 4000\n"), 2, "no such key");
	check_file_refused(STR("[server]\nport = 4000\n[jobs]\n[server]\nport = 4001\n"), 5, "the key is there twice");
	check_file_refused(STR("[server]\nport =\nport = 4001\n"), 3, "the key is there twice");
	check_file_refused(STR("[server]\nport = 4000\n log_level = warn\n"), 3, "must not begin with a space");
	check_file_refused(STR("[server]\n\tport = 4000\n"), 2, "must not begin with a space");
	check_file_refused(STR("[secrets]\njwt_secret = very-hidden ;and more of it\n"), 2,
			   "\" ;\" would begin a comment");
	check_file_refused(STR("[server]\nport = 4000\t; the port\n"), 2, "\" ;\" would begin a comment");
	check_file_refused(STR("[server]\nport = 40\0"
			       "00\n"),
			   2, "a NUL character");
	check_file_refused(STR("[server]\nport = 40\0"), 2, "a NUL character");
	check_file_refused(STR("\0[server]\n"), 1, "a NUL character");
	for (int n = 150; n < 500; n += 50) {
		int length = snprintf(text, sizeof(text), "[secrets]\njwt_secret = %0*d\nport = 4000\n", n, 1);

		if (n >= 200)
			check_file_refused((struct str){ text, (size_t)length }, 2, "the line is too long");
	}
}

static void surprises_that_are_none(void **state)
{
	(void)state;
	write_file(STR("\xef\xbb\xbf; with a byte order mark\r\n\r\n[server]\r\nport = 5000\r\n   \r\n# a note\r\n"
		       "[github]\r\nwebhook_secret_previous=a;b=c:d#e \"f\"\r\n[ jobs ]\r\n"));
	check_loaded(path);
	assert_int_equal(config.port, 5000);
	assert_string_equal(config.github_webhook_secret_previous, "a;b=c:d#e \"f\"");
	write_file(STR("[server]\nlog_level = warn\n[plugins]\nenabled = a, b\n[server]\nport=5001")); /* no newline at
													  the end */
	check_loaded(path);
	assert_int_equal(config.port, 5001);
	assert_string_equal(config.plugins_enabled, "a, b");
	write_file(STR(""));
	check_loaded(path);
	unsetenv("DATABASE_URL");
	write_file(STR("[database]\nurl = postgresql://u:p@h/db?options=-c%20x%3Dy\n"));
	check_loaded(path);
	assert_string_equal(config.database_url, "postgresql://u:p@h/db?options=-c%20x%3Dy");
}

static void a_bad_value_in_the_file_names_its_variable(void **state)
{
	(void)state;
	write_file(STR("[server]\nport = very-hidden\n"));
	assert_false(load(path));
	assert_string_equal(why, "PORT must be a whole number from 1 to 65535");
	unsetenv("JWT_SECRET");
	write_file(STR("[secrets]\njwt_secret = very-hidden\n"));
	assert_false(load(path));
	assert_non_null(strstr(why, "JWT_SECRET is shorter than 32 bytes"));
	assert_null(strstr(why, "very-hidden"));
}

/* The longest line that fits is taken whole, one more is refused: never is a part of a value taken for a key. */
static void lines_at_the_limit(void **state)
{
	char text[400];

	(void)state;
	unsetenv("JWT_SECRET");
	for (size_t n = 170; n < 210; n++) {
		int length = snprintf(text, sizeof(text), "[secrets]\njwt_secret = %0*d\n", (int)n, 7);

		write_file((struct str){ text, (size_t)length });
		if (load(path)) {
			assert_int_equal(strlen(config.jwt_secret), n);
			assert_in_range(n, 170, 185);
		} else {
			assert_non_null(strstr(why, ":2: the line is too long"));
			assert_in_range(n, 185, 210);
		}
	}
}

/* ---- what is shown ---- */

static const char *printed(struct buf *buf)
{
	buf_clear(buf);
	config_print(&config, buf);
	assert_false(buf->overflow);
	return buf_str(buf).p;
}

static void secrets_are_masked(void **state)
{
	static const char *const urls[][2] = {
		{ "postgresql://ops:db-password@db.internal:5432/opshub",
		  "postgresql://ops:********@db.internal:5432/opshub" },
		{ "postgresql://ops@db/opshub?password=very-hidden", "postgresql://ops@db/opshub?password=********" },
		{ "postgresql://db/x?user=u&password=very-hidden&sslmode=require",
		  "postgresql://db/x?user=u&password=********&sslmode=require" },
		{ "postgresql://o:first-hidden@db/x?sslpassword=very-hidden",
		  "postgresql://o:********@db/x?sslpassword=********" },
		{ "postgresql://ops:very@hidden@db/x", "postgresql://ops:********@db/x" },
		{ "postgresql://ops:very/hidden@db/x", "postgresql://ops:********@db/x" },
		{ "postgresql://ops@db:5432/x", "postgresql://ops@db:5432/x" },
	};
	struct buf buf;

	(void)state;
	buf_init(&buf, 64 * 1024);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		char line[256];

		setenv("DATABASE_URL", urls[i][0], 1);
		check_loaded(NULL);
		snprintf(line, sizeof(line), "DATABASE_URL=%s\n", urls[i][1]);
		if (!strstr(printed(&buf), line))
			fail_msg("%s is shown as %.120s", urls[i][0], strstr(buf.p, "DATABASE_URL="));
		assert_null(strstr(buf.p, "hidden"));
	}
	assert_non_null(strstr(buf.p, "REDIS_URL=redis://:********@cache.internal:6379/2\n"));
	assert_non_null(strstr(buf.p, "JWT_SECRET=********\n"));
	assert_non_null(strstr(buf.p, "JWT_SECRET_PREVIOUS=\n"));
	assert_non_null(strstr(buf.p, "ENCRYPTION_KEY_BASE64=********\n"));
	assert_non_null(strstr(buf.p, "GITHUB_CLIENT_ID=Iv1.8a61f9b3a7aba766\n"));
	assert_non_null(strstr(buf.p, "PORT=4000\n"));
	for (size_t i = 2; i < N_GOOD; i++)
		if (i != 4)
			assert_null(strstr(buf.p, good[i][1]));
	/* the queue's driver takes what stands before the last '@', a '/' included */
	setenv("REDIS_URL", "redis://:very/hid?den@cache", 1);
	check_loaded(NULL);
	assert_non_null(strstr(printed(&buf), "REDIS_URL=redis://:********@cache\n"));
	buf_done(&buf);
}

static void the_log_knows_the_secrets(void **state)
{
	struct buf buf;

	(void)state;
	setenv("DATABASE_URL", "postgresql://u:url-secret-1@db/x?password=url-secret-2", 1);
	setenv("REDIS_URL", "redis://:url/secret-3@cache", 1);
	check_loaded(NULL);
	buf_init(&buf, 4096);
	log_redact(STR("a-jwt-secret-of-more-than-32-characters " KEY " client-secret-value webhook-secret-value "
		       "url-secret-1 url-secret-2 url/secret-3 Iv1.8a61f9b3a7aba766"),
		   &buf);
	assert_string_equal(buf.p, "[redacted] [redacted] [redacted] [redacted] [redacted] [redacted] [redacted] "
				   "Iv1.8a61f9b3a7aba766");
	buf_done(&buf);
}

/* The file that is printed loads again, and the documentation has a row for each setting. */
static void the_printed_file_is_a_good_one(void **state)
{
	struct buf buf;
	struct config_file *file = NULL;

	(void)state;
	buf_init(&buf, 64 * 1024);
	config_print_ini(&buf);
	assert_false(buf.overflow);
	write_file(buf_str(&buf));
	check_loaded(path);
	assert_true(config_file_read(path, &file, why, sizeof(why)));
	for (size_t i = 0; i < config_table_size; i++)
		if (config_table[i].initial)
			assert_string_equal(config_file_get(file, config_table[i].section, config_table[i].key),
					    config_table[i].initial);
	assert_null(config_file_get(file, "database", "url"));
	assert_null(config_file_free(file));
	assert_null(config_file_free(NULL));
	buf_clear(&buf);
	config_print_docs(&buf);
	for (size_t i = 0; i < config_table_size; i++) {
		assert_non_null(strstr(buf.p, config_table[i].env));
		assert_non_null(strstr(buf.p, config_table[i].help));
	}
	buf_done(&buf);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(good_values_are_taken_and_the_rest_has_defaults),
		CASE(each_bad_value_is_named_and_not_shown),
		CASE(settings_that_need_each_other),
		CASE(connections_are_divided),
		CASE(a_secret_may_stand_in_a_file),
		CASE(words_for_yes_and_no),
		CASE(environment_over_file_over_default),
		CASE(a_second_name_counts_when_the_first_is_not_set),
		CASE(what_is_no_good_file_is_refused_with_its_line),
		CASE(surprises_that_are_none),
		CASE(a_bad_value_in_the_file_names_its_variable),
		CASE(lines_at_the_limit),
		CASE(secrets_are_masked),
		CASE(the_log_knows_the_secrets),
		CASE(the_printed_file_is_a_good_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

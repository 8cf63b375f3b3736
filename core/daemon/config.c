/* Reading and checking the configuration. */
#include "daemon/config.h"

#include "base/env.h"
#include "base/secret_memory.h"
#include "crypto/secret_key.h"
#include "crypto/session_token.h"
#include "daemon/config_file.h"
#include "db/url.h"
#include "http/client.h"
#include "kv/kv.h"
#include "probe/rules.h"
#include "worker/program.h"
#include "worker/rotate.h"

#include <netdb.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reason {
	char *text;
	size_t size;
};

static bool refuse(struct reason *why, const char *name, const char *what)
{
	snprintf(why->text, why->size, "%s %s", name, what);
	return false;
}

static bool is_secret(const struct setting *s)
{
	return s->flags & (SET_SECRET | SET_URL);
}

static char *secret_text(const char *text)
{
	size_t n = strlen(text);

	return memcpy(secret_alloc(n + 1), text, n);
}

static bool store(const struct setting *s, const char *text, struct config *config, struct reason *why)
{
	char *field = (char *)config + s->offset;
	int64_t number;
	char range[128];

	if (s->type == SET_TEXT) {
		text = is_secret(s) ? secret_text(text) : strdup(text); /* the file's goes away */
		memcpy(field, &text, sizeof(text));
		return true;
	}
	if (s->type == SET_BOOL && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0))
		text = text[0] == 't' ? "1" : "0";
	if (!str_to_int(str_of(text), s->min, s->max, &number)) {
		snprintf(range, sizeof(range), "must be a whole number from %lld to %lld", (long long)s->min,
			 (long long)s->max);
		return refuse(why, s->env, s->type == SET_BOOL ? "must be 0 or 1" : range);
	}
	memcpy(field, &number, sizeof(number));
	return true;
}

static const char *from_environment(const struct setting *s)
{
	const char *text = env_get(s->env);

	return text || !s->alias ? text : env_get(s->alias);
}

static bool read_one(const struct setting *s, const struct config_file *file, struct config *config, struct reason *why)
{
	const char *text = from_environment(s);
	char *from_file = NULL;
	bool failed = false, good;

	if (!text && is_secret(s))
		text = from_file = env_secret_file(s->env, &failed);
	if (failed)
		return refuse(why, s->env, "is in a file that cannot be read or is empty: see its variable with _FILE");
	if (!text)
		text = config_file_get(file, s->section, s->key);
	if (!text || !*text)
		text = s->initial;
	if (!text)
		return refuse(why, s->env, "is missing: set it in the environment or in the configuration file");
	good = store(s, text, config, why);
	env_secret_free(from_file);
	return good;
}

static bool read_all(const struct config_file *file, struct config *config, struct reason *why)
{
	for (size_t i = 0; i < config_table_size; i++)
		if (!read_one(&config_table[i], file, config, why))
			return false;
	return true;
}

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static bool is_http_url(const char *url)
{
	struct str s = str_of(url);

	return (str_starts(s, STR("http://")) && s.n > 7) || (str_starts(s, STR("https://")) && s.n > 8);
}

/* The master keys, the current one first. They are the caller's to wipe. */
static bool read_keys(const struct config *c, struct secret_key keys[2], size_t *ret_n, struct reason *why)
{
	char key_why[SECRET_KEY_WHY_SIZE];

	if (!secret_key_parse(str_of(c->encryption_key), &keys[0], key_why))
		return refuse(why, "ENCRYPTION_KEY_BASE64", key_why);
	*ret_n = 1;
	if (!*c->encryption_key_previous)
		return true;
	if (!secret_key_parse(str_of(c->encryption_key_previous), &keys[1], key_why))
		return refuse(why, "ENCRYPTION_KEY_PREVIOUS_BASE64", key_why);
	*ret_n = 2;
	return memcmp(keys[0].id, keys[1].id, KEY_ID_SIZE) != 0 ||
	       refuse(why, "ENCRYPTION_KEY_PREVIOUS_BASE64",
		      "is the same key as ENCRYPTION_KEY_BASE64: it is the one before it, or nothing");
}

static bool check_secrets(const struct config *c, struct reason *why)
{
	const char *jwt_why = session_secret_check(str_of(c->jwt_secret));
	struct secret_key keys[2];
	size_t n;
	bool good;

	if (jwt_why)
		return refuse(why, "JWT_SECRET", jwt_why);
	if (*c->jwt_secret_previous && (jwt_why = session_secret_check(str_of(c->jwt_secret_previous))))
		return refuse(why, "JWT_SECRET_PREVIOUS", jwt_why);
	good = read_keys(c, keys, &n, why);
	explicit_bzero(keys, sizeof(keys));
	return good;
}

struct key_ring *config_key_ring(const struct config *config)
{
	char text[256];
	struct reason why = { text, sizeof(text) };
	struct secret_key keys[2];
	struct key_ring *ring;
	size_t n;

	if (!read_keys(config, keys, &n, &why))
		abort();
	ring = key_ring_new(keys, n);
	explicit_bzero(keys, sizeof(keys));
	return ring;
}

static bool check_urls(const struct config *c, struct reason *why)
{
	const char *database_why = db_url_check(c->database_url, c->db_require_tls);
	const char *redis_why = kv_url_check(c->redis_url);
	char web_origin[HTTP_ORIGIN_MAX];

	if (database_why)
		return refuse(why, "DATABASE_URL", database_why);
	if (redis_why)
		return refuse(why, "REDIS_URL", redis_why);
	if (!is_http_url(c->api_base_url))
		return refuse(why, "API_BASE_URL", "must be an http:// or https:// URL");
	if (!http_origin_of(str_of(c->web_base_url), web_origin))
		return refuse(why, "WEB_BASE_URL", "must be an http:// or https:// URL of a host, without a user");
	if (!page_check_read(str_of(c->rotation_check), &(enum page_check){ PAGE_ON }))
		return refuse(why, "ROTATION_CHECK", "must be on, login or off");
	if (*c->rotation_verify_program && program_why_not(c->rotation_verify_program))
		return refuse(why, "ROTATION_VERIFY_PROGRAM", program_why_not(c->rotation_verify_program));
	if (*c->mock_url && !is_http_url(c->mock_url))
		return refuse(why, "MOCK_PROVIDER_URL", "must be an http:// or https:// URL");
	return true;
}

/* What http_listen takes: names are not looked up. */
static bool is_address(const char *text)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *info = NULL;
	int r = getaddrinfo(text, NULL, &hints, &info);

	if (r == 0)
		freeaddrinfo(info);
	return r == 0;
}

static bool check_addresses(const struct config *c, struct reason *why)
{
	struct proxies proxies;

	if (!is_address(c->listen_address))
		return refuse(why, "LISTEN_ADDRESS", "must be an IPv4 or IPv6 address, not a name");
	if (!proxies_parse(c->trusted_proxies, &proxies))
		return refuse(why, "TRUSTED_PROXIES",
			      "must be addresses and CIDRs like 10.0.0.0/8, comma-separated, at most 64");
	return true;
}

/* One word that a mail program or a browser can use. */
static bool is_contact(const char *text)
{
	struct str s = str_of(text);

	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return s.n == 0 || str_starts(s, STR("https://")) || memchr(s.p, '@', s.n);
}

static bool check_contacts(const struct config *c, struct reason *why)
{
	static const char wanted[] = "must be an e-mail address or an https:// URL";

	if (!is_contact(c->security_contact))
		return refuse(why, "SECURITY_CONTACT", wanted);
	if (!is_contact(c->operations_contact))
		return refuse(why, "OPERATIONS_CONTACT", wanted);
	return is_contact(c->management_contact) || refuse(why, "MANAGEMENT_CONTACT", wanted);
}

/* The client secret and people's tokens travel there. */
static bool check_github(const struct config *c, struct reason *why)
{
	const char *const bases[][2] = { { "GITHUB_WEB_BASE", c->github_web_base },
					 { "GITHUB_API_BASE", c->github_api_base } };

	for (size_t i = 0; i < 2; i++) {
		if (!is_http_url(bases[i][1]) || strpbrk(bases[i][1], "?# "))
			return refuse(why, bases[i][0],
				      "must be an http:// or https:// URL without a query, like https://github.com");
		if (config_is_production(c) && strncmp(bases[i][1], "https://", 8) != 0)
			return refuse(why, bases[i][0], "must begin with https:// in production");
	}
	if (!*c->github_app_id != !*c->github_app_private_key)
		return refuse(why, *c->github_app_id ? "GITHUB_APP_PRIVATE_KEY" : "GITHUB_APP_ID",
			      "is missing: an App's id and its key are set together");
	if (*c->github_token && strpbrk(c->github_token, " \t\r\n"))
		return refuse(why, "GITHUB_TOKEN", "must be one word");
	return true;
}

static bool read_probe_rules(const struct config *c, struct probe_rules *ret, struct reason *why)
{
	struct arena *arena = arena_new();
	struct probe_rules rules;
	const char *what = NULL;
	bool good = probe_rules_read(arena, str_of(c->probe_allow_cidrs), STR("80"), &rules, &what) ||
		    refuse(why, "PROBE_ALLOW_CIDRS", what);

	good = good && (probe_rules_read(arena, str_of(c->probe_allow_cidrs), str_of(c->probe_ports), &rules, &what) ||
			refuse(why, "PROBE_PORTS", what));
	arena_free(arena);
	if (good)
		*ret = rules;
	return good;
}

static bool check_sentinels(const struct config *c, struct reason *why)
{
	struct arena *arena = arena_new();
	struct str rest = str_trim(str_of(c->probe_sentinels)), written;
	struct probe_rules *rules = arena_alloc(arena, sizeof(*rules)); /* large for a stack */
	const char *wrong = NULL;
	char what[256];
	int64_t n = 0;

	memset(rules, 0, sizeof(*rules));
	if (str_eq(rest, STR("none")))
		rest.n = 0;
	while (rest.n && !wrong) {
		struct str url = str_trim(str_split(&rest, ','));

		if (!url.n)
			continue;
		n++;
		wrong = n > PROBE_SENTINELS_MAX ? "is one too many"
						: probe_url_check(arena, rules, url, true, &written);
	}
	if (wrong)
		snprintf(what, sizeof(what), "must be at most %d addresses, or none: the %lld. %s", PROBE_SENTINELS_MAX,
			 (long long)n, wrong);
	arena_free(arena);
	return !wrong || refuse(why, "PROBE_SENTINELS", what);
}

void config_probe_rules(const struct config *config, struct probe_rules *ret)
{
	char text[256];
	struct reason why = { text, sizeof(text) };

	if (!read_probe_rules(config, ret, &why))
		abort();
}

/* One share more than there are processes: a worker that is replaced lives beside its successor for a moment. */
static int64_t connection_shares(const struct config *c)
{
	return c->api_processes + c->worker_processes + 1;
}

unsigned config_own_connections(const struct config *config)
{
	int64_t own = config->db_pool_size / connection_shares(config) - SHARED_CONNECTIONS;

	return (unsigned)(own < 4 ? own : 4);
}

static bool check_connections(const struct config *c, struct reason *why)
{
	int64_t least = connection_shares(c) * (SHARED_CONNECTIONS + 1);
	char what[256];

	if (c->db_pool_size >= least)
		return true;
	snprintf(what, sizeof(what),
		 "is %lld, but %lld api and %lld worker processes need %lld: %d for each, and for a worker that is "
		 "being replaced; raise it to %lld, or lower API_PROCESSES or WORKER_PROCESSES",
		 (long long)c->db_pool_size, (long long)c->api_processes, (long long)c->worker_processes,
		 (long long)least, SHARED_CONNECTIONS + 1, (long long)least);
	return refuse(why, "DB_POOL_SIZE", what);
}

static bool check(const struct config *c, struct reason *why)
{
	static const char *const environments[] = { "development", "test", "production" };
	enum log_level level;

	if (!is_one_of(c->environment, environments, 3))
		return refuse(why, "NODE_ENV", "must be development, test or production");
	if (!log_level_parse(str_of(c->log_level), &level))
		return refuse(why, "LOG_LEVEL", "must be debug, info, warn or error");
	if (!check_secrets(c, why) || !check_urls(c, why) || !check_github(c, why) || !check_addresses(c, why) ||
	    !check_contacts(c, why))
		return false;
	if (!*c->tls_cert != !*c->tls_key)
		return refuse(why, *c->tls_cert ? "TLS_KEY" : "TLS_CERT",
			      "is missing: certificate and key are set together");
	if (c->test_login && config_is_production(c))
		return refuse(why, "ALLOW_TEST_LOGIN", "must be 0 in production: it lets anybody in");
	if (!check_connections(c, why) || !read_probe_rules(c, &(struct probe_rules){ 0 }, why) ||
	    !check_sentinels(c, why))
		return false;
	if (c->provider_timeout_ms > c->provider_settle_ms)
		return refuse(why, "PROVIDER_SETTLE_MS", "must not be shorter than PROVIDER_TIMEOUT_MS");
	return true;
}

/* The '@' behind user:password, or NULL. A password with a '/', '?' or '@' that nobody encoded is found as well. */
static const char *login_end(const char *url, const char *start)
{
	const char *at = memrchr(start, '@', strcspn(start, "/"));

	if (!at)
		at = memrchr(start, '@', strcspn(start, "?"));
	if (!at && strncmp(url, "redis:", 6) == 0)
		at = strrchr(start, '@');
	return at;
}

/* The first password at or behind `from`, empty when there is none:
 * scheme://user:password@host/x?password=...&sslpassword=... */
static struct str url_password(const char *url, const char *from)
{
	const char *start = strstr(url, "://"), *at, *colon, *key;

	if (!start)
		return (struct str){ 0 };
	start += 3;
	at = login_end(url, start);
	colon = at ? memchr(start, ':', (size_t)(at - start)) : NULL;
	if (colon && colon >= from && at > colon + 1)
		return (struct str){ colon + 1, (size_t)(at - colon - 1) };
	if (!at || at < start || at < from)
		at = from > start ? from : start;
	for (key = strstr(at, "password="); key; key = strstr(key + 1, "password="))
		if (key[9] && key[9] != '&')
			return (struct str){ key + 9, strcspn(key + 9, "&") };
	return (struct str){ 0 };
}

static void register_secrets(const struct config *config)
{
	for (size_t i = 0; i < config_table_size; i++) {
		const char *text;

		if (config_table[i].type != SET_TEXT)
			continue;
		memcpy(&text, (const char *)config + config_table[i].offset, sizeof(text));
		if (config_table[i].flags & SET_SECRET)
			log_secret(str_of(text));
		else if (config_table[i].flags & SET_URL)
			for (struct str s = url_password(text, text); s.n; s = url_password(text, s.p + s.n))
				log_secret(s);
	}
}

bool config_check_tls(const struct config *config, char *ret_why, size_t why_size)
{
	ret_why[0] = '\0';
	return !*config->tls_cert || http_tls_check(config->tls_cert, config->tls_key, ret_why, why_size);
}

bool config_is_production(const struct config *config)
{
	return strcmp(config->environment, "production") == 0;
}

/* As many api processes as this process may use processors. */
static int64_t processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n < 4 ? n : 4;
}

bool config_load(const char *file, struct config *ret, char *ret_why, size_t why_size)
{
	struct reason why = { ret_why, why_size };
	struct config config = { 0 };
	struct config_file *values = NULL;
	bool good;

	if (!file)
		file = getenv("OPSHUB_CONFIG");
	if ((!file || !*file) && access("/etc/opshub/opshub.ini", F_OK) == 0)
		file = "/etc/opshub/opshub.ini";
	if (file && *file && !config_file_read(file, &values, ret_why, why_size))
		return false;
	good = read_all(values, &config, &why);
	if (good && config.api_processes == 0)
		config.api_processes = processors();
	good = good && check(&config, &why);
	config_file_free(values);
	if (!good) {
		config_done(&config);
		return false;
	}
	register_secrets(&config);
	*ret = config;
	return true;
}

void config_done(struct config *config)
{
	char *text;

	for (size_t i = 0; i < config_table_size; i++) {
		if (config_table[i].type != SET_TEXT)
			continue;
		memcpy(&text, (const char *)config + config_table[i].offset, sizeof(text));
		if (is_secret(&config_table[i]))
			secret_free(text);
		else
			free(text);
	}
	*config = (struct config){ 0 };
}

/* ---- printing ---- */

/* A URL up to its last password, with each masked; returns the rest. */
static const char *print_passwords(const char *url, struct buf *ret)
{
	const char *from = url;

	for (struct str s = url_password(url, from); s.n; s = url_password(url, from)) {
		buf_add(ret, from, (size_t)(s.p - from));
		buf_add_str(ret, STR("********"));
		from = s.p + s.n;
	}
	return from;
}

static void print_value(const struct setting *s, const struct config *config, struct buf *ret)
{
	const char *text;
	int64_t number;

	if (s->type != SET_TEXT) {
		memcpy(&number, (const char *)config + s->offset, sizeof(number));
		buf_add_int(ret, number);
		return;
	}
	memcpy(&text, (const char *)config + s->offset, sizeof(text));
	if ((s->flags & SET_SECRET) && *text)
		text = "********";
	if (s->flags & SET_URL)
		text = print_passwords(text, ret);
	buf_add_str(ret, str_of(text));
}

void config_print(const struct config *config, struct buf *ret)
{
	for (size_t i = 0; i < config_table_size; i++) {
		buf_add_str(ret, str_of(config_table[i].env));
		buf_add_char(ret, '=');
		print_value(&config_table[i], config, ret);
		buf_add_char(ret, '\n');
	}
}

void config_print_ini(struct buf *ret)
{
	const char *section = "";

	buf_add_str(ret, STR("; OpsHub's configuration. Every key, its default, and the environment variable that "
			     "overrides it.\n"
			     "; Keep this file readable for root and the service user only: it may hold secrets.\n"));
	for (size_t i = 0; i < config_table_size; i++) {
		const struct setting *s = &config_table[i];

		if (strcmp(section, s->section) != 0)
			buf_printf(ret, "\n[%s]\n", s->section);
		section = s->section;
		buf_printf(ret, "; %s (%s)%s\n", s->help, s->env, s->flags & SET_REQUIRED ? "; required" : "");
		buf_printf(ret, "%s%s =%s%s\n", s->flags & SET_REQUIRED ? ";" : "", s->key,
			   s->initial && *s->initial ? " " : "", s->initial ? s->initial : "");
	}
}

void config_print_docs(struct buf *ret)
{
	buf_add_str(ret, STR("| variable | ini key | default | what it is |\n| --- | --- | --- | --- |\n"));
	for (size_t i = 0; i < config_table_size; i++) {
		const struct setting *s = &config_table[i];

		buf_printf(ret, "| `%s`%s%s%s | %s.%s | %s%s%s | %s |\n", s->env, s->alias ? " (`" : "",
			   s->alias ? s->alias : "", s->alias ? "`)" : "", s->section, s->key,
			   s->initial && *s->initial ? "`" : "", s->flags & SET_REQUIRED ? "required" : s->initial,
			   s->initial && *s->initial ? "`" : "", s->help);
	}
}

/* Probes for tests written for node: lines of JSON in, lines of JSON out, in the order in which probes end.
 *
 * The first line is of options: {"cidrs", "ports", "caFile", "atOnce", "lookups", "knownMs", "idle"}. Each other one is
 * a probe; "times" starts it so often; {"close": true} closes the driver while probes are under way. Names under .test
 * come from here: slow-X.test     nobody answers for 3 s, then 127.0.0.1         flip-X.test   127.0.0.2 and 127.0.0.1
 * in turn both-X.test     ::1 and 127.0.0.1                              home-X.test   127.0.0.1 dead-X.test     nobody
 * answers for 3 s, then a failure fading-X.test   127.0.0.1 once, then a failure                 gone-X.test 127.0.0.1
 * once, then does not exist mixed-X.test    169.254.169.254 and 127.0.0.1                  none-X.test   does not exist
 */
#include "base/json_read.h"
#include "base/json_write.h"
#include "base/log.h"
#include "probe/probe.h"

#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES (1024 * 1024)
#define HEADERS        80

/* ---- the resolver ---- */

int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret);

static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;
static unsigned n_lookups, n_now, most_now;

static void count(int step)
{
	pthread_mutex_lock(&counting);
	n_lookups += step > 0;
	n_now += (unsigned)step;
	if (n_now > most_now)
		most_now = n_now;
	pthread_mutex_unlock(&counting);
}

static unsigned lookups_so_far(void)
{
	unsigned n;

	pthread_mutex_lock(&counting);
	n = n_lookups;
	pthread_mutex_unlock(&counting);
	return n;
}

static int numeric(const char *text, const struct addrinfo *hints, struct addrinfo **ret)
{
	struct addrinfo plain = *hints;

	plain.ai_flags |= AI_NUMERICHOST;
	return __real_getaddrinfo(text, NULL, &plain, ret);
}

static int pair(const char *first, const char *second, const struct addrinfo *hints, struct addrinfo **ret)
{
	struct addrinfo *a = NULL, *b = NULL;
	int r = numeric(first, hints, &a);

	if (r == 0)
		r = numeric(second, hints, &b);
	if (r != 0)
		return r;
	a->ai_next = b;
	*ret = a;
	return 0;
}

/* The first look-up of names that begin so? There is one name of each kind in a test. */
static bool is_new(const char *name, const char *start, bool *seen)
{
	bool is_first = !*seen;

	if (strncmp(name, start, strlen(start)) != 0)
		return true;
	*seen = true;
	return is_first;
}

static int answer(const char *name, const struct addrinfo *hints, struct addrinfo **ret)
{
	static bool fading, gone;

	if (strncmp(name, "slow-", 5) == 0 || strncmp(name, "dead-", 5) == 0)
		sleep(3);
	if (strncmp(name, "dead-", 5) == 0 || !is_new(name, "fading-", &fading))
		return EAI_AGAIN;
	if (!is_new(name, "gone-", &gone))
		return EAI_NONAME;
	if (strncmp(name, "none-", 5) == 0)
		return EAI_NONAME;
	if (strncmp(name, "both-", 5) == 0)
		return pair("::1", "127.0.0.1", hints, ret);
	if (strncmp(name, "mixed-", 6) == 0)
		return pair("169.254.169.254", "127.0.0.1", hints, ret);
	if (strncmp(name, "flip-", 5) == 0)
		return numeric(lookups_so_far() % 2 ? "127.0.0.2" : "127.0.0.1", hints, ret);
	return numeric("127.0.0.1", hints, ret);
}

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	size_t n = node ? strlen(node) : 0;
	int r;

	if (hints && hints->ai_flags & AI_NUMERICHOST)
		return __real_getaddrinfo(node, service, hints, ret);
	count(1);
	if (n > 5 && strcmp(node + n - 5, ".test") == 0)
		r = answer(node, hints, ret);
	else
		r = __real_getaddrinfo(node, service, hints, ret);
	count(-1);
	return r;
}

/* ---- results ---- */

struct trial {
	struct loop *loop;
	struct probes *probes;
	struct probe_rules rules;
	struct arena *arena; /* of the options */
	uv_pipe_t in;
	char *line;
	size_t n;
	unsigned under_way;
	bool is_over;
};

struct one {
	struct trial *trial;
	int64_t id;
	struct probe_request request;
	struct arena *arena;
	int64_t left;
};

static void print(struct buf *text)
{
	buf_add_char(text, '\n');
	fwrite(text->p, 1, text->n, stdout);
	fflush(stdout);
	buf_done(text);
}

static void on_end(void *arg, const struct probe_result *r)
{
	struct one *one = arg;
	struct trial *trial = one->trial;
	struct buf text;
	struct json_out out = JSON_OUT(&text);

	buf_init(&text, 4 * LINE_MAX_BYTES);
	json_open(&out, '{');
	json_put_int(&out, "id", one->id);
	json_put_text(&out, "end", str_of(probe_end_word(r->end)));
	json_put_int(&out, "status", r->status);
	json_put_int(&out, "http", r->http_version);
	json_put_int(&out, "dns", r->dns_us);
	json_put_int(&out, "connect", r->connect_us);
	json_put_int(&out, "tls", r->tls_us);
	json_put_int(&out, "firstByte", r->first_byte_us);
	json_put_int(&out, "total", r->total_us);
	json_put_int(&out, "redirects", r->redirects);
	json_put_bool(&out, "kept", r->kept_connection);
	json_put_bool(&out, "remembered", r->remembered);
	json_put_bool(&out, "login", r->login_redirect);
	json_put_text(&out, "ip", str_of(r->remote_ip));
	json_put_int(&out, "port", r->remote_port);
	json_put_int(&out, "bytes", (int64_t)r->body.n);
	json_put_text(&out, "body", (struct str){ r->body.p, r->body.n < 200 ? r->body.n : 200 });
	json_put_bool(&out, "cut", r->body_is_cut);
	if (r->certificate.seen) {
		json_put_text(&out, "sha256", str_of(r->certificate.sha256));
		json_put_int(&out, "expires", r->certificate.expires_ms);
		json_put_text(&out, "subject", str_of(r->certificate.subject));
		json_put_text(&out, "issuer", str_of(r->certificate.issuer));
	}
	json_put_int(&out, "lookups", lookups_so_far());
	json_put_int(&out, "mostLookups", most_now);
	json_close(&out, '}');
	print(&text);
	trial->under_way--;
	if (--one->left == 0) {
		arena_free(one->arena);
		free(one);
	}
	if (trial->is_over && trial->under_way == 0)
		loop_stop(trial->loop);
}

/* ---- requests ---- */

static size_t read_headers(struct arena *arena, const struct json *object, const struct net_header **ret)
{
	struct net_header *headers = arena_alloc(arena, HEADERS * sizeof(*headers));
	size_t n = 0;

	for (const struct json *at = object ? object->child : NULL; at && n < HEADERS; at = at->next)
		headers[n++] = (struct net_header){ .name = at->key, .value = json_text(at, STR("")) };
	*ret = headers;
	return n;
}

static void start(struct trial *trial, struct arena *arena, const struct json *j)
{
	struct str http = json_text(json_get(j, "http"), STR("auto"));
	struct one *one = calloc(1, sizeof(*one));
	struct probe_request *r = &one->request;
	int64_t times = json_int(json_get(j, "times"), 1);

	one->trial = trial;
	one->arena = arena;
	one->id = json_int(json_get(j, "id"), 0);
	one->left = times;
	r->url = json_text(json_get(j, "url"), STR(""));
	r->method = arena_text(arena, json_text(json_get(j, "method"), STR("GET")));
	r->n_headers = read_headers(arena, json_get(j, "headers"), &r->headers);
	r->n_host_headers = read_headers(arena, json_get(j, "hostHeaders"), &r->host_headers);
	r->n_secret_headers = read_headers(arena, json_get(j, "secretHeaders"), &r->secret_headers);
	r->timeout_ms = json_int(json_get(j, "timeout"), 10000);
	r->redirects = (unsigned)json_int(json_get(j, "redirects"), 0);
	r->http = str_eq(http, STR("2")) ? PROBE_HTTP_2 : str_eq(http, STR("1.1")) ? PROBE_HTTP_1 : PROBE_HTTP_AUTO;
	r->skip_tls_verify = json_bool(json_get(j, "skipTlsVerify"), false);
	r->fresh = json_bool(json_get(j, "fresh"), false);
	r->first = json_bool(json_get(j, "first"), false);
	r->allow_private = json_bool(json_get(j, "allowPrivate"), false);
	r->wants_body = json_bool(json_get(j, "wantsBody"), false);
	trial->under_way += (unsigned)times;
	while (times-- > 0)
		probe_start(trial->probes, r, on_end, one);
}

static void open_probes(struct trial *trial, const struct json *j)
{
	struct str ca = json_text(json_get(j, "caFile"), STR(""));
	struct probes_options options = { .rules = &trial->rules };
	const char *why = "";

	if (!probe_rules_read(trial->arena, json_text(json_get(j, "cidrs"), STR("")),
			      json_text(json_get(j, "ports"), STR("1-65535")), &trial->rules, &why)) {
		fprintf(stderr, "%s\n", why);
		exit(2);
	}
	options.ca_file = ca.n ? arena_text(trial->arena, ca) : NULL;
	options.at_once = (unsigned)json_int(json_get(j, "atOnce"), 0);
	options.idle = (unsigned)json_int(json_get(j, "idle"), 0);
	options.known_ms = json_int(json_get(j, "knownMs"), 0);
	options.lookups = (unsigned)json_int(json_get(j, "lookups"), 0);
	trial->probes = probes_open(trial->loop, &options);
}

static void take_line(struct trial *trial, struct str line)
{
	struct arena *arena = arena_new();
	const char *why = "";
	const struct json *j = json_parse(arena, line, NULL, &why);

	if (!j) {
		fprintf(stderr, "%s\n", why);
		exit(2);
	}
	if (trial->probes && !json_bool(json_get(j, "close"), false)) {
		start(trial, arena, j);
		return;
	}
	if (trial->probes)
		trial->probes = probes_close(trial->probes);
	else
		open_probes(trial, j);
	arena_free(arena);
}

static void take_lines(struct trial *trial)
{
	struct str rest = { trial->line, trial->n };

	while (memchr(rest.p, '\n', rest.n))
		take_line(trial, str_split(&rest, '\n'));
	memmove(trial->line, rest.p, rest.n);
	trial->n = rest.n;
}

static void on_room(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
	struct trial *trial = handle->data;

	(void)size;
	*ret = uv_buf_init(trial->line + trial->n, (unsigned)(LINE_MAX_BYTES - trial->n));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct trial *trial = stream->data;

	(void)buf;
	if (n > 0) {
		trial->n += (size_t)n;
		take_lines(trial);
		return;
	}
	trial->is_over = true;
	uv_close((uv_handle_t *)&trial->in, NULL);
	if (trial->under_way == 0)
		loop_stop(trial->loop);
}

int main(void)
{
	struct trial trial = { .line = malloc(LINE_MAX_BYTES), .arena = arena_new() };

	log_open(STDERR_FILENO, LOG_INFO);
	setlocale(LC_ALL, ""); /* as no program of ours does: curl may then know names that are not ASCII */
	trial.loop = loop_new(0);
	loop_watchdog(trial.loop, 0);
	uv_pipe_init(loop_uv(trial.loop), &trial.in, 0);
	trial.in.data = &trial;
	uv_pipe_open(&trial.in, STDIN_FILENO);
	uv_read_start((uv_stream_t *)&trial.in, on_room, on_read);
	loop_run(trial.loop);
	trial.probes = probes_close(trial.probes);
	trial.loop = loop_free(trial.loop);
	arena_free(trial.arena);
	free(trial.line);
	return 0;
}

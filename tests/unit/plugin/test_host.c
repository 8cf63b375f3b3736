/* The host's services, called by a provider that lives in this file, over a scripted network.
 *
 * (host->fail) stands in parentheses because cmocka has a macro of that name. */
#include "plugin/plugin.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct guest {
	const struct opshub_host *host;
	const char *token;
};

/* What the next create does, and what the network answers. */
static opshub_status (*body)(opshub_call *call, const struct opshub_host *host, struct opshub_deployment *ret);
static struct {
	int result, status;
	const char *text;
	int64_t retry_after_ms;
} script[8];
static unsigned n_script, at_script;
static char seen_agent[64];

static opshub_status guest_open(opshub_call *call, const struct opshub_host *host, void *instance)
{
	(void)call;
	((struct guest *)instance)->host = host;
	return OPSHUB_OK;
}

static opshub_status guest_create(opshub_call *call, void *instance, const struct opshub_deploy_request *request,
				  struct opshub_deployment *ret)
{
	(void)request;
	return body(call, ((struct guest *)instance)->host, ret);
}

static const struct plugin guest = {
	.about = { .kind = OPSHUB_KIND_PROVIDER,
		   .name = "guest",
		   .version = "1",
		   .open = guest_open,
		   .instance_size = sizeof(struct guest),
		   .n_settings = 1 },
	.settings = { { .key = "token", .type = OPSHUB_SETTING_SECRET, .offset = offsetof(struct guest, token) } },
	.provider = { .create = guest_create },
};

static int fetch(struct call *call, void *arg, const struct net_request *request, struct net_response *ret)
{
	(void)arg;
	assert_true(at_script < n_script);
	for (size_t i = 0; i < request->n_headers; i++)
		if (str_eq_nocase(request->headers[i].name, STR("user-agent")))
			snprintf(seen_agent, sizeof(seen_agent), "%.*s", STR_FMT(request->headers[i].value));
	if (script[at_script].result < 0)
		return call_fail(call, script[at_script++].result, "scripted failure");
	*ret = (struct net_response){ .status = script[at_script].status,
				      .body = str_of(script[at_script].text),
				      .retry_after_ms = script[at_script].retry_after_ms };
	at_script++;
	return OK;
}

static void plan(int result, int status, const char *text, int64_t retry_after_ms)
{
	script[n_script].result = result;
	script[n_script].status = status;
	script[n_script].text = text;
	script[n_script++].retry_after_ms = retry_after_ms;
}

/* ---- running one create on a fiber ---- */

struct outcome {
	int code;
	char why[1024];
	int64_t retry_after_ms, faults;
	struct deployment deployment;
	char message[1024];
	struct plugins *plugins;
};

static void on_fiber(struct call *call, void *arg)
{
	static const struct setting_value values[] = { { STR("token"), STR("top-secret-token") } };
	const struct instance_spec spec = { &guest, STR("p"), 1, values, 1, false };
	const struct opshub_deploy_request request = { .struct_size = sizeof(request), .branch = "b" };
	struct outcome *outcome = arg;
	struct instance *instance = NULL;

	assert_int_equal(plugins_instance(call, outcome->plugins, &spec, &instance), OK);
	outcome->code = provider_create(call, instance, &request, &outcome->deployment);
	snprintf(outcome->why, sizeof(outcome->why), "%s", call->why);
	if (outcome->code == OK)
		snprintf(outcome->message, sizeof(outcome->message), "%.*s", STR_FMT(outcome->deployment.message));
	outcome->retry_after_ms = call->retry_after_ms;
	instance_release(instance);
}

static void on_done(struct call *call, void *arg)
{
	(void)arg;
	loop_stop(call->loop);
}

static const struct outcome *create_with(opshub_status (*fn)(opshub_call *, const struct opshub_host *,
							     struct opshub_deployment *),
					 int64_t timeout_ms)
{
	const struct fiber_options options = { .name = "guest", .timeout_ms = timeout_ms, .on_done = on_done };
	struct loop *loop = loop_new(0);
	static struct outcome outcome;

	outcome = (struct outcome){ .code = 1 };
	body = fn;
	at_script = 0;
	outcome.plugins = plugins_open_with(loop, fetch, NULL);
	assert_int_equal(fiber_start(loop, &options, on_fiber, &outcome, NULL), OK);
	loop_run(loop);
	outcome.faults = plugins_faults(outcome.plugins);
	plugins_close(outcome.plugins);
	loop_free(loop);
	return &outcome;
}

/* ---- HTTP ---- */

static uint32_t request_flags;
static const char *request_method;

static opshub_status one_exchange(opshub_call *call, const struct opshub_host *host, struct opshub_deployment *ret)
{
	const struct opshub_http_request request = { .struct_size = sizeof(request),
						     .method = request_method,
						     .url = "https://api.example.com/x",
						     .flags = request_flags };
	struct opshub_http_response response = { .struct_size = sizeof(response) };
	opshub_status r = host->http(call, &request, &response);

	if (r < 0)
		return r;
	ret->id = "id";
	ret->message = host->format(call, "%u %s", response.status, response.body);
	return opshub_http_code(response.status) < 0 ? (host->fail)(call, opshub_http_code(response.status), "refused")
						     : r;
}

/* How many times a request is sent when the network answers the same each time. */
static unsigned sent(const char *method, uint32_t flags, int result, int status, int64_t retry_after_ms, int *ret_code)
{
	n_script = 0;
	for (int i = 0; i < 4; i++)
		plan(result, status, "", retry_after_ms);
	request_method = method;
	request_flags = flags;
	*ret_code = create_with(one_exchange, 20000)->code;
	return at_script;
}

static void only_what_is_safe_is_sent_again(void **state)
{
	static const struct {
		const char *method;
		uint32_t flags;
		int result, status;
		int64_t retry_after_ms;
		unsigned sent;
		int code;
	} rows[] = {
		{ "GET", 0, OK, 503, 0, 3, E_UPSTREAM },
		{ "POST", 0, OK, 503, 0, 1, E_UPSTREAM },
		{ "POST", OPSHUB_HTTP_IDEMPOTENT, OK, 502, 0, 3, E_UPSTREAM },
		{ "POST", 0, OK, 429, 0, 1, E_LIMITED },
		{ "POST", 0, OK, 429, 100, 3, E_LIMITED },
		{ "POST", 0, OK, 429, 60000, 1, E_LIMITED },
		{ "POST", 0, E_NETWORK, 0, 0, 3, E_NETWORK },
		{ "POST", 0, E_UPSTREAM, 0, 0, 1, E_UPSTREAM },
		{ "POST", 0, E_TIMEOUT, 0, 0, 1, E_TIMEOUT },
		{ "GET", 0, E_UPSTREAM, 0, 0, 3, E_UPSTREAM },
		{ "GET", 0, OK, 500, 0, 1, E_UPSTREAM },
		{ "GET", 0, OK, 404, 0, 1, E_NOT_FOUND },
		{ "GET", 0, E_INVALID, 0, 0, 1, E_INVALID },
	};
	int code;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned n = sent(rows[i].method, rows[i].flags, rows[i].result, rows[i].status, rows[i].retry_after_ms,
				  &code);
		if (n != rows[i].sent || code != rows[i].code)
			fail_msg("row %zu: sent %u times, code %s", i, n, status_name(code));
	}
	assert_string_equal(seen_agent, "OpsHub/" OPSHUB_VERSION);
}

static void retry_after_reaches_the_caller(void **state)
{
	const struct outcome *outcome;

	(void)state;
	n_script = 0;
	plan(OK, 429, "", 60000);
	request_method = "POST";
	request_flags = 0;
	outcome = create_with(one_exchange, 20000);
	assert_int_equal(outcome->code, E_LIMITED);
	assert_int_equal(outcome->retry_after_ms, 60000);
}

static opshub_status code_of_the_day;

static opshub_status comes_back_tomorrow(opshub_call *call, const struct opshub_host *host,
					 struct opshub_deployment *ret)
{
	(void)ret;
	host->retry_after(call, 20ll * 60 * 60 * 1000);
	return (host->fail)(call, code_of_the_day, "not today");
}

/* An allowance may be gone until tomorrow, a mere rate limit may not. */
static void only_an_allowance_lasts_a_day(void **state)
{
	(void)state;
	code_of_the_day = OPSHUB_E_QUOTA;
	assert_int_equal(create_with(comes_back_tomorrow, 20000)->retry_after_ms, 20 * 60 * 60 * 1000);
	code_of_the_day = OPSHUB_E_LIMITED;
	assert_int_equal(create_with(comes_back_tomorrow, 20000)->retry_after_ms, 15 * 60 * 1000);
}

static void a_lost_answer_is_made_good(void **state)
{
	const struct outcome *outcome;

	(void)state;
	n_script = 0;
	plan(E_UPSTREAM, 0, "", 0);
	plan(OK, 503, "busy", 0);
	plan(OK, 200, "fine", 0);
	request_method = "GET";
	request_flags = 0;
	outcome = create_with(one_exchange, 20000);
	assert_int_equal(outcome->code, OK);
	assert_string_equal(outcome->why, "");
	assert_string_equal(outcome->message, "200 fine");
}

static opshub_status wrong_request(opshub_call *call, const struct opshub_host *host, struct opshub_deployment *ret)
{
	const struct opshub_http_request request = { .struct_size = 8, .url = "https://api.example.com/x" };
	struct opshub_http_response response = { .struct_size = sizeof(response) };

	(void)ret;
	return host->http(call, &request, &response);
}

static opshub_status endless_exchanges(opshub_call *call, const struct opshub_host *host, struct opshub_deployment *ret)
{
	opshub_status r = OPSHUB_OK;

	for (int i = 0; i < 1000 && r == OPSHUB_OK; i++) {
		at_script = 0;
		r = one_exchange(call, host, ret);
	}
	return r;
}

static void wrong_requests_are_the_plugins_fault(void **state)
{
	const struct outcome *outcome;

	(void)state;
	outcome = create_with(wrong_request, 5000);
	assert_int_equal(outcome->code, E_INTERNAL);
	assert_non_null(strstr(outcome->why, "struct_size"));
	assert_true(outcome->faults > 0);
	n_script = 0;
	plan(OK, 200, "", 0);
	outcome = create_with(endless_exchanges, 5000);
	assert_int_equal(outcome->code, E_INTERNAL);
	assert_non_null(strstr(outcome->why, "more than 64 exchanges"));
}

/* ---- texts ---- */

static opshub_status leak(opshub_call *call, const struct opshub_host *host, struct opshub_deployment *ret)
{
	(void)ret;
	host->redact(call, "made-of-it-1234");
	return (host->fail)(call, OPSHUB_E_AUTH, "Bearer top-secret-token or made-of-it-1234 was refused\xff");
}

static opshub_status long_words(opshub_call *call, const struct opshub_host *host, struct opshub_deployment *ret)
{
	char *text = host->alloc(call, 5000);

	(void)ret;
	memset(text, 'x', 4999);
	return (host->fail)(call, 42, text);
}

static void messages_are_clean(void **state)
{
	const struct outcome *outcome;

	(void)state;
	outcome = create_with(leak, 5000);
	assert_int_equal(outcome->code, E_AUTH);
	assert_string_equal(outcome->why, "Bearer [redacted] or [redacted] was refused?");
	outcome = create_with(long_words, 5000);
	assert_int_equal(outcome->code, E_INTERNAL);
	assert_true(strlen(outcome->why) <= 900);
}

/* Messages are cut at 900 bytes; the secret begins before and ends behind that. */
static opshub_status secret_at_the_cut(opshub_call *call, const struct opshub_host *host, struct opshub_deployment *ret)
{
	char *text = host->alloc(call, 20000);

	(void)ret;
	memset(text, 'x', 19999);
	memcpy(text + 890, "top-secret-token", 16);
	return (host->fail)(call, OPSHUB_E_AUTH, text);
}

static opshub_status secret_of_lines(opshub_call *call, const struct opshub_host *host, struct opshub_deployment *ret)
{
	(void)ret;
	host->redact(call, "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQ\n-----END KEY-----\n");
	return (host->fail)(call, OPSHUB_E_AUTH, "got MIIEvQIBADANBgkq, then nothing");
}

static void no_part_of_a_secret_is_told(void **state)
{
	const struct outcome *outcome;

	(void)state;
	outcome = create_with(secret_at_the_cut, 5000);
	assert_in_range(strlen(outcome->why), 890, 900);
	assert_null(strstr(outcome->why, "to"));
	assert_non_null(strstr(outcome->why, "x[re"));
	outcome = create_with(secret_of_lines, 5000);
	assert_string_equal(outcome->why, "got [redacted], then nothing");
}

/* Lines of the log are cut at 4,096 bytes; every secret lies across that, each a byte further to the left. */
static opshub_status secrets_in_the_log(opshub_call *call, const struct opshub_host *host,
					struct opshub_deployment *ret)
{
	char *text = host->alloc(call, 5000);

	ret->id = "id";
	for (size_t before = 1; before < 16; before++) {
		memset(text, 'x', 4999);
		memcpy(text + 4096 - before, "top-secret-token", 16);
		host->log(call, OPSHUB_LOG_INFO, text);
	}
	host->log(call, OPSHUB_LOG_INFO, "\xff top-secret-token");
	return OPSHUB_OK;
}

/* A chain of certificates is longer than a line of the log; what is told is its last line. */
static opshub_status long_secret(opshub_call *call, const struct opshub_host *host, struct opshub_deployment *ret)
{
	char *text = host->alloc(call, 60000);

	memset(text, 'x', 59999);
	for (size_t i = 64; i < 59999; i += 65)
		text[i] = '\n';
	memcpy(text + 59970, "\nits very last line", 20);
	host->redact(call, text);
	ret->id = "id";
	ret->message = "its very last line";
	return OPSHUB_OK;
}

static opshub_status endless_secret(opshub_call *call, const struct opshub_host *host, struct opshub_deployment *ret)
{
	char *text = host->alloc(call, 70000);

	memset(text, 'x', 69999);
	host->redact(call, text);
	ret->id = "id";
	ret->message = "no x here";
	return OPSHUB_OK;
}

static void no_part_of_a_secret_is_logged(void **state)
{
	static char text[128 * 1024];
	int sink = memfd_create("log", MFD_CLOEXEC);
	ssize_t n;

	(void)state;
	log_open(sink, LOG_INFO);
	create_with(secrets_in_the_log, 5000);
	log_open(STDOUT_FILENO, LOG_INFO);
	n = pread(sink, text, sizeof(text) - 1, 0);
	close(sink);
	assert_true(n > 60000);
	text[n] = '\0';
	assert_null(strstr(text, "top-se"));
	assert_null(strstr(text, "top-secret-tok"));
	assert_non_null(strstr(text, "x[redacted]"));
	assert_non_null(strstr(text, "? [redacted]"));
}

static void a_long_secret_is_a_secret_to_its_end(void **state)
{
	(void)state;
	assert_string_equal(create_with(long_secret, 5000)->message, "[redacted]");
	assert_string_equal(create_with(endless_secret, 5000)->message, "[redacted]");
}

static opshub_status texts(opshub_call *call, const struct opshub_host *host, struct opshub_deployment *ret)
{
	assert_string_equal(host->escape_url(call, "a b/\xc3\xa4~"), "a%20b%2F%C3%A4~");
	assert_string_equal(host->escape_url(call, NULL), "");
	assert_string_equal(host->format(call, "%d-%s", 7, "x"), "7-x");
	assert_int_equal(host->parse_time(call, "1970-01-01T00:00:01Z"), 1000);
	assert_int_equal(host->parse_time(call, "soon"), 0);
	assert_true(host->left_ms(call) > 0 && host->left_ms(call) <= 5000);
	assert_true(host->now_ms(call) > INT64_C(1600000000000));
	ret->id = "id";
	return OPSHUB_OK;
}

static void small_services_hold(void **state)
{
	(void)state;
	assert_int_equal(create_with(texts, 5000)->code, OK);
}

/* ---- JSON ---- */

static opshub_status json(opshub_call *call, const struct opshub_host *host, struct opshub_deployment *ret)
{
	opshub_json_out *out = host->json_begin(call);
	const opshub_json *root = NULL;
	const char *text;
	uint64_t size;

	host->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
	host->json_put_str(call, out, "quo\"te", "line\n\"x\"");
	host->json_put_int(call, out, "n", INT64_MIN);
	host->json_put_bool(call, out, "b", 1);
	host->json_put_str(call, out, "nothing", NULL);
	host->json_open(call, out, "list", OPSHUB_JSON_ARRAY);
	host->json_put_int(call, out, NULL, 1);
	host->json_put_int(call, out, NULL, 2);
	host->json_close(call, out);
	host->json_close(call, out);
	text = host->json_end(call, out, &size);
	assert_non_null(text);
	assert_int_equal(host->json_parse(call, text, size, &root), OPSHUB_OK);
	assert_int_equal(host->json_type(call, root), OPSHUB_JSON_OBJECT);
	assert_int_equal(host->json_len(call, root), 5);
	assert_string_equal(host->json_str(call, host->json_get(call, root, "quo\"te"), ""), "line\n\"x\"");
	assert_true(host->json_int(call, host->json_get(call, root, "n"), 0) == INT64_MIN);
	assert_int_equal(host->json_bool(call, host->json_get(call, root, "b"), 0), 1);
	assert_int_equal(host->json_type(call, host->json_get(call, root, "nothing")), OPSHUB_JSON_NULL);
	assert_int_equal(host->json_int(call, host->json_at(call, host->json_get(call, root, "list"), 1), 0), 2);
	assert_null(host->json_get(call, host->json_get(call, root, "absent"), "deeper"));
	assert_int_equal(host->json_type(call, NULL), OPSHUB_JSON_NONE);
	assert_null(host->json_str(call, NULL, NULL));
	ret->id = "id";
	return OPSHUB_OK;
}

static opshub_status wrong_json_in(opshub_call *call, const struct opshub_host *host, struct opshub_deployment *ret)
{
	const opshub_json *root = NULL;

	(void)ret;
	return host->json_parse(call, "[1,", 3, &root);
}

static opshub_status wrong_json_out(opshub_call *call, const struct opshub_host *host, struct opshub_deployment *ret)
{
	opshub_json_out *out = host->json_begin(call);
	uint64_t size;

	(void)ret;
	host->json_close(call, out);
	host->json_put_int(call, out, "key without object", 1);
	return host->json_end(call, out, &size) ? OPSHUB_OK : OPSHUB_E_INTERNAL;
}

static void json_goes_round(void **state)
{
	const struct outcome *outcome;

	(void)state;
	assert_int_equal(create_with(json, 5000)->code, OK);
	outcome = create_with(wrong_json_in, 5000);
	assert_int_equal(outcome->code, E_UPSTREAM);
	assert_non_null(strstr(outcome->why, "not usable JSON"));
	outcome = create_with(wrong_json_out, 5000);
	assert_int_equal(outcome->code, E_INTERNAL);
	assert_non_null(strstr(outcome->why, "no valid JSON"));
}

/* ---- time ---- */

static opshub_status oversleep(opshub_call *call, const struct opshub_host *host, struct opshub_deployment *ret)
{
	(void)ret;
	return host->sleep(call, 60000);
}

static void a_deadline_ends_a_sleep(void **state)
{
	int64_t start = clock_mono_ms();
	const struct outcome *outcome;

	(void)state;
	outcome = create_with(oversleep, 200);
	assert_int_equal(outcome->code, E_TIMEOUT);
	assert_true(outcome->why[0] != 0);
	assert_true(clock_mono_ms() - start < 2000);
}

/* ---- signatures ---- */

static opshub_status signatures(opshub_call *call, const struct opshub_host *host, struct opshub_deployment *ret)
{
	const char *token = NULL;
	const char *bytes;
	uint64_t size = 0;

	/* The second case of RFC 4231, as base64. */
	assert_string_equal(host->hmac_sha256(call, "Jefe", 4, "what do ya want for nothing?", 28),
			    "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
	assert_string_equal(host->hmac_sha256(call, NULL, 0, NULL, 0), "thNnmggU2ex3L5XXeMNfxf8Wl8STcVZTxscSFEKSxa0=");
	bytes = host->base64_decode(call, "aGVsbG8=", &size);
	assert_int_equal(size, 5);
	assert_memory_equal(bytes, "hello", 5);
	assert_null(host->base64_decode(call, "aGVsbG8", &size));
	assert_null(host->base64_decode(call, "not base64!", &size));
	assert_null(host->base64_decode(call, NULL, &size));
	assert_int_equal(host->sign_jwt_rs256(call, "top-secret-token", "1", 1, 2, &token), OPSHUB_E_INVALID);
	assert_null(token);
	ret->id = "id";
	return host->sign_jwt_rs256(call, NULL, NULL, 1, 2, &token);
}

static void plugins_can_sign(void **state)
{
	const struct outcome *outcome = create_with(signatures, 20000);

	(void)state;
	assert_int_equal(outcome->code, E_INVALID);
	assert_string_equal(outcome->why,
			    "The private key signs for nobody: the issuer (the App's id) is missing or too "
			    "long");
	assert_int_equal(outcome->faults, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_safe_is_sent_again),
		cmocka_unit_test(retry_after_reaches_the_caller),
		cmocka_unit_test(only_an_allowance_lasts_a_day),
		cmocka_unit_test(a_lost_answer_is_made_good),
		cmocka_unit_test(wrong_requests_are_the_plugins_fault),
		cmocka_unit_test(messages_are_clean),
		cmocka_unit_test(no_part_of_a_secret_is_told),
		cmocka_unit_test(no_part_of_a_secret_is_logged),
		cmocka_unit_test(a_long_secret_is_a_secret_to_its_end),
		cmocka_unit_test(small_services_hold),
		cmocka_unit_test(json_goes_round),
		cmocka_unit_test(a_deadline_ends_a_sleep),
		cmocka_unit_test(plugins_can_sign),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

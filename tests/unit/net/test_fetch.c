/* Answers and failures of net_fetch against a server that misbehaves on request. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/net/fetch.h"

/* ---- answers ---- */

static void every_status_is_an_answer(void **state)
{
	static const int statuses[] = { 200, 201, 301, 302, 400, 401, 404, 429, 500, 503, 599 };

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct fetch f = { 0 };
		char path[32];

		snprintf(path, sizeof(path), "/status/%d", statuses[i]);
		fetch_path(path, &f);
		assert_int_equal(f.code, OK);
		assert_int_equal(f.status, statuses[i]);
		assert_string_equal(f.body, "the body");
		assert_string_equal(f.remote_ip, "127.0.0.1");
		assert_true(f.total_us > 0);
		done(&f);
	}
	/* All of it on one connection. */
	assert_int_equal(server.accepts, 1);
	assert_int_equal(server.requests, sizeof(statuses) / sizeof(statuses[0]));
}

static void chunks_are_joined(void **state)
{
	struct fetch f = { 0 };

	(void)state;
	fetch_path("/chunked", &f);
	assert_int_equal(f.code, OK);
	assert_string_equal(f.body, "hello, world");
	done(&f);
}

static void headers_come_in_lower_case(void **state)
{
	struct fetch f = { 0 };

	(void)state;
	fetch_path("/echo", &f);
	assert_int_equal(f.code, OK);
	assert_string_equal(f.mixed, "spaced value");
	assert_true(f.has_empty);
	assert_int_equal(f.n_headers, 3);
	done(&f);
}

static void interim_answers_are_forgotten(void **state)
{
	struct fetch f = { 0 };

	(void)state;
	fetch_path("/interim", &f);
	assert_int_equal(f.status, 200);
	assert_string_equal(f.late, "2");
	assert_string_equal(f.early, "");
	done(&f);
}

static void a_redirect_is_an_answer(void **state)
{
	struct fetch f = { 0 };

	(void)state;
	fetch_path("/redirect", &f);
	assert_int_equal(f.status, 302);
	assert_int_equal(server.requests, 1);
	done(&f);
}

static void retry_after_is_read(void **state)
{
	struct fetch f = { 0 };

	(void)state;
	fetch_path("/retry", &f);
	assert_int_equal(f.status, 429);
	assert_int_equal(f.retry_after_ms, 30000);
	done(&f);
}

static void the_request_is_what_was_asked_for(void **state)
{
	const struct net_header headers[] = { { STR("X-Token"), STR("abc") },
					      { STR("Content-Type"), STR("application/json") },
					      { STR("X-Nothing"), STR("") } };
	struct fetch f = {
		.request = { .method = "POST", .body = STR("{\"a\":\"\\u0000\"}"), .headers = headers, .n_headers = 3 }
	};

	(void)state;
	fetch_path("/echo?q=1", &f);
	assert_int_equal(f.code, OK);
	assert_ptr_equal(strstr(f.body, "POST /echo?q=1 HTTP/1.1\r\n"), f.body);
	assert_non_null(strstr(f.body, "\r\nX-Token: abc\r\n"));
	assert_non_null(strstr(f.body, "\r\nX-Nothing:\r\n"));
	assert_non_null(strstr(f.body, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(f.body, "\r\nUser-Agent: opshub/"));
	assert_non_null(strstr(f.body, "\r\n\r\n{\"a\":\"\\u0000\"}"));
	assert_null(strstr(f.body, "Expect"));
	assert_null(strstr(f.body, "Accept-Encoding"));
	done(&f);
}

static void every_method_goes_out(void **state)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };

	(void)state;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		for (int with_body = 0; with_body < 2; with_body++) {
			struct fetch f = { .request = { .method = methods[i] } };

			if (with_body)
				f.request.body = STR("payload");
			fetch_path("/echo", &f);
			assert_int_equal(f.code, OK);
			assert_ptr_equal(strstr(f.body, methods[i]), f.body);
			assert_int_equal(strstr(f.body, "\r\n\r\npayload") != NULL, with_body);
			assert_null(strstr(f.body, "x-www-form-urlencoded"));
			done(&f);
		}
	}
	{
		struct fetch f = { .request = { .method = "HEAD" } };

		fetch_path("/status/200", &f);
		assert_int_equal(f.code, OK);
		assert_int_equal(f.n_body, 0);
		done(&f);
	}
}

/* ---- limits ---- */

static void an_answer_can_end_with_its_head(void **state)
{
	static const char *const paths[] = { "/endless", "/half", "/chunked", "/status/200" };

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct fetch f = { .request = { .head_only = true } };

		fetch_path(paths[i], &f);
		assert_int_equal(f.code, OK);
		assert_int_equal(f.status, 200);
		assert_int_equal(f.n_body, 0);
		done(&f);
	}
}

static void a_body_past_its_limit_is_cut_off(void **state)
{
	struct fetch endless = { .request = { .max_body = 100000 } }, exact = { .request = { .max_body = 8 } };
	struct fetch over = { .request = { .max_body = 7 } }, chunked = { .request = { .max_body = 11 } };

	(void)state;
	fetch_path("/endless", &endless);
	assert_int_equal(endless.code, E_UPSTREAM);
	assert_non_null(strstr(endless.why, "too long"));
	fetch_path("/status/200", &exact);
	assert_int_equal(exact.code, OK);
	fetch_path("/status/200", &over);
	assert_int_equal(over.code, E_UPSTREAM);
	fetch_path("/chunked", &chunked);
	assert_int_equal(chunked.code, E_UPSTREAM);
	done(&exact);
}

static void headers_past_their_limit_are_refused(void **state)
{
	struct fetch fits = { 0 }, many = { 0 }, large = { 0 };

	(void)state;
	fetch_path("/headers/99", &fits);
	assert_int_equal(fits.code, OK);
	assert_int_equal(fits.n_headers, 100);
	fetch_path("/headers/100", &many);
	assert_int_equal(many.code, E_UPSTREAM);
	assert_non_null(strstr(many.why, "100 headers"));
	fetch_path("/longheaders/9", &large);
	assert_int_equal(large.code, E_UPSTREAM);
	done(&fits);
}

/* ---- failures ---- */

static void a_slow_answer_times_out(void **state)
{
	struct fetch own = { .request = { .timeout_ms = 150 } }, calls = { .deadline_ms = 150 };

	(void)state;
	fetch_path("/slow/3000?secret=1", &own);
	assert_int_equal(own.code, E_TIMEOUT);
	assert_in_range(own.took_ms, 100, 1000);
	assert_non_null(strstr(own.why, "127.0.0.1"));
	assert_null(strstr(own.why, "secret"));
	fetch_path("/slow/3000", &calls);
	assert_int_equal(calls.code, E_TIMEOUT);
	assert_in_range(calls.took_ms, 100, 1000);
}

static void nobody_listens(void **state)
{
	struct fetch f = { .request = { .allow_private = true } };
	struct server other;
	char url[64];

	(void)state;
	server_start(&other);
	server_stop(&other);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/?secret", other.port);
	f.request.url = url;
	run(&f);
	assert_int_equal(f.code, E_NETWORK);
	assert_non_null(strstr(f.why, "could not be reached"));
	assert_null(strstr(f.why, "secret"));
}

/* localhost is ::1 too on most machines, where the server does not listen: the next address is tried at once. */
static void a_refused_first_address_is_not_the_end(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct fetch f = { .request = { .allow_private = true, .timeout_ms = 5000 } };
		char url[64];

		net_close(net);
		net = net_open(loop);
		snprintf(url, sizeof(url), "http://localhost:%d/status/200", server.port);
		f.request.url = url;
		run(&f);
		assert_int_equal(f.code, OK);
		assert_in_range(f.took_ms, 0, 1000);
		done(&f);
	}
}

static void an_unknown_name_is_a_network_failure(void **state)
{
	struct fetch f = { .request = { .url = "http://no-such-host.invalid/?secret", .timeout_ms = 8000 } };

	(void)state;
	run(&f);
	assert_int_equal(f.code, E_NETWORK);
	assert_non_null(strstr(f.why, "no-such-host.invalid"));
	assert_null(strstr(f.why, "secret"));
}

static void a_broken_connection_after_sending_is_upstream(void **state)
{
	static const char *const paths[] = { "/reset?secret", "/half?secret", "/garbage?secret" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fetch f = { 0 };

		fetch_path(paths[i], &f);
		assert_int_equal(f.code, E_UPSTREAM);
		assert_null(strstr(f.why, "secret"));
		assert_int_equal(server.requests, i + 1);
	}
}

static void tls_to_a_plain_server_fails_before_the_request(void **state)
{
	struct fetch f = { .request = { .allow_private = true, .timeout_ms = 3000 } };
	char url[64];

	(void)state;
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", server.port);
	f.request.url = url;
	run(&f);
	assert_int_equal(f.code, E_NETWORK);
	assert_int_equal(server.requests, 0);
}

/* A connection that dies under its second request: a GET is repeated by curl, a POST never is. */
static void a_post_is_sent_at_most_once(void **state)
{
	static const struct {
		const char *method;
		int code, requests;
	} rows[] = { { "GET", OK, 3 }, { "POST", E_UPSTREAM, 2 }, { "PATCH", E_UPSTREAM, 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fetch first = { 0 }, second = { .request = { .method = rows[i].method } };
		int before;

		/* A connection of its own for each row. */
		net_close(net);
		net = net_open(loop);
		before = server.requests;
		fetch_path("/second-dies", &first);
		assert_int_equal(first.code, OK);
		if (second.request.method[0] == 'P')
			second.request.body = STR("create it");
		fetch_path("/second-dies", &second);
		assert_int_equal(second.code, rows[i].code);
		assert_int_equal(server.requests - before, rows[i].requests);
		done(&first);
		done(&second);
	}
}

/* ---- what is refused before anything is sent ---- */

static void injected_headers_are_refused(void **state)
{
	static const struct net_header bad[] = {
		{ STR("X-A"), STR("b\r\nX-Evil: 1") },
		{ STR("X-A"), STR("b\nX-Evil: 1") },
		{ STR("X-A"), STR("b\r") },
		{ STR("X-A"), STR("b\0c") },
		{ STR("X-A"), STR("b\x7f") },
		{ STR("X-A\r\nX-Evil"), STR("1") },
		{ STR("X-A: 1\r\nX-Evil"), STR("1") },
		{ STR("X A"), STR("1") },
		{ STR("X-A:"), STR("1") },
		{ STR(""), STR("1") },
		{ STR("X\0A"), STR("1") },
		{ STR("Host"), STR("evil.example") },
		{ STR("hOsT"), STR("evil.example") },
		{ STR("Content-Length"), STR("0") },
		{ STR("Transfer-Encoding"), STR("chunked") },
		{ STR("Connection"), STR("close") },
		{ STR("Proxy-Authorization"), STR("x") },
		{ STR("Metadata-Flavor"), STR("Google") },
		{ STR("metadata"), STR("true") },
		{ STR("X-aws-ec2-metadata-token"), STR("x") },
		{ STR("X-Google-Metadata-Request"), STR("True") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fetch f = { .request = { .headers = &bad[i], .n_headers = 1 } };

		fetch_path("/echo", &f);
		if (f.code != E_INVALID)
			fail_msg("row %zu: code %d", i, f.code);
		assert_null(strstr(f.why, "Evil: 1"));
	}
	assert_int_equal(server.accepts, 0);
}

static void bad_requests_are_refused(void **state)
{
	static const struct net_request bad[] = {
		{ .method = "GET", .url = "ftp://127.0.0.1/" },
		{ .method = "GET", .url = "file:///etc/passwd" },
		{ .method = "GET", .url = "gopher://127.0.0.1/" },
		{ .method = "GET", .url = "127.0.0.1" },
		{ .method = "GET", .url = "" },
		{ .method = "GET", .url = NULL },
		{ .method = "GET", .url = "http://" },
		{ .method = "GET", .url = "http://user:pass@127.0.0.1/" },
		{ .method = "GET", .url = "http://127.0.0.1:99999/" },
		{ .method = "GET", .url = "http://127.0.0.1/a b" },
		{ .method = "GET", .url = "http://127.0.0.1/\r\nX: 1" },
		{ .method = "GET", .url = "http://127.0.0.1\\@evil.example/" },
		{ .method = "TRACE", .url = "http://127.0.0.1/" },
		{ .method = "get", .url = "http://127.0.0.1/" },
		{ .method = "GET / HTTP/1.1\r\nX: 1\r\n", .url = "http://127.0.0.1/" },
		{ .method = "", .url = "http://127.0.0.1/" },
		{ .method = "HEAD", .url = "http://127.0.0.1/", .body = { "x", 1 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fetch f = { .request = bad[i] };

		f.request.allow_private = true;
		run(&f);
		if (f.code != E_INVALID)
			fail_msg("row %zu: code %d (%s)", i, f.code, f.why);
		assert_null(strstr(f.why, "pass"));
	}
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(every_status_is_an_answer),
		T(chunks_are_joined),
		T(headers_come_in_lower_case),
		T(interim_answers_are_forgotten),
		T(a_redirect_is_an_answer),
		T(retry_after_is_read),
		T(the_request_is_what_was_asked_for),
		T(every_method_goes_out),
		T(an_answer_can_end_with_its_head),
		T(a_body_past_its_limit_is_cut_off),
		T(headers_past_their_limit_are_refused),
		T(a_slow_answer_times_out),
		T(nobody_listens),
		T(a_refused_first_address_is_not_the_end),
		T(an_unknown_name_is_a_network_failure),
		T(a_broken_connection_after_sending_is_upstream),
		T(tls_to_a_plain_server_fails_before_the_request),
		T(a_post_is_sent_at_most_once),
		T(injected_headers_are_refused),
		T(bad_requests_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The strict gate, case by case: which heads pass, which are refused, and with which status. */
#include "http/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define H    "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

struct sample {
	const char *raw;
	int status;
	enum gate_framing framing;
	size_t length;
};

static int read_text(const char *raw, size_t n, struct gate_head *head)
{
	char *copy = malloc(n ? n : 1); /* no byte behind the end: ASan sees a step too far */
	const char *why = NULL;
	int status;

	assert_non_null(copy);
	memcpy(copy, raw, n);
	status = gate_read((struct str){ copy, n }, head, &why);
	if (status)
		assert_true(why && strlen(why) > 10);
	free(copy);
	return status;
}

static void check(const struct sample *samples, size_t n)
{
	static struct gate_head head;

	for (size_t i = 0; i < n; i++) {
		int status = read_text(samples[i].raw, strlen(samples[i].raw), &head);

		if (status != samples[i].status)
			fail_msg("%s -> %d, wanted %d", samples[i].raw, status, samples[i].status);
		if (status == 0) {
			assert_int_equal(head.framing, samples[i].framing);
			assert_int_equal(head.length, samples[i].length);
		}
	}
}
#define CHECK(samples) check(samples, sizeof(samples) / sizeof((samples)[0]))

static void test_plain_heads_pass(void **state)
{
	static const struct sample samples[] = {
		{ H "\r\n", 0, GATE_NO_BODY, 0 },
		{ "GET / HTTP/1.0\r\n\r\n", 0, GATE_NO_BODY, 0 },
		{ "\r\n" H "\r\n", 0, GATE_NO_BODY, 0 },
		{ POST "Content-Length: 12\r\n\r\nhello world!GET", 0, GATE_LENGTH, 12 },
		{ POST "content-length:\t0 \r\n\r\n", 0, GATE_LENGTH, 0 },
		{ POST "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", 0, GATE_CHUNKED, 0 },
		{ "GET /a?b=c%20&e=[1] HTTP/1.1\r\nHOST: [::1]:4000\r\nX: \xc3\xa9\r\nY:\r\n\r\n", 0, GATE_NO_BODY, 0 },
		{ "PURGE!#$%&'*+-.^_`|~ / HTTP/1.1\r\nHost: a\r\n\r\n", 0, GATE_NO_BODY, 0 },
	};

	(void)state;
	CHECK(samples);
}

static void test_ambiguous_lengths_are_refused(void **state)
{
	static const struct sample samples[] = {
		{ POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0, 0 },
		{ POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400, 0, 0 },
		{ POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400, 0, 0 },
		{ POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400, 0, 0 },
		{ POST "Content-Length: 5, 5\r\n\r\n", 400, 0, 0 },
		{ POST "Content-Length: +5\r\n\r\n", 400, 0, 0 },
		{ POST "Content-Length: -5\r\n\r\n", 400, 0, 0 },
		{ POST "Content-Length: 0x5\r\n\r\n", 400, 0, 0 },
		{ POST "Content-Length: 5 6\r\n\r\n", 400, 0, 0 },
		{ POST "Content-Length:\r\n\r\n", 400, 0, 0 },
		{ POST "Content-Length: 99999999999999999999\r\n\r\n", 400, 0, 0 },
		{ POST "Content-Length : 5\r\n\r\n", 400, 0, 0 },
		{ POST " Content-Length: 5\r\n\r\n", 400, 0, 0 },
		{ POST "Transfer-Encoding: identity\r\n\r\n", 400, 0, 0 },
		{ POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 400, 0, 0 },
		{ POST "Transfer-Encoding: chunked, chunked\r\n\r\n", 400, 0, 0 },
		{ POST "Transfer-Encoding: xchunked\r\n\r\n", 400, 0, 0 },
		{ POST "Transfer-Encoding: \"chunked\"\r\n\r\n", 400, 0, 0 },
		{ POST "Transfer-Encoding: chunked;a=b\r\n\r\n", 400, 0, 0 },
		{ POST "Transfer-Encoding:\r\n\r\n", 400, 0, 0 },
		{ POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0, 0 },
		{ POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 400, 0, 0 },
		{ POST "Transfer-Encoding\t: chunked\r\n\r\n", 400, 0, 0 },
		{ POST "Transfer-Encoding: \vchunked\r\n\r\n", 400, 0, 0 },
		{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0, 0 },
	};

	(void)state;
	CHECK(samples);
}

static void test_odd_lines_are_refused(void **state)
{
	static const struct sample samples[] = {
		{ "GET / HTTP/1.1\nHost: a\n\n", 400, 0, 0 },
		{ H "X: a\n\r\n", 400, 0, 0 },
		{ H "X: a\r\n\n", 400, 0, 0 },
		{ H "X: a\rb\r\n\r\n", 400, 0, 0 },
		{ H "X: a\r\n b\r\n\r\n", 400, 0, 0 },
		{ H "X: a\r\n\tb\r\n\r\n", 400, 0, 0 },
		{ H ": a\r\n\r\n", 400, 0, 0 },
		{ H "X\r\n\r\n", 400, 0, 0 },
		{ H "X y: a\r\n\r\n", 400, 0, 0 },
		{ H "X\x7f: a\r\n\r\n", 400, 0, 0 },
		{ H "X: a\x01\r\n\r\n", 400, 0, 0 },
		{ H "X: a\x7f\r\n\r\n", 400, 0, 0 },
		{ H "\xc3\xa9: a\r\n\r\n", 400, 0, 0 },
		{ H, 400, 0, 0 },
		{ H "X: a", 400, 0, 0 },
		{ H "X", 400, 0, 0 },
		{ H "\r", 400, 0, 0 },
		{ "", 400, 0, 0 },
		{ "\r\n\r\n" H "\r\n", 400, 0, 0 },
	};
	static struct gate_head head;

	(void)state;
	CHECK(samples);
	assert_int_equal(read_text("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 34, &head), 400);
	assert_int_equal(read_text("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 29, &head), 400);
}

static void test_request_lines(void **state)
{
	static const struct sample samples[] = {
		{ "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0 },
		{ "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0 },
		{ "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0 },
		{ " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0 },
		{ "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, 0, 0 },
		{ "GET / http/1.1\r\nHost: a\r\n\r\n", 400, 0, 0 },
		{ "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, 0, 0 },
		{ "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400, 0, 0 },
		{ "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400, 0, 0 },
		{ "GET /\r\nHost: a\r\n\r\n", 400, 0, 0 },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 0, 0 },
		{ "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0 },
		{ "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0 },
		{ "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0 },
		{ "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0 },
		{ "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0 },
		{ "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0 },
		{ "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0 },
	};

	(void)state;
	CHECK(samples);
}

static void test_hosts(void **state)
{
	static const struct sample samples[] = {
		{ "GET / HTTP/1.1\r\n\r\n", 400, 0, 0 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, 0, 0 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400, 0, 0 },
		{ "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, 0, 0 },
		{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, 0, 0 },
		{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, 0, 0 },
		{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, 0, 0 },
		{ "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, 0, 0 },
		{ "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400, 0, 0 },
		{ "GET / HTTP/1.1\r\nHost: a\xc3\xa9\r\n\r\n", 400, 0, 0 },
	};

	(void)state;
	CHECK(samples);
}

/* A head with `n` bytes in one part of it. */
static int read_filled(const char *before, size_t n, const char *after, struct gate_head *head)
{
	size_t a = strlen(before), b = strlen(after);
	char *raw = malloc(a + n + b);
	int status;

	assert_non_null(raw);
	memcpy(raw, before, a);
	memset(raw + a, 'x', n);
	memcpy(raw + a + n, after, b);
	status = read_text(raw, a + n + b, head);
	free(raw);
	return status;
}

static void test_sizes(void **state)
{
	static struct gate_head head;
	static char many[64 * 1024] = H;
	size_t n;

	(void)state;
	assert_int_equal(read_filled(H "X: ", 8000, "\r\n\r\n", &head), 0);
	assert_int_equal(read_filled(H "X: ", 8192, "\r\n\r\n", &head), 431);
	assert_int_equal(read_filled(H "X: ", 40000, "\r\n\r\n", &head), 431);
	assert_int_equal(read_filled("GET /", 8190, " HTTP/1.1\r\nHost: a\r\n\r\n", &head), 0);
	assert_int_equal(read_filled("GET /", 8193, " HTTP/1.1\r\nHost: a\r\n\r\n", &head), 414);
	assert_int_equal(read_filled("GET /", 40000, " HTTP/1.1\r\nHost: a\r\n\r\n", &head), 414);
	assert_int_equal(read_filled(POST "Content-Length: 100000\r\n\r\n", 100000, "", &head), 0);
	assert_int_equal(head.length, 100000);

	n = strlen(many);
	for (int i = 0; i < 99; i++, n += 6)
		memcpy(many + n, "X: a\r\n", 6);
	memcpy(many + n, "\r\n", 2);
	assert_int_equal(read_text(many, n + 2, &head), 0);
	assert_int_equal(head.n_headers, 100);
	memcpy(many + n, "X: a\r\n\r\n", 8);
	assert_int_equal(read_text(many, n + 8, &head), 431);

	n = strlen(H); /* few headers, each allowed, too long together */
	for (int i = 0; i < 9; i++) {
		memcpy(many + n, "X: ", 3);
		memset(many + n + 3, 'y', 4000);
		memcpy(many + n + 4003, "\r\n", 2);
		n += 4005;
	}
	memcpy(many + n, "\r\n", 2);
	assert_int_equal(read_text(many, n + 2, &head), 431);
}

static void test_slices(void **state)
{
	static const char raw[] = "\r\nPUT /a/b?c=d HTTP/1.1\r\nHost:  a:1 \r\nX-Empty:\r\n"
				  "Content-Length: 3\r\n\r\nabcGET";
	static struct gate_head head;
	const char *why;

	(void)state;
	assert_int_equal(gate_read((struct str){ raw, sizeof(raw) - 1 }, &head, &why), 0);
	assert_true(str_eq(head.method, STR("PUT")));
	assert_true(str_eq(head.target, STR("/a/b?c=d")));
	assert_int_equal(head.minor, 1);
	assert_int_equal(head.n_headers, 3);
	assert_true(str_eq(head.headers[0].name, STR("Host")));
	assert_true(str_eq(head.headers[0].value, STR("a:1")));
	assert_true(str_eq(head.headers[1].value, STR("")));
	assert_int_equal(head.size, sizeof(raw) - 1 - 6);
}

/* Whatever the bytes, the gate stays inside them; and a head that passed still passes with nothing behind it. */
static void test_mutations_stay_inside(void **state)
{
	static const char seed[] = POST "Content-Length: 5\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\nhello";
	static struct gate_head head;
	unsigned random = 12345, passed = 0;

	(void)state;
	for (int round = 0; round < 200000; round++) {
		char raw[sizeof(seed)];
		size_t n = sizeof(seed) - 1;

		memcpy(raw, seed, n);
		for (int k = 0; k < 1 + round % 4; k++) {
			random = random * 1103515245 + 12345;
			raw[(random >> 8) % n] = (char)(random >> 16);
		}
		random = random * 1103515245 + 12345;
		if (round % 3 == 0)
			n = (random >> 8) % n;
		if (read_text(raw, n, &head) == 0) {
			passed++;
			assert_true(head.size <= n);
			assert_true(head.framing != GATE_CHUNKED || head.length == 0); /* never both */
			assert_int_equal(read_text(raw, head.size, &head), 0);
		}
	}
	assert_true(passed > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_heads_pass),
		cmocka_unit_test(test_ambiguous_lengths_are_refused),
		cmocka_unit_test(test_odd_lines_are_refused),
		cmocka_unit_test(test_request_lines),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_mutations_stay_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

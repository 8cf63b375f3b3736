/* probe_run(): a probe that a fiber waits for, in a process that has opened nothing else of curl's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/probe.h"

/* A listener in whose queue connections wait for ever. */
static int silent_listener(int *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

struct
try {
	struct probes *probes;
	char url[64];
	int64_t timeout_ms;
	int code;
	struct probe_result result;
};

static void probe_fiber(struct call *call, void *arg)
{
	struct try *t = arg;
	struct probe_request request = { .url = str_of(t->url), .method = "GET", .timeout_ms = t->timeout_ms };

	t->code = probe_run(call, t->probes, &request, &t->result);
}

static void stop_when_alone(struct call *call, void *arg)
{
	(void)arg;
	if (loop_fibers(call->loop) <= 1)
		loop_stop(call->loop);
}

struct bench {
	struct loop *loop;
	struct probes *probes;
	struct probe_rules rules;
	struct arena *arena;
};

static void open_bench(struct bench *b)
{
	struct probes_options options = { .rules = &b->rules };
	const char *why = NULL;

	b->arena = arena_new();
	assert_true(probe_rules_read(b->arena, STR("127.0.0.1"), STR("1-65535"), &b->rules, &why));
	b->loop = loop_new(0);
	loop_watchdog(b->loop, 0);
	b->probes = probes_open(b->loop, &options);
}

static void close_bench(struct bench *b)
{
	b->probes = probes_close(b->probes);
	b->loop = loop_free(b->loop);
	b->arena = arena_free(b->arena);
}

static struct fiber *begin(struct bench *b, struct try *t)
{
	struct fiber_options options = { .name = "probe", .on_done = stop_when_alone };
	struct fiber *fiber;

	t->probes = b->probes;
	assert_int_equal(fiber_start(b->loop, &options, probe_fiber, t, &fiber), OK);
	return fiber;
}

static void a_result_is_ok_whatever_it_is(void **state)
{
	struct try tries[] = {
		{ .url = "http://10.0.0.1/", .timeout_ms = 1000 },
		{ .url = "http://127.0.0.1:1/", .timeout_ms = 1000 },
		{ .url = "nonsense", .timeout_ms = 1000 },
		{ .timeout_ms = 200 },
	};
	static const enum probe_end ends[] = { PROBE_ADDRESS_NOT_ALLOWED, PROBE_CONNECTION_REFUSED, PROBE_BAD_URL,
					       PROBE_TIMEOUT };
	struct bench b;
	int port, fd = silent_listener(&port);

	(void)state;
	open_bench(&b);
	snprintf(tries[3].url, sizeof(tries[3].url), "http://127.0.0.1:%d/", port);
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		fiber_unref(begin(&b, &tries[i]));
	loop_run(b.loop);
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		assert_int_equal(tries[i].code, OK);
		assert_string_equal(probe_end_word(tries[i].result.end), probe_end_word(ends[i]));
	}
	assert_true(tries[3].result.total_us >= 199000);
	assert_int_equal(probes_running(b.probes), 0);
	close_bench(&b);
	close(fd);
}

static void one_that_nobody_waits_for_any_more_ends_by_itself(void **state)
{
	struct try gone = { .timeout_ms = 200 }, last = { .timeout_ms = 400 };
	struct bench b;
	int port, fd = silent_listener(&port);
	struct fiber *fiber;

	(void)state;
	open_bench(&b);
	snprintf(gone.url, sizeof(gone.url), "http://127.0.0.1:%d/", port);
	snprintf(last.url, sizeof(last.url), "http://127.0.0.1:%d/", port);
	fiber = begin(&b, &gone);
	fiber_unref(begin(&b, &last));
	fiber_cancel(fiber);
	fiber_unref(fiber);
	loop_run(b.loop);
	assert_int_equal(gone.code, E_CANCELLED);
	assert_int_equal(last.code, OK);
	assert_int_equal(probes_running(b.probes), 0);
	close_bench(&b);
	close(fd);
}

static void what_the_words_say(void **state)
{
	(void)state;
	for (int end = PROBE_ANSWERED; end <= PROBE_STOPPED; end++)
		assert_non_null(probe_end_word((enum probe_end)end));
	assert_true(probe_end_is_of_network(PROBE_CONNECT_TIMEOUT));
	assert_false(probe_end_is_of_network(PROBE_CERTIFICATE_EXPIRED));
	assert_false(probe_end_is_of_network(PROBE_ANSWERED));
}

/* Whether a sentinel's end shows that we are online: who may not be asked, or was not reached, shows nothing. */
static void test_ends_that_take_a_connection(void **state)
{
	static const enum probe_end without[] = {
		PROBE_BAD_URL,
		PROBE_BAD_HEADER,
		PROBE_HEADERS_NEED_TLS,
		PROBE_ADDRESS_NOT_ALLOWED,
		PROBE_PORT_NOT_ALLOWED,
		PROBE_DNS_FAILED,
		PROBE_CONNECTION_REFUSED,
		PROBE_CONNECTION_FAILED,
		PROBE_CONNECT_TIMEOUT,
		PROBE_INTERNAL,
		PROBE_STOPPED,
	};

	(void)state;
	for (int end = PROBE_ANSWERED; end <= PROBE_STOPPED; end++) {
		bool expected = true;

		for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
			expected = expected && (int)without[i] != end;
		assert_non_null(probe_end_word((enum probe_end)end));
		assert_int_equal(probe_end_is_of_target((enum probe_end)end), expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends_that_take_a_connection),
		cmocka_unit_test(a_result_is_ok_whatever_it_is),
		cmocka_unit_test(one_that_nobody_waits_for_any_more_ends_by_itself),
		cmocka_unit_test(what_the_words_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

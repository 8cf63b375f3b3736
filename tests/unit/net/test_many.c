/* Many transfers at once, and fibers that leave before curl is done. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/net/fetch.h"

#define MANY 400

static struct fetch fetches[MANY];
static struct fiber *fibers[MANY];

static void begin_many(size_t n, const char *url)
{
	memset(fetches, 0, sizeof(fetches));
	for (size_t i = 0; i < n; i++) {
		fetches[i].request = (struct net_request){ .method = "GET", .url = url, .allow_private = true };
		fibers[i] = begin(&fetches[i]);
	}
}

static void end_many(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fiber_unref(fibers[i]);
		done(&fetches[i]);
	}
}

static void two_hundred_wait_side_by_side(void **state)
{
	int64_t before = clock_mono_ms();

	(void)state;
	begin_many(200, URL("/slow/300"));
	loop_run(loop);
	for (size_t i = 0; i < 200; i++) {
		assert_int_equal(fetches[i].code, OK);
		assert_string_equal(fetches[i].body, "late");
	}
	/* One after the other they would take a minute. */
	assert_in_range(clock_mono_ms() - before, 300, 10000);
	assert_int_equal(server.requests, 200);
	end_many(200);
}

static void past_the_cap_they_queue(void **state)
{
	(void)state;
	begin_many(MANY, URL("/slow/100"));
	loop_run(loop);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(fetches[i].code, OK);
	assert_int_equal(server.requests, MANY);
	assert_in_range(server.most_waiting, 16, 256);
	end_many(MANY);
}

static void connections_are_used_again(void **state)
{
	(void)state;
	for (int round = 0; round < 50; round++) {
		begin_many(4, URL("/status/200"));
		loop_run(loop);
		for (size_t i = 0; i < 4; i++)
			assert_int_equal(fetches[i].code, OK);
		end_many(4);
	}
	assert_int_equal(server.requests, 200);
	assert_in_range(server.accepts, 1, 8);
}

/* ---- leaving ---- */

struct canceller {
	size_t n;
	int64_t after_ms;
};

static void cancel_fiber(struct call *call, void *arg)
{
	struct canceller *c = arg;

	fiber_sleep(call, c->after_ms);
	for (size_t i = 0; i < c->n; i++)
		fiber_cancel(fibers[i]);
}

static void cancel_after(struct canceller *c)
{
	struct fiber_options options = { .name = "cancel", .on_done = stop_when_alone };

	assert_int_equal(fiber_start(loop, &options, cancel_fiber, c, NULL), OK);
}

static void expect_gone(int n)
{
	for (int i = 0; i < 300 && server.gone < n; i++)
		usleep(10000);
	assert_int_equal(server.gone, n);
}

static void a_cancelled_transfer_ends_at_once(void **state)
{
	struct canceller c = { .n = 20, .after_ms = 100 };

	(void)state;
	begin_many(20, URL("/slow/5000"));
	cancel_after(&c);
	loop_run(loop);
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(fetches[i].code, E_CANCELLED);
		assert_in_range(fetches[i].took_ms, 50, 2000);
	}
	/* The hook ends them in the turn in which their fibers left, or in the next. */
	uv_run(loop_uv(loop), UV_RUN_NOWAIT);
	expect_gone(20);
	end_many(20);
}

/* Cancel before the start, while queued behind the cap, while connecting, while the answer arrives. */
static void cancelled_at_any_moment(void **state)
{
	(void)state;
	for (int64_t after = 0; after < 12; after++) {
		struct canceller c = { .n = MANY, .after_ms = after };
		const char *paths[] = { "/slow/20", "/status/200", "/chunked", "/endless" };

		begin_many(MANY, URL(paths[after % 4]));
		cancel_after(&c);
		loop_run(loop);
		for (size_t i = 0; i < MANY; i++)
			assert_true(fetches[i].code == OK || fetches[i].code == E_CANCELLED ||
				    fetches[i].code == E_UPSTREAM);
		end_many(MANY);
	}
}

static void a_fiber_past_its_deadline_leaves_the_transfer_behind(void **state)
{
	const char *url = URL("/slow/5000");

	(void)state;
	memset(fetches, 0, sizeof(fetches));
	for (size_t i = 0; i < 50; i++) {
		fetches[i].request = (struct net_request){ .method = "POST",
							   .url = url,
							   .body = STR("kept by the record, not by the fiber"),
							   .allow_private = true };
		fetches[i].deadline_ms = 20 + (int64_t)i * 2;
		fibers[i] = begin(&fetches[i]);
	}
	while (loop_fibers(loop) > 0)
		uv_run(loop_uv(loop), UV_RUN_ONCE);
	for (size_t i = 0; i < 50; i++)
		assert_int_equal(fetches[i].code == E_TIMEOUT || fetches[i].code == E_NETWORK, true);
	end_many(50);
}

static void close_net(struct call *call, void *arg)
{
	(void)arg;
	fiber_sleep(call, 100);
}

static void on_time_to_close(struct call *call, void *arg)
{
	(void)call;
	(void)arg;
	net = net_close(net);
}

static void closing_cancels_what_runs_and_what_waits(void **state)
{
	struct fiber_options options = { .name = "close", .on_done = on_time_to_close };

	(void)state;
	begin_many(MANY, URL("/slow/5000"));
	assert_int_equal(fiber_start(loop, &options, close_net, NULL, NULL), OK);
	loop_run(loop);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(fetches[i].code, E_CANCELLED);
		assert_in_range(fetches[i].took_ms, 50, 3000);
	}
	end_many(MANY);
}

static void bench_of_fetch(void **state)
{
	int64_t before;

	(void)state;
	begin_many(1, URL("/status/200"));
	loop_run(loop);
	end_many(1);
	before = clock_mono_us();
	for (int round = 0; round < 500; round++) {
		begin_many(1, URL("/status/200"));
		loop_run(loop);
		assert_int_equal(fetches[0].code, OK);
		end_many(1);
	}
	print_message("bench: one request after the other on one connection: %.0f us, both sides and their threads\n",
		      (double)(clock_mono_us() - before) / 500);
	assert_int_equal(server.accepts, 1);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(two_hundred_wait_side_by_side),
		T(past_the_cap_they_queue),
		T(connections_are_used_again),
		T(a_cancelled_transfer_ends_at_once),
		T(cancelled_at_any_moment),
		T(a_fiber_past_its_deadline_leaves_the_transfer_behind),
		T(closing_cancels_what_runs_and_what_waits),
		T(bench_of_fetch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

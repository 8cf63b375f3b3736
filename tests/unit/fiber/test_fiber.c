/* The nine invariants, each by an example, and what stands on them: join, events, offload, the watchdog. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fiber/fiber.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct loop *loop;

static int set_up(void **state)
{
	(void)state;
	loop = loop_new(8);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	loop = loop_free(loop);
	return 0;
}

static void run_all(void)
{
	while (loop_fibers(loop))
		uv_run(loop_uv(loop), UV_RUN_ONCE);
}

static struct fiber *start(const char *name, int64_t timeout_ms, fiber_fn *fn, void *arg)
{
	struct fiber *fiber = NULL;
	struct fiber_options options = { .name = name, .timeout_ms = timeout_ms };

	assert_int_equal(OK, fiber_start(loop, &options, fn, arg, &fiber));
	return fiber;
}

struct result {
	int r;
	int64_t took_ms;
	bool ran;
};

static void sleeper(struct call *call, void *arg)
{
	struct result *result = arg;
	int64_t start_ms = clock_mono_ms();

	result->r = fiber_sleep(call, 30);
	result->took_ms = clock_mono_ms() - start_ms;
	result->ran = true;
}

static void test_sleep_takes_its_time(void **state)
{
	struct result result = { 0 };

	(void)state;
	fiber_unref(start("sleeper", 0, sleeper, &result));
	assert_false(result.ran); /* starting does not run it */
	run_all();
	assert_int_equal(OK, result.r);
	assert_in_range(result.took_ms, 28, 2000);
}

static void test_deadline_of_the_call_holds_for_every_await(void **state)
{
	struct result result = { 0 };

	(void)state;
	fiber_unref(start("late", 10, sleeper, &result));
	run_all();
	assert_int_equal(E_TIMEOUT, result.r);
	assert_in_range(result.took_ms, 8, 29);
}

static void cancelled_twice(struct call *call, void *arg)
{
	int *results = arg;

	results[0] = fiber_sleep(call, 10000);
	results[1] = fiber_sleep(call, 1);
	call_shield(call);
	results[2] = fiber_sleep(call, 1);
	call_unshield(call);
	results[3] = fiber_sleep(call, 1);
}

static void test_cancel_is_sticky_except_when_shielded(void **state)
{
	int results[4] = { 1, 1, 1, 1 };
	struct fiber *fiber = start("cancelled", 0, cancelled_twice, results);

	(void)state;
	uv_run(loop_uv(loop), UV_RUN_NOWAIT);
	fiber_cancel(fiber);
	fiber_cancel(fiber);
	run_all();
	assert_int_equal(E_CANCELLED, results[0]);
	assert_int_equal(E_CANCELLED, results[1]);
	assert_int_equal(OK, results[2]);
	assert_int_equal(E_CANCELLED, results[3]);
	fiber_cancel(fiber); /* harmless when it has finished */
	fiber_unref(fiber);
}

static void test_limit_on_their_number(void **state)
{
	struct result results[9] = { 0 };
	struct fiber_options options = { .name = "many" };

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(OK, fiber_start(loop, &options, sleeper, &results[i], NULL));
	assert_int_equal(E_LIMITED, fiber_start(loop, &options, sleeper, &results[8], NULL));
	run_all();
	assert_int_equal(OK, fiber_start(loop, &options, sleeper, &results[8], NULL));
	run_all();
	for (int i = 0; i < 9; i++)
		assert_true(results[i].ran);
}

static void joiner(struct call *call, void *arg)
{
	struct result *result = arg;
	struct result inner = { 0 };
	struct fiber *other = start("joined", 0, sleeper, &inner);

	result->r = fiber_join(call, other);
	result->ran = inner.ran;
	assert_int_equal(OK, fiber_join(call, other)); /* again: at once */
	fiber_unref(other);
}

static void test_join(void **state)
{
	struct result result = { 0 };

	(void)state;
	fiber_unref(start("joiner", 0, joiner, &result));
	run_all();
	assert_int_equal(OK, result.r);
	assert_true(result.ran);
}

static struct event bell;

static void bell_waiter(struct call *call, void *arg)
{
	*(int *)arg = event_wait(call, &bell, 200);
}

static void test_event_wakes_all_who_wait_and_is_kept_when_nobody_does(void **state)
{
	int r[3] = { 1, 1, 1 };

	(void)state;
	bell = (struct event){ 0 };
	fiber_unref(start("a", 0, bell_waiter, &r[0]));
	fiber_unref(start("b", 0, bell_waiter, &r[1]));
	uv_run(loop_uv(loop), UV_RUN_NOWAIT);
	event_set(&bell);
	run_all();
	event_set(&bell);
	fiber_unref(start("c", 0, bell_waiter, &r[2]));
	run_all();
	assert_int_equal(OK, r[0]);
	assert_int_equal(OK, r[1]);
	assert_int_equal(OK, r[2]);
}

static void nap(void *arg)
{
	usleep(20000);
	(*(int *)arg)++;
}

static void offloader(struct call *call, void *arg)
{
	int *numbers = arg;

	numbers[1] = offload(call, nap, &numbers[0], NULL);
}

static void test_offload(void **state)
{
	int numbers[2] = { 0, 1 };

	(void)state;
	fiber_unref(start("offloader", 0, offloader, numbers));
	run_all();
	assert_int_equal(1, numbers[0]);
	assert_int_equal(OK, numbers[1]);
}

static int dropped;

static void drop(void *arg)
{
	dropped++;
	free(arg);
}

static void impatient(struct call *call, void *arg)
{
	int *number = calloc(1, sizeof(*number));

	*(int *)arg = offload(call, nap, number, drop);
}

static void test_offload_that_is_left_drops_its_argument_when_it_ends(void **state)
{
	int r = 0;

	(void)state;
	dropped = 0;
	fiber_unref(start("impatient", 5, impatient, &r));
	run_all();
	assert_int_equal(E_TIMEOUT, r);
	while (!dropped)
		uv_run(loop_uv(loop), UV_RUN_ONCE);
	assert_int_equal(1, dropped);
}

static void hog(struct call *call, void *arg)
{
	int64_t until = clock_mono_ms() + 70;

	(void)call;
	(void)arg;
	while (clock_mono_ms() < until)
		;
}

static void test_watchdog_names_the_fiber(void **state)
{
	char line[1024] = "";
	int fds[2];

	(void)state;
	assert_int_equal(0, pipe(fds));
	log_open(fds[1], LOG_INFO);
	fiber_unref(start("the hog", 0, hog, NULL));
	run_all();
	log_open(STDOUT_FILENO, LOG_INFO);
	assert_int_equal(1, loop_stalls(loop));
	assert_true(read(fds[0], line, sizeof(line) - 1) > 0);
	assert_non_null(strstr(line, "\"fiber\":\"the hog\""));
	close(fds[0]);
	close(fds[1]);
}

static int order[8], n_order;

static void taker(struct call *call, void *arg)
{
	for (int i = 0; i < 2; i++) {
		order[n_order++] = (int)(intptr_t)arg;
		fiber_yield(call);
	}
}

static void test_yield_lets_others_run_in_turn(void **state)
{
	const int wanted[] = { 1, 2, 1, 2 };

	(void)state;
	n_order = 0;
	fiber_unref(start("one", 0, taker, (void *)1));
	fiber_unref(start("two", 0, taker, (void *)2));
	run_all();
	assert_int_equal(4, n_order);
	assert_memory_equal(wanted, order, sizeof(wanted));
}

static void deep(struct call *call, void *arg);
static void (*volatile again)(struct call *call, void *arg) = deep;

static void deep(struct call *call, void *arg)
{
	volatile char frame[2048];

	frame[0] = 1;
	again(call, arg);
	frame[1] = frame[0];
}

static void test_stack_overflow_dies_in_the_guard_page(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		freopen("/dev/null", "w", stderr);
		fiber_unref(start("deep", 0, deep, NULL));
		run_all();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void logger(struct call *call, void *arg)
{
	log_scope_set(&call->log, F_TEXT("requestId", arg));
	fiber_yield(call);
	log_info("Test", "line");
}

static void test_log_scope_follows_the_fiber(void **state)
{
	char text[2048] = "";
	int fds[2];

	(void)state;
	assert_int_equal(0, pipe(fds));
	log_open(fds[1], LOG_INFO);
	fiber_unref(start("l1", 0, logger, "first"));
	fiber_unref(start("l2", 0, logger, "second"));
	run_all();
	log_open(STDOUT_FILENO, LOG_INFO);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "{\"requestId\":\"first\"}"));
	assert_non_null(strstr(text, "{\"requestId\":\"second\"}"));
	close(fds[0]);
	close(fds[1]);
}

static void test_cancel_all_ends_everybody(void **state)
{
	struct result results[3] = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++)
		fiber_unref(start("s", 0, sleeper, &results[i]));
	uv_run(loop_uv(loop), UV_RUN_NOWAIT);
	loop_cancel_all(loop);
	run_all();
	for (int i = 0; i < 3; i++)
		assert_int_equal(E_CANCELLED, results[i].r);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sleep_takes_its_time),
		TEST(test_deadline_of_the_call_holds_for_every_await),
		TEST(test_cancel_is_sticky_except_when_shielded),
		TEST(test_limit_on_their_number),
		TEST(test_join),
		TEST(test_event_wakes_all_who_wait_and_is_kept_when_nobody_does),
		TEST(test_offload),
		TEST(test_offload_that_is_left_drops_its_argument_when_it_ends),
		TEST(test_watchdog_names_the_fiber),
		TEST(test_yield_lets_others_run_in_turn),
		TEST(test_stack_overflow_dies_in_the_guard_page),
		TEST(test_log_scope_follows_the_fiber),
		TEST(test_cancel_all_ends_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

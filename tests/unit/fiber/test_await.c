/* Property: whatever the order in which a record completes, times out, is cancelled and is let go of, the fiber wakes
 * exactly once, sees a result the order allows, and the record is freed exactly once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fiber/fiber.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef __SANITIZE_THREAD__
#define SEEDS 10000 /* there the switches cost fifty times as much, and there is one thread */
#else
#define SEEDS 100000
#endif
#define BATCH 500

struct record {
	struct wait wait;
	struct trial *trial;
};

struct trial {
	uint32_t random;
	struct record *record;
	struct fiber *fiber;
	unsigned complete_at, cancel_at, turns; /* in turns of the loop; cancel_at 0 = never */
	bool completed, cancelled, freed, left, shield, linger;
	int64_t timeout_ms;
	int result, later, value;
	bool returned;
};

static struct trial trials[BATCH];
static unsigned wakes, frees;

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void free_record(struct wait *wait)
{
	struct record *record = (struct record *)wait;

	assert_false(record->trial->freed);
	record->trial->freed = true;
	frees++;
	free(record);
}

static void on_leave(struct wait *wait)
{
	((struct record *)wait)->trial->left = true;
}

static void waiter(struct call *call, void *arg)
{
	struct trial *t = arg;

	if (t->shield)
		call_shield(call);
	t->result = await(call, &t->record->wait, t->timeout_ms);
	wakes++;
	if (t->shield)
		call_unshield(call);
	if (t->linger)
		t->later = fiber_yield(call);
	wait_unref(&t->record->wait);
	if (!t->linger)
		t->later = fiber_yield(call);
	t->returned = true;
}

/* One step of the outside world, from the loop's stack as a driver would do it. */
static void step(void *arg)
{
	(void)arg;
	for (int i = 0; i < BATCH; i++) {
		struct trial *t = &trials[i];

		t->turns++;
		if (t->cancel_at && t->turns == t->cancel_at) {
			t->cancelled = true;
			fiber_cancel(t->fiber);
		}
		if (!t->completed && t->turns >= t->complete_at) {
			t->completed = true;
			wait_complete(&t->record->wait, t->value);
		}
	}
}

static void set_up(struct loop *loop, struct trial *t, uint32_t seed)
{
	uint32_t r = seed * 2654435761u + 1;
	struct fiber_options options = { .name = "trial" };

	*t = (struct trial){ .random = r };
	t->value = (int)(next_random(&r) % 3 == 0 ? (uint32_t)E_UPSTREAM : 0u);
	t->complete_at = 1 + next_random(&r) % 12;
	t->cancel_at = next_random(&r) % 3 == 0 ? 1 + next_random(&r) % 12 : 0;
	t->timeout_ms = (int64_t)(next_random(&r) % 4) - 1;
	t->shield = next_random(&r) % 5 == 0;
	t->linger = next_random(&r) % 2;
	t->record = calloc(1, sizeof(*t->record));
	t->record->trial = t;
	wait_init(&t->record->wait, free_record);
	t->record->wait.on_leave = on_leave;
	assert_int_equal(OK, fiber_start(loop, &options, waiter, t, &t->fiber));
}

static void check(const struct trial *t)
{
	assert_true(t->returned);
	assert_true(t->freed);
	if (t->result == E_CANCELLED) {
		assert_true(t->cancelled && !t->shield && t->left);
	} else if (t->result == E_TIMEOUT) {
		assert_true(t->timeout_ms >= 0 && t->left);
	} else {
		assert_int_equal(t->value, t->result);
		assert_false(t->left);
	}
	if (t->result == E_CANCELLED)
		assert_int_equal(E_CANCELLED, t->later); /* sticky */
}

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

static void test_random_orders(void **state)
{
	struct loop *loop = loop_new(BATCH + 8);
	struct loop_hook hook = { .fn = step };
	unsigned seen[3] = { 0 };
	uv_timer_t tick;

	(void)state;
	uv_timer_init(loop_uv(loop), &tick);
	uv_timer_start(&tick, on_tick, 1, 1);
	for (uint32_t seed = 0; seed < SEEDS; seed += BATCH) {
		wakes = frees = 0;
		for (uint32_t i = 0; i < BATCH; i++)
			set_up(loop, &trials[i], seed + i);
		loop_hook_add(loop, seed % 1000 ? LOOP_SINK : LOOP_SOURCE, &hook);
		for (bool done = false; !done;) {
			uv_run(loop_uv(loop), UV_RUN_ONCE);
			done = loop_fibers(loop) == 0 && frees == BATCH;
		}
		loop_hook_remove(loop, seed % 1000 ? LOOP_SINK : LOOP_SOURCE, &hook);
		assert_int_equal(BATCH, wakes);
		for (int i = 0; i < BATCH; i++) {
			check(&trials[i]);
			seen[trials[i].result == E_CANCELLED ? 0 : trials[i].result == E_TIMEOUT ? 1 : 2]++;
			fiber_unref(trials[i].fiber);
		}
	}
	/* all three ends were really met */
	assert_true(seen[0] > SEEDS / 50);
	assert_true(seen[1] > SEEDS / 50);
	assert_true(seen[2] > SEEDS / 50);
	uv_close((uv_handle_t *)&tick, NULL);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random_orders) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

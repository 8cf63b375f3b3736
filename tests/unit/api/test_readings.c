/* Identical readings made once: who reads, who waits for which reading, and what happens when the one who reads fails,
 * is cancelled or runs out of time. The "database" is a number that a reading takes at its start and gives back when
 * the test lets it end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/readings.h"

#include <stdlib.h>
#include <string.h>

#define ASKERS 64

struct asker {
	const char *key;
	int fails; /* what his own readings come to */
	struct fiber *fiber;
	int r, saw, place; /* place: the how-manyth to be answered */
	char why[64];
	int64_t retry_after_ms;
	bool led, answered;
	struct asker *cancels; /* when he has his answer */
};

static struct loop *loop;
static struct readings *readings;
static struct asker askers[ASKERS];
static unsigned n_askers, n_readings, n_answered;
static int database;
static struct event go; /* lets one reading end */

static int set_up(void **state)
{
	(void)state;
	loop = loop_new(ASKERS + 1);
	readings = readings_new();
	memset(askers, 0, sizeof(askers));
	n_askers = n_readings = n_answered = 0;
	database = 1;
	go = (struct event){ 0 };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	while (loop_fibers(loop)) {
		event_set(&go);
		uv_run(loop_uv(loop), UV_RUN_NOWAIT);
	}
	for (unsigned i = 0; i < n_askers; i++)
		fiber_unref(askers[i].fiber);
	readings = readings_free(readings); /* aborts when a line is left */
	loop = loop_free(loop);
	return 0;
}

static int read_database(struct call *call, void *arg, struct reading *ret)
{
	struct asker *asker = arg;
	int found = database, r;

	asker->led = true;
	n_readings++;
	r = event_wait(call, &go, -1);
	if (r != OK)
		return r;
	if (asker->fails != OK) {
		call->retry_after_ms = 1234;
		return call_fail(call, asker->fails, "the database is away");
	}
	buf_add_int(&ret->body, found);
	return OK;
}

static void ask(struct call *call, void *arg)
{
	struct asker *asker = arg;
	const struct reading *reading = NULL;

	asker->r = readings_join(call, readings, str_of(asker->key), read_database, asker, &reading);
	if (asker->r == OK)
		asker->saw = atoi(reading->body.p);
	strncpy(asker->why, call->why, sizeof(asker->why) - 1);
	asker->retry_after_ms = call->retry_after_ms;
	asker->place = (int)++n_answered;
	asker->answered = true;
	if (asker->cancels)
		fiber_cancel(asker->cancels->fiber);
}

/* Turns of the loop until nothing moves by itself. */
static void settle(void)
{
	for (int i = 0; i < 10; i++)
		uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static struct asker *start(const char *key, int fails, int64_t timeout_ms)
{
	struct asker *asker = &askers[n_askers++];
	struct fiber_options options = { .name = "asker", .timeout_ms = timeout_ms };

	asker->key = key;
	asker->fails = fails;
	assert_int_equal(OK, fiber_start(loop, &options, ask, asker, &asker->fiber));
	settle();
	return asker;
}

static void let_one_end(void)
{
	event_set(&go);
	settle();
}

static void test_alone_he_reads_for_himself(void **state)
{
	struct asker *a = start("k", OK, 0);

	(void)state;
	let_one_end();
	assert_true(a->answered && a->led);
	assert_int_equal(1, a->saw);
	assert_int_equal(1, n_readings);
}

static void test_who_comes_during_a_reading_waits_for_the_next(void **state)
{
	struct asker *a = start("k", OK, 0), *rest[20];

	(void)state;
	database = 2; /* written, and then asked for */
	for (int i = 0; i < 20; i++)
		rest[i] = start("k", OK, 0);
	assert_int_equal(1, n_readings);
	let_one_end();
	assert_int_equal(1, a->saw);
	assert_int_equal(2, n_readings);
	assert_false(rest[0]->answered);
	database = 3; /* written while the second reading is under way: for those who ask from now on */
	struct asker *late = start("k", OK, 0);
	let_one_end();
	for (int i = 0; i < 20; i++) {
		assert_true(rest[i]->answered);
		assert_int_equal(2, rest[i]->saw);
		assert_int_equal(i == 0, rest[i]->led); /* he asked first */
		assert_int_equal(i + 2, rest[i]->place);
	}
	assert_false(late->answered);
	let_one_end();
	assert_int_equal(3, late->saw);
	assert_int_equal(3, n_readings);
}

static void test_other_keys_do_not_wait(void **state)
{
	struct asker *a = start("k", OK, 0), *b = start("other", OK, 0);

	(void)state;
	assert_int_equal(2, n_readings);
	let_one_end(); /* one event wakes both readings */
	assert_true(a->answered && a->led && b->answered && b->led);
}

static void test_another_takes_over_from_one_who_is_cancelled(void **state)
{
	struct asker *a, *b, *c;

	(void)state;
	start("k", OK, 0);
	a = start("k", OK, 0);
	b = start("k", OK, 0);
	c = start("k", OK, 0);
	let_one_end();
	assert_true(a->led);
	fiber_cancel(a->fiber);
	settle();
	assert_int_equal(E_CANCELLED, a->r);
	assert_true(b->led && !b->answered && !c->led);
	let_one_end();
	assert_int_equal(1, b->saw);
	assert_int_equal(1, c->saw);
}

/* Woken to read, and cancelled before he runs: the next one is woken. */
static void test_a_leader_who_never_runs_passes_it_on(void **state)
{
	struct asker *first = start("k", OK, 0), *a = start("k", OK, 0), *b = start("k", OK, 0);

	(void)state;
	first->cancels = a;
	let_one_end();
	assert_int_equal(OK, first->r);
	assert_int_equal(E_CANCELLED, a->r);
	assert_false(a->led);
	assert_true(b->led);
	let_one_end();
	assert_int_equal(1, b->saw);
}

static void test_one_failure_is_tried_again_two_are_told(void **state)
{
	struct asker *a, *b, *c, *d;

	(void)state;
	start("k", OK, 0);
	a = start("k", E_NETWORK, 0);
	b = start("k", E_NETWORK, 0);
	c = start("k", OK, 0);
	d = start("k", OK, 0);
	let_one_end();
	let_one_end(); /* a's fails */
	assert_int_equal(E_NETWORK, a->r);
	assert_true(b->led && !c->answered && !d->answered);
	struct asker *late = start("k", OK, 0);
	let_one_end(); /* b's fails */
	assert_int_equal(E_NETWORK, b->r);
	assert_int_equal(E_NETWORK, c->r);
	assert_int_equal(E_NETWORK, d->r);
	assert_string_equal("the database is away", d->why);
	assert_int_equal(1234, d->retry_after_ms);
	assert_true(late->led && !late->answered);
	let_one_end();
	assert_int_equal(OK, late->r);
}

static void test_one_failure_does_not_reach_the_others(void **state)
{
	struct asker *a, *b, *c;

	(void)state;
	start("k", OK, 0);
	a = start("k", E_INTERNAL, 0);
	b = start("k", OK, 0);
	c = start("k", OK, 0);
	let_one_end();
	let_one_end();
	let_one_end();
	assert_int_equal(E_INTERNAL, a->r);
	assert_int_equal(1, b->saw);
	assert_int_equal(1, c->saw);
	assert_int_equal(3, n_readings);
}

static void test_each_has_his_own_deadline(void **state)
{
	struct asker *slow = start("k", OK, 0), *brief = start("k", OK, 20), *patient = start("k", OK, 0);

	(void)state;
	while (!brief->answered)
		uv_run(loop_uv(loop), UV_RUN_ONCE);
	assert_int_equal(E_TIMEOUT, brief->r);
	assert_false(slow->answered || patient->answered);
	let_one_end();
	let_one_end();
	assert_int_equal(1, slow->saw);
	assert_int_equal(1, patient->saw);
	assert_int_equal(2, n_readings);
}

/* His time is over while he reads for others: they are not told a failure, however often it happens. */
static void test_a_leader_out_of_time_is_no_failure(void **state)
{
	struct asker *brief[5], *patient;

	(void)state;
	start("k", OK, 0);
	for (int i = 0; i < 5; i++)
		brief[i] = start("k", OK, 30 * (i + 1));
	patient = start("k", OK, 0);
	let_one_end();
	for (int i = 0; i < 5; i++) {
		while (!brief[i]->answered)
			uv_run(loop_uv(loop), UV_RUN_ONCE);
		assert_int_equal(E_TIMEOUT, brief[i]->r);
	}
	settle();
	assert_true(brief[0]->led && patient->led);
	let_one_end();
	assert_int_equal(1, patient->saw);
}

static void test_all_cancelled_leaves_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++)
		start(i % 3 ? "k" : "other", OK, 0);
	loop_cancel_all(loop);
	settle();
	assert_int_equal(0, loop_fibers(loop));
	for (int i = 0; i < 30; i++)
		assert_int_equal(E_CANCELLED, askers[i].r);
	assert_int_equal(2, n_readings);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_alone_he_reads_for_himself),
		T(test_who_comes_during_a_reading_waits_for_the_next),
		T(test_other_keys_do_not_wait),
		T(test_another_takes_over_from_one_who_is_cancelled),
		T(test_a_leader_who_never_runs_passes_it_on),
		T(test_one_failure_is_tried_again_two_are_told),
		T(test_one_failure_does_not_reach_the_others),
		T(test_each_has_his_own_deadline),
		T(test_a_leader_out_of_time_is_no_failure),
		T(test_all_cancelled_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

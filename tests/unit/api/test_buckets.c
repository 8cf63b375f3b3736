/* Token buckets: the arithmetic, that leases of several processes never add up to more than the limit, and the table.
 */
#include "api/buckets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND    1000000ll
#define PROCESSES 4

static const struct limit_rule ten = { .limit = 10, .window_ms = 1000 }, general = { .limit = 600, .window_ms = 60000 };

static void test_cost(void **state)
{
	const struct limit_rule odd = { .limit = 7, .window_ms = 1000 }, most = { .limit = 1000000, .window_ms = 1000 };

	(void)state;
	assert_int_equal(rule_cost_us(&general), 100000);
	assert_int_equal(rule_cost_us(&odd), 142858); /* rounded up: seven of them are no shorter than the window */
	assert_int_equal(rule_cost_us(&most), 1);
}

static void test_alone(void **state)
{
	struct bucket b = { 0 };
	int64_t now = 5 * SECOND;

	(void)state;
	assert_int_equal(bucket_remaining(&b, &ten, now), 10);
	for (int i = 9; i >= 0; i--) {
		assert_true(bucket_take_alone(&b, &ten, now));
		assert_int_equal(bucket_remaining(&b, &ten, now), i);
	}
	assert_false(bucket_take_alone(&b, &ten, now));
	assert_int_equal(bucket_wait_us(&b, &ten, now), 100000);
	assert_int_equal(bucket_reset_us(&b, &ten, now), SECOND);
	assert_false(bucket_take_alone(&b, &ten, now + 99999));
	assert_true(bucket_take_alone(&b, &ten, now + 100000));
	assert_false(bucket_take_alone(&b, &ten, now + 100000));
	assert_int_equal(bucket_remaining(&b, &ten, now + 600000), 5);
	assert_int_equal(bucket_wait_us(&b, &ten, now + 600000), 0);
	assert_int_equal(bucket_remaining(&b, &ten, now + 100 * SECOND), 10);
	for (int i = 0; i < 10; i++)
		assert_true(bucket_take_alone(&b, &ten, now + 100 * SECOND));
	assert_false(bucket_take_alone(&b, &ten, now + 100 * SECOND));
}

static void test_lease(void **state)
{
	struct bucket b = { 0 };
	int64_t now = SECOND;
	bool leasing, second;

	(void)state;
	assert_int_equal(bucket_take(&b, &ten, now), BUCKET_ASK);
	assert_int_equal(bucket_ask(&b, &leasing), 1);
	assert_int_equal(bucket_ask(&b, &second), 1);
	assert_true(leasing && !second);
	bucket_told(&b, true, 4, 400000, now); /* four tokens: one for the request, three are left */
	assert_int_equal(bucket_remaining(&b, &ten, now), 9);
	assert_int_equal(bucket_take(&b, &ten, now), BUCKET_TAKEN);
	assert_int_equal(bucket_take(&b, &ten, now), BUCKET_TAKEN);
	assert_int_equal(bucket_remaining(&b, &ten, now), 7);
	/* Only 0.05 s of the 0.4 s are missing still: a token in hand and the bucket would be more than ten. */
	assert_int_equal(bucket_take(&b, &ten, now + 350000), BUCKET_ASK);
	assert_int_equal(bucket_ask(&b, &leasing), 3 * 16); /* more than the three that were used */
	assert_true(leasing);
}

static void test_known_to_be_empty(void **state)
{
	struct bucket b = { 0 };
	bool leasing;

	(void)state;
	bucket_ask(&b, &leasing);
	bucket_told(&b, leasing, 0, 960000, SECOND);
	assert_int_equal(bucket_take(&b, &ten, SECOND), BUCKET_EMPTY);
	assert_int_equal(bucket_take(&b, &ten, SECOND + 59999), BUCKET_EMPTY);
	assert_int_equal(bucket_take(&b, &ten, SECOND + 60000), BUCKET_ASK);
	assert_int_equal(bucket_ask(&b, &leasing), 1);
}

/* What this process knew of the bucket goes on to count. */
static void test_redis_goes_away(void **state)
{
	struct bucket b = { 0 };
	bool leasing;
	int taken = 0;

	(void)state;
	bucket_ask(&b, &leasing);
	bucket_told(&b, leasing, 3, 700000, SECOND); /* three tokens were in Redis, two are in the lease */
	while (bucket_take_alone(&b, &ten, SECOND))
		taken++;
	assert_int_equal(taken, 5);
	assert_int_equal(bucket_remaining(&b, &ten, SECOND), 0);
}

/* ---- several processes on one bucket ---- */

struct world {
	const struct limit_rule *rule;
	int64_t full_us;  /* what Redis has */
	int64_t exact_us; /* a bucket that sees every request the moment it is let in */
	struct bucket of[PROCESSES];
	int taken, refused, asked;
	bool crowded; /* requests overtake each other */
};

/* What the script in limits.c does. */
static int64_t lease(struct world *w, int64_t want, int64_t now, int64_t *ret_missing)
{
	int64_t cost = rule_cost_us(w->rule), full = w->full_us > now ? w->full_us : now;
	int64_t there = (w->rule->limit * cost - (full - now)) / cost, n = want < there / 16 ? want : there / 16;

	n = n < 1 ? 1 : n;
	n = n > there ? there : n;
	w->full_us = full + n * cost;
	*ret_missing = w->full_us - now;
	return n;
}

static uint64_t random_state;
static uint64_t rnd(uint64_t n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (random_state >> 33) % n;
}

static void let_in(struct world *w, int64_t now)
{
	int64_t cost = rule_cost_us(w->rule);

	w->taken++;
	w->exact_us = (w->exact_us > now ? w->exact_us : now) + cost;
	assert_true(w->exact_us - now <= w->rule->limit * cost);
}

static void request(struct world *w, unsigned process, int64_t now);

/* The answer to `leasing` is on its way, behind it that to a second request, and a lease of another process between. */
static void ask(struct world *w, unsigned process, int64_t now, bool crowded)
{
	struct bucket *b = &w->of[process];
	int64_t n, one = 0, missing, missing_then, asked = now - 150;
	bool leasing, second = false;

	w->asked++;
	n = lease(w, bucket_ask(b, &leasing), now, &missing);
	if (crowded) {
		request(w, (process + 1) % PROCESSES, now);
		one = lease(w, bucket_ask(b, &second), now, &missing_then);
	}
	bucket_told(b, leasing, n, missing, asked);
	if (crowded)
		bucket_told(b, second, one, missing_then, asked);
	for (int i = 0; i < (n > 0) + (one > 0); i++)
		let_in(w, now);
	w->refused += n == 0;
}

static void request(struct world *w, unsigned process, int64_t now)
{
	switch (bucket_take(&w->of[process], w->rule, now)) {
	case BUCKET_TAKEN:
		let_in(w, now);
		break;
	case BUCKET_EMPTY:
		w->refused++;
		break;
	case BUCKET_ASK:
		ask(w, process, now, w->crowded && !w->of[process].asking && rnd(3) == 0);
	}
}

/* A stream of requests, a pause in which leases are held, a burst: each to one process or to all of them. */
static void phase(struct world *w, int64_t *now)
{
	uint64_t kind = rnd(3), cost = (uint64_t)rule_cost_us(w->rule), limit = (uint64_t)w->rule->limit;
	uint64_t n = kind == 0 ? rnd(80) : kind == 1 ? 0 : rnd(2) ? rnd(limit * 5 / 4 % 1000) : 3;
	unsigned only = (unsigned)rnd(PROCESSES + 1), process;

	if (kind == 1)
		*now += (int64_t)(rnd(8) ? rnd(cost * limit / 10 + 2) : rnd(cost * limit));
	for (uint64_t i = 0; i < n; i++) {
		process = only < PROCESSES ? only : (unsigned)rnd(PROCESSES);
		*now += kind == 0 ? (int64_t)rnd(cost * 2) : 0;
		request(w, process, *now);
	}
}

static void test_never_above_the_limit(void **state)
{
	const struct limit_rule rules[] = { ten, general, { 20, 900000 }, { 1, 1000 }, { 100, 3000 }, { 7, 3000 } };

	(void)state;
	for (uint64_t seed = 1; seed <= 600; seed++) {
		struct world w = { .rule = &rules[seed % 6], .crowded = seed % 2 };
		int64_t now = SECOND;

		random_state = seed;
		for (int i = 0; i < 150; i++)
			phase(&w, &now);
		assert_true(w.taken > 0);
	}
}

static void test_a_burst_gets_all_of_it(void **state)
{
	(void)state;
	for (unsigned processes = 1; processes <= PROCESSES; processes++) {
		struct world w = { .rule = &general };

		for (unsigned i = 0; i < 3000; i++)
			request(&w, i % processes, SECOND);
		assert_int_equal(w.taken, 600);
		assert_int_equal(w.refused, 2400);
		assert_true(w.asked < 200);
	}
}

/* Below its rate nobody is refused, and most requests are not asked for. */
static void test_steady(void **state)
{
	static const int64_t gaps[] = { 112000, 130000, 200000, 400000 };

	(void)state;
	for (unsigned processes = 1; processes <= PROCESSES; processes++) {
		for (size_t g = 0; g < 4; g++) {
			struct world w = { .rule = &general };

			random_state = 5;
			for (int i = 0; i < 20000; i++)
				request(&w, (unsigned)rnd(processes), SECOND + i * gaps[g]);
			assert_int_equal(w.refused, 0);
			assert_true(w.asked * 2 < w.taken);
		}
	}
}

/* ---- the table ---- */

static void test_table(void **state)
{
	struct buckets *buckets = buckets_new();
	struct bucket *b = buckets_at(buckets, STR("general:user_1"));
	char key[32];

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_true(bucket_take_alone(b, &ten, SECOND));
	/* a flood of addresses, each with a request or two */
	for (int i = 0; i < 50000; i++) {
		int n = snprintf(key, sizeof(key), "auth:10.0.%d.%d", i / 256, i % 256);

		b = buckets_at(buckets, (struct str){ key, (size_t)n });
		assert_true(bucket_take_alone(b, &ten, SECOND));
	}
	b = buckets_at(buckets, STR("general:user_1"));
	assert_false(bucket_take_alone(b, &ten, SECOND));
	b = buckets_at(buckets, STR("general:user_2"));
	assert_true(bucket_take_alone(b, &ten, SECOND));
	assert_ptr_equal(b, buckets_at(buckets, STR("general:user_2")));
	assert_null(buckets_free(buckets));
	assert_null(buckets_free(NULL));
}

static void test_long_keys(void **state)
{
	struct buckets *buckets = buckets_new();
	char key[300];
	struct bucket *b;

	(void)state;
	memset(key, 'k', sizeof(key));
	b = buckets_at(buckets, (struct str){ key, sizeof(key) });
	assert_int_equal(b->key_n, BUCKET_KEY_MAX);
	assert_ptr_equal(b, buckets_at(buckets, (struct str){ key, sizeof(key) }));
	buckets_free(buckets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_known_to_be_empty),
		cmocka_unit_test(test_redis_goes_away),
		cmocka_unit_test(test_never_above_the_limit),
		cmocka_unit_test(test_a_burst_gets_all_of_it),
		cmocka_unit_test(test_steady),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_long_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

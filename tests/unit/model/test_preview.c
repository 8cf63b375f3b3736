/* From wanted and existing to the next step: each step in each state, what never happens in any state, and failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/preview.h"

#define NOW    1000000
#define SETTLE 90000

static const char *const steps[] = { "done",    "wait",   "insert",  "send",   "find",   "poll",
				     "timeout", "cancel", "destroy", "forget", "settle", "hold" };

#define DEPLOYED  DESIRED_DEPLOYED
#define DESTROYED DESIRED_DESTROYED
#define HELD      DESIRED_HELD
#define CANCELLED (DESIRED_HELD + 1) /* held because a person cancelled the build */
#define LOOK      NOT_FOUND_LOOK
#define SEND      NOT_FOUND_SEND
#define FORGET    NOT_FOUND_FORGET
/* an attempt of generation g; due, and within its deadline unless one is given */
#define A(g, s, b, ...)                                                                                                \
	{                                                                                                              \
		.generation = (g), .state = ATTEMPT_##s, .status = BUILD_##b, __VA_ARGS__                              \
	}
#define NEXT(ms)     .next_at_ms = NOW + (ms)
#define SENT_AGO(ms) .sent_at_ms = NOW - (ms)

static const struct row {
	int desired;
	bool settled;
	struct attempt attempts[3]; /* generation 0 = none; the wanted generation is 5 */
	const char *step;
	unsigned attempt;
	int64_t wait_ms;
	enum not_found not_found;
} rows[] = {
	/* nothing there */
	{ DEPLOYED, false, { { 0 } }, "insert", 0, 0, LOOK },
	{ DEPLOYED, true, { { 0 } }, "done", 0, 0, LOOK }, /* failed before anything reached the provider */
	{ DESTROYED, false, { { 0 } }, "settle", 0, 0, LOOK },
	{ DESTROYED, true, { { 0 } }, "done", 0, 0, LOOK },
	{ HELD, false, { { 0 } }, "settle", 0, 0, LOOK },
	{ HELD, true, { { 0 } }, "done", 0, 0, LOOK },
	/* bringing up */
	{ DEPLOYED, false, { A(5, INTENT, UNKNOWN) }, "send", 0, 0, LOOK },
	{ DEPLOYED, false, { A(5, INTENT, UNKNOWN, NEXT(700)) }, "wait", 0, 700, LOOK },
	/* its deadline */
	{ DEPLOYED, false, { A(5, INTENT, UNKNOWN, NEXT(700000)) }, "wait", 0, 60000, LOOK },
	{ DEPLOYED, false, { A(5, INTENT, UNKNOWN, .deadline_ms = NOW) }, "timeout", 0, 0, LOOK },
	{ DEPLOYED, false, { A(5, INTENT, UNKNOWN, .deadline_ms = NOW, NEXT(9)) }, "timeout", 0, 0, LOOK },
	{ DEPLOYED, false, { A(5, SENT, UNKNOWN, SENT_AGO(1)) }, "find", 0, 0, LOOK },
	{ DEPLOYED, false, { A(5, SENT, UNKNOWN, SENT_AGO(SETTLE - 1)) }, "find", 0, 0, LOOK },
	{ DEPLOYED, false, { A(5, SENT, UNKNOWN, SENT_AGO(SETTLE)) }, "find", 0, 0, SEND },
	/* may exist */
	{ DEPLOYED, false, { A(5, SENT, UNKNOWN, SENT_AGO(0), .deadline_ms = 1) }, "timeout", 0, 0, LOOK },
	{ DEPLOYED, true, { A(5, SENT, FAILED, SENT_AGO(0), .deadline_ms = 1) }, "find", 0, 0, LOOK },
	{ DEPLOYED, true, { A(5, SENT, FAILED, SENT_AGO(SETTLE), .deadline_ms = 1) }, "find", 0, 0, FORGET },
	{ DEPLOYED, false, { A(5, SENT, UNKNOWN, SENT_AGO(0), NEXT(5)) }, "wait", 0, 5, LOOK },
	{ DEPLOYED, false, { A(5, CREATED, QUEUED) }, "poll", 0, 0, LOOK },
	{ DEPLOYED, false, { A(5, CREATED, BUILDING) }, "poll", 0, 0, LOOK },
	{ DEPLOYED, false, { A(5, CREATED, UNKNOWN) }, "poll", 0, 0, LOOK },
	{ DEPLOYED, false, { A(5, CREATED, BUILDING, NEXT(30000)) }, "wait", 0, 30000, LOOK },
	{ DEPLOYED, false, { A(5, CREATED, BUILDING, NEXT(90000)) }, "wait", 0, 60000, LOOK },
	{ DEPLOYED, false, { A(5, CREATED, BUILDING, .deadline_ms = NOW) }, "timeout", 0, 0, LOOK },
	{ DEPLOYED, false, { A(5, CREATED, READY) }, "settle", 0, 0, LOOK },
	{ DEPLOYED, true, { A(5, CREATED, READY) }, "done", 0, 0, LOOK },
	{ DEPLOYED, true, { A(5, CREATED, READY, .deadline_ms = NOW - 1) }, "done", 0, 0, LOOK },
	{ DEPLOYED, true, { A(5, CREATED, FAILED, .deadline_ms = NOW - 1) }, "done", 0, 0, LOOK },
	{ DEPLOYED, true, { A(5, CREATED, CANCELLED) }, "done", 0, 0, LOOK },
	/* taking down */
	{ DESTROYED, false, { A(5, INTENT, UNKNOWN) }, "forget", 0, 0, LOOK },
	/* waited for a quota */
	{ DESTROYED, false, { A(5, INTENT, UNKNOWN, NEXT(600000)) }, "forget", 0, 0, LOOK },
	{ DESTROYED, false, { A(4, SENT, UNKNOWN, SENT_AGO(1)) }, "find", 0, 0, LOOK },
	{ DESTROYED, false, { A(4, SENT, UNKNOWN, SENT_AGO(SETTLE)) }, "find", 0, 0, FORGET },
	{ DESTROYED, false, { A(4, CREATED, BUILDING) }, "cancel", 0, 0, LOOK },
	/* that was its poll */
	{ DESTROYED, false, { A(4, CREATED, BUILDING, NEXT(30000)) }, "cancel", 0, 0, LOOK },
	{ DESTROYED, false, { A(4, CREATED, BUILDING, NEXT(30000), .tries = 1) }, "wait", 0, 30000, LOOK },
	{ DESTROYED, false, { A(4, CREATED, BUILDING, .deadline_ms = NOW - 1) }, "cancel", 0, 0, LOOK },
	{ DESTROYED, false, { A(4, CREATED, QUEUED, .cancelled = true) }, "destroy", 0, 0, LOOK },
	{ DESTROYED, false, { A(4, CREATED, READY) }, "destroy", 0, 0, LOOK },
	{ DESTROYED, false, { A(5, CREATED, READY) }, "destroy", 0, 0, LOOK },
	{ DESTROYED, true, { A(5, CREATED, READY) }, "destroy", 0, 0, LOOK }, /* found again by the reaper */
	{ DESTROYED, false, { A(4, CREATED, FAILED) }, "destroy", 0, 0, LOOK },
	{ DESTROYED, false, { A(4, CREATED, READY, NEXT(8000), .tries = 3) }, "wait", 0, 8000, LOOK },
	{ DESTROYED,
	  false,
	  { A(3, CREATED, READY, NEXT(8000)), A(4, CREATED, READY, NEXT(500)) },
	  "wait",
	  0,
	  500,
	  LOOK },
	{ HELD, false, { A(5, CREATED, READY) }, "destroy", 0, 0, LOOK },
	{ HELD, false, { A(4, INTENT, UNKNOWN), A(5, SENT, UNKNOWN) }, "forget", 0, 0, LOOK },
	/* a push's build was cancelled: it goes, its predecessor stays */
	{ CANCELLED, false, { { 0 } }, "settle", 0, 0, LOOK },
	{ CANCELLED, false, { A(3, CREATED, READY), A(4, CREATED, BUILDING) }, "cancel", 1, 0, LOOK },
	{ CANCELLED,
	  false,
	  { A(3, CREATED, READY), A(4, CREATED, BUILDING, .cancelled = true) },
	  "destroy",
	  1,
	  0,
	  LOOK },
	{ CANCELLED, false, { A(3, CREATED, READY), A(4, INTENT, UNKNOWN) }, "forget", 1, 0, LOOK },
	{ CANCELLED, false, { A(3, CREATED, READY), A(4, SENT, UNKNOWN, SENT_AGO(SETTLE)) }, "find", 1, 0, FORGET },
	{ CANCELLED, false, { A(2, CREATED, READY), A(3, CREATED, READY) }, "destroy", 0, 0, LOOK },
	{ CANCELLED, false, { A(3, CREATED, READY) }, "settle", 0, 0, LOOK },
	{ CANCELLED, true, { A(3, CREATED, READY) }, "done", 0, 0, LOOK },
	{ CANCELLED, true, { A(3, CREATED, FAILED) }, "destroy", 0, 0, LOOK },
	/* a newer push */
	{ DEPLOYED, false, { A(4, CREATED, READY) }, "insert", 0, 0, LOOK },
	{ DEPLOYED, false, { A(4, CREATED, BUILDING) }, "insert", 0, 0, LOOK },
	{ DEPLOYED, false, { A(4, CREATED, READY), A(5, INTENT, UNKNOWN) }, "send", 1, 0, LOOK },
	{ DEPLOYED, false, { A(4, CREATED, BUILDING), A(5, CREATED, BUILDING) }, "poll", 1, 0, LOOK },
	{ DEPLOYED, false, { A(4, CREATED, BUILDING), A(5, CREATED, BUILDING, NEXT(9)) }, "cancel", 0, 0, LOOK },
	/* kept */
	{ DEPLOYED, false, { A(4, CREATED, READY), A(5, CREATED, BUILDING, NEXT(9)) }, "wait", 0, 9, LOOK },
	{ DEPLOYED, false, { A(4, CREATED, FAILED), A(5, CREATED, BUILDING, NEXT(9)) }, "destroy", 0, 0, LOOK },
	{ DEPLOYED, true, { A(4, CREATED, READY), A(5, CREATED, READY) }, "destroy", 0, 0, LOOK },
	/* the same, nothing was created */
	{ DEPLOYED, true, { A(4, CREATED, READY), A(5, CREATED, FAILED) }, "done", 0, 0, LOOK },
	/* the last that works stays */ { DEPLOYED, true, { A(4, CREATED, READY) }, "done", 0, 0, LOOK },
	/* one is enough */
	{ DEPLOYED,
	  true,
	  { A(3, CREATED, READY), A(4, CREATED, READY), A(5, CREATED, FAILED) },
	  "destroy",
	  0,
	  0,
	  LOOK },
	{ DEPLOYED,
	  true,
	  { A(3, CREATED, READY), A(4, CREATED, FAILED), A(5, CREATED, FAILED) },
	  "destroy",
	  1,
	  0,
	  LOOK },
	{ DEPLOYED, true, { A(4, INTENT, UNKNOWN), A(5, CREATED, READY) }, "forget", 0, 0, LOOK },
	{ DEPLOYED, true, { A(4, SENT, UNKNOWN), A(5, CREATED, READY) }, "find", 0, 0, FORGET },
};

/* The same during a lockdown: nothing is sent, what the provider has goes on, what is not wanted goes. */
static const struct frozen_row {
	bool held; /* people were told */
	struct row row;
} frozen_rows[] = {
	{ false, { DEPLOYED, false, { { 0 } }, "hold", 0, 0, LOOK } },
	{ true, { DEPLOYED, false, { { 0 } }, "wait", 0, FROZEN_WAIT_MS, LOOK } },
	{ false, { DEPLOYED, true, { { 0 } }, "done", 0, 0, LOOK } },
	{ false, { DEPLOYED, false, { A(5, INTENT, UNKNOWN) }, "forget", 0, 0, LOOK } },
	{ true, { DEPLOYED, false, { A(5, INTENT, UNKNOWN, NEXT(700)) }, "forget", 0, 0, LOOK } },
	{ false, { DEPLOYED, false, { A(5, INTENT, UNKNOWN, .deadline_ms = NOW) }, "forget", 0, 0, LOOK } },
	{ false, { DEPLOYED, false, { A(5, SENT, UNKNOWN, SENT_AGO(1)) }, "find", 0, 0, LOOK } },
	{ false, { DEPLOYED, false, { A(5, SENT, UNKNOWN, SENT_AGO(SETTLE)) }, "find", 0, 0, FORGET } },
	{ false, { DEPLOYED, false, { A(5, CREATED, BUILDING) }, "poll", 0, 0, LOOK } },
	{ false, { DEPLOYED, false, { A(5, CREATED, READY) }, "settle", 0, 0, LOOK } },
	{ false, { DEPLOYED, false, { A(4, CREATED, READY) }, "hold", 0, 0, LOOK } },
	{ true, { DEPLOYED, false, { A(4, CREATED, READY) }, "wait", 0, FROZEN_WAIT_MS, LOOK } },
	{ true, { DEPLOYED, false, { A(4, CREATED, BUILDING) }, "cancel", 0, 0, LOOK } },
	{ true, { DEPLOYED, false, { A(4, CREATED, FAILED, NEXT(9)) }, "wait", 0, 9, LOOK } },
	{ false, { DESTROYED, false, { A(5, CREATED, READY) }, "destroy", 0, 0, LOOK } },
	{ true, { DESTROYED, false, { A(5, CREATED, BUILDING) }, "cancel", 0, 0, LOOK } },
	{ false, { DESTROYED, false, { { 0 } }, "settle", 0, 0, LOOK } },
	{ false, { HELD, false, { { 0 } }, "settle", 0, 0, LOOK } },
};

/* no room for one more build: what is there is followed and cleaned up, what is not is not made */
static const struct row waiting_rows[] = {
	{ DEPLOYED, false, { { 0 } }, "wait", 0, ROOM_WAIT_MS, LOOK },
	{ DEPLOYED, true, { { 0 } }, "done", 0, 0, LOOK },
	{ DEPLOYED, false, { A(4, CREATED, BUILDING) }, "cancel", 0, 0, LOOK },
	{ DEPLOYED, false, { A(4, CREATED, BUILDING, .cancelled = true) }, "destroy", 0, 0, LOOK },
	{ DEPLOYED, false, { A(4, CREATED, BUILDING, .cancelled = true, NEXT(300)) }, "wait", 0, 300, LOOK },
	{ DEPLOYED, false, { A(3, CREATED, READY), A(4, INTENT, UNKNOWN) }, "forget", 1, 0, LOOK },
	{ DEPLOYED, false, { A(3, CREATED, READY) }, "wait", 0, ROOM_WAIT_MS, LOOK },
	{ DEPLOYED, false, { A(5, INTENT, UNKNOWN) }, "send", 0, 0, LOOK },
	{ DESTROYED, false, { { 0 } }, "settle", 0, 0, LOOK },
	{ HELD, false, { { 0 } }, "settle", 0, 0, LOOK },
};

static struct preview preview_of(const struct row *row)
{
	static struct attempt attempts[3];
	struct preview p = { .desired = row->desired == CANCELLED ? HELD : (enum desired)row->desired,
			     .cancelled = row->desired == CANCELLED,
			     .generation = 5,
			     .settled = row->settled,
			     .now_ms = NOW,
			     .settle_ms = SETTLE,
			     .attempts = attempts };

	for (; p.n_attempts < 3 && row->attempts[p.n_attempts].generation; p.n_attempts++) {
		attempts[p.n_attempts] = row->attempts[p.n_attempts];
		if (attempts[p.n_attempts].deadline_ms == 0)
			attempts[p.n_attempts].deadline_ms = NOW + 60000;
	}
	return p;
}

static void check_row(const char *table, size_t i, const struct preview *p, const struct row *row)
{
	struct step step = preview_next(p);

	if (strcmp(steps[step.kind], row->step) != 0 || step.attempt != row->attempt || step.wait_ms != row->wait_ms ||
	    step.not_found != row->not_found)
		fail_msg("%s row %zu: %s of attempt %u, wait %lld, not found: %d; not %s", table, i, steps[step.kind],
			 step.attempt, (long long)step.wait_ms, step.not_found, row->step);
}

static void the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct preview p = preview_of(&rows[i]);

		check_row("open", i, &p, &rows[i]);
		p.held = true; /* what is left of a lockdown that is over changes nothing */
		check_row("unlocked", i, &p, &rows[i]);
	}
	for (size_t i = 0; i < sizeof(frozen_rows) / sizeof(frozen_rows[0]); i++) {
		struct preview p = preview_of(&frozen_rows[i].row);

		p.frozen = true;
		p.held = frozen_rows[i].held;
		check_row("frozen", i, &p, &frozen_rows[i].row);
	}
	for (size_t i = 0; i < sizeof(waiting_rows) / sizeof(waiting_rows[0]); i++) {
		struct preview p = preview_of(&waiting_rows[i]);

		p.no_room = true;
		check_row("waiting", i, &p, &waiting_rows[i]);
	}
}

static void which_attempt_is_wanted(void **state)
{
	static const struct {
		enum desired desired;
		int64_t generation; /* of the attempt; 5 is wanted */
		enum build_status status;
		bool wanted;
	} cases[] = {
		{ DEPLOYED, 5, BUILD_UNKNOWN, true },   { DEPLOYED, 5, BUILD_READY, true },
		{ DEPLOYED, 5, BUILD_FAILED, true },    { DEPLOYED, 4, BUILD_READY, false },
		{ DEPLOYED, 4, BUILD_UNKNOWN, false },  { DEPLOYED, 0, BUILD_CANCELLED, false },
		{ DESTROYED, 5, BUILD_UNKNOWN, false }, { DESTROYED, 4, BUILD_READY, false },
		{ HELD, 5, BUILD_READY, false },        { HELD, 4, BUILD_BUILDING, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct attempt a = { .generation = cases[i].generation, .status = cases[i].status };
		struct preview p = { .desired = cases[i].desired, .generation = 5, .attempts = &a, .n_attempts = 1 };

		if (attempt_is_wanted(&p, 0) != cases[i].wanted)
			fail_msg("case %zu", i);
	}
}

/* ---- what holds in every state ---- */

enum { SHAPES = 3 * 6 * 2 * 2 * 2 * 2 };

static struct attempt attempt_of(int shape, int64_t generation)
{
	struct attempt a = { .generation = generation };

	a.state = (enum attempt_state)(shape % 3);
	shape /= 3;
	a.status = (enum build_status)(shape % 6);
	shape /= 6;
	a.cancelled = shape % 2;
	shape /= 2;
	a.tries = shape % 2 * 3;
	shape /= 2;
	a.next_at_ms = shape % 2 ? NOW + 5000 : NOW;
	shape /= 2;
	a.deadline_ms = shape % 2 ? NOW : NOW + 2000;
	a.sent_at_ms = shape % 2 ? NOW - SETTLE : NOW - 1;
	return a;
}

/* A READY deployment that is wanted, or the newest READY one while the wanted one is not READY or was cancelled. */
static bool must_stay(const struct preview *p, unsigned i)
{
	const struct attempt *a = &p->attempts[i];

	if ((p->desired != DESIRED_DEPLOYED && !(p->desired == DESIRED_HELD && p->cancelled)) ||
	    a->state != ATTEMPT_CREATED || a->status != BUILD_READY)
		return false;
	for (unsigned k = i + 1; k < p->n_attempts; k++)
		if (p->attempts[k].state == ATTEMPT_CREATED && p->attempts[k].status == BUILD_READY)
			return false;
	return true;
}

static bool is_possible(const struct attempt *a)
{
	return a->state == ATTEMPT_CREATED || a->status == BUILD_UNKNOWN;
}

static void check_step(const struct preview *p)
{
	struct step step = preview_next(p);
	const struct attempt *a = p->n_attempts ? &p->attempts[step.attempt] : NULL;
	bool of_attempt = step.kind != STEP_DONE && step.kind != STEP_WAIT && step.kind != STEP_INSERT &&
			  step.kind != STEP_SETTLE && step.kind != STEP_HOLD;

	assert_true(!of_attempt || step.attempt < p->n_attempts);
	switch (step.kind) {
	case STEP_DONE:
		assert_true(p->settled);
		break;
	case STEP_WAIT:
		assert_in_range(step.wait_ms, 1, p->frozen ? FROZEN_WAIT_MS : 5000);
		break;
	case STEP_INSERT:
		assert_false(p->settled || p->frozen);
		break;
	case STEP_SETTLE:
		assert_false(p->settled);
		break;
	case STEP_HOLD:
		assert_true(p->frozen && !p->held && !p->settled && p->desired == DESIRED_DEPLOYED);
		break;
	case STEP_SEND:
		assert_false(p->frozen);
		assert_true(p->desired == DESIRED_DEPLOYED && a->generation == p->generation);
		break;
	case STEP_POLL:
	case STEP_TIME_OUT: /* only what is wanted is brought up */
		assert_true(p->desired == DESIRED_DEPLOYED && a->generation == p->generation);
		break;
	case STEP_FIND:
		assert_int_equal(a->state, ATTEMPT_SENT);
		assert_int_equal(step.not_found != NOT_FOUND_LOOK, a->sent_at_ms + p->settle_ms <= p->now_ms);
		assert_true(step.not_found != NOT_FOUND_SEND || (attempt_is_wanted(p, step.attempt) && !p->frozen));
		break;
	case STEP_CANCEL:
	case STEP_DESTROY: /* only what the provider has, and never what must stay */
		assert_int_equal(a->state, ATTEMPT_CREATED);
		assert_false(must_stay(p, step.attempt));
		assert_true(p->desired != DESIRED_DEPLOYED || a->generation < p->generation);
		break;
	case STEP_FORGET:
		assert_int_equal(a->state, ATTEMPT_INTENT);
		break;
	}
	/* what is settled and needs nothing has nothing that should go */
	for (unsigned i = 0; step.kind == STEP_DONE && p->desired != DESIRED_DEPLOYED && i < p->n_attempts; i++)
		assert_true(must_stay(p, i));
}

static void every_state_has_a_step_or_is_settled(void **state)
{
	struct attempt attempts[2];

	(void)state;
	for (int mode = 0; mode < 48; mode++) {
		struct preview p = { .desired = (enum desired)(mode % 3),
				     .settled = mode / 3 % 2,
				     .frozen = mode / 6 % 2,
				     .held = mode / 12 % 2,
				     .cancelled = mode / 24,
				     .generation = 5,
				     .now_ms = NOW,
				     .settle_ms = SETTLE,
				     .attempts = attempts };

		for (int one = 0; one < SHAPES; one++) {
			attempts[0] = attempt_of(one, 4);
			if (!is_possible(&attempts[0]))
				continue;
			p.n_attempts = 1;
			for (int64_t generation = 4; generation <= 5; generation++) {
				attempts[0] = attempt_of(one, generation);
				check_step(&p);
			}
			attempts[0] = attempt_of(one, 4);
			p.n_attempts = 2;
			for (int two = 0; two < SHAPES; two++) {
				attempts[1] = attempt_of(two, 5);
				if (!is_possible(&attempts[1]))
					continue;
				check_step(&p);
				attempts[1].generation = 4; /* a preview that was wanted and given up twice */
				check_step(&p);
			}
		}
	}
}

/* ---- words and failures ---- */

static void words_are_those_of_the_rows(void **state)
{
	enum attempt_state attempt = ATTEMPT_GONE;
	enum build_status status = BUILD_UNKNOWN;

	(void)state;
	assert_true(attempt_state_read(STR("intent"), &attempt));
	assert_int_equal(attempt, ATTEMPT_INTENT);
	assert_true(attempt_state_read(STR("created"), &attempt));
	assert_int_equal(attempt, ATTEMPT_CREATED);
	assert_false(attempt_state_read(STR("CREATED"), &attempt));
	assert_false(attempt_state_read(STR(""), &attempt));
	assert_int_equal(attempt, ATTEMPT_CREATED); /* not written on failure */
	for (enum build_status s = BUILD_UNKNOWN; s <= BUILD_CANCELLED; s++) {
		assert_true(build_status_read(str_of(build_status_word(s)), &status));
		assert_int_equal(status, s);
	}
	assert_false(build_status_read(STR("ready"), &status));
	assert_int_equal(status, BUILD_CANCELLED);
}

static void each_failure_of_a_create(void **state)
{
	static const struct {
		int code;
		const char *reason;
		enum retry retry;
	} failures[] = {
		{ E_INVALID, "PROVIDER_ERROR", RETRY_NEVER },
		{ E_AUTH, "PROVIDER_AUTH", RETRY_NEVER },
		{ E_NOT_FOUND, "PROVIDER_ERROR", RETRY_NEVER },
		{ E_CONFLICT, "PROVIDER_ERROR", RETRY_NEVER },
		{ E_UNSUPPORTED, "PROVIDER_ERROR", RETRY_NEVER },
		{ E_LIMITED, "PROVIDER_RATE_LIMIT", RETRY_LIMITED },
		{ E_QUOTA, "PROVIDER_QUOTA", RETRY_QUOTA },
		{ E_NETWORK, "PROVIDER_ERROR", RETRY_LATER },
		{ E_TIMEOUT, "PROVIDER_TIMEOUT", RETRY_LOOK_UP },
		{ E_UPSTREAM, "PROVIDER_ERROR", RETRY_LOOK_UP },
		{ E_CANCELLED, "UNKNOWN", RETRY_LOOK_UP },
		{ E_INTERNAL, "UNKNOWN", RETRY_LOOK_UP },
		{ -99, "UNKNOWN", RETRY_LOOK_UP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		struct failure f = create_failure(failures[i].code);

		assert_string_equal(f.reason, failures[i].reason);
		assert_int_equal(f.retry, failures[i].retry);
	}
}

static void a_wait_is_spread_and_never_shortened(void **state)
{
	(void)state;
	assert_int_equal(spread_ms(0, UINT32_MAX), 0);
	for (uint32_t random = 0; random < 100000; random += 777)
		assert_in_range(spread_ms(1000, random), 1000, 1250);
	assert_int_equal(spread_ms(1000, 250), 1250);
	for (uint32_t random = 0; random < 1000000; random += 7777)
		assert_in_range(spread_ms(86400000, random), 86400000, 86460000);
}

static void backoff_stays_within_its_bounds(void **state)
{
	static const uint32_t numbers[] = { 0, 1, 499, 500, 501, 12345, UINT32_MAX - 1, UINT32_MAX };

	(void)state;
	for (int64_t tries = 0; tries < 100; tries++) {
		int64_t full = tries < 10 ? 1000ll << tries : 900000;

		if (full > 900000)
			full = 900000;
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
			assert_in_range(backoff_ms(tries, 1000, 900000, numbers[i]), full / 2, full);
	}
	assert_int_equal(backoff_ms(0, 1000, 60000, 0), 500);
	assert_int_equal(backoff_ms(0, 1000, 60000, 500), 1000);
	assert_int_equal(backoff_ms(INT64_MAX, 1000, 60000, 0), 30000);
	assert_int_equal(backoff_ms(3, 5000, 1000, 0), 500); /* the cap outranks the base */
	assert_in_range(backoff_ms(0, 1, 1, 7), 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(which_attempt_is_wanted),
		cmocka_unit_test(every_state_has_a_step_or_is_settled),
		cmocka_unit_test(words_are_those_of_the_rows),
		cmocka_unit_test(each_failure_of_a_create),
		cmocka_unit_test(a_wait_is_spread_and_never_shortened),
		cmocka_unit_test(backoff_stays_within_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Whole histories of one preview: random wishes, a provider that fails in every way it can, and workers that die
 * between any two writes. The steps are those of core/worker, on rows in memory; what decides is model/preview.h.
 *
 *   wishes --> rows <--> work() --calls--> provider        one seed = one history; 200,000 seeds
 *                          |  may die before and after each write and call
 *
 * When wishes and faults have ended, what is wanted is alive and nothing else. A failure names its seed: give it as
 * the only argument to run that history alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/preview.h"

#define SEEDS      200000
#define MOST       64 /* attempts of a history */
#define MOST_STEPS 500
#define CALL_MS    30000
#define SETTLE_MS  90000
#define BUILD_MS   120000
#define LEASE_MS   60000

enum answer {
	CREATE_OK,
	CREATE_REFUSED,
	CREATE_NETWORK,
	CREATE_LIMITED,
	CREATE_QUOTA,
	CREATE_ANSWER_LOST,
	CREATE_NEVER_ARRIVED,
	CREATE_LATE,
	create_answers
};

/* A deployment as the provider has it. Its place is that of its attempt: each attempt has one at most. */
struct deployment {
	unsigned accepted;  /* creates that were taken on */
	int64_t visible_ms; /* an answer that comes late */
	enum build_status end;
	int64_t end_ms;     /* INT64_MAX: hangs */
	int destroy_faults; /* left */
	bool gone, leaving; /* leaving: a destroy was asked for */
};

static struct {
	uint64_t random;
	int64_t now_ms;
	unsigned steps;
	int wishes, faults; /* left */
	/* rows */
	enum desired desired;
	bool cancelled;
	int64_t generation, settled;
	struct attempt attempts[MOST];
	unsigned n;
	/* provider */
	struct deployment deployments[MOST];
} w;

static uint64_t seed;

#define HOLDS(claim)                                                                                                   \
	do {                                                                                                           \
		if (!(claim))                                                                                          \
			fail_msg("seed %llu, step %u: not true: %s", (unsigned long long)seed, w.steps, #claim);       \
	} while (0)

static uint32_t chance(uint32_t below)
{
	w.random = w.random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(w.random >> 33) % below;
}

static bool fault(uint32_t one_in)
{
	if (w.faults == 0 || chance(one_in))
		return false;
	w.faults--;
	return true;
}

/* ---- wishes: what webhooks and people do to the rows ---- */

static void wish(void)
{
	uint32_t what = chance(10);
	enum desired before = w.desired;
	bool was_cancelled = w.cancelled;

	if (w.wishes == 0)
		return;
	w.wishes--;
	w.cancelled = chance(2); /* when it is held */
	w.desired = what < 6 ? DESIRED_DEPLOYED : what < 8 ? DESIRED_DESTROYED : what < 9 ? DESIRED_HELD : w.desired;
	/* a push, a change of mind or a retry makes a generation; the same wish again does not */
	if (w.desired == DESIRED_DEPLOYED || w.desired != before || w.cancelled != was_cancelled)
		w.generation++;
}

/* Somebody may wish something whenever a worker waits for an answer. Workers die there as well: their lease runs out.
 */
static bool dies(void)
{
	if (chance(12) == 0)
		wish();
	if (!fault(15))
		return false;
	w.now_ms += LEASE_MS;
	return true;
}

/* ---- the provider ---- */

static bool is_alive(unsigned i)
{
	const struct deployment *d = &w.deployments[i];

	return d->accepted > 0 && !d->gone && w.now_ms >= d->visible_ms;
}

static void accept_create(unsigned i, int64_t delay_ms)
{
	struct deployment *d = &w.deployments[i];
	uint32_t kind = chance(10);

	d->accepted++;
	HOLDS(d->accepted == 1);
	d->visible_ms = w.now_ms + delay_ms;
	d->end = kind < 7 ? BUILD_READY : kind < 9 ? BUILD_FAILED : BUILD_CANCELLED;
	d->end_ms = chance(8) == 0 ? INT64_MAX : d->visible_ms + chance(BUILD_MS / 2);
	d->destroy_faults = w.faults && chance(3) == 0 ? (int)chance(12) : 0;
}

static int provider_create(unsigned i)
{
	enum answer answer = w.faults && chance(2) ? (enum answer)chance(create_answers) : CREATE_OK;

	w.now_ms += chance(2000);
	w.faults -= answer != CREATE_OK;
	switch (answer) {
	case CREATE_REFUSED:
		return E_INVALID;
	case CREATE_NETWORK:
		return E_NETWORK;
	case CREATE_LIMITED:
		return E_LIMITED;
	case CREATE_QUOTA:
		return E_QUOTA;
	case CREATE_ANSWER_LOST:
		accept_create(i, 0);
		w.now_ms += CALL_MS;
		return E_TIMEOUT;
	case CREATE_LATE:
		accept_create(i, CALL_MS + chance(SETTLE_MS - CALL_MS - 2500));
		w.now_ms += CALL_MS;
		return chance(2) ? E_TIMEOUT : E_UPSTREAM;
	case CREATE_NEVER_ARRIVED:
		w.now_ms += CALL_MS;
		return E_TIMEOUT;
	case CREATE_OK:
	case create_answers:
		break;
	}
	accept_create(i, 0);
	return OK;
}

static enum build_status provider_status(unsigned i)
{
	return w.now_ms >= w.deployments[i].end_ms ? w.deployments[i].end : BUILD_BUILDING;
}

static int provider_destroy(unsigned i)
{
	struct deployment *d = &w.deployments[i];

	d->leaving = true;
	if (!is_alive(i))
		return E_NOT_FOUND;
	if (d->destroy_faults > 0) {
		d->destroy_faults--;
		d->gone = chance(4) == 0; /* it was done, only the answer is lost */
		return E_TIMEOUT;
	}
	d->gone = true;
	return OK;
}

/* ---- writes ---- */

static void settle(const struct attempt *a)
{
	if (a->generation == w.generation)
		w.settled = w.generation;
}

static void fail_attempt(struct attempt *a, bool gone)
{
	if (gone)
		a->state = ATTEMPT_GONE;
	a->status = BUILD_FAILED;
	a->tries = 0;
	a->next_at_ms = w.now_ms;
	settle(a);
}

static void adopt(struct attempt *a)
{
	a->state = ATTEMPT_CREATED;
	a->status = BUILD_QUEUED;
	a->tries = 0;
	a->next_at_ms = w.now_ms + 500;
	a->deadline_ms = w.now_ms + BUILD_MS;
}

static void back_off(struct attempt *a)
{
	a->next_at_ms = w.now_ms + backoff_ms(a->tries, 1000, 15 * 60 * 1000, chance(UINT32_MAX));
	a->tries++;
}

/* ---- steps, as core/worker does them ---- */

static void step_insert(void)
{
	int64_t generation = w.generation;

	if (dies() || generation != w.generation)
		return;
	HOLDS(w.n < MOST);
	w.deployments[w.n] = (struct deployment){ 0 };
	w.attempts[w.n++] = (struct attempt){ .generation = generation,
					      .next_at_ms = w.now_ms,
					      .deadline_ms = w.now_ms + BUILD_MS };
}

static void step_send(unsigned i)
{
	struct attempt *a = &w.attempts[i];
	int64_t tries = a->tries;
	struct failure failure;
	int r;

	if (dies())
		return;
	a->state = ATTEMPT_SENT;
	a->sent_at_ms = w.now_ms;
	a->tries++;
	if (dies())
		return;
	r = provider_create(i);
	if (dies())
		return;
	if (r == OK) {
		adopt(a);
		return;
	}
	failure = create_failure(r);
	if (failure.retry == RETRY_NEVER || (failure.retry == RETRY_LATER && tries + 1 >= CREATE_TRIES)) {
		fail_attempt(a, true);
	} else if (failure.retry == RETRY_LOOK_UP) {
		a->next_at_ms = w.now_ms + 500;
	} else {
		a->state = ATTEMPT_INTENT;
		a->next_at_ms = w.now_ms + (failure.retry == RETRY_QUOTA
						    ? 600000
						    : backoff_ms(tries, 1000, 60000, chance(UINT32_MAX)));
		if (failure.retry == RETRY_LIMITED && tries >= CREATE_TRIES - 2)
			a->tries = CREATE_TRIES - 2;
		if (failure.retry == RETRY_QUOTA)
			a->deadline_ms = w.now_ms + 86400000;
	}
}

static void step_find(unsigned i, enum not_found not_found)
{
	struct attempt *a = &w.attempts[i];
	bool found;

	if (fault(4)) {
		back_off(a);
		return;
	}
	found = is_alive(i);
	if (dies())
		return;
	if (found) {
		adopt(a);
	} else if (not_found == NOT_FOUND_LOOK) {
		a->next_at_ms = w.now_ms + 1000;
	} else if (not_found == NOT_FOUND_FORGET) {
		a->state = ATTEMPT_GONE;
	} else if (a->tries >= CREATE_TRIES) {
		fail_attempt(a, true);
	} else {
		step_send(i);
	}
}

static void step_poll(unsigned i)
{
	struct attempt *a = &w.attempts[i];
	enum build_status status;

	if (fault(6)) {
		back_off(a);
		return;
	}
	status = provider_status(i);
	if (dies())
		return;
	a->tries = 0;
	if (status == BUILD_READY) {
		a->status = BUILD_READY;
		a->next_at_ms = w.now_ms;
		settle(a);
	} else if (status == BUILD_BUILDING) {
		a->status = BUILD_BUILDING;
		a->next_at_ms = w.now_ms + 5000;
	} else {
		fail_attempt(a, false);
	}
}

static void step_cancel(unsigned i)
{
	struct attempt *a = &w.attempts[i];
	bool works = !fault(3);

	if (dies())
		return;
	if (!works && a->tries + 1 < 3) {
		back_off(a);
		return;
	}
	a->cancelled = true;
	a->tries = 0;
	a->next_at_ms = w.now_ms;
}

static bool keeps_ready(void)
{
	return w.desired == DESIRED_DEPLOYED || (w.desired == DESIRED_HELD && w.cancelled);
}

static bool newer_is_ready(unsigned i)
{
	for (unsigned k = i + 1; k < w.n; k++)
		if (w.attempts[k].state == ATTEMPT_CREATED && w.attempts[k].status == BUILD_READY)
			return true;
	return false;
}

static void step_destroy(unsigned i)
{
	struct attempt *a = &w.attempts[i];
	int r;

	/* what is wanted stays, and so does what is READY until its successor is, and when that was cancelled */
	HOLDS(w.desired != DESIRED_DEPLOYED || a->generation != w.generation);
	HOLDS(!keeps_ready() || a->status != BUILD_READY || newer_is_ready(i));
	r = provider_destroy(i);
	if (dies())
		return;
	if (r != OK && r != E_NOT_FOUND)
		back_off(a);
	else
		a->state = ATTEMPT_GONE;
}

/* ---- one history ---- */

static struct step next_step(unsigned places[MOST])
{
	static struct attempt rows[MOST];
	struct preview p = { .desired = w.desired,
			     .cancelled = w.cancelled,
			     .generation = w.generation,
			     .settled = w.settled >= w.generation,
			     .now_ms = w.now_ms,
			     .settle_ms = SETTLE_MS,
			     .attempts = rows };

	for (unsigned i = 0; i < w.n; i++) {
		if (w.attempts[i].state == ATTEMPT_GONE)
			continue;
		places[p.n_attempts] = i;
		rows[p.n_attempts++] = w.attempts[i];
	}
	return preview_next(&p);
}

/* False when there is nothing left to do. */
static bool work(void)
{
	unsigned places[MOST] = { 0 };
	struct step step = next_step(places);
	unsigned i = places[step.attempt];

	switch (step.kind) {
	case STEP_DONE:
		return false;
	case STEP_WAIT:
		HOLDS(step.wait_ms > 0 && step.wait_ms <= 15 * 60 * 1000);
		w.now_ms += step.wait_ms;
		break;
	case STEP_INSERT:
		step_insert();
		break;
	case STEP_SEND:
		step_send(i);
		break;
	case STEP_FIND:
		step_find(i, step.not_found);
		break;
	case STEP_POLL:
		step_poll(i);
		break;
	case STEP_TIME_OUT:
		fail_attempt(&w.attempts[i], w.attempts[i].state == ATTEMPT_INTENT);
		break;
	case STEP_CANCEL:
		step_cancel(i);
		break;
	case STEP_DESTROY:
		step_destroy(i);
		break;
	case STEP_FORGET:
		HOLDS(w.deployments[i].accepted == 0);
		w.attempts[i].state = ATTEMPT_GONE;
		break;
	case STEP_SETTLE:
		w.settled = w.generation;
		break;
	case STEP_HOLD:
		HOLDS(false); /* no lockdown in these histories */
		break;
	}
	return true;
}

/* The attempt that should be left: the wanted one, and the newest READY one while the wanted one is not, or when it was
 * cancelled. */
static bool may_live(unsigned i)
{
	const struct attempt *a = &w.attempts[i];

	if (a->state != ATTEMPT_CREATED || !keeps_ready())
		return false;
	return (w.desired == DESIRED_DEPLOYED && a->generation == w.generation) ||
	       (a->status == BUILD_READY && !newer_is_ready(i));
}

static void check_end(void)
{
	bool wanted_is_there = false;

	HOLDS(w.settled == w.generation);
	w.now_ms += SETTLE_MS; /* whatever was late has arrived */
	for (unsigned i = 0; i < w.n; i++) {
		const struct attempt *a = &w.attempts[i];

		/* a predecessor whose destroy was under way when it was wished for again may have gone */
		HOLDS(is_alive(i) == may_live(i) || (w.deployments[i].leaving && a->generation != w.generation));
		HOLDS(!is_alive(i) || may_live(i));
		HOLDS(a->state == ATTEMPT_GONE || may_live(i));
		wanted_is_there |= a->generation == w.generation &&
				   (a->status == BUILD_READY || a->status == BUILD_FAILED);
	}
	HOLDS(w.desired != DESIRED_DEPLOYED || wanted_is_there);
}

static void live_through(uint64_t number)
{
	seed = number;
	memset(&w, 0, sizeof(w));
	w.random = number * 2654435761u + 1;
	w.now_ms = 1700000000000;
	chance(2);
	w.wishes = 1 + (int)chance(12);
	w.faults = (int)chance(25);
	w.desired = DESIRED_DEPLOYED;
	w.generation = 1;
	for (;;) {
		HOLDS(w.steps++ < MOST_STEPS);
		if (chance(10) == 0)
			wish();
		if (chance(4) == 0)
			w.now_ms += chance(3000);
		if (work())
			continue;
		if (w.wishes == 0)
			break;
		wish();
	}
	check_end();
}

static uint64_t only;

static void every_history_ends_as_it_was_wished(void **state)
{
	uint64_t most = 0, all = 0;

	(void)state;
	for (uint64_t number = only ? only : 1; number <= (only ? only : SEEDS); number++) {
		live_through(number);
		all += w.steps;
		if (w.steps > most)
			most = w.steps;
	}
	print_message("%llu steps, at most %llu in a history\n", (unsigned long long)all, (unsigned long long)most);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_history_ends_as_it_was_wished) };

	only = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

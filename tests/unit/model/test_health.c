/* model/health.h: what looks become, by tables and by random sequences. */
#include "model/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE_MS 60000
#define START_MS  1700000000000
#define LOOKS_MAX 400

static const struct health_rules usual = { .failure_threshold = 3,
					   .recovery_threshold = 2,
					   .cooldown_ms = 30 * MINUTE_MS,
					   .reminder_ms = 240 * MINUTE_MS,
					   .flap_changes = 4,
					   .flap_window_ms = 60 * MINUTE_MS };

/* g good, b bad, i our own network, m maintenance, d bad with a parent down, u bad with parents unknown */
static struct health_next look(const struct health_state *state, const struct health_rules *rules, char letter,
			       int64_t now_ms)
{
	enum health_look what = letter == 'g'   ? LOOK_GOOD
				: letter == 'i' ? LOOK_INCONCLUSIVE
				: letter == 'm' ? LOOK_MAINTENANCE
						: LOOK_BAD;
	enum health_parents parents = letter == 'd' ? PARENTS_DOWN : letter == 'u' ? PARENTS_UNKNOWN : PARENTS_FINE;

	return health_next(state, rules, what, parents, now_ms);
}

/* O opened, R recovered, N reminder, F flapping, S stable; small = nobody is told; . nothing */
static char letter_of(const struct health_next *next)
{
	char letter = ".ORNFS"[next->event];

	return letter != '.' && !next->told ? (char)(letter + 32) : letter;
}

static void assert_story(const struct health_rules *rules, int64_t step_ms, const char *looks, const char *expected)
{
	struct health_state state = { 0 };
	char said[LOOKS_MAX] = "";
	size_t n = strlen(looks);

	assert_true(n < sizeof(said));
	for (size_t i = 0; i < n; i++) {
		struct health_next next = look(&state, rules, looks[i], START_MS + (int64_t)i * step_ms);

		said[i] = letter_of(&next);
		state = next.state;
	}
	if (strcmp(said, expected) != 0)
		fail_msg("looks    %s\nsaid     %s\nexpected %s", looks, said, expected);
}

static void test_stories_minute_by_minute(void **state)
{
	static const struct {
		const char *looks, *said;
	} table[] = {
		{ "ggg", "..." },
		{ "gbgbbgbbg", "........." }, /* never three in a row */
		{ "gbbbgg", "...O.R" },
		{ "bbbb", "..O." },             /* the first looks of all */
		{ "gbbbgbgbgg", "...O.....R" }, /* a single good look is no recovery */
		{ "gbbibgg", "....O.R" },       /* our network: as if it had not been */
		{ "gbbmbbbgg", "......O.R" },   /* after maintenance the counting begins anew */
		{ "gbbdbbbgg", "......O.R" },   /* after a parent was down, too */
		{ "gbbbmmgg", "...O...R" },
		{ "gdddddgg", "........" },
		{ "gbbbdddgg", "...O....R" },
		{ "guuuuuuuug", "........O." }, /* parents that nobody looks at: five looks more */
		{ "guubgg", "...O.R" },
		{ "gbbbggbbbgg", "...O.R..o.F" }, /* the fourth change within the hour */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_story(&usual, MINUTE_MS, table[i].looks, table[i].said);
}

static void test_the_cooldown_delays_and_loses_nothing(void **state)
{
	struct health_rules rules = usual;

	(void)state;
	rules.flap_changes = 0;
	assert_story(&rules, MINUTE_MS, "gbbbggbbbgg", "...O.R..o.r");
	assert_story(&rules, MINUTE_MS, "gbbbggbbbbbbbbbbbbbbbbbbbbbbbbbbbbgg", "...O.R..o........................N.R");
}

static void test_stories_ten_minutes_apart(void **state)
{
	(void)state;
	/* reminders, four hours apart, while it is bad */
	assert_story(&usual, 10 * MINUTE_MS, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbgbbgg", "..O.......................N.....R");
	/* beyond the cooldown it is told again */
	assert_story(&usual, 10 * MINUTE_MS, "gbbbggbbbgg", "...O.R..O.R");
}

static void test_flapping_is_told_once_and_held_until_it_is_calm(void **state)
{
	struct health_rules rules = usual;

	(void)state;
	rules.failure_threshold = rules.recovery_threshold = 1;
	rules.cooldown_ms = 0;
	assert_story(&rules, MINUTE_MS, "gbgbgbgbggggggggggggggggggggggggggggggggggbgbg",
		     ".OROF.................................S...OROF");
}

static void test_flapping_that_stays_down(void **state)
{
	struct health_rules rules = usual;

	(void)state;
	rules.failure_threshold = rules.recovery_threshold = 1;
	rules.cooldown_ms = rules.reminder_ms = 20 * MINUTE_MS;
	rules.flap_changes = 3;
	/* down after 30 calm minutes: stable, and still open; then reminders again */
	assert_story(&rules, 10 * MINUTE_MS, "gbgbbbbbbgg", ".ORF..S.NR.");
}

static void test_it_looks_again_soon(void **state)
{
	struct health_state s = { .status = HEALTH_OK };
	struct health_next next = look(&s, &usual, 'b', START_MS);

	(void)state;
	assert_true(next.confirm);
	assert_false(next.ask_parents);
	next = look(&next.state, &usual, 'b', START_MS + 5000);
	assert_false(next.confirm);
	next = look(&next.state, &usual, 'u', START_MS + 10000);
	assert_true(next.confirm && next.ask_parents);
	assert_int_equal(next.event, HEALTH_NOTHING);
	next = look(&s, &usual, 'u', START_MS);
	assert_true(next.confirm && next.ask_parents);
	next = look(&s, &usual, 'd', START_MS);
	assert_false(next.confirm || next.ask_parents);
}

static void test_what_is_degraded_has_an_incident(void **state)
{
	struct health_state lost = { .status = HEALTH_DEGRADED, .failures = 5, .told = true, .acknowledged = true };
	struct health_next next = look(&lost, &usual, 'g', START_MS);

	(void)state;
	assert_int_equal(next.event, HEALTH_NOTHING);
	assert_false(next.state.told);
	next = look(&lost, &usual, 'b', START_MS);
	assert_int_equal(letter_of(&next), 'O');
	assert_true(next.state.incident && next.state.told && !next.state.acknowledged);
	lost.told_ms = START_MS - MINUTE_MS; /* within the cooldown */
	next = look(&lost, &usual, 'b', START_MS);
	assert_int_equal(letter_of(&next), 'o');
	next = look(&next.state, &usual, 'b', START_MS + usual.cooldown_ms);
	assert_int_equal(letter_of(&next), 'N');
	lost.flapping = true; /* held */
	lost.n_changes = 1;
	lost.changes[0] = START_MS;
	next = look(&lost, &usual, 'b', START_MS);
	assert_int_equal(next.event, HEALTH_NOTHING);
}

static void test_parents_that_were_down_are_looked_at(void **state)
{
	struct health_state s = { .status = HEALTH_OK, .failures = 2, .failing_since_ms = START_MS - MINUTE_MS };
	struct health_next next = health_next(&s, &usual, LOOK_BAD, PARENTS_WERE_DOWN, START_MS);

	(void)state;
	assert_true(next.ask_parents && next.event == HEALTH_NOTHING && next.state.failures == 0);
	next = health_next(&s, &usual, LOOK_BAD, PARENTS_DOWN, START_MS);
	assert_false(next.ask_parents);
	next = health_next(&s, &usual, LOOK_MAINTENANCE, PARENTS_WERE_DOWN, START_MS);
	assert_false(next.ask_parents);
}

static void test_acknowledged_means_no_reminders(void **state)
{
	struct health_state s = {
		.status = HEALTH_DEGRADED, .incident = true, .told = true, .acknowledged = true, .told_ms = START_MS
	};
	struct health_next next = look(&s, &usual, 'b', START_MS + 1000 * MINUTE_MS);

	(void)state;
	assert_int_equal(next.event, HEALTH_NOTHING);
	next = look(&next.state, &usual, 'g', START_MS + 1001 * MINUTE_MS);
	next = look(&next.state, &usual, 'g', START_MS + 1002 * MINUTE_MS);
	assert_int_equal(letter_of(&next), 'R');
	assert_false(next.state.acknowledged);
}

/* ---- random sequences ---- */

static uint64_t seed;

static uint32_t pick(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

static struct health_rules random_rules(void)
{
	return (struct health_rules){ .failure_threshold = 1 + (int)pick(4),
				      .recovery_threshold = 1 + (int)pick(3),
				      .cooldown_ms = pick(3) * 15 * (int64_t)MINUTE_MS,
				      .reminder_ms = pick(3) * 30 * (int64_t)MINUTE_MS,
				      .flap_changes = (int)pick(3) * 3,
				      .flap_window_ms = (int64_t)(10 + pick(60)) * MINUTE_MS };
}

/* What the columns of health_states keep, and no more. */
static struct health_state through_columns(const struct health_state *s)
{
	struct health_state back;

	memset(&back, 0xA5, sizeof(back));
	back.status = s->status;
	back.failures = s->failures;
	back.successes = s->successes;
	back.failing_since_ms = s->failing_since_ms;
	memcpy(back.changes, s->changes, (size_t)s->n_changes * sizeof(*s->changes));
	back.n_changes = s->n_changes;
	back.flapping = s->flapping;
	back.incident = s->incident;
	back.told = s->told;
	back.acknowledged = s->acknowledged;
	back.told_ms = s->told_ms;
	return back;
}

/* Kept beside the machine, by the letters alone. */
struct witness {
	bool open, told;
	int bad, good; /* in a row */
	int64_t down_ms;
};

static void watch(struct witness *w, const struct health_rules *rules, char letter, const struct health_next *next,
		  int64_t now_ms)
{
	bool over = next->event == HEALTH_RECOVERED ||
		    (next->event == HEALTH_STABLE && next->state.status == HEALTH_OK);

	if (letter == 'g') {
		w->good++;
		w->bad = 0;
	} else if (letter == 'b' || letter == 'u') {
		w->bad++;
		w->good = 0;
	} else if (letter != 'i') {
		w->bad = w->good = 0;
	}
	if (next->event == HEALTH_OPENED) {
		assert_false(w->open);
		assert_true(w->bad >= rules->failure_threshold);
		assert_true(!next->told || w->down_ms == 0 || now_ms - w->down_ms >= rules->cooldown_ms);
		w->open = true;
	}
	if (next->event == HEALTH_FLAPPING)
		w->open = true;
	if (next->event == HEALTH_REMINDER) {
		assert_true(w->open && w->bad > 0 && next->told);
		assert_true(now_ms - w->down_ms >= (w->told ? rules->reminder_ms : rules->cooldown_ms));
	}
	if (next->event == HEALTH_RECOVERED) {
		assert_true(w->open && w->good >= rules->recovery_threshold);
		assert_true(next->told == w->told);
	}
	if (next->told && !over) {
		w->told = true;
		w->down_ms = now_ms;
	}
	if (over)
		w->open = w->told = false;
	assert_true(next->state.incident == w->open);
	assert_true(next->state.told == w->told);
	assert_true(next->event != HEALTH_NOTHING || !next->told);
	if (next->state.status == HEALTH_DEGRADED)
		assert_true(w->open);
}

static void test_random_sequences(void **state)
{
	int64_t events = 0;

	(void)state;
	for (int run = 0; run < 4000; run++) {
		struct health_rules rules;
		struct health_state s = { 0 };
		struct witness w = { 0 };
		int64_t now_ms = START_MS;

		seed = (uint64_t)run;
		rules = random_rules();
		for (int i = 0; i < LOOKS_MAX; i++) {
			char letter = "ggggggbbbbbbbimdu"[pick(17)];
			struct health_state stored = through_columns(&s);
			struct health_next next = look(&s, &rules, letter, now_ms);
			struct health_next restarted = look(&stored, &rules, letter, now_ms);

			watch(&w, &rules, letter, &next, now_ms);
			assert_true(next.state.n_changes >= 0 && next.state.n_changes <= HEALTH_CHANGES_MAX);
			assert_int_equal(letter_of(&next), letter_of(&restarted));
			stored = through_columns(&next.state);
			next.state = through_columns(&restarted.state);
			assert_memory_equal(&stored, &next.state, sizeof(stored));
			events += next.event != HEALTH_NOTHING;
			s = next.state;
			now_ms += 1000 + pick(2 * MINUTE_MS);
		}
	}
	assert_true(events > 4000);
}

static void test_certificates_are_warned_of_once_a_threshold(void **state)
{
	const int64_t day = 86400000, end = START_MS;
	int warned = 0;
	char said[64] = "";

	(void)state;
	for (int days = 40; days >= -2; days--) {
		int now = certificate_warning(end, end - days * day, warned);

		if (now) {
			size_t n = strlen(said);

			said[n] = (char)('0' + now / 10);
			said[n + 1] = (char)('0' + now % 10);
			said[n + 2] = ' ';
			assert_true(days <= now);
			warned = now;
		}
	}
	assert_string_equal(said, "30 14 07 03 01 ");
	assert_int_equal(certificate_warning(end, end - 5 * day, 0), 7); /* seen late: the nearest alone */
	assert_int_equal(certificate_warning(end, end + day, 0), 1);
	assert_int_equal(certificate_warning(end, end - 30 * day - 1, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories_minute_by_minute),
		cmocka_unit_test(test_the_cooldown_delays_and_loses_nothing),
		cmocka_unit_test(test_stories_ten_minutes_apart),
		cmocka_unit_test(test_flapping_is_told_once_and_held_until_it_is_calm),
		cmocka_unit_test(test_flapping_that_stays_down),
		cmocka_unit_test(test_it_looks_again_soon),
		cmocka_unit_test(test_acknowledged_means_no_reminders),
		cmocka_unit_test(test_what_is_degraded_has_an_incident),
		cmocka_unit_test(test_parents_that_were_down_are_looked_at),
		cmocka_unit_test(test_random_sequences),
		cmocka_unit_test(test_certificates_are_warned_of_once_a_threshold),
	};

	return cmocka_run_group_tests_name("model_health", tests, NULL, NULL);
}

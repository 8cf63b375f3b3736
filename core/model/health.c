/* What a check's results mean. See health.h. */
#include "model/health.h"

#include <string.h>

#define DAY_MS 86400000

const char *health_status_word(enum health_status status)
{
	static const char *const words[] = { [HEALTH_NONE] = NULL, [HEALTH_OK] = "OK", [HEALTH_DEGRADED] = "DEGRADED" };

	return words[status];
}

const char *health_event_word(enum health_event event)
{
	static const char *const words[] = {
		[HEALTH_NOTHING] = NULL,        [HEALTH_OPENED] = "OPENED",     [HEALTH_RECOVERED] = "RECOVERED",
		[HEALTH_REMINDER] = "REMINDER", [HEALTH_FLAPPING] = "FLAPPING", [HEALTH_STABLE] = "STABLE",
	};

	return words[event];
}

/* ---- changes of the status ---- */

static void forget_changes(struct health_state *s, int n)
{
	memmove(s->changes, s->changes + n, (size_t)(s->n_changes - n) * sizeof(*s->changes));
	s->n_changes -= n;
}

static void add_change(struct health_state *s, const struct health_rules *rules, int64_t now_ms)
{
	int old = 0;

	while (old < s->n_changes && s->changes[old] <= now_ms - rules->flap_window_ms)
		old++;
	if (old == 0 && s->n_changes == HEALTH_CHANGES_MAX)
		old = 1;
	forget_changes(s, old);
	s->changes[s->n_changes++] = now_ms;
}

/* True when this is a change that may be told. The first good look of all is none. */
static bool change(struct health_state *s, const struct health_rules *rules, enum health_status to, int64_t now_ms)
{
	bool is_first = s->status == HEALTH_NONE && to == HEALTH_OK;

	s->status = to;
	if (is_first)
		return false;
	add_change(s, rules, now_ms);
	return true;
}

/* ---- what a look does to the counters ---- */

static void start_anew(struct health_state *s)
{
	s->failures = s->successes = 0;
	s->failing_since_ms = 0;
}

static bool count_good(struct health_state *s, const struct health_rules *rules, int64_t now_ms)
{
	s->failures = 0;
	s->failing_since_ms = 0;
	if (s->successes < INT32_MAX)
		s->successes++;
	if (s->status == HEALTH_NONE || (s->status == HEALTH_DEGRADED && s->successes >= rules->recovery_threshold))
		return change(s, rules, HEALTH_OK, now_ms);
	return false;
}

bool health_parent_is_down(enum health_parents parents)
{
	return parents == PARENTS_DOWN || parents == PARENTS_WERE_DOWN;
}

/* Parents that nobody looks at must not hide a failure for ever. */
static bool must_wait_for_parents(const struct health_state *s, const struct health_rules *rules,
				  enum health_parents parents)
{
	return parents == PARENTS_UNKNOWN && s->failures < rules->failure_threshold + HEALTH_PARENTS_LOOKS;
}

static bool count_bad(struct health_next *next, const struct health_rules *rules, enum health_parents parents,
		      int64_t now_ms)
{
	struct health_state *s = &next->state;
	bool is_enough;

	s->successes = 0;
	if (s->failures < INT32_MAX)
		s->failures++;
	if (s->failures == 1)
		s->failing_since_ms = now_ms;
	if (s->status == HEALTH_DEGRADED)
		return false;
	is_enough = s->failures >= rules->failure_threshold;
	if (is_enough && !must_wait_for_parents(s, rules, parents))
		return change(s, rules, HEALTH_DEGRADED, now_ms);
	next->confirm = s->failures == 1 || is_enough;
	next->ask_parents = parents == PARENTS_UNKNOWN;
	return false;
}

/* ---- what is said ---- */

static void say(struct health_next *next, enum health_event event, bool told)
{
	next->event = event;
	next->told = told;
}

/* People hear that it is down: the cooldown and the time to the next reminder begin. */
static void say_down(struct health_next *next, enum health_event event, int64_t now_ms)
{
	say(next, event, true);
	next->state.incident = true;
	next->state.told = true;
	next->state.told_ms = now_ms;
}

static void say_over(struct health_next *next, enum health_event event)
{
	say(next, event, next->state.told);
	next->state.incident = next->state.told = next->state.acknowledged = false;
}

static bool is_past(int64_t told_ms, int64_t wait_ms, int64_t now_ms)
{
	return told_ms == 0 || now_ms - told_ms >= wait_ms;
}

static void say_opened(struct health_next *next, const struct health_rules *rules, int64_t now_ms)
{
	if (is_past(next->state.told_ms, rules->cooldown_ms, now_ms)) {
		say_down(next, HEALTH_OPENED, now_ms);
	} else {
		next->state.incident = true;
		say(next, HEALTH_OPENED, false);
	}
}

static void tell_change(struct health_next *next, const struct health_rules *rules, int64_t now_ms)
{
	struct health_state *s = &next->state;

	if (s->flapping)
		return;
	if (rules->flap_changes > 0 && s->n_changes >= rules->flap_changes) {
		s->flapping = true;
		say_down(next, HEALTH_FLAPPING, now_ms);
	} else if (s->status == HEALTH_OK) {
		if (s->incident)
			say_over(next, HEALTH_RECOVERED);
	} else {
		say_opened(next, rules, now_ms);
	}
}

static void tell_stable(struct health_next *next, const struct health_rules *rules, int64_t now_ms)
{
	struct health_state *s = &next->state;

	if (s->n_changes > 0 && now_ms - s->changes[s->n_changes - 1] < rules->flap_window_ms / 2)
		return;
	s->flapping = false;
	s->n_changes = 0; /* those of the flapping must not make the next change flapping again */
	if (s->status == HEALTH_OK)
		say_over(next, HEALTH_STABLE);
	else
		say_down(next, HEALTH_STABLE, now_ms);
}

static void remind(struct health_next *next, const struct health_rules *rules, int64_t now_ms)
{
	const struct health_state *s = &next->state;
	bool is_due;

	if (s->status != HEALTH_DEGRADED)
		return;
	if (!s->incident) {
		say_opened(next, rules, now_ms);
		return;
	}
	if (s->acknowledged)
		return;
	if (s->told)
		is_due = rules->reminder_ms > 0 && is_past(s->told_ms, rules->reminder_ms, now_ms);
	else
		is_due = is_past(s->told_ms, rules->cooldown_ms, now_ms);
	if (is_due)
		say_down(next, HEALTH_REMINDER, now_ms);
}

struct health_next health_next(const struct health_state *state, const struct health_rules *rules,
			       enum health_look look, enum health_parents parents, int64_t now_ms)
{
	struct health_next next = { .state = *state };
	bool parent_is_down = look == LOOK_BAD && health_parent_is_down(parents);
	bool changed;

	if (!state->incident) /* what people know is of an incident */
		next.state.told = next.state.acknowledged = false;
	if (look == LOOK_INCONCLUSIVE)
		return next;
	if (look == LOOK_MAINTENANCE || parent_is_down) {
		next.ask_parents = parent_is_down && parents == PARENTS_WERE_DOWN;
		start_anew(&next.state); /* what it is afterwards, looks from then on say */
		return next;
	}
	if (look == LOOK_GOOD)
		changed = count_good(&next.state, rules, now_ms);
	else
		changed = count_bad(&next, rules, parents, now_ms);
	if (changed)
		tell_change(&next, rules, now_ms);
	else if (next.state.flapping)
		tell_stable(&next, rules, now_ms);
	else if (look == LOOK_BAD)
		remind(&next, rules, now_ms);
	return next;
}

int certificate_warning(int64_t expires_ms, int64_t now_ms, int warned)
{
	static const int days[] = { 1, 3, 7, 14, 30 };

	for (size_t i = 0; i < sizeof(days) / sizeof(*days); i++)
		if (expires_ms - now_ms <= (int64_t)days[i] * DAY_MS)
			return warned == 0 || warned > days[i] ? days[i] : 0;
	return 0;
}

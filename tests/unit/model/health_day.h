/* A day of twelve checks on a clock that is not ours: second by second, regular looks and those that confirm, parents,
 * windows of maintenance, ten minutes without a network, a restart in the middle. Whoever includes it says what becomes
 * of each event, and compares it with the sequence that is written down in words below. */
#ifndef HEALTH_DAY_H
#define HEALTH_DAY_H

#include "model/health.h"

#include <stdio.h>
#include <string.h>

#define DAY_SECONDS 86400
#define CHECKS      12
#define AT(h, m)    ((h)*3600 + (m)*60)

/* From the first second to the one before the last. */
struct span {
	int from, to;
};

enum check_name { BLIP, FLAPS, OUTAGE, AGAIN, BRIEF, KEPT, LEFT_DOWN, PARENT, CHILD_1, CHILD_2, CHILD_3, NIGHT };

static const struct day_check {
	const char *name;
	int second; /* of the minute in which it looks */
	bool is_quick;
	bool alternates;       /* in its bad spans: every other minute */
	struct span bad[3];    /* all empty behind the last */
	struct span closed[2]; /* maintenance */
	bool is_child;
	int acknowledged_at; /* 0 = never */
} day_checks[CHECKS] = {
	[BLIP] = { .name = "blip", .bad = { { AT(3, 0), AT(3, 0) + 3 }, { AT(17, 0), AT(17, 1) } } },
	[FLAPS] = { .name = "flaps", .is_quick = true, .alternates = true, .bad = { { AT(6, 0), AT(6, 30) } } },
	[OUTAGE] = { .name = "outage", .bad = { { AT(8, 0), AT(14, 30) } } },
	[AGAIN] = { .name = "again", .bad = { { AT(20, 0), AT(20, 5) }, { AT(20, 10), AT(20, 50) } } },
	[BRIEF] = { .name = "brief", .bad = { { AT(9, 0), AT(9, 5) }, { AT(9, 10), AT(9, 20) } } },
	[KEPT] = { .name = "kept",
		   .bad = { { AT(10, 0), AT(10, 50) }, { AT(22, 1), AT(22, 29) } },
		   .closed = { { AT(9, 55), AT(11, 0) }, { AT(22, 0), AT(22, 30) } } },
	[LEFT_DOWN] = { .name = "left down",
			.bad = { { AT(13, 10), AT(16, 0) } },
			.closed = { { AT(13, 0), AT(13, 30) } } },
	[PARENT] = { .name = "parent", .second = 30, .bad = { { AT(18, 0), AT(18, 20) } } },
	[CHILD_1] = { .name = "child 1", .is_child = true, .bad = { { AT(18, 0), AT(18, 21) } } },
	[CHILD_2] = { .name = "child 2", .is_child = true, .bad = { { AT(18, 0), AT(18, 20) } } },
	/* its own failure, too */
	[CHILD_3] = { .name = "child 3",
		      .is_child = true,
		      .bad = { { AT(4, 0), AT(4, 10) }, { AT(18, 0), AT(18, 22) } } },
	[NIGHT] = { .name = "night",
		    .bad = { { AT(1, 0), AT(11, 0) }, { AT(12, 3), AT(12, 40) } },
		    .acknowledged_at = AT(1, 30) },
};

static const struct span no_network = { AT(5, 0), AT(5, 10) };
static const struct span no_workers = { AT(12, 0), AT(12, 10) };

/* What is announced, and when. */
static const char day_told[] = "01:01:00 night OPENED\n"
			       /* 05:01 and 09:01 are no reminders: somebody looks after it since 01:30 */
			       "04:01:00 child 3 OPENED\n"
			       "04:11:00 child 3 RECOVERED\n"
			       "06:00:00 flaps OPENED\n"
			       "06:01:00 flaps RECOVERED\n"
			       /* 06:02 is within the cooldown, 06:03 is the fourth change */
			       "06:03:00 flaps FLAPPING\n"
			       "06:59:00 flaps STABLE\n"
			       "08:01:00 outage OPENED\n"
			       "09:01:00 brief OPENED\n"
			       "09:06:00 brief RECOVERED\n"
			       /* down again at 09:10 for ten minutes: within the cooldown */
			       "11:01:00 night RECOVERED\n"
			       /* its time was 12:01, and nobody was there; what began meanwhile is found, too */
			       "12:10:00 outage REMINDER\n"
			       "12:11:00 night OPENED\n"
			       "12:41:00 night RECOVERED\n"
			       /* counted from the end of the maintenance */
			       "13:31:00 left down OPENED\n"
			       "14:31:00 outage RECOVERED\n"
			       "16:01:00 left down RECOVERED\n"
			       /* its children say nothing */
			       "18:00:30 parent OPENED\n"
			       "18:21:30 parent RECOVERED\n"
			       "20:01:00 again OPENED\n"
			       "20:06:00 again RECOVERED\n"
			       /* down again since 20:10, known since 20:11: the first word when the cooldown is over */
			       "20:31:00 again REMINDER\n"
			       "20:51:00 again RECOVERED\n";

struct day_event {
	int second;
	enum check_name check;
	struct health_next next;
	int64_t failing_since_ms; /* before the look or by it */
	bool is_good;
};

struct day {
	int64_t start_ms;
	struct health_state states[CHECKS];
	int soon[CHECKS];      /* a look that confirms; 0 = none */
	int looked_at[CHECKS]; /* the newest good look; 0 = never */
	int looks;
	/* What becomes of an event: people are told, or it is written down. */
	void (*on_event)(void *arg, const struct day_event *event);
	void (*on_acknowledge)(void *arg, int second, enum check_name check);
	void (*on_minute)(void *arg, int second);
	void *arg;
};

static bool within(const struct span *span, int second)
{
	return second >= span->from && second < span->to;
}

static bool day_is_bad(const struct day_check *c, int second)
{
	for (int i = 0; i < 3; i++)
		if (within(&c->bad[i], second))
			return !c->alternates || second / 60 % 2 == 0;
	return within(&no_network, second);
}

static struct health_rules day_rules(const struct day_check *c)
{
	return (struct health_rules){ .failure_threshold = c->is_quick ? 1 : 3,
				      .recovery_threshold = c->is_quick ? 1 : 2,
				      .cooldown_ms = 30 * 60000,
				      .reminder_ms = 240 * 60000,
				      .flap_changes = c->is_quick ? 4 : 6,
				      .flap_window_ms = 60 * 60000 };
}

static enum health_parents day_parents(const struct day *d, enum check_name check, int second)
{
	const struct health_state *child = &d->states[check], *parent = &d->states[PARENT];
	int64_t since_ms = child->failing_since_ms ? child->failing_since_ms : d->start_ms + second * 1000ll;

	if (!day_checks[check].is_child)
		return PARENTS_FINE;
	if (parent->status == HEALTH_DEGRADED || parent->failures > 0)
		return PARENTS_DOWN;
	return d->start_ms + d->looked_at[PARENT] * 1000ll >= since_ms ? PARENTS_FINE : PARENTS_UNKNOWN;
}

static void day_look(struct day *d, enum check_name check, int second)
{
	const struct day_check *c = &day_checks[check];
	struct health_rules rules = day_rules(c);
	struct day_event event = { .second = second, .check = check, .is_good = !day_is_bad(c, second) };
	enum health_look look = event.is_good ? LOOK_GOOD : LOOK_BAD;

	d->looks++;
	if (within(&c->closed[0], second) || within(&c->closed[1], second))
		look = LOOK_MAINTENANCE;
	else if (!event.is_good && within(&no_network, second))
		look = LOOK_INCONCLUSIVE;
	if (look == LOOK_GOOD)
		d->looked_at[check] = second;
	event.next = health_next(&d->states[check], &rules, look, day_parents(d, check, second),
				 d->start_ms + second * 1000ll);
	event.failing_since_ms = event.next.state.failing_since_ms;
	d->states[check] = event.next.state;
	d->soon[check] = event.next.confirm ? second + HEALTH_CONFIRM_MS / 1000 : 0;
	if (event.next.ask_parents)
		d->soon[PARENT] = second + 1;
	if (event.next.event != HEALTH_NOTHING)
		d->on_event(d->arg, &event);
}

/* All that a process knows is gone; what the columns hold comes back. */
static void day_restart(struct day *d)
{
	for (int i = 0; i < CHECKS; i++) {
		struct health_state *s = &d->states[i];

		memset(s->changes + s->n_changes, 0xA5,
		       (size_t)(HEALTH_CHANGES_MAX - s->n_changes) * sizeof(*s->changes));
		d->soon[i] = 0;
	}
}

static void day_acknowledge(struct day *d, enum check_name check, int second)
{
	d->states[check].acknowledged = d->states[check].told = true;
	if (d->on_acknowledge)
		d->on_acknowledge(d->arg, second, check);
}

static void day_run(struct day *d)
{
	for (int second = 0; second < DAY_SECONDS; second++) {
		if (second == no_workers.to)
			day_restart(d);
		for (int i = 0; i < CHECKS; i++) {
			const struct day_check *c = &day_checks[i];

			if (c->acknowledged_at && c->acknowledged_at == second)
				day_acknowledge(d, (enum check_name)i, second);
			if (!within(&no_workers, second) && (second % 60 == c->second || second == d->soon[i]))
				day_look(d, (enum check_name)i, second);
		}
		if (d->on_minute && second % 60 == 59)
			d->on_minute(d->arg, second);
	}
}

#endif

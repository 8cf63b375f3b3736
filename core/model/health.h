/* What a check's results mean: its status, its incident, and what people are told, as a pure function from what was
 * known and one look to what is known now.
 *
 *                failureThreshold bad looks in a row, parents fine
 *      NONE/OK ------------------------------------------------------> DEGRADED   an incident opens
 *         ^                                                               |
 *         '------------- recoveryThreshold good looks in a row -----------'        and ends
 *
 * The first bad look asks for another one soon, which counts. A status that changes flap_changes times within the
 * window is flapping: told once, then held, the incident staying open, until it did not change for half a window.
 * Looks that say nothing change no status: our own network (they are as if they had not been), a parent that is down,
 * maintenance (after these two the counting begins anew). All of it is kept in the row of the check, so that a restart
 * announces nothing again and misses nothing. What is DEGRADED has an incident: one that is missing is opened by the
 * next bad look. */
#ifndef MODEL_HEALTH_H
#define MODEL_HEALTH_H

#include "base/str.h"

#define HEALTH_CHANGES_MAX 16
#define HEALTH_CONFIRM_MS  5000 /* after the first failure; a quarter of the interval when that is less */
/* Bad looks beyond the threshold for which parents are waited for that nobody has looked at. */
#define HEALTH_PARENTS_LOOKS 5

enum health_status { HEALTH_NONE, HEALTH_OK, HEALTH_DEGRADED };

enum health_look {
	LOOK_GOOD,
	LOOK_BAD,
	LOOK_INCONCLUSIVE, /* our own sentinels fail, too */
	LOOK_MAINTENANCE,
};

/* The checks it depends on. Asked for with bad looks only. */
enum health_parents {
	PARENTS_FINE,    /* there are none, or all were good since this check began to fail */
	PARENTS_UNKNOWN, /* not looked at since then, or what was seen says nothing */
	PARENTS_DOWN,
	PARENTS_WERE_DOWN, /* not looked at since then; down when they were */
};

struct health_rules {
	int failure_threshold, recovery_threshold; /* 1 or more */
	int64_t cooldown_ms;                       /* after people heard that it is down: nothing of a new incident */
	int64_t reminder_ms;                       /* 0 = none */
	int flap_changes;                          /* 0 = never flapping; at most HEALTH_CHANGES_MAX */
	int64_t flap_window_ms;
};

struct health_state {
	enum health_status status;
	int failures, successes;             /* in a row */
	int64_t failing_since_ms;            /* 0 = not failing */
	int64_t changes[HEALTH_CHANGES_MAX]; /* of the status, newest last; only those within the window are kept */
	int n_changes;
	bool flapping;
	bool incident; /* one is open */
	bool told;     /* people know of it */
	bool acknowledged;
	int64_t told_ms; /* when they last heard that it is down, of this incident or one before; 0 = never */
};

/* What becomes of the incident with this look, and what is said of it. */
enum health_event {
	HEALTH_NOTHING,
	HEALTH_OPENED,
	HEALTH_RECOVERED, /* it ends */
	HEALTH_REMINDER,  /* it is still open; also the first word of it, when it opened within the cooldown */
	HEALTH_FLAPPING,  /* it opens, if none is open */
	HEALTH_STABLE,    /* flapping is over: it ends if the status is OK, and stays open otherwise */
};

struct health_next {
	struct health_state state;
	enum health_event event;
	bool told;        /* the event is for people, too; else it is only written down */
	bool confirm;     /* look again soon */
	bool ask_parents; /* they should be looked at now: with PARENTS_UNKNOWN and PARENTS_WERE_DOWN */
};

struct health_next health_next(const struct health_state *state, const struct health_rules *rules,
			       enum health_look look, enum health_parents parents, int64_t now_ms);

bool health_parent_is_down(enum health_parents parents);

const char *health_status_word(enum health_status status); /* "OK", "DEGRADED", NULL */
const char *health_event_word(enum health_event event);    /* as health_alerts.kind; NULL for nothing */

/* Days of the threshold 30, 14, 7, 3, 1 that is to be warned of: the smallest one not below the days left, when
 * `warned` (0 = none yet) is larger; else 0. One that has expired is 0 days' and warned of as 1. */
int certificate_warning(int64_t expires_ms, int64_t now_ms, int warned);

#endif

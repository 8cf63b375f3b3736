/* The reconciler's brain: from what is wanted of one preview and what exists of it to the next single step. Pure.
 *
 *   attempt:  INTENT --send--> SENT --answer--> CREATED --poll--> READY | FAILED | CANCELLED
 *               |                |  lost? find                       |
 *               +---- GONE <-----+---------------- destroy ----------+
 *
 * The current attempt is the one of the wanted generation. Older ones are cleaned up: what still builds at once, what
 * is READY when a newer one is READY, so that a push does not take the preview away. When nothing is wanted, everything
 * goes; but a build that a person cancelled leaves what was READY before it. A SENT attempt without an answer is looked
 * up by its id before it is ever sent again.
 *
 * While there is no room for one more build an attempt is not even made; what it replaces is cleaned up meanwhile.
 *
 * While its organization is locked down nothing is sent: an attempt that has not reached the provider is forgotten and
 * none is made. What the provider has is followed to its end, and what is not wanted is taken down as always. */
#ifndef MODEL_PREVIEW_H
#define MODEL_PREVIEW_H

#include "base/status.h"
#include "base/str.h"
#include "model/rules.h"

enum attempt_state { ATTEMPT_INTENT, ATTEMPT_SENT, ATTEMPT_CREATED, ATTEMPT_GONE };
enum build_status { BUILD_UNKNOWN, BUILD_QUEUED, BUILD_BUILDING, BUILD_READY, BUILD_FAILED, BUILD_CANCELLED };

bool attempt_state_read(struct str word, enum attempt_state *ret);
bool build_status_read(struct str word, enum build_status *ret);
const char *build_status_word(enum build_status status); /* "READY" */

struct attempt {
	int64_t generation;
	enum attempt_state state;
	enum build_status status;
	bool cancelled;      /* a cancel was sent */
	int64_t tries;       /* of the current step, failed ones */
	int64_t next_at_ms;  /* the next step is not due before; wall clock of the database, as all times here */
	int64_t deadline_ms; /* until then it must be READY or FAILED */
	int64_t sent_at_ms;  /* 0 = never */
};

struct preview {
	enum desired desired;
	bool cancelled; /* HELD because a person cancelled the build */
	int64_t generation;
	bool settled; /* this generation has been brought to its end */
	bool frozen;  /* its organization is locked down */
	bool held;    /* and what is shown of it says so */
	bool no_room; /* for a new attempt: other builds or previews have to end first */
	int64_t now_ms;
	int64_t settle_ms;              /* after this long a sent attempt that cannot be found was never received */
	const struct attempt *attempts; /* those that are not GONE, oldest first */
	unsigned n_attempts;
};

enum step_kind {
	STEP_DONE,   /* nothing to do, now or later */
	STEP_WAIT,   /* nothing is due for wait_ms */
	STEP_INSERT, /* write down a new attempt */
	STEP_SEND,   /* call the provider's create for it */
	STEP_FIND,   /* did it reach the provider? found: adopt; not found: see not_found */
	STEP_POLL,
	STEP_TIME_OUT, /* its deadline has passed: ERROR */
	STEP_CANCEL,
	STEP_DESTROY,
	STEP_FORGET, /* it never reached the provider: GONE */
	STEP_SETTLE, /* nothing is left to do for this generation: say so */
	STEP_HOLD,   /* it would be deployed, but is frozen: say so */
};

/* An attempt that its provider does not know. */
enum not_found {
	NOT_FOUND_LOOK,   /* it may still be on its way: look again */
	NOT_FOUND_SEND,   /* never received, and wanted: send it again */
	NOT_FOUND_FORGET, /* never received, and not wanted, frozen, or past its deadline: GONE */
};

struct step {
	enum step_kind kind;
	unsigned attempt;         /* index into attempts */
	enum not_found not_found; /* STEP_FIND */
	int64_t wait_ms;          /* STEP_WAIT */
};

/* The end of a lockdown wakes every job it held; so often one looks by itself. */
#define FROZEN_WAIT_MS (5 * 60 * 1000)
/* Who waits for room is woken when there is some; so often he looks by himself, and his place in line is shown anew. */
#define ROOM_WAIT_MS 15000

struct step preview_next(const struct preview *preview);
/* The newest READY attempt, which stays up: the wanted one, or its predecessor while it is built and after that build
 * was cancelled. n_attempts when there is none. */
unsigned attempt_kept(const struct preview *preview);
/* Is this the attempt that should be there now? Also when it has failed, and what is found of it late is welcome. */
bool attempt_is_wanted(const struct preview *preview, unsigned attempt);

/* ---- failures ---- */
enum retry { RETRY_NEVER, RETRY_LATER, RETRY_LOOK_UP, RETRY_QUOTA, RETRY_LIMITED };
struct failure {
	const char *reason; /* of the taxonomy: "PROVIDER_AUTH" ... */
	enum retry retry;   /* LOOK_UP: it may have happened */
};
/* What a failed call of the provider's create means. */
struct failure create_failure(int code);
#define CREATE_TRIES 5

/* For a moment that many were told to come back at: up to a quarter later, and at most a minute. `random` is any
 * number. */
int64_t spread_ms(int64_t wait_ms, uint32_t random);
/* Exponential with full jitter: between half and all of min(cap, base * 2^tries). `random` is any number. */
int64_t backoff_ms(int64_t tries, int64_t base_ms, int64_t cap_ms, uint32_t random);

#endif

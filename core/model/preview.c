/* From wanted and existing to the next step. */
#include "model/preview.h"

static bool find_word(struct str word, const char *const *words, unsigned n, unsigned *ret)
{
	for (unsigned i = 0; i < n; i++) {
		if (str_eq(word, str_of(words[i]))) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static const char *const states[] = { "intent", "sent", "created", "gone" };
static const char *const statuses[] = { "UNKNOWN", "QUEUED", "BUILDING", "READY", "FAILED", "CANCELLED" };

bool attempt_state_read(struct str word, enum attempt_state *ret)
{
	unsigned i;

	if (!find_word(word, states, 4, &i))
		return false;
	*ret = (enum attempt_state)i;
	return true;
}

bool build_status_read(struct str word, enum build_status *ret)
{
	unsigned i;

	if (!find_word(word, statuses, 6, &i))
		return false;
	*ret = (enum build_status)i;
	return true;
}

const char *build_status_word(enum build_status status)
{
	return statuses[status];
}

static bool ended(const struct attempt *a)
{
	return a->status == BUILD_READY || a->status == BUILD_FAILED || a->status == BUILD_CANCELLED;
}

bool attempt_is_wanted(const struct preview *p, unsigned i)
{
	return p->desired == DESIRED_DEPLOYED && p->attempts[i].generation == p->generation;
}

/* Past its deadline it is not sent again. */
static enum not_found when_not_found(const struct preview *p, unsigned i)
{
	const struct attempt *a = &p->attempts[i];

	if (p->now_ms < a->sent_at_ms + p->settle_ms)
		return NOT_FOUND_LOOK;
	return attempt_is_wanted(p, i) && !ended(a) && !p->frozen ? NOT_FOUND_SEND : NOT_FOUND_FORGET;
}

/* The next step of an attempt that is not wanted any more; its time is next_at. */
static struct step clean_up(const struct preview *p, unsigned i)
{
	const struct attempt *a = &p->attempts[i];
	struct step step = { .attempt = i };

	switch (a->state) {
	case ATTEMPT_INTENT:
		step.kind = STEP_FORGET;
		break;
	case ATTEMPT_SENT:
		step.kind = STEP_FIND;
		step.not_found = when_not_found(p, i);
		break;
	case ATTEMPT_CREATED:
		step.kind = ended(a) || a->cancelled ? STEP_DESTROY : STEP_CANCEL;
		break;
	case ATTEMPT_GONE:
		step.kind = STEP_DONE;
		break;
	}
	return step;
}

/* The next step of the attempt that is wanted. */
static struct step bring_up(const struct preview *p, unsigned i)
{
	const struct attempt *a = &p->attempts[i];
	struct step step = { .attempt = i };

	if (p->frozen && a->state == ATTEMPT_INTENT) {
		step.kind = STEP_FORGET;
		return step;
	}
	if (!ended(a) && p->now_ms >= a->deadline_ms) {
		step.kind = STEP_TIME_OUT;
		return step;
	}
	switch (a->state) {
	case ATTEMPT_INTENT:
		step.kind = STEP_SEND;
		break;
	case ATTEMPT_SENT:
		step.kind = STEP_FIND; /* also past its deadline: it may exist, and come up after all */
		step.not_found = when_not_found(p, i);
		break;
	case ATTEMPT_CREATED:
		step.kind = ended(a) ? STEP_DONE : STEP_POLL;
		break;
	case ATTEMPT_GONE:
		step.kind = STEP_DONE;
		break;
	}
	return step;
}

/* Not held up by next_at: a first cancel, because next_at was that of the next poll, and what needs no provider. */
static bool is_urgent(const struct attempt *a, enum step_kind kind)
{
	return kind == STEP_TIME_OUT || kind == STEP_FORGET || (kind == STEP_CANCEL && a->tries == 0);
}

static bool is_due(const struct preview *p, unsigned i, struct step step, int64_t *wait_ms)
{
	const struct attempt *a = &p->attempts[i];
	int64_t left = a->next_at_ms - p->now_ms;

	if (step.kind == STEP_DONE)
		return false;
	if (left <= 0 || is_urgent(a, step.kind))
		return true;
	/* no wait goes past the deadline: STEP_TIME_OUT is due then */
	if (!ended(a) && attempt_is_wanted(p, i) && a->deadline_ms - p->now_ms < left)
		left = a->deadline_ms - p->now_ms;
	if (left < *wait_ms)
		*wait_ms = left;
	return false;
}

static bool is_ready(const struct attempt *a)
{
	return a->state == ATTEMPT_CREATED && a->status == BUILD_READY;
}

unsigned attempt_kept(const struct preview *p)
{
	bool keeps = p->desired == DESIRED_DEPLOYED || (p->desired == DESIRED_HELD && p->cancelled);

	for (unsigned i = p->n_attempts; keeps && i-- > 0;)
		if (is_ready(&p->attempts[i]))
			return i;
	return p->n_attempts;
}

struct step preview_next(const struct preview *p)
{
	int64_t wait_ms = INT64_MAX;
	const struct attempt *current = NULL;
	unsigned kept = attempt_kept(p);
	struct step step;
	bool missing;

	for (unsigned i = 0; i < p->n_attempts; i++) {
		if (!attempt_is_wanted(p, i))
			continue;
		current = &p->attempts[i];
		step = bring_up(p, i);
		if (is_due(p, i, step, &wait_ms))
			return step;
	}
	/* settled without an attempt: it failed before anything reached the provider */
	missing = p->desired == DESIRED_DEPLOYED && !current && !p->settled;
	if (missing && !p->frozen && !p->no_room)
		return (struct step){ .kind = STEP_INSERT };
	if (missing && p->frozen && !p->held)
		return (struct step){ .kind = STEP_HOLD };
	if (missing)
		wait_ms = p->frozen ? FROZEN_WAIT_MS : ROOM_WAIT_MS;
	for (unsigned i = 0; i < p->n_attempts; i++) {
		if (&p->attempts[i] == current || i == kept)
			continue;
		step = clean_up(p, i);
		if (is_due(p, i, step, &wait_ms))
			return step;
	}
	if (wait_ms != INT64_MAX)
		return (struct step){ .kind = STEP_WAIT, .wait_ms = wait_ms };
	return (struct step){ .kind = p->settled ? STEP_DONE : STEP_SETTLE };
}

struct failure create_failure(int code)
{
	switch (code) {
	case E_AUTH:
		return (struct failure){ "PROVIDER_AUTH", RETRY_NEVER };
	case E_INVALID:
	case E_NOT_FOUND:
	case E_CONFLICT:
	case E_UNSUPPORTED:
		return (struct failure){ "PROVIDER_ERROR", RETRY_NEVER };
	case E_LIMITED:
		return (struct failure){ "PROVIDER_RATE_LIMIT", RETRY_LIMITED };
	case E_QUOTA:
		return (struct failure){ "PROVIDER_QUOTA", RETRY_QUOTA };
	case E_NETWORK:
		return (struct failure){ "PROVIDER_ERROR", RETRY_LATER };
	case E_TIMEOUT:
		return (struct failure){ "PROVIDER_TIMEOUT", RETRY_LOOK_UP };
	case E_UPSTREAM:
		return (struct failure){ "PROVIDER_ERROR", RETRY_LOOK_UP };
	default: /* cancelled or a bug in the plugin: nobody knows whether it arrived */
		return (struct failure){ "UNKNOWN", RETRY_LOOK_UP };
	}
}

int64_t spread_ms(int64_t wait_ms, uint32_t random)
{
	int64_t most = wait_ms / 4 < 60000 ? wait_ms / 4 : 60000;

	return wait_ms + (int64_t)(random % (uint32_t)(most + 1));
}

int64_t backoff_ms(int64_t tries, int64_t base_ms, int64_t cap_ms, uint32_t random)
{
	int64_t full = base_ms;

	for (int64_t i = 0; i < tries && full < cap_ms; i++)
		full *= 2;
	if (full > cap_ms)
		full = cap_ms;
	return full / 2 + (int64_t)(random % (uint32_t)(full / 2 + 1));
}

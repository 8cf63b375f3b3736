/* Steps of a rotation. */
#include "model/rotation.h"

#define LONGEST_RETRY_MS (24ll * 60 * 60 * 1000)

enum rotation_state rotation_state_read(struct str word)
{
	static const char *const words[] = { "WAITING", "PENDING", "TRIAL", "VERIFYING" };

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(word, str_of(words[i])))
			return (enum rotation_state)i;
	return ROTATION_ENDED;
}

static enum rotation_step next_of_trial(const struct rotation_facts *f)
{
	if (f->frozen)
		return f->late ? ROTATE_FAIL_LATE : ROTATE_WAIT;
	switch (f->trial) {
	case TRIAL_READY:
		return f->page_checked ? ROTATE_CHECK : ROTATE_VERIFY;
	case TRIAL_WRONG:
		return ROTATE_FAIL_WRONG;
	case TRIAL_FAILED:
		return ROTATE_FAIL_BUILD;
	case TRIAL_GONE:
		return f->late ? ROTATE_FAIL_LATE : ROTATE_TRY;
	case TRIAL_BUILDING:
	default:
		return f->late ? ROTATE_FAIL_LATE : ROTATE_WAIT;
	}
}

enum rotation_step rotation_next(const struct rotation_facts *f)
{
	if (f->state == ROTATION_ENDED)
		return ROTATE_DONE;
	if (f->superseded)
		return ROTATE_SUPERSEDE;
	if (f->early)
		return ROTATE_WAIT;
	switch (f->state) {
	case ROTATION_WAITING:
		if (f->queued && f->is_tried && f->is_of_preview)
			return ROTATE_WAIT; /* without a deadline: its own begins with its turn */
		return f->frozen ? ROTATE_WAIT : ROTATE_GENERATE;
	case ROTATION_PENDING:
		if (!f->is_tried || !f->is_of_preview)
			return ROTATE_VERIFY;
		if (f->late)
			return ROTATE_FAIL_LATE;
		return f->frozen ? ROTATE_WAIT : ROTATE_TRY;
	case ROTATION_TRIAL:
		return next_of_trial(f);
	case ROTATION_VERIFYING:
	default:
		if (f->frozen)
			return f->late ? ROTATE_FAIL_LATE : ROTATE_WAIT;
		if (!f->is_tried || !f->has_program)
			return ROTATE_PROMOTE;
		return f->late ? ROTATE_FAIL_LATE : ROTATE_RUN;
	}
}

int64_t rotation_retry_ms(int64_t tries, int64_t most, int64_t first_ms)
{
	int64_t pause = first_ms;

	if (tries >= most)
		return -1;
	for (int64_t i = 1; i < tries && pause < LONGEST_RETRY_MS; i++)
		pause *= 2;
	return pause < LONGEST_RETRY_MS ? pause : LONGEST_RETRY_MS;
}

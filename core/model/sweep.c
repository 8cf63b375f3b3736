/* What a sweep does about what it finds. */
#include "model/sweep.h"

#include <stddef.h>

#define MOST_DESTROYS 10
#define SHARE         5 /* one in so many */

const char *missed_action(const struct known_pull *known, const struct pull_facts *pull)
{
	bool newer;

	if (!known)
		return pull->open ? "opened" : NULL;
	if (pull->updated_at_ms < known->updated_at_ms)
		return NULL;
	newer = pull->updated_at_ms > known->updated_at_ms;
	if (!pull->open)
		return known->open ? "closed" : NULL;
	/* GitHub's clock has seconds: within the one of the closing, what a webhook said is believed */
	if (!known->open)
		return newer || known->by_sweep ? "reopened" : NULL;
	if (!str_eq(pull->sha, known->sha))
		return "synchronize";
	return newer ? "edited" : NULL;
}

bool sweep_may_destroy(size_t live, size_t doomed)
{
	return doomed <= 1 || (doomed <= MOST_DESTROYS && doomed * SHARE <= live);
}

/* Of the delivery that attempts[first] is the newest attempt of. */
static bool is_settled(const struct hook_attempt *attempts, const bool *arrived, size_t n, size_t first, int64_t now_ms)
{
	size_t tries = 0;

	for (size_t i = first; i < n; i++) {
		if (!str_eq(attempts[i].guid, attempts[first].guid))
			continue;
		if (attempts[i].ok || arrived[i])
			return true;
		tries++;
	}
	return !attempts[first].matters || tries >= REDELIVERY_ATTEMPTS ||
	       now_ms - attempts[first].delivered_at_ms >= REDELIVERY_AGE_MS;
}

static bool is_newest(const struct hook_attempt *attempts, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (str_eq(attempts[i].guid, attempts[at].guid))
			return false;
	return true;
}

static int64_t first_attempt_ms(const struct hook_attempt *attempts, size_t n, struct str guid)
{
	int64_t first_ms = INT64_MAX;

	for (size_t i = 0; i < n; i++)
		if (str_eq(attempts[i].guid, guid) && attempts[i].delivered_at_ms < first_ms)
			first_ms = attempts[i].delivered_at_ms;
	return first_ms;
}

size_t redelivery_plan(const struct hook_attempt *attempts, const bool *arrived, size_t n, int64_t now_ms,
		       int64_t *ret_ids, int64_t *ret_since_ms)
{
	size_t n_ids = 0;

	*ret_since_ms = n ? attempts[0].delivered_at_ms : now_ms;
	for (size_t i = 0; i < n; i++) {
		int64_t first_ms;

		if (!is_newest(attempts, i) || is_settled(attempts, arrived, n, i, now_ms))
			continue;
		ret_ids[n_ids++] = attempts[i].id;
		first_ms = first_attempt_ms(attempts, n, attempts[i].guid);
		if (first_ms < *ret_since_ms)
			*ret_since_ms = first_ms;
	}
	return n_ids;
}

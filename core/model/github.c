/* GitHub's pages and limits. */
#include "model/github.h"

#define MOST_CURSOR    200
#define MOST_PAUSE_MS  (60 * 60 * 1000) /* GitHub's window is an hour */
#define LEAST_PAUSE_MS 1000
#define UNSAID_MS      60000 /* what GitHub asks for when it does not say how long */

static struct str find(struct str text, struct str part)
{
	for (size_t i = 0; i + part.n <= text.n; i++)
		if (str_eq((struct str){ text.p + i, part.n }, part))
			return (struct str){ text.p + i, text.n - i };
	return (struct str){ 0 };
}

/* It goes into a path as it is. */
static bool is_cursor_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
	       c == '.' || c == '%' || c == '=';
}

static struct str cursor_in(struct str address)
{
	struct str query = find(address, STR("?"));

	while (query.n) {
		struct str pair;

		query = (struct str){ query.p + 1, query.n - 1 };
		pair = query;
		for (pair.n = 0; pair.n < query.n && query.p[pair.n] != '&'; pair.n++)
			;
		query = (struct str){ query.p + pair.n, query.n - pair.n };
		if (!str_starts(pair, STR("cursor=")))
			continue;
		pair = (struct str){ pair.p + 7, pair.n - 7 };
		for (size_t i = 0; i < pair.n; i++)
			if (!is_cursor_letter(pair.p[i]))
				return (struct str){ 0 };
		return pair.n <= MOST_CURSOR ? pair : (struct str){ 0 };
	}
	return (struct str){ 0 };
}

bool github_next(struct str link, struct str *ret_cursor)
{
	while (link.n) {
		struct str part = str_split(&link, ','), address = str_split(&part, '>');

		if (!find(part, STR("rel=\"next\"")).p)
			continue;
		*ret_cursor = cursor_in(address);
		return true;
	}
	return false;
}

bool github_is_limited(const struct github_allowance *a)
{
	return a->status == 429 || (a->status == 403 && (a->remaining == 0 || a->retry_after_ms > 0 || a->secondary));
}

static int64_t bounded(int64_t until_ms, int64_t now_ms)
{
	if (until_ms < now_ms + LEAST_PAUSE_MS)
		return now_ms + LEAST_PAUSE_MS;
	return until_ms > now_ms + MOST_PAUSE_MS ? now_ms + MOST_PAUSE_MS : until_ms;
}

int64_t github_pause_until(const struct github_allowance *a, int64_t reserve, int64_t now_ms)
{
	bool limited = github_is_limited(a);
	int64_t theirs_ms = a->date_ms > 0 ? a->date_ms : now_ms;

	if (limited && a->retry_after_ms > 0)
		return bounded(now_ms + a->retry_after_ms, now_ms);
	if (limited && a->remaining != 0)
		return now_ms + UNSAID_MS;
	if (limited || (a->remaining >= 0 && a->remaining < reserve))
		return a->reset_s > 0 ? bounded(now_ms + a->reset_s * 1000 - theirs_ms, now_ms) : now_ms + UNSAID_MS;
	return 0;
}

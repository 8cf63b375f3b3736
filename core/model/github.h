/* How GitHub says "there is more" and "not so fast". Pure.
 * Source: GitHub's REST documentation, "Using pagination" and "Rate limits". */
#ifndef MODEL_GITHUB_H
#define MODEL_GITHUB_H

#include "base/str.h"

/* Does a Link header have a next page? *ret_cursor: the cursor in its address, empty when it is a page number. The
 * address itself is never followed: it could lead somewhere else. */
bool github_next(struct str link, struct str *ret_cursor);

struct github_allowance {
	int status;
	int64_t remaining; /* requests; -1 = not said */
	int64_t reset_s;   /* Unix time, by GitHub's clock; 0 = not said */
	int64_t date_ms;   /* what that clock says now, Unix time; 0 = not said */
	int64_t retry_after_ms;
	bool secondary; /* the message speaks of a secondary rate limit */
};
/* Was the request refused because there were too many? */
bool github_is_limited(const struct github_allowance *allowance);
/* Until when (Unix ms, by our clock) nothing more may be asked; 0 = go on. Below `reserve` the rest is left to others
 * who share the token. */
int64_t github_pause_until(const struct github_allowance *allowance, int64_t reserve, int64_t now_ms);

#endif

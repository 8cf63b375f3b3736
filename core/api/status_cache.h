/* Status pages as they were read in the last seconds, so that everybody may look at them at no cost.
 *
 *   asked for -> younger than 5 s? yes -> as it is
 *                                  no  -> read by one of those who ask (api/readings.h), the others wait
 *
 * One that cannot be read anew is shown for a minute more: it says of which time it is. That there is no page of a name
 * is remembered as well. A name that is not remembered counts against the limit of whoever asks, so that nobody makes
 * the database look for one name after another.
 * Owns the pages: at most PAGES, the one that was not asked for longest makes room; each at most PAGE_BYTES.
 * Easy to break: a page is the cache's, and may be gone after the next await. */
#ifndef API_STATUS_CACHE_H
#define API_STATUS_CACHE_H

#include "api/api.h"
#include "store/status_pages.h"

struct status_entry {
	struct str id, name;
	enum status_state state;
};

struct status_page {
	struct buf html, json;
	struct str title;
	enum status_state state;
	const struct status_entry *checks; /* for badges */
	size_t n_checks;
};

struct status_cache *status_cache_new(void);
struct status_cache *status_cache_free(struct status_cache *cache); /* accepts NULL, returns NULL */

/* E_NOT_FOUND: there is no such page, or it is not enabled. E_LIMITED. */
AWAITS int status_page_read(struct exchange *x, struct str slug, const struct status_page **ret);

#endif

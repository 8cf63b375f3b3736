/* Status pages as they were read in the last seconds. */
#include "api/status_cache.h"

#include "api/readings.h"
#include "api/status_view.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define PAGES      64
#define UNKNOWN    1024
#define PAGE_BYTES ((size_t)1024 * 1024) /* of each form; the longest there is has half of that */
#define FRESH_MS   5000
#define STALE_MS   60000
#define SLUG_MAX   64

struct entry {
	struct status_page page;
	struct arena *texts; /* of the page; NULL = the place is free */
	struct str slug;
	int64_t read_ms, used_ms;
	int64_t failed_ms; /* reading it anew did; 0 = it did not */
};

/* By the hash of its name: another name in the same place takes it. */
struct unknown {
	char slug[SLUG_MAX];
	size_t n;
	int64_t read_ms;
};

struct status_cache {
	struct entry pages[PAGES];
	struct unknown unknown[UNKNOWN];
};

/* ---- places ---- */

static void empty(struct entry *entry)
{
	if (!entry->texts)
		return;
	buf_done(&entry->page.html);
	buf_done(&entry->page.json);
	entry->texts = arena_free(entry->texts);
}

struct status_cache *status_cache_new(void)
{
	struct status_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		abort();
	return cache;
}

struct status_cache *status_cache_free(struct status_cache *cache)
{
	for (size_t i = 0; cache && i < PAGES; i++)
		empty(&cache->pages[i]);
	free(cache);
	return NULL;
}

static struct entry *find(struct status_cache *cache, struct str slug)
{
	for (size_t i = 0; i < PAGES; i++)
		if (cache->pages[i].texts && str_eq(cache->pages[i].slug, slug))
			return &cache->pages[i];
	return NULL;
}

static struct unknown *unknown_at(struct status_cache *cache, struct str slug)
{
	return &cache->unknown[str_hash(slug) % UNKNOWN];
}

static bool is_unknown(struct status_cache *cache, struct str slug)
{
	const struct unknown *unknown = unknown_at(cache, slug);

	return unknown->n && str_eq((struct str){ unknown->slug, unknown->n }, slug) &&
	       clock_mono_ms() - unknown->read_ms < FRESH_MS;
}

static bool is_fresh(const struct entry *entry)
{
	return entry && clock_mono_ms() - entry->read_ms < FRESH_MS;
}

/* Not again so soon: while the database hangs, each attempt lasts as long as it may. */
static bool has_failed(const struct entry *entry)
{
	return entry && entry->failed_ms && clock_mono_ms() - entry->failed_ms < FRESH_MS &&
	       clock_mono_ms() - entry->read_ms <= STALE_MS;
}

/* The one of this name, a free one, or the one that was not asked for longest; it is empty then. */
static struct entry *place_for(struct status_cache *cache, struct str slug)
{
	struct entry *place = find(cache, slug);

	for (size_t i = 0; !place && i < PAGES; i++)
		if (!cache->pages[i].texts)
			place = &cache->pages[i];
	if (!place) {
		place = &cache->pages[0];
		for (size_t i = 1; i < PAGES; i++)
			if (cache->pages[i].used_ms < place->used_ms)
				place = &cache->pages[i];
	}
	empty(place);
	return place;
}

/* ---- reading ---- */

static void keep(struct status_cache *cache, struct str slug, const struct status_facts *facts)
{
	struct entry *entry = place_for(cache, slug);
	struct status_page *page = &entry->page;
	struct status_entry *checks;

	*entry = (struct entry){ .texts = arena_new(), .read_ms = clock_mono_ms() };
	entry->used_ms = entry->read_ms;
	entry->slug = arena_str(entry->texts, slug);
	buf_init(&page->html, PAGE_BYTES);
	buf_init(&page->json, PAGE_BYTES);
	status_html(facts, &page->html);
	status_json(facts, &page->json);
	page->title = arena_str(entry->texts, facts->title);
	page->state = facts->state;
	page->n_checks = facts->n_checks;
	checks = arena_alloc(entry->texts, (facts->n_checks + 1) * sizeof(*checks));
	for (size_t i = 0; i < facts->n_checks; i++)
		checks[i] = (struct status_entry){ arena_str(entry->texts, facts->checks[i].id),
						   arena_str(entry->texts, facts->checks[i].name),
						   facts->checks[i].state };
	page->checks = checks;
}

static void forget(struct status_cache *cache, struct str slug)
{
	struct unknown *unknown = unknown_at(cache, slug);
	struct entry *entry = find(cache, slug);

	if (entry)
		empty(entry);
	*unknown = (struct unknown){ .n = slug.n, .read_ms = clock_mono_ms() };
	memcpy(unknown->slug, slug.p, slug.n);
}

struct asked {
	struct api *api;
	struct str slug;
};

/* What it has read lies in the cache. Somebody may have done it meanwhile. */
static int read_page(struct call *call, void *arg, struct reading *ret)
{
	const struct asked *asked = arg;
	struct status_cache *cache = asked->api->status;
	struct status_facts facts;
	int r;

	(void)ret;
	if (is_fresh(find(cache, asked->slug)) || is_unknown(cache, asked->slug))
		return OK;
	r = status_facts(call, asked->api->db, asked->slug, &facts);
	if (r == OK)
		keep(cache, asked->slug, &facts);
	if (r == E_NOT_FOUND)
		forget(cache, asked->slug);
	return r == E_NOT_FOUND ? OK : r;
}

/* Lower case letters, digits and dashes: as a slug can be. */
static bool could_be(struct str slug)
{
	for (size_t i = 0; i < slug.n; i++)
		if (!((slug.p[i] >= 'a' && slug.p[i] <= 'z') || (slug.p[i] >= '0' && slug.p[i] <= '9') ||
		      slug.p[i] == '-'))
			return false;
	return slug.n > 0 && slug.n <= SLUG_MAX;
}

static int read_anew(struct exchange *x, struct str slug)
{
	struct api *api = api_of(x);
	struct asked asked = { api, slug };
	const struct reading *reading;
	int r = find(api->status, slug) ? OK : limits_of_uncached(x);

	if (r == OK)
		r = readings_join(x->call, api->readings, arena_printf(x->call->arena, "status/%.*s", STR_FMT(slug)),
				  read_page, &asked, &reading);
	return r;
}

int status_page_read(struct exchange *x, struct str slug, const struct status_page **ret)
{
	struct status_cache *cache = api_of(x)->status;
	struct entry *entry = could_be(slug) ? find(cache, slug) : NULL;
	int r = OK;

	if (could_be(slug) && !is_fresh(entry) && !has_failed(entry) && !is_unknown(cache, slug)) {
		if (entry && entry->failed_ms)
			entry->failed_ms = clock_mono_ms(); /* one waits to see, the others do not */
		r = read_anew(x, slug);
		entry = find(cache, slug);
		if (r != OK && entry)
			entry->failed_ms = clock_mono_ms();
	}
	if (r != OK && (!entry || clock_mono_ms() - entry->read_ms > STALE_MS))
		return r;
	if (!entry)
		return call_fail(x->call, E_NOT_FOUND, "there is no status page of this name");
	entry->used_ms = clock_mono_ms();
	*ret = &entry->page;
	return OK;
}

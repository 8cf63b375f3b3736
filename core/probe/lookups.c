/* Names to addresses: what is known, and who is next to be looked up (on threads, lookup_threads.c).
 *
 * Owns: the table of names, those who wait for one. Easy to break: one look-up of a name at a time, and the bounds hold
 * for threads, not for those who wait.
 *
 *   lookup() -> known? --yes--> answered at once; what is old is looked up again meanwhile
 *                  |--failed just now, or hangs--> fails at once
 *                  '--no--> QUEUED --room--> RUNNING (a thread) --mailbox--> known or failed, those who wait are told
 *
 * Whose names nobody answers for must not hold up everybody else: the domain above a name (its last two labels, so all
 * of co.uk is one) has a share of the threads and a line of its own; domains take turns. A few threads are for those
 * who come `first`. */
#include "probe/inner.h"

#include "base/clock.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define KNOWN_MS       60000        /* then addresses are looked up again */
#define STALE_MS       (10 * 60000) /* and used for so long, while that fails */
#define RETRY_MS       10000        /* between attempts at that */
#define SLOW_MS        2000         /* what takes longer costs others a thread */
#define HANGS_MS       5000         /* those who come after that do not wait: they hold up others */
#define QUIET_MS       30000        /* a slow failure counts for so long */
#define QUIET_SHORT_MS 1000         /* a quick one: names may be made any moment */
#define NAMES_MAX      16384        /* that are remembered */
#define BUCKETS        4096         /* powers of two */
#define DOMAIN_BUCKETS 1024
#define ADDRESSES_MAX  16 /* of a name; further ones are not tried */

struct lookup_name {
	struct lookup_name *chain;     /* in its bucket */
	TAILQ_ENTRY(lookup_name) age;  /* while something is remembered */
	TAILQ_ENTRY(lookup_name) turn; /* while it is QUEUED */
	struct lookup_wait *waiting;
	struct domain *domain; /* whose share it takes; NULL = it came first, or is IDLE */
	enum { NAME_IDLE, NAME_QUEUED, NAME_RUNNING } state;
	int64_t began_ms;       /* of its thread */
	int64_t found_ms;       /* its list */
	int64_t quiet_until_ms; /* it failed: not looked up before */
	bool is_remembered;
	bool has_public;
	char *list; /* NULL = nothing is known */
	char host[];
};

TAILQ_HEAD(name_list, lookup_name);

/* Names with the same last two labels that are looked up, or wait for it. */
struct domain {
	struct domain *chain;
	TAILQ_ENTRY(domain) turn; /* while it is ready */
	struct name_list queued;
	unsigned n_running;
	bool is_ready; /* somebody is queued, and its share is not used up */
	char name[];
};

TAILQ_HEAD(domain_list, domain);

struct lookups {
	uv_async_t wake;
	struct mailbox *mailbox;
	lookup_done_fn *done;
	void *arg;
	int64_t known_ms;
	unsigned at_once, reserved, share; /* threads: of all, for those who come first, of a domain */
	unsigned n_running, n_ordinary;    /* ordinary: of a domain */
	unsigned n_remembered;
	struct name_list first;      /* QUEUED */
	struct name_list remembered; /* the oldest first */
	struct domain_list ready;
	struct lookup_name *buckets[BUCKETS];
	struct domain *domains[DOMAIN_BUCKETS];
};

/* ---- names ---- */

static void *zeroed(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory) {
		fprintf(stderr, "out of memory: a name that is looked up\n");
		abort();
	}
	return memory;
}

static struct lookup_name **bucket_of(struct lookups *l, const char *host)
{
	return &l->buckets[str_hash(str_of(host)) & (BUCKETS - 1)];
}

static struct lookup_name *name_find(struct lookups *l, const char *host)
{
	struct lookup_name *name = *bucket_of(l, host);

	while (name && strcmp(name->host, host) != 0)
		name = name->chain;
	return name;
}

static struct lookup_name *name_add(struct lookups *l, const char *host)
{
	size_t n = strlen(host) + 1;
	struct lookup_name *name = zeroed(sizeof(*name) + n), **bucket = bucket_of(l, host);

	memcpy(name->host, host, n);
	name->chain = *bucket;
	*bucket = name;
	return name;
}

/* Gone, when there is nothing to keep. */
static void name_release(struct lookups *l, struct lookup_name *name)
{
	struct lookup_name **at = bucket_of(l, name->host);

	if (name->is_remembered || name->waiting || name->state != NAME_IDLE)
		return;
	while (*at != name)
		at = &(*at)->chain;
	*at = name->chain;
	free(name->list);
	free(name);
}

static void forget(struct lookups *l, struct lookup_name *name)
{
	if (name->is_remembered) {
		TAILQ_REMOVE(&l->remembered, name, age);
		l->n_remembered--;
	}
	name->is_remembered = false;
	free(name->list);
	name->list = NULL;
	name->quiet_until_ms = 0;
}

static void remember(struct lookups *l, struct lookup_name *name)
{
	if (name->is_remembered) {
		TAILQ_REMOVE(&l->remembered, name, age);
		l->n_remembered--;
	}
	name->is_remembered = true;
	TAILQ_INSERT_TAIL(&l->remembered, name, age);
	l->n_remembered++;
}

static bool is_old(const struct lookups *l, const struct lookup_name *name, int64_t now_ms)
{
	if (name->list)
		return now_ms - name->found_ms >= l->known_ms + STALE_MS;
	return now_ms >= name->quiet_until_ms;
}

/* Failures lie among what was found: behind something that is kept for longer they stay, and count no more. */
static void forget_old(struct lookups *l)
{
	int64_t now_ms = clock_mono_ms();
	struct lookup_name *name;

	while ((name = TAILQ_FIRST(&l->remembered)) && (l->n_remembered > NAMES_MAX || is_old(l, name, now_ms))) {
		forget(l, name);
		name_release(l, name);
	}
}

/* ---- who is next ---- */

static const char *domain_name(const char *host)
{
	const char *last = strrchr(host, '.');

	if (last && !last[1]) /* "example.com." */
		last = last > host ? memrchr(host, '.', (size_t)(last - host)) : NULL;
	last = last && last > host ? memrchr(host, '.', (size_t)(last - host)) : NULL;
	return last ? last + 1 : host;
}

static struct domain *domain_get(struct lookups *l, const char *host)
{
	const char *name = domain_name(host);
	struct domain **bucket = &l->domains[str_hash(str_of(name)) & (DOMAIN_BUCKETS - 1)], *domain = *bucket;
	size_t n = strlen(name) + 1;

	while (domain && strcmp(domain->name, name) != 0)
		domain = domain->chain;
	if (domain)
		return domain;
	domain = zeroed(sizeof(*domain) + n);
	TAILQ_INIT(&domain->queued);
	memcpy(domain->name, name, n);
	domain->chain = *bucket;
	*bucket = domain;
	return domain;
}

/* After each change of it. had_turn: others are next. */
static void domain_settle(struct lookups *l, struct domain *domain, bool had_turn)
{
	struct domain **at = &l->domains[str_hash(str_of(domain->name)) & (DOMAIN_BUCKETS - 1)];
	bool ready = !TAILQ_EMPTY(&domain->queued) && domain->n_running < l->share;

	if (domain->is_ready && (!ready || had_turn)) {
		TAILQ_REMOVE(&l->ready, domain, turn);
		domain->is_ready = false;
	}
	if (ready && !domain->is_ready) {
		TAILQ_INSERT_TAIL(&l->ready, domain, turn);
		domain->is_ready = true;
	}
	if (domain->n_running || !TAILQ_EMPTY(&domain->queued))
		return;
	while (*at != domain)
		at = &(*at)->chain;
	*at = domain->chain;
	free(domain);
}

static void enqueue(struct lookups *l, struct lookup_name *name, bool first)
{
	name->state = NAME_QUEUED;
	if (first) {
		TAILQ_INSERT_TAIL(&l->first, name, turn);
		return;
	}
	name->domain = domain_get(l, name->host);
	TAILQ_INSERT_TAIL(&name->domain->queued, name, turn);
	domain_settle(l, name->domain, false);
}

static void dequeue(struct lookups *l, struct lookup_name *name)
{
	struct domain *domain = name->domain;

	name->state = NAME_IDLE;
	name->domain = NULL;
	if (!domain) {
		TAILQ_REMOVE(&l->first, name, turn);
		return;
	}
	TAILQ_REMOVE(&domain->queued, name, turn);
	domain_settle(l, domain, false);
}

/* ---- threads ---- */

static bool start(struct lookups *l, struct lookup_name *name)
{
	if (!mailbox_look_up(l->mailbox, name->host))
		return false;
	if (name->domain) {
		TAILQ_REMOVE(&name->domain->queued, name, turn);
		name->domain->n_running++;
		l->n_ordinary++;
		domain_settle(l, name->domain, true);
	} else {
		TAILQ_REMOVE(&l->first, name, turn);
	}
	name->state = NAME_RUNNING;
	name->began_ms = clock_mono_ms();
	l->n_running++;
	return true;
}

static void ended(struct lookups *l, struct lookup_name *name)
{
	struct domain *domain = name->domain;

	l->n_running--;
	name->state = NAME_IDLE;
	name->domain = NULL;
	if (!domain)
		return;
	l->n_ordinary--;
	domain->n_running--;
	domain_settle(l, domain, false);
}

/* What cannot be started waits for the next who asks, or for its own time-out. */
static void start_queued(struct lookups *l)
{
	struct lookup_name *name;
	struct domain *domain;

	while (l->n_running < l->at_once && (name = TAILQ_FIRST(&l->first)))
		if (!start(l, name))
			return;
	while (l->n_running < l->at_once && l->n_ordinary < l->at_once - l->reserved &&
	       (domain = TAILQ_FIRST(&l->ready)))
		if (!start(l, TAILQ_FIRST(&domain->queued)))
			return;
}

/* ---- what was found ---- */

/* NULL when there is none that can be written. */
static char *addresses(const struct addrinfo *info, bool *ret_has_public)
{
	char text[INET6_ADDRSTRLEN];
	struct buf list;
	unsigned n = 0;

	buf_init(&list, ADDRESSES_MAX * (INET6_ADDRSTRLEN + 3));
	*ret_has_public = false;
	for (; info && n < ADDRESSES_MAX; info = info->ai_next) {
		if (getnameinfo(info->ai_addr, info->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		buf_printf(&list, info->ai_family == AF_INET6 ? "%s[%s]" : "%s%s", n++ ? "," : "", text);
		if (address_classify(info->ai_addr, NULL) == ADDRESS_PUBLIC)
			*ret_has_public = true;
	}
	if (n == 0)
		buf_done(&list);
	return n ? list.p : NULL;
}

/* That there is no such name, or no address of it, is an answer. That nobody answered is none: what was known before
 * is used on. */
static bool is_answer(int error)
{
	return error == 0 || error == EAI_NONAME || error == EAI_NODATA;
}

static void keep(struct lookups *l, struct lookup_name *name, const struct job *job)
{
	int64_t now_ms = clock_mono_ms();
	bool slow = now_ms - name->began_ms >= SLOW_MS, has_public;
	char *list = addresses(job->info, &has_public);

	if (list || is_answer(job->error))
		forget(l, name);
	if (list) {
		name->list = list;
		name->has_public = has_public;
		name->found_ms = now_ms;
	} else if (name->list) { /* keeps its place by age */
		name->quiet_until_ms = now_ms + RETRY_MS;
		return;
	} else {
		name->quiet_until_ms = now_ms + (slow ? QUIET_MS : QUIET_SHORT_MS);
	}
	remember(l, name);
}

/* Who waits for a name whose addresses are known wants to know what it comes to now. */
static void settle(struct lookups *l, struct job *job)
{
	struct lookup_name *name = name_find(l, job->host);
	struct lookup_wait *wait = name->waiting;
	struct found found;

	ended(l, name);
	keep(l, name, job);
	name->waiting = NULL;
	found = (struct found){ .has_public = name->has_public, .list = job->info ? name->list : NULL };
	for (struct lookup_wait *next; wait; wait = next) {
		next = wait->next;
		*wait = (struct lookup_wait){ 0 };
		l->done(l->arg, wait, &found);
	}
	name_release(l, name);
}

static void on_wake(uv_async_t *async)
{
	struct lookups *l = async->data;
	struct job *jobs = mailbox_take(l->mailbox);

	for (struct job *next; jobs; jobs = next) {
		next = jobs->next;
		settle(l, jobs);
		job_free(jobs);
	}
	forget_old(l);
	start_queued(l);
}

/* ---- for the driver ---- */

static bool is_quiet(const struct lookup_name *name, int64_t now_ms)
{
	return now_ms < name->quiet_until_ms || (name->state == NAME_RUNNING && now_ms - name->began_ms >= HANGS_MS);
}

static enum lookup_state take_known(struct lookups *l, struct lookup_name *name, int64_t now_ms, struct found *ret)
{
	if (now_ms - name->found_ms >= l->known_ms && name->state == NAME_IDLE && !is_quiet(name, now_ms)) {
		enqueue(l, name, false);
		start_queued(l);
	}
	*ret = (struct found){ .has_public = name->has_public, .list = name->list };
	return LOOKUP_FOUND;
}

enum lookup_state lookup(struct lookups *l, const char *host, unsigned how, struct lookup_wait *wait, struct found *ret)
{
	int64_t now_ms = clock_mono_ms();
	bool first = how & LOOKUP_FIRST;
	struct lookup_name *name;

	forget_old(l);
	name = name_find(l, host);
	if (name && name->list && !(how & LOOKUP_FRESH))
		return take_known(l, name, now_ms, ret);
	if (name && !(how & LOOKUP_FRESH) && is_quiet(name, now_ms))
		return LOOKUP_FAILED;
	if (!name)
		name = name_add(l, host);
	*wait = (struct lookup_wait){ .name = name, .next = name->waiting };
	if (wait->next)
		wait->next->prev = wait;
	name->waiting = wait;
	if (name->state == NAME_QUEUED && name->domain && first)
		dequeue(l, name);
	if (name->state == NAME_IDLE)
		enqueue(l, name, first);
	start_queued(l);
	return LOOKUP_WAITS;
}

void lookup_leave(struct lookups *l, struct lookup_wait *wait)
{
	struct lookup_name *name = wait->name;

	if (!name)
		return;
	if (wait->prev)
		wait->prev->next = wait->next;
	else
		name->waiting = wait->next;
	if (wait->next)
		wait->next->prev = wait->prev;
	*wait = (struct lookup_wait){ 0 };
	if (!name->waiting && name->state == NAME_QUEUED)
		dequeue(l, name);
	name_release(l, name);
}

void lookups_forget_failures(struct lookups *l)
{
	struct lookup_name *name, *next;

	for (name = TAILQ_FIRST(&l->remembered); name; name = next) {
		next = TAILQ_NEXT(name, age);
		name->quiet_until_ms = 0;
		if (name->list)
			continue;
		forget(l, name);
		name_release(l, name);
	}
}

struct lookups *lookups_open(struct loop *loop, unsigned at_once, int64_t known_ms, lookup_done_fn *done, void *arg)
{
	struct lookups *l = calloc(1, sizeof(*l));

	if (!l || !(l->mailbox = mailbox_open(&l->wake)) || uv_async_init(loop_uv(loop), &l->wake, on_wake) != 0) {
		fprintf(stderr, "out of memory or descriptors: the resolver of probes\n");
		abort();
	}
	l->wake.data = l;
	l->at_once = at_once;
	l->reserved = at_once >= 16 ? at_once / 16 : at_once > 1;
	l->share = at_once >= 16 ? at_once / 8 : 1;
	l->known_ms = known_ms ? known_ms : KNOWN_MS;
	TAILQ_INIT(&l->first);
	TAILQ_INIT(&l->remembered);
	TAILQ_INIT(&l->ready);
	l->done = done;
	l->arg = arg;
	return l;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct lookups *lookups_close(struct lookups *l)
{
	mailbox_close(l->mailbox);
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct lookup_name *name = l->buckets[i], *next; name; name = next) {
			next = name->chain;
			free(name->list);
			free(name);
		}
	}
	for (size_t i = 0; i < DOMAIN_BUCKETS; i++) {
		for (struct domain *domain = l->domains[i], *next; domain; domain = next) {
			next = domain->chain;
			free(domain);
		}
	}
	uv_close((uv_handle_t *)&l->wake, on_closed);
	return NULL;
}

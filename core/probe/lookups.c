/* Names to addresses, each on a thread that calls getaddrinfo.
 *
 * Owns: the table of names, those who wait for one, the threads' mailbox. A thread that nobody waits for any more ends
 * by itself, also after the resolver was closed: it shares with us only the mailbox. Easy to break: one look-up of a
 * name at a time, and the bound holds for threads, not for those who wait: a resolver that does not answer keeps so
 * many threads, and everybody else waits in line until his own time-out.
 *
 *   lookup() -> known? --yes--> answered at once
 *                  '--no--> QUEUED --room--> RUNNING (a thread) --mailbox--> known, those who wait are told */
#include "probe/inner.h"

#include "base/clock.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_MS      60000
#define KNOWN_MAX     16384 /* names that are remembered */
#define BUCKETS       4096  /* a power of two */
#define ADDRESSES_MAX 16    /* of a name; further ones are not tried */
#define STACK_SIZE    (512 * 1024)

struct lookup_name {
	struct lookup_name *chain;       /* in its bucket */
	struct lookup_name *prev, *next; /* queued, or known and oldest first */
	struct lookup_wait *waiting;
	enum { NAME_IDLE, NAME_QUEUED, NAME_RUNNING } state;
	int64_t found_ms;
	char *list; /* NULL = nothing is known */
	bool has_public;
	char host[];
};

struct name_list {
	struct lookup_name *first, *last;
};

struct job {
	struct job *next;
	struct mailbox *mailbox;
	struct addrinfo *info;
	char host[HOST_MAX];
};

/* Between threads; the last one to let go frees it. */
struct mailbox {
	pthread_mutex_t lock;
	unsigned refs;
	struct job *done;
	uv_async_t *wake; /* NULL = closed */
};

struct lookups {
	uv_async_t wake;
	struct mailbox *mailbox;
	lookup_done_fn *done;
	void *arg;
	unsigned at_once, n_running, n_known;
	struct name_list queued, known;
	struct lookup_name *buckets[BUCKETS];
};

/* ---- names ---- */

static void list_add(struct name_list *list, struct lookup_name *name)
{
	name->prev = list->last;
	name->next = NULL;
	if (list->last)
		list->last->next = name;
	else
		list->first = name;
	list->last = name;
}

static void list_remove(struct name_list *list, struct lookup_name *name)
{
	if (name->prev)
		name->prev->next = name->next;
	else
		list->first = name->next;
	if (name->next)
		name->next->prev = name->prev;
	else
		list->last = name->prev;
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
	struct lookup_name *name = calloc(1, sizeof(*name) + n), **bucket = bucket_of(l, host);

	if (!name) {
		fprintf(stderr, "out of memory: a name that is looked up\n");
		abort();
	}
	memcpy(name->host, host, n);
	name->chain = *bucket;
	*bucket = name;
	return name;
}

static void forget(struct lookups *l, struct lookup_name *name)
{
	if (!name->list)
		return;
	list_remove(&l->known, name);
	l->n_known--;
	free(name->list);
	name->list = NULL;
}

/* Gone, when there is nothing to keep. */
static void name_release(struct lookups *l, struct lookup_name *name)
{
	struct lookup_name **at = bucket_of(l, name->host);

	if (name->list || name->waiting || name->state != NAME_IDLE)
		return;
	while (*at != name)
		at = &(*at)->chain;
	*at = name->chain;
	free(name);
}

static void forget_old(struct lookups *l)
{
	int64_t old_ms = clock_mono_ms() - KNOWN_MS;

	while (l->known.first && (l->known.first->found_ms <= old_ms || l->n_known > KNOWN_MAX)) {
		struct lookup_name *name = l->known.first;

		forget(l, name);
		name_release(l, name);
	}
}

/* ---- threads ---- */

static void mailbox_unref_locked(struct mailbox *mailbox)
{
	bool last = --mailbox->refs == 0;

	pthread_mutex_unlock(&mailbox->lock);
	if (last) {
		pthread_mutex_destroy(&mailbox->lock);
		free(mailbox);
	}
}

static void job_free(struct job *job)
{
	if (job->info)
		freeaddrinfo(job->info);
	free(job);
}

static void *look_up(void *arg)
{
	struct job *job = arg;
	struct mailbox *mailbox = job->mailbox;
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };

	if (getaddrinfo(job->host, NULL, &hints, &job->info) != 0)
		job->info = NULL;
	pthread_mutex_lock(&mailbox->lock);
	if (mailbox->wake) {
		job->next = mailbox->done;
		mailbox->done = job;
		uv_async_send(mailbox->wake);
	} else {
		job_free(job);
	}
	mailbox_unref_locked(mailbox);
	return NULL;
}

static bool thread_start(struct job *job)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all;
	bool good;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_attr_setsigmask_np(&attributes, &all);
	good = pthread_create(&thread, &attributes, look_up, job) == 0;
	pthread_attr_destroy(&attributes);
	return good;
}

static bool start(struct lookups *l, struct lookup_name *name)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return false;
	job->mailbox = l->mailbox;
	snprintf(job->host, sizeof(job->host), "%s", name->host);
	pthread_mutex_lock(&l->mailbox->lock);
	l->mailbox->refs++;
	pthread_mutex_unlock(&l->mailbox->lock);
	if (!thread_start(job)) {
		pthread_mutex_lock(&l->mailbox->lock);
		mailbox_unref_locked(l->mailbox);
		free(job);
		return false;
	}
	list_remove(&l->queued, name);
	name->state = NAME_RUNNING;
	l->n_running++;
	return true;
}

/* What cannot be started waits for the next who asks, or for its own time-out. */
static void start_queued(struct lookups *l)
{
	while (l->queued.first && l->n_running < l->at_once && start(l, l->queued.first))
		;
}

/* ---- what was found ---- */

static void keep(struct lookups *l, struct lookup_name *name, const struct addrinfo *info)
{
	char text[INET6_ADDRSTRLEN];
	struct buf list;
	unsigned n = 0;

	forget(l, name);
	buf_init(&list, ADDRESSES_MAX * (INET6_ADDRSTRLEN + 3));
	name->has_public = false;
	for (; info && n < ADDRESSES_MAX; info = info->ai_next) {
		if (getnameinfo(info->ai_addr, info->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		buf_printf(&list, info->ai_family == AF_INET6 ? "%s[%s]" : "%s%s", n++ ? "," : "", text);
		if (address_classify(info->ai_addr, NULL) == ADDRESS_PUBLIC)
			name->has_public = true;
	}
	if (n == 0) {
		buf_done(&list);
		return;
	}
	name->list = list.p;
	name->found_ms = clock_mono_ms();
	list_add(&l->known, name);
	l->n_known++;
}

static void settle(struct lookups *l, struct job *job)
{
	struct lookup_name *name = name_find(l, job->host);
	struct lookup_wait *wait = name->waiting;
	struct found found;

	l->n_running--;
	keep(l, name, job->info);
	name->state = NAME_IDLE;
	name->waiting = NULL;
	found = (struct found){ .has_public = name->has_public, .list = name->list };
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
	struct job *jobs;

	pthread_mutex_lock(&l->mailbox->lock);
	jobs = l->mailbox->done;
	l->mailbox->done = NULL;
	pthread_mutex_unlock(&l->mailbox->lock);
	for (struct job *next; jobs; jobs = next) {
		next = jobs->next;
		settle(l, jobs);
		job_free(jobs);
	}
	forget_old(l);
	start_queued(l);
}

/* ---- for the driver ---- */

bool lookup(struct lookups *l, const char *host, bool fresh, struct lookup_wait *wait, struct found *ret)
{
	struct lookup_name *name;

	forget_old(l);
	name = name_find(l, host);
	if (name && name->list && !fresh) {
		*ret = (struct found){ .has_public = name->has_public, .list = name->list };
		return true;
	}
	if (!name)
		name = name_add(l, host);
	*wait = (struct lookup_wait){ .name = name, .next = name->waiting };
	if (wait->next)
		wait->next->prev = wait;
	name->waiting = wait;
	if (name->state == NAME_IDLE) {
		name->state = NAME_QUEUED;
		list_add(&l->queued, name);
	}
	start_queued(l);
	return false;
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
	if (!name->waiting && name->state == NAME_QUEUED) {
		list_remove(&l->queued, name);
		name->state = NAME_IDLE;
	}
	name_release(l, name);
}

struct lookups *lookups_open(struct loop *loop, unsigned at_once, lookup_done_fn *done, void *arg)
{
	struct lookups *l = calloc(1, sizeof(*l));
	struct mailbox *mailbox = calloc(1, sizeof(*mailbox));

	if (!l || !mailbox || pthread_mutex_init(&mailbox->lock, NULL) != 0 ||
	    uv_async_init(loop_uv(loop), &l->wake, on_wake) != 0) {
		fprintf(stderr, "out of memory or descriptors: the resolver of probes\n");
		abort();
	}
	l->wake.data = l;
	l->mailbox = mailbox;
	mailbox->refs = 1;
	mailbox->wake = &l->wake;
	l->at_once = at_once;
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
	struct job *jobs;

	pthread_mutex_lock(&l->mailbox->lock);
	jobs = l->mailbox->done;
	l->mailbox->done = NULL;
	l->mailbox->wake = NULL;
	mailbox_unref_locked(l->mailbox);
	for (struct job *next; jobs; jobs = next) {
		next = jobs->next;
		job_free(jobs);
	}
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct lookup_name *name = l->buckets[i], *next; name; name = next) {
			next = name->chain;
			free(name->list);
			free(name);
		}
	}
	uv_close((uv_handle_t *)&l->wake, on_closed);
	return NULL;
}

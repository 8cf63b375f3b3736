/* Group commit for webhooks. */
#include "api/ingest.h"

#include "kv/waiting.h"

#include <stdlib.h>
#include <string.h>

#define WRITERS      2  /* batches on their way at once: while one waits for its fsync the next ones fill */
#define ENOUGH       16 /* deliveries to begin another batch with while one is on its way */
#define PATIENCE_MS  20 /* after which fewer will do: that one may hang on a lock */
#define MOST_WAITING 4096
#define BATCH_BYTES                                                                                                    \
	(1024 * 1024) /* of payloads; a larger one goes alone: it exists in several copies while it is sent */
#define BATCH_MS 4000 /* a batch has ended by then, one way or the other: GitHub waits 10 s */

/* A delivery that waits. Its handler cannot leave before it is answered, so a batch may read it where it lies. */
struct entry {
	struct wait wait;
	struct call *call; /* the handler's */
	struct delivery *delivery;
	uint64_t pull_request, id, digest; /* hashes; 0 = about no pull request */
	struct entry *next;
};

struct batch {
	struct entry *entries[DELIVERY_BATCH];
	struct delivery *deliveries[DELIVERY_BATCH];
	size_t n, bytes;
};

struct writer {
	struct ingest *ingest;
	struct batch *batch; /* on its way, else NULL; in the arena of the fiber that writes it */
};

struct ingest {
	struct db *db;
	struct kv *kv;
	struct entry *first, **end;
	unsigned n;
	struct event changed; /* something has arrived, or a batch has ended */
	struct writer writers[WRITERS];
	bool closed;
};

static void free_entry(struct wait *wait)
{
	free((struct entry *)wait);
}

/* ---- decide ---- */

static bool wants_decision(const struct delivery *d)
{
	return d->pr && d->outcome.n == 0;
}

static int decide_all(struct call *call, struct ingest *ingest, struct batch *batch)
{
	struct str *repos = arena_alloc(call->arena, (batch->n + 1) * sizeof(*repos));
	struct repo_projects projects = { 0 };
	size_t n = 0;
	int r = OK;

	for (size_t i = 0; i < batch->n; i++)
		if (wants_decision(batch->deliveries[i]))
			repos[n++] = batch->deliveries[i]->repo;
	if (n)
		r = deliveries_projects(call, ingest->db, repos, n, &projects);
	for (size_t i = 0; r == OK && i < batch->n; i++)
		if (wants_decision(batch->deliveries[i]))
			delivery_decide(call, batch->deliveries[i], &projects);
	return r;
}

/* ---- write ---- */

static void push_jobs(struct ingest *ingest, struct str ids)
{
	struct str list[DELIVERY_BATCH];
	size_t n;

	while (ids.n) {
		for (n = 0; ids.n && n < DELIVERY_BATCH; n++)
			list[n] = str_split(&ids, ',');
		waiting_push(ingest->kv, STR("preview-queue"), list, n);
	}
}

/* What lies in the batch's memory moves into the handler's. */
static void answer(struct entry *entry, int result)
{
	struct delivery *d = entry->delivery;
	struct arena *arena = entry->call->arena;

	d->known_id = arena_str(arena, d->known_id);
	d->outcome = arena_str(arena, d->outcome);
	d->reason = arena_str(arena, d->reason);
	wait_complete(&entry->wait, result);
}

/* ---- batches ---- */

static bool same(const struct entry *a, const struct entry *b)
{
	return (a->pull_request && a->pull_request == b->pull_request) || a->id == b->id || a->digest == b->digest;
}

/* Is a batch on its way, or being filled, with an event of the same pull request, or a copy of this one? Two that were
 * written at once would lose their order, which is all that tells two events of one second apart; two copies would
 * violate a unique key. Hashes are enough: two that fall together only wait for each other. Other processes know
 * nothing of this batch: there the row lock decides who writes first and `updated_at` who wins (webhook_ingest), and
 * two events of one second through two processes may change places. */
static bool is_under_way(const struct ingest *ingest, const struct entry *entry)
{
	for (size_t w = 0; w < WRITERS; w++) {
		const struct batch *batch = ingest->writers[w].batch;

		for (size_t i = 0; batch && i < batch->n; i++)
			if (same(batch->entries[i], entry))
				return true;
	}
	return false;
}

/* Where the oldest entry stands whose turn it is; NULL when there is none, or when it is too large for what the batch
 * has left: a younger one of the same pull request must not overtake it. */
static struct entry **find(struct ingest *ingest, const struct batch *batch)
{
	for (struct entry **at = &ingest->first; *at; at = &(*at)->next) {
		if (is_under_way(ingest, *at))
			continue;
		return batch && batch->n && batch->bytes + (*at)->delivery->payload.n > BATCH_BYTES ? NULL : at;
	}
	return NULL;
}

/* Of what ten deliveries cost a third is their batch's own, so while one is on its way the next one waits for company.
 */
static bool is_lonely(const struct ingest *ingest)
{
	if (ingest->n >= ENOUGH)
		return false;
	for (size_t w = 0; w < WRITERS; w++)
		if (ingest->writers[w].batch)
			return true;
	return false;
}

static struct entry *take(struct ingest *ingest, struct entry **at)
{
	struct entry *entry = *at;

	*at = entry->next;
	if (!entry->next)
		ingest->end = at;
	ingest->n--;
	return entry;
}

/* Whoever waits is told so. */
static void refuse_line(struct ingest *ingest, int why)
{
	while (ingest->first)
		wait_complete(&take(ingest, &ingest->first)->wait, why);
}

static void fill(struct ingest *ingest, struct batch *batch)
{
	struct entry **at;

	while (batch->n < DELIVERY_BATCH && (at = find(ingest, batch))) {
		struct entry *entry = take(ingest, at);

		batch->bytes += entry->delivery->payload.n;
		batch->entries[batch->n] = entry;
		batch->deliveries[batch->n++] = entry->delivery;
	}
}

static void write_batch(struct call *call, void *arg)
{
	struct writer *writer = arg;
	struct ingest *ingest = writer->ingest;
	struct batch *batch = arena_alloc(call->arena, sizeof(*batch));
	struct str jobs = { "", 0 };
	int r;

	writer->batch = batch; /* from now on it is asked what is under way */
	fill(ingest, batch);
	r = decide_all(call, ingest, batch);
	if (r == OK)
		r = deliveries_ingest(call, ingest->db, batch->deliveries, batch->n, &jobs);
	push_jobs(ingest, jobs);
	writer->batch = NULL;
	for (size_t i = 0; i < batch->n; i++)
		answer(batch->entries[i], r == OK ? batch->deliveries[i]->result : r);
	if (r == E_NETWORK ||
	    r == E_TIMEOUT) /* those behind would only wait for the same failure, one batch after the other */
		refuse_line(ingest, r);
	event_set(&ingest->changed); /* what had to wait for this batch need not any more */
}

static void write_batches(struct call *call, void *arg)
{
	struct writer *writer = arg;
	struct ingest *ingest = writer->ingest;
	struct fiber_options options = { .name = "ingest-batch", .timeout_ms = BATCH_MS };
	int r = OK;

	while (r != E_CANCELLED) {
		if (!find(ingest, NULL))
			r = event_wait(call, &ingest->changed, -1);
		else if (r != E_TIMEOUT && is_lonely(ingest))
			r = event_wait(call, &ingest->changed, PATIENCE_MS);
		else if ((r = fiber_run(call, &options, write_batch, writer)) != OK && r != E_CANCELLED)
			r = fiber_sleep(call, 100); /* no fiber is left: the line waits */
	}
	ingest->closed = true;
	refuse_line(ingest, E_CANCELLED);
}

/* ---- public ---- */

struct ingest *ingest_open(struct loop *loop, struct db *db, struct kv *kv)
{
	struct ingest *ingest = calloc(1, sizeof(*ingest));
	struct fiber_options options = { .name = "ingest" };

	if (!ingest)
		abort();
	*ingest = (struct ingest){ .db = db, .kv = kv };
	ingest->end = &ingest->first;
	for (int i = 0; i < WRITERS; i++) {
		ingest->writers[i].ingest = ingest;
		fiber_start(loop, &options, write_batches, &ingest->writers[i], NULL);
	}
	return ingest;
}

struct ingest *ingest_close(struct ingest *ingest)
{
	free(ingest);
	return NULL;
}

static uint64_t pull_request_hash(const struct delivery *d)
{
	return str_hash(d->repo) + (uint64_t)d->pr->number * 0x9e3779b97f4a7c15u;
}

/* Without a deadline of its own and not to be cancelled: the batch has one, and it reads what lies in this call's
 * arena. */
static int wait_for_batch(struct call *call, struct entry *entry)
{
	int64_t deadline_ms = call->deadline_ms;
	int r;

	call->deadline_ms = INT64_MAX;
	call_shield(call);
	r = await(call, &entry->wait, -1);
	call_unshield(call);
	call->deadline_ms = deadline_ms;
	wait_unref(&entry->wait);
	return r;
}

int ingest_delivery(struct call *call, struct ingest *ingest, struct delivery *delivery)
{
	struct entry *entry;
	int r;

	if (ingest->closed || ingest->n >= MOST_WAITING) {
		call->retry_after_ms = 1000;
		return call_fail(call, E_NETWORK, "too many webhooks wait to be stored: deliver it again");
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		abort();
	wait_init(&entry->wait, free_entry);
	entry->call = call;
	entry->delivery = delivery;
	entry->id = str_hash(delivery->id);
	memcpy(&entry->digest, delivery->digest, sizeof(entry->digest));
	if (delivery->pr)
		entry->pull_request = pull_request_hash(delivery);
	*ingest->end = entry;
	ingest->end = &entry->next;
	ingest->n++;
	event_set(&ingest->changed);
	r = wait_for_batch(call, entry);
	if (r == E_NETWORK || r == E_TIMEOUT || r == E_CANCELLED) {
		call->retry_after_ms = 5000;
		r = call_fail(call, E_NETWORK, "the database is away, nothing was stored: deliver it again");
	} else if (r == E_INVALID) {
		r = call_fail(call, r, "the database refuses a text of this payload");
	} else if (r != OK) {
		r = call_fail(call, r, "the delivery could not be stored");
	}
	return r;
}

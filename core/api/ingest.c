/* Group commit for webhooks. */
#include "api/ingest.h"

#include "base/json_write.h"
#include "kv/waiting.h"

#include <stdlib.h>
#include <string.h>

#define WRITERS      2 /* batches on their way at once: while one waits for its fsync the next ones fill */
#define MOST_WAITING 4096
#define BATCH_BYTES                                                                                                    \
	(1024 * 1024) /* of payloads; a larger one goes alone: it exists in several copies while it is sent */
#define BATCH_MS 4000 /* a batch has ended by then, one way or the other: GitHub waits 10 s */

/* A delivery that waits. Its handler cannot leave before it is answered, so a batch may read it where it lies. */
struct entry {
	struct wait wait;
	struct call *call; /* the handler's */
	struct delivery *delivery;
	struct entry *next;
};

struct ingest {
	struct db *db;
	struct kv *kv;
	struct entry *first, *last;
	unsigned n;
	struct event arrived;
	bool closed;
};

struct batch {
	struct entry *entries[DELIVERY_BATCH];
	struct delivery *deliveries[DELIVERY_BATCH];
	size_t n, bytes;
};

static void free_entry(struct wait *wait)
{
	free((struct entry *)wait);
}

/* ---- decide ---- */

static struct str lower(struct call *call, struct str s)
{
	char *copy = arena_text(call->arena, s);

	for (size_t i = 0; i < s.n; i++)
		if (copy[i] >= 'A' && copy[i] <= 'Z')
			copy[i] = (char)(copy[i] | 0x20);
	return (struct str){ copy, s.n };
}

static void write_decisions(struct call *call, struct delivery *d)
{
	struct buf text;
	struct json_out out;

	buf_init(&text, 64 * 1024);
	out = JSON_OUT(&text);
	json_open(&out, '[');
	for (size_t i = 0; i < d->n_projects; i++) {
		json_open(&out, '{');
		json_put_text(&out, "projectId", d->projects[i]->id);
		decision_write(&d->decided[i], &out);
		json_close(&out, '}');
	}
	json_close(&out, ']');
	d->decisions = arena_str(call->arena, buf_str(&text));
	buf_done(&text);
}

/* The decision of each project of the repository; no project is an answer too. */
static void decide(struct call *call, struct delivery *d, const struct repo_projects *projects, struct str repo)
{
	for (size_t i = 0; i < projects->n && d->n_projects < DELIVERY_PROJECTS; i++) {
		if (!str_eq(projects->items[i].repo, repo))
			continue;
		d->projects[d->n_projects] = &projects->items[i];
		d->decided[d->n_projects++] = rules_decide(&projects->items[i].rules, d->pr);
	}
	if (d->n_projects == 0) {
		d->outcome = STR("ignored");
		d->reason = arena_printf(call->arena, "no project here deploys the repository %.*s", STR_FMT(d->repo));
	} else {
		d->outcome = STR("accepted");
		d->reason = str_of(d->decided[0].why);
	}
	write_decisions(call, d);
}

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
			repos[n++] = lower(call, batch->deliveries[i]->repo);
	if (n)
		r = deliveries_projects(call, ingest->db, repos, n, &projects);
	n = 0;
	for (size_t i = 0; r == OK && i < batch->n; i++)
		if (wants_decision(batch->deliveries[i]))
			decide(call, batch->deliveries[i], &projects, repos[n++]);
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

static bool same_pull_request(const struct delivery *a, const struct delivery *b)
{
	return a->pr && b->pr && a->pr->number == b->pr->number && str_eq_nocase(a->repo, b->repo);
}

static bool fits(const struct batch *batch, const struct delivery *d)
{
	if (batch->n > 0 && batch->bytes + d->payload.n > BATCH_BYTES)
		return false;
	for (size_t i = 0; i < batch->n; i++)
		if (same_pull_request(batch->deliveries[i], d))
			return false;
	return batch->n < DELIVERY_BATCH;
}

/* The oldest entry that fits into the batch, taken out of the line; any one without a batch. NULL when there is none.
 */
static struct entry *take(struct ingest *ingest, const struct batch *batch)
{
	struct entry *before = NULL;

	for (struct entry *entry = ingest->first; entry; before = entry, entry = entry->next) {
		if (batch && !fits(batch, entry->delivery))
			continue;
		if (before)
			before->next = entry->next;
		else
			ingest->first = entry->next;
		if (ingest->last == entry)
			ingest->last = before;
		ingest->n--;
		return entry;
	}
	return NULL;
}

/* Whoever waits is told so. */
static void refuse_line(struct ingest *ingest, int why)
{
	struct entry *entry;

	while ((entry = take(ingest, NULL)))
		wait_complete(&entry->wait, why);
}

static void write_batch(struct call *call, void *arg)
{
	struct ingest *ingest = arg;
	struct batch *batch = arena_alloc(call->arena, sizeof(*batch));
	struct str jobs = { "", 0 };
	struct entry *entry;
	int r;

	/* two events of one pull request go into two batches, in their order */
	while (batch->n < DELIVERY_BATCH && (entry = take(ingest, batch))) {
		batch->bytes += entry->delivery->payload.n;
		batch->entries[batch->n] = entry;
		batch->deliveries[batch->n++] = entry->delivery;
	}
	r = decide_all(call, ingest, batch);
	if (r == OK)
		r = deliveries_ingest(call, ingest->db, batch->deliveries, batch->n, &jobs);
	push_jobs(ingest, jobs);
	for (size_t i = 0; i < batch->n; i++)
		answer(batch->entries[i], r == OK ? batch->deliveries[i]->result : r);
	if (r == E_NETWORK ||
	    r == E_TIMEOUT) /* those behind would only wait for the same failure, one batch after the other */
		refuse_line(ingest, r);
}

static void writer(struct call *call, void *arg)
{
	struct ingest *ingest = arg;
	struct fiber_options options = { .name = "ingest-batch", .timeout_ms = BATCH_MS };
	int r = OK;

	while (r != E_CANCELLED) {
		if (!ingest->first)
			r = event_wait(call, &ingest->arrived, -1);
		else if ((r = fiber_run(call, &options, write_batch, ingest)) != OK && r != E_CANCELLED)
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
	for (int i = 0; i < WRITERS; i++)
		fiber_start(loop, &options, writer, ingest, NULL);
	return ingest;
}

struct ingest *ingest_close(struct ingest *ingest)
{
	free(ingest);
	return NULL;
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
	if (ingest->last)
		ingest->last->next = entry;
	else
		ingest->first = entry;
	ingest->last = entry;
	ingest->n++;
	event_set(&ingest->arrived);
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

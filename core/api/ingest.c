/* Group commit for webhooks. */
#include "api/ingest.h"

#include "base/json_write.h"
#include "kv/waiting.h"

#include <stdlib.h>
#include <string.h>

#define WRITERS 2       /* batches on their way at once: while one waits for its fsync the next one fills */
#define MOST_WAITING 4096

/* A delivery that waits: owned by the handler's wait record, so it outlives a handler that gives up. */
struct entry {
	struct wait wait;
	struct call *call; /* the handler's */
	struct delivery *delivery; /* in the handler's arena; NULL when it has left */
	struct entry *next;
};

struct ingest {
	struct loop *loop;
	struct db *db;
	struct kv *kv;
	struct entry *first, *last;
	unsigned n;
	struct event arrived;
};

struct batch {
	struct ingest *ingest;
	struct entry *entries[DELIVERY_BATCH];
	struct delivery *copies[DELIVERY_BATCH];
	size_t n;
};

static void free_entry(struct wait *wait) { free((struct entry *)wait); }

/* The handler's arena goes now: its delivery must not be read any more. */
static void on_leave(struct wait *wait) { ((struct entry *)wait)->delivery = NULL; }

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

static bool wants_decision(const struct delivery *d) { return d->pr && d->outcome.n == 0; }

static int decide_all(struct call *call, struct batch *batch)
{
	struct str *repos = arena_alloc(call->arena, (batch->n + 1) * sizeof(*repos));
	struct repo_projects projects = { 0 };
	size_t n = 0;
	int r = OK;

	for (size_t i = 0; i < batch->n; i++)
		if (wants_decision(batch->copies[i]))
			repos[n++] = lower(call, batch->copies[i]->repo);
	if (n)
		r = deliveries_projects(call, batch->ingest->db, repos, n, &projects);
	n = 0;
	for (size_t i = 0; r == OK && i < batch->n; i++)
		if (wants_decision(batch->copies[i]))
			decide(call, batch->copies[i], &projects, repos[n++]);
	return r;
}

/* ---- write ---- */

/* What the batch needs of a delivery, in the batch's own arena: a handler may leave at any await. The payload is the one
 * big thing; it is copied too, which costs less than keeping every handler's memory alive by counting. */
static struct delivery *copy_delivery(struct call *call, const struct delivery *d)
{
	struct delivery *copy = arena_alloc(call->arena, sizeof(*copy));
	struct pull_request *pr;

	*copy = *d;
	copy->event = arena_str(call->arena, d->event);
	copy->id = arena_str(call->arena, d->id);
	copy->action = arena_str(call->arena, d->action);
	copy->repo = arena_str(call->arena, d->repo);
	copy->outcome = arena_str(call->arena, d->outcome);
	copy->reason = arena_str(call->arena, d->reason);
	copy->decisions = arena_str(call->arena, d->decisions);
	copy->payload = arena_str(call->arena, d->payload);
	if (!d->pr)
		return copy;
	pr = arena_alloc(call->arena, sizeof(*pr));
	*pr = *d->pr;
	struct str *texts[] = { &pr->action, &pr->repo, &pr->title, &pr->author, &pr->association, &pr->html_url, &pr->branch,
		                &pr->base_branch, &pr->sha, &pr->before_sha };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i] = arena_str(call->arena, *texts[i]);
	for (unsigned i = 0; i < pr->n_labels; i++)
		pr->labels[i] = arena_str(call->arena, pr->labels[i]);
	copy->pr = pr;
	return copy;
}

static void push_jobs(struct ingest *ingest, struct str ids)
{
	struct str list[DELIVERY_PROJECTS];
	size_t n = 0;

	while (ids.n && n < DELIVERY_PROJECTS)
		list[n++] = str_split(&ids, ',');
	if (n)
		waiting_push(ingest->kv, STR("preview-queue"), list, n);
}

static void answer(struct entry *entry, const struct delivery *d)
{
	struct delivery *theirs = entry->delivery;

	if (theirs) { /* still waiting: its arena is alive, and only its own fiber frees it */
		theirs->duplicate = d->duplicate;
		theirs->stale = d->stale;
		theirs->known_id = arena_str(entry->call->arena, d->known_id);
		theirs->outcome = arena_str(entry->call->arena, d->outcome);
		theirs->reason = arena_str(entry->call->arena, d->reason);
		theirs->result = d->result;
	}
	wait_complete(&entry->wait, d->result);
}

static struct entry *take(struct ingest *ingest)
{
	struct entry *entry = ingest->first;

	if (entry) {
		ingest->first = entry->next;
		if (!ingest->first)
			ingest->last = NULL;
		ingest->n--;
	}
	return entry;
}

static void write_batch(struct call *call, void *arg)
{
	struct ingest *ingest = arg;
	struct batch *batch = arena_alloc(call->arena, sizeof(*batch));
	struct entry *entry;
	int r;

	batch->ingest = ingest;
	while (batch->n < DELIVERY_BATCH && (entry = take(ingest))) {
		if (!entry->delivery) { /* gave up before its turn: nothing of it is stored, GitHub shows it as failed */
			wait_complete(&entry->wait, E_CANCELLED);
			continue;
		}
		batch->entries[batch->n] = entry;
		batch->copies[batch->n++] = copy_delivery(call, entry->delivery);
	}
	r = decide_all(call, batch);
	if (r == OK)
		r = deliveries_ingest(call, ingest->db, batch->copies, batch->n);
	for (size_t i = 0; i < batch->n; i++) {
		if (r != OK)
			batch->copies[i]->result = r;
		else if (batch->copies[i]->result == OK)
			push_jobs(ingest, batch->copies[i]->jobs);
		answer(batch->entries[i], batch->copies[i]);
	}
}

static void writer(struct call *call, void *arg)
{
	struct ingest *ingest = arg;
	struct fiber_options options = { .name = "ingest-batch" };

	for (;;) {
		if (!ingest->first && event_wait(call, &ingest->arrived, -1) != OK)
			break;
		if (ingest->first && fiber_run(call, &options, write_batch, ingest) == E_CANCELLED)
			break;
	}
}

/* ---- public ---- */

struct ingest *ingest_open(struct loop *loop, struct db *db, struct kv *kv)
{
	struct ingest *ingest = calloc(1, sizeof(*ingest));
	struct fiber_options options = { .name = "ingest" };

	if (!ingest)
		abort();
	*ingest = (struct ingest){ .loop = loop, .db = db, .kv = kv };
	for (int i = 0; i < WRITERS; i++)
		fiber_start(loop, &options, writer, ingest, NULL);
	return ingest;
}

struct ingest *ingest_close(struct ingest *ingest)
{
	struct entry *entry;

	if (!ingest)
		return NULL;
	while ((entry = take(ingest)))
		wait_complete(&entry->wait, E_CANCELLED);
	free(ingest);
	return NULL;
}

int ingest_delivery(struct call *call, struct ingest *ingest, struct delivery *delivery)
{
	struct entry *entry;
	int r;

	if (ingest->n >= MOST_WAITING) {
		call->retry_after_ms = 1000;
		return call_fail(call, E_LIMITED, "too many webhooks wait to be stored");
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		abort();
	wait_init(&entry->wait, free_entry);
	entry->wait.on_leave = on_leave;
	entry->call = call;
	entry->delivery = delivery;
	if (ingest->last)
		ingest->last->next = entry;
	else
		ingest->first = entry;
	ingest->last = entry;
	ingest->n++;
	event_set(&ingest->arrived);
	r = await(call, &entry->wait, -1);
	wait_unref(&entry->wait);
	if (r == E_NETWORK || r == E_TIMEOUT) {
		call->retry_after_ms = 5000;
		r = call_fail(call, E_NETWORK, "the database is away, nothing was stored: deliver it again");
	} else if (r == E_INVALID) {
		r = call_fail(call, r, "the database refuses a text of this payload");
	} else if (r != OK) {
		r = call_fail(call, r, "the delivery could not be stored");
	}
	return r;
}

/* Results on their way into the database: judged and written in batches, one after the other.
 *
 *   ended -> batch -> parents of those that look bad -> judge -> one statement
 *                                                              | with incidents: a transaction
 *
 * A batch stays until it is written or refused, however long the database is away; what ends meanwhile waits behind it,
 * up to PROBER_RESULTS_MAX. Writing it twice is harmless: the first time takes the claim away. Where the lease ran out
 * meanwhile and the check was claimed anew, the result is not stored. */
#include "worker/prober_inner.h"

#include "base/clock.h"
#include "store/incidents.h"

#include <string.h>

#define GATHER_MS     50 /* a batch is gathered for so long, unless somebody waits */
#define WRITE_MS      10000
#define RETRY_MS      250
#define CONFLICTS_MAX 20 /* of one result */

void prober_settle(struct claim *claim)
{
	struct prober *p = claim->prober;

	claim->state = CLAIM_ENDED;
	p->n_claims--;
	claim_push(&p->ended, claim);
	p->urgent = p->urgent || claim->due.wanted;
	if (p->ended.n > PROBER_RESULTS_MAX) {
		if (p->dropped++ == 0)
			log_error("Prober", "Results of probes cannot be stored, and the oldest of them are dropped: "
					    "look whether PostgreSQL is well");
		claim_free(claim_pop(&p->ended));
	}
	event_set(&p->results);
	if (p->hungry && p->n_claims < p->o.at_once / 2)
		event_set(&p->wake);
}

/* ---- one batch ---- */

struct judged {
	struct probe_look *looks;
	struct health_next *nexts;
	int *warnings;
	enum health_parents *parents;
	struct str *hurry; /* checks whose parents should be looked at now */
	size_t n_looks, n_hurry, n_events;
};

static int ask_parents(struct call *call, struct prober *p, struct judged *j)
{
	struct str *checks = arena_alloc(call->arena, p->n_batch * sizeof(*checks));
	int64_t *since = arena_alloc(call->arena, p->n_batch * sizeof(*since));
	size_t *places = arena_alloc(call->arena, p->n_batch * sizeof(*places));
	enum health_parents *found = arena_alloc(call->arena, p->n_batch * sizeof(*found));
	size_t n = 0;
	int r;

	for (size_t i = 0; i < p->n_batch; i++) {
		const struct claim *claim = p->batch[i];
		int64_t failing = claim->due.state.failing_since_ms;

		j->parents[i] = PARENTS_FINE;
		if (!claim->due.has_parents || !judge_is_bad(claim))
			continue;
		checks[n] = claim->due.check_id;
		since[n] = failing ? failing : claim->at_ms;
		places[n++] = i;
	}
	if (n == 0)
		return OK;
	r = probes_parents(call, p->o.db, checks, since, n, found);
	for (size_t i = 0; r == OK && i < n; i++)
		j->parents[places[i]] = found[i];
	return r;
}

static void judge_all(struct call *call, struct prober *p, struct judged *j)
{
	for (size_t i = 0; i < p->n_batch; i++) {
		struct probe_look *look = &j->looks[i];

		judge(p->batch[i], j->parents[i], look, &j->nexts[i], &j->warnings[i]);
		if (p->batch[i]->due.wanted)
			look->answer = trace_json(call->arena, p->batch[i], look);
		if (j->nexts[i].ask_parents)
			j->hurry[j->n_hurry++] = look->check_id;
		j->n_events += look->tell_back;
	}
}

static struct incident_event event_of(const struct probe_look *look, const struct health_next *next, int warning)
{
	return (struct incident_event){
		.check_id = look->check_id,
		.event = next->event,
		.told = next->told,
		.status = next->state.status,
		.at_ms = look->at_ms,
		.began_ms = next->state.failing_since_ms,
		.error = str_of(look->error),
		.status_code = look->status_code,
		.certificate_warning = warning,
		.certificate = str_of(look->certificate),
		.certificate_expires_ms = look->certificate_ends_ms,
	};
}

static bool was_written(const struct db_rows *rows, const struct probe_look *look)
{
	for (int i = 0; i < rows->n_rows; i++)
		if (db_int(rows, i, "fence") == look->fence && str_eq(db_text(rows, i, "check_id"), look->check_id))
			return true;
	return false;
}

static bool has_check(const struct db_rows *rows, struct str check_id)
{
	for (int i = 0; i < rows->n_rows; i++)
		if (str_eq(db_text(rows, i, "id"), check_id))
			return true;
	return false;
}

/* A state must not say that people were told what nobody wrote down: where the check is held, as by who deletes it, the
 * look is left out as a whole. If the check stays, the claim runs out, and the next look says the same. */
static int lock_events(struct call *call, struct db_tx *tx, struct judged *j)
{
	struct str *checks = arena_alloc(call->arena, j->n_events * sizeof(*checks));
	struct db_rows locked;
	size_t n = 0, kept = 0;
	int r;

	for (size_t i = 0; i < j->n_looks; i++)
		if (j->looks[i].tell_back)
			checks[n++] = j->looks[i].check_id;
	r = incident_lock(call, tx, checks, n, &locked);
	if (r != OK)
		return r;
	for (size_t i = 0; i < j->n_looks; i++) {
		if (j->looks[i].tell_back && !has_check(&locked, j->looks[i].check_id))
			continue;
		j->looks[kept] = j->looks[i];
		j->nexts[kept] = j->nexts[i];
		j->warnings[kept++] = j->warnings[i];
	}
	j->n_looks = kept;
	return OK;
}

static int write_with_events(struct call *call, struct prober *p, struct judged *j)
{
	struct incident_event *events = arena_alloc(call->arena, j->n_events * sizeof(*events));
	struct db_tx *tx = NULL;
	struct db_rows rows;
	size_t n = 0;
	int r = db_begin(call, p->o.db, &tx);

	if (r == OK)
		r = lock_events(call, tx, j);
	if (r == OK)
		r = probes_results(call, p->o.db, tx, p->o.worker, j->looks, j->n_looks, &rows);
	for (size_t i = 0; r == OK && i < j->n_looks; i++)
		if (j->looks[i].tell_back && was_written(&rows, &j->looks[i]))
			events[n++] = event_of(&j->looks[i], &j->nexts[i], j->warnings[i]);
	if (r == OK && n)
		r = incident_events(call, tx, events, n);
	if (r == OK)
		r = db_commit(call, tx);
	db_rollback(call, tx);
	return r;
}

static void write_batch(struct call *call, void *arg)
{
	struct prober *p = arg;
	struct judged j = {
		.looks = arena_alloc(call->arena, p->n_batch * sizeof(*j.looks)),
		.nexts = arena_alloc(call->arena, p->n_batch * sizeof(*j.nexts)),
		.warnings = arena_alloc(call->arena, p->n_batch * sizeof(*j.warnings)),
		.parents = arena_alloc(call->arena, p->n_batch * sizeof(*j.parents)),
		.hurry = arena_alloc(call->arena, p->n_batch * sizeof(*j.hurry)),
		.n_looks = p->n_batch,
	};
	struct db_rows rows;
	int r = ask_parents(call, p, &j);

	if (r == OK) {
		judge_all(call, p, &j);
		r = j.n_events ? write_with_events(call, p, &j)
			       : probes_results(call, p->o.db, NULL, p->o.worker, j.looks, p->n_batch, &rows);
	}
	if (r == OK && j.n_hurry && probes_hurry_parents(call, p->o.db, j.hurry, j.n_hurry) != OK)
		log_warn("Prober",
			 "Checks that others depend on could not be asked for earlier; they are probed in their time",
			 F_TEXT("error", call->why));
	if (r != OK && !call_cancelled(call))
		log_warn("Prober", "Results of probes could not be stored; they are tried again",
			 F_INT("results", (int64_t)p->n_batch), F_TEXT("error", call->why));
	p->written = r;
}

/* ---- the loop ---- */

static bool is_worth_retrying(int r)
{
	return r == E_NETWORK || r == E_TIMEOUT || r == E_LIMITED || r == E_CANCELLED;
}

static int attempt(struct call *call, struct prober *p, struct claim **batch, size_t n)
{
	struct fiber_options options = { .name = "probes-write", .timeout_ms = WRITE_MS };

	p->batch = batch;
	p->n_batch = n;
	p->written = E_CANCELLED;
	call_shield(call); /* it reads the batch: it is waited for */
	fiber_run(call, &options, write_batch, p);
	call_unshield(call);
	return p->written;
}

/* The first ones of those that were taken are done with. */
static void forget(struct prober *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		claim_free(p->taken[i]);
	p->n_taken -= n;
	memmove(p->taken, p->taken + n, p->n_taken * sizeof(struct claim *));
}

/* The database refuses the batch: it is one of them. What is not to blame stays taken. A conflict may be a lock, which
 * passes, or a row that will never fit and must not hold back all the others. */
static int attempt_each(struct call *call, struct prober *p)
{
	while (p->n_taken && !call_cancelled(call)) {
		int r = attempt(call, p, p->taken, 1);

		if (r != OK && is_worth_retrying(r))
			return r;
		if (r == E_CONFLICT && ++p->taken[0]->conflicts < CONFLICTS_MAX)
			return r;
		if (r != OK)
			log_error("Prober", "The result of a probe could not be stored and is dropped",
				  F_STR("checkId", p->taken[0]->due.check_id));
		forget(p, 1);
	}
	return OK;
}

static void write_ended(struct call *call, struct prober *p)
{
	while (p->n_taken < PROBE_RESULTS_MAX && p->ended.n)
		p->taken[p->n_taken++] = claim_pop(&p->ended);
	while (p->n_taken && !call_cancelled(call)) {
		int r = attempt(call, p, p->taken, p->n_taken);

		if (r == OK) {
			p->dropped = 0;
			forget(p, p->n_taken);
		} else if (!is_worth_retrying(r)) {
			r = attempt_each(call, p);
		}
		if (r != OK && fiber_sleep(call, RETRY_MS) != OK)
			return; /* they are given back */
	}
}

void prober_write_loop(struct call *call, void *arg)
{
	struct prober *p = arg;

	while (event_wait(call, &p->results, -1) == OK) {
		if (!p->urgent && p->ended.n < PROBE_RESULTS_MAX && fiber_sleep(call, GATHER_MS) != OK)
			return;
		p->urgent = false;
		while (p->ended.n && !call_cancelled(call))
			write_ended(call, p);
	}
}

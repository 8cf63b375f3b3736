/* Webhook deliveries. */
#include "store/deliveries.h"

#include "base/clock.h"
#include "base/id.h"

int deliveries_projects(struct call *call, struct db *db, const struct str *repos, size_t n, struct repo_projects *ret)
{
	struct repo_project *items;
	struct db_rows rows;
	const char *why;
	int r = db_query(call, db, Q_WEBHOOK_PROJECTS, &rows, A_TEXTS(repos, n));

	if (r != OK)
		return r;
	items = arena_alloc(call->arena, (size_t)rows.n_rows * sizeof(*items) + 1);
	for (int i = 0; i < rows.n_rows; i++) {
		items[i].id = db_text(&rows, i, "id");
		items[i].repo = db_text(&rows, i, "repo");
		items[i].rules = rules_read(json_parse(call->arena, db_text(&rows, i, "rules"), NULL, &why));
	}
	*ret = (struct repo_projects){ items, (size_t)rows.n_rows };
	return OK;
}

#define INGEST_ARGS 27

/* The parameters of webhook_ingest, in its order; ids are fresh. */
static void ingest_args(struct call *call, const struct delivery *d, struct db_arg args[INGEST_ARGS])
{
	static const struct pull_request none;
	const struct pull_request *pr = d->pr ? d->pr : &none;
	size_t n = d->n_projects;
	struct str *texts = arena_alloc(call->arena, (6 * n + 1) * sizeof(*texts));
	struct str *projects = texts, *previews = texts + n, *desired = texts + 2 * n, *rules = texts + 3 * n, *jobs = texts + 4 * n,
	           *made = texts + 5 * n;
	char id[ID_MAX], time[TIME_TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		projects[i] = d->projects[i]->id;
		id_new(id, "deploy_");
		previews[i] = arena_str(call->arena, str_of(id));
		made[i] = arena_str(call->arena, (struct str){ time, time_format(id_time_ms(previews[i]), time) });
		desired[i] = str_of(desired_word(d->decided[i].desired));
		rules[i] = str_of(d->decided[i].rule);
		id_new(id, "job_");
		jobs[i] = arena_str(call->arena, str_of(id));
	}
	const struct db_arg list[INGEST_ARGS] = {
		A_STR(d->id), A_BYTES(((struct str){ (const char *)d->digest, sizeof(d->digest) })), A_STR(d->event),
		A_STR(d->action), A_STR(d->repo), d->pr ? A_INT(pr->number) : A_NULL, A_STR(d->outcome), A_STR(d->reason),
		A_STR(d->decisions), A_BYTES(d->payload),
		A_TEXTS(projects, n), A_TEXTS(previews, n), A_TEXTS(desired, n), A_TEXTS(rules, n), A_TEXTS(jobs, n),
		A_STR(pr->sha), A_STR(pr->before_sha), A_STR(pr->branch), A_STR(pr->base_branch), A_STR(pr->title),
		A_STR(pr->author), A_STR(pr->html_url), A_BOOL(pr->from_fork), A_BOOL(pr->open),
		d->pr ? A_TIME(pr->updated_at_ms) : A_NULL, A_BOOL(str_eq(pr->action, STR("reopened"))),
		A_TEXTS(made, n),
	};
	for (int i = 0; i < INGEST_ARGS; i++)
		args[i] = list[i];
}

static void read_result(struct delivery *d, const struct db_rows *rows)
{
	d->duplicate = db_is_null(rows, 0, "id");
	d->stale = !d->duplicate && db_int(rows, 0, "written") < db_int(rows, 0, "wanted");
	d->known_id = d->duplicate ? db_text(rows, 0, "known") : d->id;
	d->jobs = db_text(rows, 0, "jobs");
	d->result = OK;
}

static bool is_away(int r) { return r == E_NETWORK || r == E_TIMEOUT || r == E_CANCELLED; }

int deliveries_ingest(struct call *call, struct db *db, struct delivery *const *deliveries, size_t n)
{
	struct db_stmt *stmts = arena_alloc(call->arena, n * sizeof(*stmts));
	int r;

	for (size_t i = 0; i < n; i++) {
		struct db_arg *args = arena_alloc(call->arena, INGEST_ARGS * sizeof(*args));

		ingest_args(call, deliveries[i], args);
		stmts[i] = (struct db_stmt){ .query = Q_WEBHOOK_INGEST, .args = args, .n_args = INGEST_ARGS };
	}
	r = db_batch(call, db, stmts, n, true);
	if (r != OK && !is_away(r)) /* one of them spoils the commit of all: each alone, twice for a deadlock or a race */
		for (int attempt = 0; attempt < 2; attempt++)
			for (size_t i = 0; i < n; i++)
				if (attempt == 0 || stmts[i].result == E_CONFLICT)
					stmts[i].result = db_batch(call, db, &stmts[i], 1, true);
	for (size_t i = 0; i < n; i++) {
		if (is_away(r))
			deliveries[i]->result = r;
		else if (stmts[i].result == OK)
			read_result(deliveries[i], &stmts[i].rows);
		else
			deliveries[i]->result = stmts[i].result;
	}
	return is_away(r) ? r : OK;
}

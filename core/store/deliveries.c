/* Webhook deliveries. */
#include "store/deliveries.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/json_write.h"
#include "model/wishes.h"

#include <arpa/inet.h>
#include <string.h>

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
		items[i].rules.is_deleting = db_bool(&rows, i, "deleting");
	}
	*ret = (struct repo_projects){ items, (size_t)rows.n_rows };
	return OK;
}

/* ---- the parameters of webhook_ingest, in its order ---- */

#define PER_DELIVERY 10
#define PER_TARGET   21
#define INGEST_ARGS  (PER_DELIVERY + PER_TARGET + 1) /* the last one: what people asked for */

#define OID_BYTEA 17
#define OID_TEXT  25

/* bytea[] or text[] in PostgreSQL's binary form, without nulls. As text a payload would be twice as long, and each
 * element be looked at byte by byte for quotes, here and there. */
static struct db_arg binary_array(struct call *call, uint32_t type, const struct str *items, size_t n)
{
	const uint32_t head[] = { n ? 1 : 0, 0, type, (uint32_t)n, 1 };
	const size_t head_size = n ? sizeof(head) : 3 * 4;
	size_t size = head_size;
	char *bytes, *p;

	for (size_t i = 0; i < n; i++)
		size += 4 + items[i].n;
	p = bytes = arena_raw(call->arena, size);
	for (size_t i = 0; i < head_size / 4; i++, p += 4)
		memcpy(p, &(uint32_t){ htonl(head[i]) }, 4);
	for (size_t i = 0; i < n; i++) {
		memcpy(p, &(uint32_t){ htonl((uint32_t)items[i].n) }, 4);
		if (items[i].n)
			memcpy(p + 4, items[i].p, items[i].n);
		p += 4 + items[i].n;
	}
	return A_BYTES(((struct str){ bytes, size }));
}

static struct str number(struct call *call, int64_t value)
{
	return arena_printf(call->arena, "%lld", (long long)value);
}

static struct str truth(bool value)
{
	return value ? STR("t") : STR("f");
}

static struct str time_text(struct call *call, int64_t wall_ms)
{
	char text[TIME_TEXT_MAX];

	return arena_str(call->arena, (struct str){ text, time_format(wall_ms, text) });
}

/* Column `c` of row `i` in a table of `n` rows that is laid out column by column. */
#define CELL(cells, n, c, i) (cells)[(size_t)(c) * (n) + (i)]

static void delivery_cells(struct call *call, struct delivery *const *deliveries, size_t n, struct str *cells)
{
	for (size_t i = 0; i < n; i++) {
		const struct delivery *d = deliveries[i];
		const struct str row[PER_DELIVERY] = {
			d->id,        { (const char *)d->digest, sizeof(d->digest) },
			d->event,     d->action,
			d->repo,      d->pr ? number(call, d->pr->number) : (struct str){ 0 },
			d->outcome,   d->reason,
			d->decisions, d->payload,
		};

		for (int c = 0; c < PER_DELIVERY; c++)
			CELL(cells, n, c, i) = row[c];
	}
}

static void target_row(struct call *call, const struct delivery *d, size_t project, struct str row[PER_TARGET])
{
	const struct pull_request *pr = d->pr;
	struct str preview = id_text(call->arena, "deploy_");
	const struct str cells[PER_TARGET] = {
		d->id,
		d->projects[project]->id,
		preview,
		time_text(call, id_time_ms(preview)),
		id_text(call->arena, "job_"),
		str_of(desired_word(d->decided[project].desired)),
		str_of(d->decided[project].rule),
		number(call, pr->number),
		pr->sha,
		pr->before_sha,
		pr->branch,
		pr->base_branch,
		pr->title,
		pr->author,
		pr->html_url,
		truth(pr->from_fork),
		truth(pr->open),
		time_text(call, pr->updated_at_ms),
		truth(str_eq(pr->action, STR("reopened")) || str_eq(pr->action, STR("requested"))),
		str_of(wishes_kept(&d->decided[project], pr)),
		truth(pr->from_bot),
	};

	memcpy(row, cells, sizeof(cells));
	for (int c = 0; c < PER_TARGET; c++) /* an empty text is not null here */
		if (!row[c].p)
			row[c] = STR("");
}

static size_t target_cells(struct call *call, struct delivery *const *deliveries, size_t n, size_t n_targets,
			   struct str *cells)
{
	size_t t = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < deliveries[i]->n_projects; k++, t++) {
			struct str row[PER_TARGET];

			target_row(call, deliveries[i], k, row);
			for (int c = 0; c < PER_TARGET; c++)
				CELL(cells, n_targets, c, t) = row[c];
		}
	}
	return t;
}

static void put_asked(struct json_out *out, const struct delivery *d)
{
	json_open(out, '{');
	json_put_text(out, "delivery", d->id);
	json_put_text(out, "id", d->audit_id);
	json_put_text(out, "org", d->org);
	json_key(out, "who");
	json_open(out, '[');
	for (int i = 0; i < 6; i++)
		json_add_text(out, d->audit_who[i]);
	json_close(out, ']');
	json_put_text(out, "project", d->only_project);
	json_put_text(out, "replay_of", d->replay_of);
	json_close(out, '}');
}

/* Null for a batch as GitHub makes it: nobody asked for those but GitHub. */
static struct db_arg asked_for(struct call *call, struct delivery *const *deliveries, size_t n)
{
	struct str text = { 0 };
	struct json_out out;
	struct buf buf;

	buf_init(&buf, 1024 * 1024);
	out = JSON_OUT(&buf);
	json_open(&out, '[');
	for (size_t i = 0; i < n; i++)
		if (deliveries[i]->audit_who)
			put_asked(&out, deliveries[i]);
	json_close(&out, ']');
	if (buf.n > 2)
		text = arena_str(call->arena, buf_str(&buf));
	buf_done(&buf);
	return A_STR_OR_NULL(text);
}

/* How the columns are sent: 0 = as texts, which the server reads as numbers, times and truths. */
static const uint32_t delivery_types[PER_DELIVERY] = {
	OID_TEXT, OID_BYTEA, OID_TEXT, OID_TEXT, OID_TEXT, 0, OID_TEXT, OID_TEXT, OID_TEXT, OID_BYTEA,
};
static const uint32_t target_types[PER_TARGET] = {
	OID_TEXT, OID_TEXT, OID_TEXT, 0,        OID_TEXT, OID_TEXT, OID_TEXT, 0, OID_TEXT, OID_TEXT, OID_TEXT,
	OID_TEXT, OID_TEXT, OID_TEXT, OID_TEXT, 0,        0,        0,        0, OID_TEXT, 0,
};

static struct db_arg column(struct call *call, uint32_t type, const struct str *cells, size_t n)
{
	return type ? binary_array(call, type, cells, n) : A_TEXTS(cells, n);
}

static void ingest_args(struct call *call, struct delivery *const *deliveries, size_t n,
			struct db_arg args[INGEST_ARGS])
{
	size_t n_targets = 0;
	struct str *cells, *targets;

	for (size_t i = 0; i < n; i++)
		n_targets += deliveries[i]->n_projects;
	cells = arena_alloc(call->arena, PER_DELIVERY * n * sizeof(*cells));
	targets = arena_alloc(call->arena, (PER_TARGET * n_targets + 1) * sizeof(*targets));
	delivery_cells(call, deliveries, n, cells);
	target_cells(call, deliveries, n, n_targets, targets);
	for (int c = 0; c < PER_DELIVERY; c++)
		args[c] = column(call, delivery_types[c], &CELL(cells, n, c, 0), n);
	for (int c = 0; c < PER_TARGET; c++)
		args[PER_DELIVERY + c] = column(call, target_types[c], &CELL(targets, n_targets, c, 0), n_targets);
	args[INGEST_ARGS - 1] = asked_for(call, deliveries, n);
}

/* ---- one statement, one commit ---- */

static int ingest_together(struct call *call, struct db *db, struct delivery *const *deliveries, size_t n,
			   struct str *ret_jobs)
{
	struct db_arg *args = arena_alloc(call->arena, INGEST_ARGS * sizeof(*args));
	struct db_rows rows;
	int r;

	ingest_args(call, deliveries, n, args);
	r = db_query_args(call, db, Q_WEBHOOK_INGEST, &rows, args, INGEST_ARGS);
	if (r != OK)
		return r;
	for (int i = 0; i < rows.n_rows; i++) {
		struct delivery *d = deliveries[i];

		d->duplicate = !db_bool(&rows, i, "stored");
		d->known_id = db_text(&rows, i, "known");
		if (str_eq(db_text(&rows, i, "outcome"), STR("stale"))) {
			d->outcome = STR("stale");
			d->reason = db_text(&rows, i, "reason");
		}
		d->result = OK;
	}
	*ret_jobs = db_text(&rows, 0, "jobs");
	return OK;
}

static bool is_away(int r)
{
	return r == E_NETWORK || r == E_TIMEOUT || r == E_CANCELLED;
}

/* One of them spoils the commit of all: each alone, a second time after a deadlock or a race. */
static void ingest_one_by_one(struct call *call, struct db *db, struct delivery *const *deliveries, size_t n,
			      struct str *ret_jobs)
{
	for (size_t i = 0; i < n; i++) {
		struct str jobs = { "", 0 };
		int r = ingest_together(call, db, &deliveries[i], 1, &jobs);

		if (r == E_CONFLICT)
			r = ingest_together(call, db, &deliveries[i], 1, &jobs);
		deliveries[i]->result = r;
		if (jobs.n)
			*ret_jobs = arena_printf(call->arena, "%.*s%s%.*s", STR_FMT(*ret_jobs), ret_jobs->n ? "," : "",
						 STR_FMT(jobs));
	}
}

int deliveries_ingest(struct call *call, struct db *db, struct delivery *const *deliveries, size_t n,
		      struct str *ret_jobs)
{
	int r;

	*ret_jobs = STR("");
	if (n == 0)
		return OK;
	r = ingest_together(call, db, deliveries, n, ret_jobs);
	if (r == OK || is_away(r))
		return r;
	ingest_one_by_one(call, db, deliveries, n, ret_jobs);
	return OK;
}

/* ---- reading them back ---- */

int deliveries_list(struct call *call, struct db *db, struct str project_id, const struct deliveries_page *page,
		    struct db_rows *ret)
{
	return db_query(call, db, Q_DELIVERIES_LIST, ret, A_STR(project_id), A_INT(page->before_us),
			A_STR(page->before_id), A_INT(page->limit), A_STR_OR_NULL(page->outcome));
}

int delivery_get(struct call *call, struct db *db, struct str project_id, struct str id, struct db_rows *ret)
{
	return db_query(call, db, Q_DELIVERY_GET, ret, A_STR(project_id), A_STR(id));
}

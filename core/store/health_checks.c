/* Health checks, made and changed. */
#include "store/health_checks.h"

#include "base/id.h"
#include "base/json_write.h"
#include "store/project_keys.h"

#define NEWEST      STR("~") /* behind every id */
#define HEADERS_MAX (CHECK_HEADERS_MAX * 6 * (CHECK_HEADER_NAME_MAX + CHECK_HEADER_VALUE_MAX + 8))

int health_checks_of(struct call *call, struct db *db, struct str project_id, const struct list_page *page,
		     struct db_rows *ret)
{
	return db_query(call, db, Q_HEALTH_CHECKS_OF, ret, A_STR(project_id), A_NULL,
			A_STR(page->before.n ? page->before : NEWEST), A_INT(page->limit));
}

int health_check_get(struct call *call, struct db *db, struct str project_id, struct str id, struct db_rows *ret)
{
	int r = db_query(call, db, Q_HEALTH_CHECKS_OF, ret, A_STR(project_id), A_STR(id), A_STR(NEWEST), A_INT(1));

	if (r == OK && ret->n_rows == 0)
		return call_fail(call, E_NOT_FOUND, "the health check %.*s is gone", STR_FMT(id));
	return r;
}

/* ---- changes ---- */

struct change {
	struct str project, id, version; /* version empty: it is new */
	const char *action;
	const struct check_fields *fields; /* NULL: it goes */
	struct str org, was;               /* facts before */
	struct sealed_header sealed[CHECK_HEADERS_MAX];
};

static int lock(struct call *call, struct db_tx *tx, struct change *c)
{
	struct db_rows rows;
	int r = db_tx_query(call, tx, Q_HEALTH_CHECK_LOCK, &rows, A_STR(c->project), A_STR(c->id));

	if (r != OK)
		return r;
	if (rows.n_rows == 0)
		return call_fail(call, E_CONFLICT, "this project is being deleted: it cannot be changed any more");
	c->org = db_text(&rows, 0, "org_id");
	c->was = db_text(&rows, 0, "was");
	if (c->fields && !c->version.n && db_int(&rows, 0, "checks") >= MOST_CHECKS)
		return call_fail(call, E_CONFLICT, "this project has %d health checks, which is the most there can be",
				 MOST_CHECKS);
	return OK;
}

static int check_parents(struct call *call, struct db_tx *tx, const struct change *c, const char **ret_why)
{
	const struct check_fields *f = c->fields;
	struct db_rows rows;
	int r = db_tx_query(call, tx, Q_HEALTH_CHECK_PARENTS, &rows, A_STR(c->project), A_STR(c->id),
			    A_TEXTS(f->depends_on, f->n_depends_on));

	if (r != OK)
		return r;
	if (!db_is_null(&rows, 0, "missing"))
		*ret_why = arena_printf(call->arena, "names %.*s, which is no health check of this project",
					STR_FMT(db_text(&rows, 0, "missing")))
				   .p;
	else if (db_bool(&rows, 0, "circle"))
		*ret_why = "makes a circle: what it depends on depends on this check; take one of them out";
	else
		return OK;
	return call_fail(call, E_INVALID, "dependsOn %s", *ret_why);
}

/* The headers that are no secret, as the column has them. */
static struct str plain_headers(struct call *call, const struct check_fields *f)
{
	struct buf buf;
	struct json_out out = JSON_OUT(&buf);
	struct str text;

	buf_init(&buf, HEADERS_MAX);
	json_open(&out, '{');
	for (size_t i = 0; i < f->n_headers; i++)
		if (!f->headers[i].secret)
			json_put_text(&out, f->headers[i].header.name.p, f->headers[i].header.value);
	json_close(&out, '}');
	text = arena_str(call->arena, buf_str(&buf));
	buf_done(&buf);
	return text;
}

static int write_fields(struct call *call, struct db_tx *tx, const struct change *c)
{
	const struct check_fields *f = c->fields;
	struct db_rows rows;
	int r = db_tx_query(call, tx, Q_HEALTH_CHECK_UPDATE, &rows, A_STR(c->id), A_STR_OR_NULL(c->version),
			    A_STR(f->name), A_STR(f->url), A_STR(f->method), A_STR(plain_headers(call, f)),
			    A_INT(f->expected_min), A_INT(f->expected_max), A_STR_OR_NULL(f->contains),
			    A_STR_OR_NULL(f->matches), A_STR_OR_NULL(f->json_path), A_STR_OR_NULL(f->json_equals),
			    f->latency_max_ms ? A_INT(f->latency_max_ms) : A_NULL, A_INT(f->interval_ms),
			    A_INT(f->timeout_ms), A_INT(f->redirects), A_BOOL(f->verify_tls), A_STR(f->http_version),
			    A_INT(f->failure_threshold), A_INT(f->recovery_threshold), A_INT(f->cooldown_min),
			    A_INT(f->reminder_min), A_INT(f->flap_changes), A_INT(f->flap_window_min),
			    A_TEXTS(f->depends_on, f->n_depends_on), A_BOOL(f->enabled));

	if (r == OK && rows.n_rows == 0)
		return call_fail(call, E_CONFLICT,
				 "somebody else has changed this health check at the same moment: look at it, and send "
				 "the change again");
	return r;
}

static int seal_headers(struct call *call, struct db *db, const struct key_ring *master, struct change *c)
{
	const struct check_fields *f = c->fields;
	const struct key_ring *ring = NULL;
	int r = OK;

	for (size_t i = 0; i < f->n_headers && r == OK; i++) {
		if (!f->headers[i].secret || f->headers[i].keep)
			continue;
		if (!ring)
			r = project_ring(call, db, master, c->project, &ring);
		if (r == OK)
			r = check_header_seal(call, ring, c->id, &f->headers[i].header, &c->sealed[i]);
	}
	return r == E_INVALID ? E_CONFLICT : r; /* a key that does not open contradicts what is stored */
}

static int write_headers(struct call *call, struct db_tx *tx, const struct change *c, struct str *set, size_t *ret_n)
{
	struct str names[CHECK_HEADERS_MAX], sealed[CHECK_HEADERS_MAX], key_ids[CHECK_HEADERS_MAX],
		masks[CHECK_HEADERS_MAX];
	size_t n = 0, n_set = 0;

	for (size_t i = 0; i < c->fields->n_headers; i++) {
		const struct check_field_header *h = &c->fields->headers[i];

		if (!h->secret)
			continue;
		names[n++] = h->header.name;
		if (h->keep)
			continue;
		set[n_set] = h->header.name;
		sealed[n_set] = c->sealed[i].sealed;
		key_ids[n_set] = c->sealed[i].key_id;
		masks[n_set++] = c->sealed[i].mask;
	}
	*ret_n = n_set;
	return db_tx_query(call, tx, Q_HEALTH_CHECK_HEADERS_WRITE, NULL, A_STR(c->id), A_TEXTS(names, n),
			   A_TEXTS(set, n_set), A_TEXTS(sealed, n_set), A_TEXTS(key_ids, n_set), A_TEXTS(masks, n_set));
}

static int write_audit(struct call *call, struct db_tx *tx, const struct change *c, const struct str *set, size_t n,
		       const struct audit *audit)
{
	return db_tx_query(call, tx, Q_HEALTH_CHECK_AUDIT, NULL, A_STR(c->project), A_STR(c->org), A_STR(c->id),
			   A_TEXT(c->action), A_STR(c->was), A_TEXTS(set, n), audit->id, audit->who);
}

static int save(struct call *call, struct db *db, const struct key_ring *master, struct change *c,
		const struct audit *audit, const char **ret_why)
{
	struct str set[CHECK_HEADERS_MAX];
	struct db_tx *tx = NULL;
	size_t n_set = 0;
	int r = seal_headers(call, db, master, c);

	if (r == OK)
		r = db_begin(call, db, &tx);
	if (r == OK)
		r = lock(call, tx, c);
	if (r == OK && c->fields->n_depends_on)
		r = check_parents(call, tx, c, ret_why);
	if (r == OK && !c->version.n)
		r = db_tx_query(call, tx, Q_HEALTH_CHECK_INSERT, NULL, A_STR(c->id), A_STR(c->project));
	if (r == OK)
		r = write_fields(call, tx, c);
	if (r == OK)
		r = write_headers(call, tx, c, set, &n_set);
	if (r == OK)
		r = write_audit(call, tx, c, set, n_set, audit);
	if (r == OK)
		r = db_commit(call, tx);
	db_rollback(call, tx);
	return r;
}

int health_check_add(struct call *call, struct db *db, const struct key_ring *master, struct str project_id,
		     const struct check_fields *fields, const struct audit *audit, struct str *ret_id,
		     const char **ret_why)
{
	struct change *c = arena_alloc(call->arena, sizeof(*c));
	int r;

	*c = (struct change){
		.project = project_id, .id = id_text(call->arena, "check_"), .action = "check.add", .fields = fields
	};
	r = save(call, db, master, c, audit, ret_why);
	if (r == OK)
		*ret_id = c->id;
	return r;
}

int health_check_change(struct call *call, struct db *db, const struct key_ring *master, struct str project_id,
			struct str id, struct str version, const char *action, const struct check_fields *fields,
			const struct audit *audit, const char **ret_why)
{
	struct change *c = arena_alloc(call->arena, sizeof(*c));

	*c = (struct change){ .project = project_id, .id = id, .version = version, .action = action, .fields = fields };
	return save(call, db, master, c, audit, ret_why);
}

int health_check_remove(struct call *call, struct db *db, struct str project_id, struct str id,
			const struct audit *audit)
{
	struct change *c = arena_alloc(call->arena, sizeof(*c));
	struct db_tx *tx = NULL;
	struct db_rows rows;
	int r = db_begin(call, db, &tx);

	*c = (struct change){ .project = project_id, .id = id, .action = "check.remove" };
	if (r == OK)
		r = lock(call, tx, c);
	if (r == OK)
		r = db_tx_query(call, tx, Q_HEALTH_CHECK_DELETE, &rows, A_STR(project_id), A_STR(id));
	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, c->was.n ? E_CONFLICT : E_NOT_FOUND,
			      c->was.n ? "the health check %.*s belongs to a preview and goes with it: disable it, or "
					 "set previewChecks of the project to false"
				       : "the health check %.*s is gone",
			      STR_FMT(id));
	if (r == OK)
		r = write_audit(call, tx, c, NULL, 0, audit);
	if (r == OK)
		r = db_commit(call, tx);
	db_rollback(call, tx);
	return r;
}

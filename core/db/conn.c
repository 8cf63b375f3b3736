/* A connection that works: sending groups, reading their results, and being lost.
 *
 *   unsent:  g4 g5          sent:  g1 g2 g3
 *               \--Sync each-->   <--results in the same order; g1 is complete when its Sync has come back
 *
 * libpq 15 flushes at every Sync; the socket's buffer takes them, and the server is already at work on the first.
 * Easy to break: in pipeline mode each statement's results end with NULL and each group with PGRES_PIPELINE_SYNC, also
 * after failures and for groups that nobody waits for any more. All of it must be read. And what is written must be
 * flushed while reading, or both sides block on full buffers. */
#include "base/id.h"
#include "db/inner.h"

static int64_t now_ms(const struct conn *conn)
{
	return (int64_t)uv_now(loop_uv(conn->db->loop));
}

void conn_init(struct conn *conn, struct db *db, bool shared)
{
	*conn = (struct conn){ .db = db, .shared = shared };
}

int64_t conn_age(const struct conn *conn)
{
	return conn->sent.first ? now_ms(conn) - conn->since_ms : 0;
}

void conn_start(struct conn *conn)
{
	conn->since_ms = now_ms(conn);
	conn->ending = false;
	db_watch(conn->db);
	resolve_start(conn);
}

/* ---- losing it ---- */

static int64_t backoff_ms(unsigned failures)
{
	int64_t delay = failures < 6 ? BACKOFF_MIN_MS << failures : BACKOFF_MAX_MS;
	uint16_t jitter;

	random_bytes(&jitter, sizeof(jitter));
	if (delay > BACKOFF_MAX_MS)
		delay = BACKOFF_MAX_MS;
	return delay * 3 / 4 + delay / 4 * jitter / UINT16_MAX;
}

static void drop(struct conn *conn)
{
	struct group *group;

	resolve_drop(conn);
	poll_close(conn);
	PQfinish(conn->pg);
	conn->pg = NULL;
	conn->state = CONN_DOWN;
	while ((group = group_pop(&conn->sent)))
		group_complete(group, E_TIMEOUT);
	pool_conn_gone(conn);
}

/* The first line of what libpq says about a connection that never came up: host, port and user, no password. */
static struct str connect_error(const struct conn *conn)
{
	struct str text = str_of(conn->pg && conn->state == CONN_CONNECTING ? PQerrorMessage(conn->pg) : "");

	return str_split(&text, '\n');
}

void conn_lost(struct conn *conn, const char *why)
{
	int64_t delay = backoff_ms(conn->failures);

	log_warn("Database", "A PostgreSQL connection was lost or could not be made", F_TEXT("reason", why),
		 F_STR("detail", connect_error(conn)), F_INT("retryInMs", delay),
		 F_INT("failures", (int64_t)conn->failures + 1));
	drop(conn);
	if (conn->failures < 16)
		conn->failures++;
	conn->retry_at_ms = now_ms(conn) + delay;
	db_watch(conn->db);
	db_conn_lost(conn);
}

void conn_close(struct conn *conn)
{
	struct group *group;

	drop(conn);
	while ((group = group_pop(&conn->unsent)))
		group_complete(group, E_NETWORK);
}

/* ---- sending ---- */

static bool send_stmt(struct conn *conn, const struct group *group, const struct stmt *stmt)
{
	const struct params *p = &stmt->params;

	if (!stmt->name)
		return PQsendQueryParams(conn->pg, stmt->sql, 0, NULL, NULL, NULL, NULL, 1);
	if (group->kind == GROUP_PREPARE)
		return PQsendPrepare(conn->pg, stmt->name, stmt->sql, 0, NULL);
	return PQsendQueryPrepared(conn->pg, stmt->name, p->n, p->values, p->lengths, p->formats, 1);
}

static bool send_group(struct conn *conn, const struct group *group)
{
	/* Only the simple protocol takes several statements as one text; pipeline mode does not know it. */
	if (group->kind == GROUP_SCRIPT)
		return PQexitPipelineMode(conn->pg) && PQsendQuery(conn->pg, group->stmts[0].sql);
	for (unsigned i = 0; i < group->n_stmts; i++)
		if (!send_stmt(conn, group, &group->stmts[i]))
			return false;
	return PQpipelineSync(conn->pg);
}

static bool may_send(const struct conn *conn)
{
	const struct group *group = conn->unsent.first, *before = conn->sent.first;

	return group && (!before || (group->kind != GROUP_SCRIPT && before->kind != GROUP_SCRIPT));
}

void conn_send(struct conn *conn)
{
	struct group *group;
	int more;

	while (may_send(conn)) {
		group = group_pop(&conn->unsent);
		if (group->left) {
			group_complete(group, E_CANCELLED);
			continue;
		}
		group->sent = true;
		if (!conn->sent.first)
			conn->since_ms = now_ms(conn);
		group_push(&conn->sent, group);
		if (!send_group(conn, group)) {
			conn_lost(conn, "a statement could not be sent");
			return;
		}
	}
	more = PQflush(conn->pg);
	if (more < 0) {
		conn_lost(conn, "the connection broke while sending");
		return;
	}
	poll_set(conn, UV_READABLE | (more ? UV_WRITABLE : 0));
	if (!conn->sent.first && !conn->unsent.first)
		db_conn_idle(conn);
}

/* ---- reading ---- */

static void prepared(struct conn *conn, const struct group *group)
{
	const struct stmt *stmt = group->stmts;

	for (unsigned i = 0; i + 1 < group->n_stmts && stmt->result == OK; i++)
		stmt++;
	if (group->n_stmts && stmt->result != OK) {
		if (!conn->ending)
			db_refuse(conn->db,
				  "the query %s does not fit the database's schema (SQLSTATE %s): run the migrations",
				  stmt->name ? stmt->name : stmt->sql, stmt->sqlstate);
		conn->ending = true;
		return;
	}
	conn->state = CONN_UP;
	conn->failures = 0;
	db_conn_up(conn);
}

static void finish_first(struct conn *conn)
{
	struct group *group = group_pop(&conn->sent);

	if (group->kind == GROUP_PREPARE)
		prepared(conn, group);
	group_complete(group, OK);
}

/* One step of the answer to the oldest group; false when the connection is lost. */
static bool take_result(struct conn *conn)
{
	struct group *group = conn->sent.first;
	PGresult *result = PQgetResult(conn->pg);
	const char *sqlstate;
	bool taken = true;

	conn->since_ms = now_ms(conn);
	if (!result && group->kind == GROUP_SCRIPT) {
		taken = PQenterPipelineMode(conn->pg);
		finish_first(conn);
	} else if (!result) {
		group->at++;
	} else if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
		finish_first(conn);
	} else {
		sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
		conn->ending = conn->ending || (sqlstate && sqlstate_ends_connection(sqlstate));
		taken = group_take(group, result);
	}
	PQclear(result);
	return taken;
}

static void take_notifications(struct conn *conn)
{
	PGnotify *notification;

	while ((notification = PQnotifies(conn->pg))) {
		PQfreemem(notification);
		if (conn->state == CONN_UP)
			conn->db->on_notify(conn->db->notify_arg);
	}
}

void conn_read(struct conn *conn)
{
	bool open = PQconsumeInput(conn->pg);

	/* Ends with what has arrived. It must go on until then: what libpq holds does not make the socket readable. */
	while (conn->sent.first && !PQisBusy(conn->pg)) {
		if (!take_result(conn)) {
			open = false;
			break;
		}
	}
	take_notifications(conn);
	if (!open || PQstatus(conn->pg) == CONNECTION_BAD)
		conn_lost(conn, "the server closed the connection");
	else if (conn->ending && !conn->sent.first)
		conn_lost(conn, "the server cannot serve on this connection any more");
}

void conn_prepare(struct conn *conn)
{
	struct db *db = conn->db;
	struct group *group;
	bool listens;

	if (PQserverVersion(conn->pg) < 150000) {
		db_refuse(db, "PostgreSQL is version %d, but 15 is the oldest that works: upgrade the server",
			  PQserverVersion(conn->pg) / 10000);
		conn_lost(conn, "the server is too old");
		return;
	}
	if (PQsetnonblocking(conn->pg, 1) != 0 || !PQenterPipelineMode(conn->pg)) {
		conn_lost(conn, "pipeline mode cannot be entered");
		return;
	}
	conn->state = CONN_PREPARING;
	listens = conn->shared && db->listen[0];
	group = group_new(NULL, GROUP_PREPARE, db->n_queries + listens);
	if (listens)
		group->stmts[db->n_queries].sql = db->listen;
	for (unsigned i = 0; i < db->n_queries; i++) {
		group->stmts[i].name = db->queries[i].name;
		group->stmts[i].sql = db->queries[i].sql;
	}
	group_push(&conn->unsent, group);
	conn_send(conn);
}

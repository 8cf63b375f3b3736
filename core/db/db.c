/* The whole of it: opening and closing, the shared lane, and the one timer that ends what takes too long. */
#include "db/inner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t now_ms(const struct db *db)
{
	return (int64_t)uv_now(loop_uv(db->loop));
}

/* ---- the shared lane ---- */

/* The connection with the least to do. One whose oldest statement has been running for a while is a bad choice however
 * short its queue: what comes behind it must wait for it. */
static struct conn *choose_shared(struct db *db)
{
	struct conn *best = NULL;
	int64_t best_load = 0, load;

	for (unsigned i = 0; i < db->n_shared; i++) {
		struct conn *conn = &db->conns[i];

		if (conn->state != CONN_UP || conn->ending)
			continue;
		load = (int64_t)conn->sent.n + conn->unsent.n + (conn_age(conn) > 10 ? WAITING_MAX : 0);
		if (!best || load < best_load) {
			best = conn;
			best_load = load;
		}
	}
	return best;
}

int db_submit(struct call *call, struct db *db, struct group *group)
{
	struct conn *conn = choose_shared(db);

	if (!conn && db->waiting.n >= WAITING_MAX) {
		group_discard(group);
		call->retry_after_ms = RETRY_AFTER_MS;
		return call_fail(call, E_LIMITED, "the database is away and %d statements wait already: retry later",
				 WAITING_MAX);
	}
	group->since_ms = now_ms(db);
	group_push(conn ? &conn->unsent : &db->waiting, group);
	db_watch(db);
	return OK;
}

bool db_is_up(const struct db *db)
{
	for (unsigned i = 0; i < db->n_shared; i++)
		if (db->conns[i].state == CONN_UP)
			return true;
	return false;
}

/* ---- what connections report ---- */

void db_conn_up(struct conn *conn)
{
	struct db *db = conn->db;
	struct group *group;

	db->refusal[0] = '\0';
	event_set(&db->changed);
	if (!conn->shared)
		return; /* it becomes idle, and is given away then */
	if (db->on_notify)
		db->on_notify(db->notify_arg);
	log_info("Database", "Connected to PostgreSQL", F_INT("serverVersion", PQserverVersion(conn->pg)));
	while ((group = group_pop(&db->waiting)))
		group_push(&conn->unsent, group);
}

void db_conn_lost(struct conn *conn)
{
	struct db *db = conn->db;
	struct conn *other = choose_shared(db);
	struct group *group;

	while ((group = group_pop(&conn->unsent))) {
		if (conn->shared && group->kind == GROUP_QUERY)
			group_push(other ? &other->unsent : &db->waiting, group);
		else
			group_complete(group, E_NETWORK);
	}
	pool_fill(db);
}

void db_conn_idle(struct conn *conn)
{
	if (!conn->shared && conn->state == CONN_UP && (conn->releasing || !conn->taken))
		pool_give(conn);
}

void db_refuse(struct db *db, const char *format, ...)
{
	char before = db->refusal[0];
	va_list args;

	va_start(args, format);
	vsnprintf(db->refusal, sizeof(db->refusal), format, args);
	va_end(args);
	if (!before)
		log_error("Database", "PostgreSQL was reached but cannot be used", F_TEXT("reason", db->refusal));
	event_set(&db->changed);
}

/* ---- time ---- */

/* True while the connection needs the timer. */
static bool tick_conn(struct conn *conn, int64_t now)
{
	struct db *db = conn->db;

	switch (conn->state) {
	case CONN_DOWN:
		if (!conn->shared)
			return false; /* opened by pool_fill when somebody waits for it */
		if (now >= conn->retry_at_ms)
			conn_start(conn);
		return true;
	case CONN_UP:
		if (conn_age(conn) > db->statement_ms + GRACE_MS)
			conn_lost(conn, "the server did not answer in time");
		return conn->state != CONN_UP || conn->sent.first || conn->unsent.first;
	default:
		if (now - conn->since_ms > CONNECT_MS)
			conn_lost(conn, "the server did not accept the connection in time");
		return true;
	}
}

static void expire_waiting(struct db *db, int64_t now)
{
	while (db->waiting.first && (now - db->waiting.first->since_ms >= db->wait_ms || db->waiting.first->left))
		group_complete(group_pop(&db->waiting), E_NETWORK);
}

static void on_tick(uv_timer_t *timer)
{
	struct db *db = timer->data;
	int64_t now = now_ms(db);
	bool busy = false;

	for (unsigned i = 0; i < db->n_conns; i++)
		busy |= tick_conn(&db->conns[i], now);
	expire_waiting(db, now);
	pool_fill(db);
	if (!busy && !db->waiting.first && !db->n_leases)
		uv_timer_stop(timer);
}

void db_watch(struct db *db)
{
	if (!db->closing && !uv_is_active((uv_handle_t *)&db->tick))
		uv_timer_start(&db->tick, on_tick, TICK_MS, TICK_MS);
}

/* After the fibers of a turn: what they have queued leaves. */
static void on_sink(void *arg)
{
	struct db *db = arg;

	for (unsigned i = 0; i < db->n_conns; i++)
		if (db->conns[i].unsent.first && db->conns[i].state == CONN_UP)
			conn_send(&db->conns[i]);
}

/* ---- opening and closing ---- */

static void start(struct db *db, const struct db_options *options)
{
	for (unsigned i = 0; i < db->n_conns; i++)
		conn_init(&db->conns[i], db, i < db->n_shared);
	if (!target_init(&db->target, options)) {
		db_refuse(db, "the database url is not a PostgreSQL connection string: write "
			      "postgresql://user@host:port/name");
		return;
	}
	for (unsigned i = 0; i < db->n_shared; i++)
		conn_start(&db->conns[i]);
}

struct db *db_open(struct loop *loop, const struct db_options *options)
{
	struct db *db = calloc(1, sizeof(*db));

	if (!db)
		abort();
	db->loop = loop;
	db->n_shared = options->shared ? options->shared : 2;
	db->n_conns = db->n_shared + (options->own ? options->own : 3);
	db->wait_ms = options->wait_ms ? options->wait_ms : 3000;
	db->statement_ms = options->statement_ms ? options->statement_ms : 5000;
	db->queries = options->queries ? options->queries : query_texts;
	db->n_queries = options->queries ? options->n_queries : query_count;
	if (options->unprepared)
		db->n_queries = 0;
	if (options->listen) {
		snprintf(db->listen, sizeof(db->listen), "listen %s", options->listen);
		db->on_notify = options->on_notify;
		db->notify_arg = options->notify_arg;
	}
	db->lease_end = &db->lease_first;
	db->conns = calloc(db->n_conns, sizeof(*db->conns));
	if (!db->conns)
		abort();
	uv_timer_init(loop_uv(loop), &db->tick);
	db->tick.data = db;
	db->sink = (struct loop_hook){ .fn = on_sink, .arg = db };
	loop_hook_add(loop, LOOP_SINK, &db->sink);
	start(db, options);
	return db;
}

static void on_closed(uv_handle_t *handle)
{
	struct db *db = handle->data;

	target_done(&db->target);
	free(db->conns);
	free(db);
}

struct db *db_close(struct db *db)
{
	struct group *group;

	if (!db)
		return NULL;
	db->closing = true;
	loop_hook_remove(db->loop, LOOP_SINK, &db->sink);
	pool_fail(db);
	for (unsigned i = 0; i < db->n_conns; i++)
		conn_close(&db->conns[i]);
	while ((group = group_pop(&db->waiting)))
		group_complete(group, E_NETWORK);
	uv_close((uv_handle_t *)&db->tick, on_closed);
	return NULL;
}

int db_ready(struct call *call, struct db *db, int64_t timeout_ms)
{
	int64_t until = now_ms(db) + timeout_ms, left;
	int r;

	while (!db_is_up(db)) {
		if (db->refusal[0])
			return call_fail(call, E_INVALID, "%s", db->refusal);
		left = until - now_ms(db);
		r = event_wait(call, &db->changed, left > 0 ? left : 0);
		if (r == E_CANCELLED)
			return r;
		if (r < 0) {
			call->retry_after_ms = RETRY_AFTER_MS;
			return call_fail(
				call, E_NETWORK,
				"PostgreSQL cannot be reached: check that it runs and that the database url is right");
		}
	}
	return OK;
}

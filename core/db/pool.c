/* Connections for transactions: opened when they are needed, kept afterwards, given out in the order of asking.
 *
 * Easy to break: a lease may be fulfilled in the turn in which its fiber is cancelled. Then nobody takes the connection
 * out of the record, and freeing the record gives it back. */
#include "db/inner.h"

#include <stdlib.h>

static void unlink_lease(struct lease *lease)
{
	struct db *db = lease->db;

	if (!lease->at)
		return;
	*lease->at = lease->next;
	if (lease->next)
		lease->next->at = lease->at;
	else
		db->lease_end = lease->at;
	lease->at = NULL;
	db->n_leases--;
}

static void on_leave(struct wait *wait)
{
	struct lease *lease = (struct lease *)(void *)wait;

	if (!lease->at) /* fulfilled already */
		return;
	unlink_lease(lease);
	wait_complete(wait, E_CANCELLED);
}

static void lease_free(struct wait *wait)
{
	struct lease *lease = (struct lease *)(void *)wait;

	if (lease->conn)
		pool_give(lease->conn);
	free(lease);
}

_Static_assert(offsetof(struct lease, wait) == 0, "a wait is its lease");

static bool is_free(const struct conn *conn)
{
	return conn->state == CONN_UP && !conn->taken && !conn->ending;
}

static bool is_coming(const struct conn *conn)
{
	return conn->state != CONN_UP && conn->state != CONN_DOWN;
}

static struct conn *first_free(struct db *db)
{
	for (unsigned i = db->n_shared; i < db->n_conns; i++)
		if (is_free(&db->conns[i]))
			return &db->conns[i];
	return NULL;
}

void pool_fill(struct db *db)
{
	int64_t now = (int64_t)uv_now(loop_uv(db->loop));
	unsigned coming = 0;
	struct conn *conn;

	while (db->lease_first && !db->closing && (conn = first_free(db))) {
		struct lease *lease = db->lease_first;

		unlink_lease(lease);
		conn->taken = true;
		conn->lease = lease;
		lease->conn = conn;
		wait_complete(&lease->wait, OK);
	}
	for (unsigned i = db->n_shared; i < db->n_conns; i++)
		coming += is_coming(&db->conns[i]);
	for (unsigned i = db->n_shared; i < db->n_conns && coming < db->n_leases && !db->closing; i++) {
		conn = &db->conns[i];
		if (conn->state == CONN_DOWN && now >= conn->retry_at_ms) {
			conn_start(conn);
			coming++;
		}
	}
}

void pool_give(struct conn *conn)
{
	conn->taken = conn->releasing = false;
	conn->lease = NULL;
	pool_fill(conn->db);
}

void pool_release(struct conn *conn, bool rollback)
{
	struct group *group;

	conn->tx = NULL;
	conn->releasing = true;
	if (rollback) {
		group = group_new(NULL, GROUP_QUERY, 1);
		group->stmts[0].sql = "rollback";
		group_push(&conn->unsent, group);
		db_watch(conn->db);
	} else if (!conn->unsent.first && !conn->sent.first) {
		pool_give(conn);
	}
}

void pool_conn_gone(struct conn *conn)
{
	if (conn->lease)
		conn->lease->conn = NULL;
	if (conn->tx)
		conn->tx->conn = NULL;
	conn->lease = NULL;
	conn->tx = NULL;
	conn->taken = conn->releasing = false;
}

void pool_fail(struct db *db)
{
	while (db->lease_first) {
		struct lease *lease = db->lease_first;

		unlink_lease(lease);
		wait_complete(&lease->wait, E_NETWORK);
	}
}

static int busy(struct call *call, struct db *db)
{
	call->retry_after_ms = 1000;
	return call_fail(call, E_LIMITED, "all %u connections for transactions are busy: retry in a second",
			 db->n_conns - db->n_shared);
}

static int away(struct call *call)
{
	call->retry_after_ms = RETRY_AFTER_MS;
	return call_fail(call, E_NETWORK, "the database cannot be reached: retry in 5 seconds");
}

static bool any_up(const struct db *db)
{
	for (unsigned i = db->n_shared; i < db->n_conns; i++)
		if (db->conns[i].state == CONN_UP)
			return true;
	return false;
}

static int await_lease(struct call *call, struct db *db, struct conn **ret)
{
	struct lease *lease = calloc(1, sizeof(*lease));
	int r;

	if (!lease)
		abort();
	wait_init(&lease->wait, lease_free);
	lease->wait.on_leave = on_leave;
	lease->db = db;
	lease->at = db->lease_end;
	*db->lease_end = lease;
	db->lease_end = &lease->next;
	db->n_leases++;
	db_watch(db);
	r = await(call, &lease->wait, db->wait_ms);
	if (r == OK && !lease->conn)
		r = E_NETWORK; /* lost in the same turn */
	if (r == OK) {
		*ret = lease->conn;
		lease->conn->lease = NULL;
		lease->conn = NULL;
	}
	wait_unref(&lease->wait);
	if (r == E_TIMEOUT)
		return any_up(db) ? busy(call, db) : away(call);
	return r == E_NETWORK ? away(call) : r;
}

int pool_take(struct call *call, struct db *db, struct conn **ret)
{
	struct conn *conn = db->lease_first ? NULL : first_free(db);

	if (conn) {
		conn->taken = true;
		*ret = conn;
		return OK;
	}
	if (db->n_leases >= LEASES_MAX)
		return busy(call, db);
	return await_lease(call, db, ret);
}

/* Transactions and scripts, on a connection of their own.
 *
 * Owns: the connection from db_begin to commit or rollback. A fiber that returns without either has its transaction
 * rolled back when its arena dies.
 * Easy to break: connection and transaction point at each other, and either may go first. */
#include "db/inner.h"

#include <string.h>

#define SCRIPT_MAX (16 * 1024 * 1024)

static void tx_end(struct db_tx *tx, bool rollback)
{
	struct conn *conn = tx->conn;

	tx->conn = NULL;
	if (conn)
		pool_release(conn, rollback);
}

static void on_arena_freed(void *arg)
{
	struct db_tx *tx = arg;

	tx_end(tx, tx->begun);
}

int db_begin(struct call *call, struct db *db, struct db_tx **ret)
{
	struct conn *conn;
	struct db_tx *tx;
	int r = pool_take(call, db, &conn);

	if (r < 0)
		return r;
	tx = arena_alloc(call->arena, sizeof(*tx));
	*tx = (struct db_tx){ .db = db, .conn = conn };
	conn->tx = tx;
	arena_defer(call->arena, on_arena_freed, tx);
	*ret = tx;
	return OK;
}

/* Whether the transaction can take another statement. */
static int check(struct call *call, const struct db_tx *tx)
{
	if (tx->failed)
		return call_fail(call, tx->failed, "the transaction failed before: roll it back");
	if (!tx->conn) {
		call->retry_after_ms = RETRY_AFTER_MS;
		return call_fail(call, E_NETWORK, "the transaction was lost with its connection: run it again");
	}
	return OK;
}

static int run(struct call *call, struct db_tx *tx, struct group *group)
{
	int r;

	tx->begun = true;
	group_push(&tx->conn->unsent, group);
	db_watch(tx->db);
	r = group_await(call, tx->db, group);
	if (r < 0)
		tx->failed = r;
	return r;
}

int db_tx_query_args(struct call *call, struct db_tx *tx, enum query query, struct db_rows *rows,
		     const struct db_arg *args, size_t n_args)
{
	struct group *group = NULL;
	unsigned n = tx->begun ? 1 : 2; /* should "begin" fail, its Sync takes the statement with it */
	int r = check(call, tx);

	if (r < 0)
		return r;
	group = group_new(call, GROUP_QUERY, n);
	group->stmts[0].sql = "begin";
	r = stmt_fill(call, tx->db, query, args, n_args, &group->stmts[n - 1]);
	if (r < 0) {
		group_discard(group);
		return tx->failed = r;
	}
	r = run(call, tx, group);
	if (r == OK && rows)
		*rows = group->stmts[n - 1].rows;
	wait_unref(&group->wait);
	return r;
}

static int run_sql(struct call *call, struct db_tx *tx, const char *sql)
{
	struct group *group = group_new(call, GROUP_QUERY, 1);
	int r;

	group->stmts[0].sql = sql;
	r = run(call, tx, group);
	wait_unref(&group->wait);
	return r;
}

int db_commit(struct call *call, struct db_tx *tx)
{
	int r = check(call, tx);

	if (r == OK && tx->begun)
		r = run_sql(call, tx, "commit");
	tx_end(tx, tx->begun && r < 0);
	return r;
}

struct db_tx *db_rollback(struct call *call, struct db_tx *tx)
{
	(void)call;
	if (tx)
		tx_end(tx, tx->begun);
	return NULL;
}

/* ---- scripts ---- */

static int script_group(struct call *call, struct str sql, struct group **ret)
{
	struct group *group = NULL;

	if (sql.n > SCRIPT_MAX || (sql.n && memchr(sql.p, '\0', sql.n)))
		return call_fail(call, E_INVALID,
				 "the script is over 16 MiB or contains a NUL character: split or mend it");
	group = group_new(call, GROUP_SCRIPT, 1);
	group->stmts[0].sql = arena_text(call->arena, sql);
	*ret = group;
	return OK;
}

static int script_failed(struct call *call, const struct group *group, int r)
{
	const char *sqlstate = group->stmts[0].sqlstate;

	if (r == E_UNSUPPORTED)
		return call_fail(call, r,
				 "the script copies data from or to the client, which is not supported: use insert");
	if (!*sqlstate)
		return r;
	if (group->line)
		return call_fail(call, r, "the script failed at its line %d (SQLSTATE %s)", group->line, sqlstate);
	return call_fail(call, r, "the script failed (SQLSTATE %s)", sqlstate);
}

int db_script(struct call *call, struct db_tx *tx, struct str sql)
{
	struct group *group = NULL;
	int r = check(call, tx);

	if (r == OK && !tx->begun)
		r = run_sql(call, tx, "begin");
	if (r == OK)
		r = check(call, tx);
	if (r == OK)
		r = script_group(call, sql, &group);
	if (r < 0)
		return r;
	r = run(call, tx, group);
	if (r < 0)
		r = script_failed(call, group, r);
	wait_unref(&group->wait);
	return r;
}

int db_execute(struct call *call, struct db *db, struct str sql, struct buf *ret_text)
{
	struct db_tx *tx = NULL;
	struct group *group = NULL;
	int r = db_begin(call, db, &tx);

	if (r == OK)
		r = script_group(call, sql, &group);
	if (r < 0)
		goto out;
	group->text = ret_text;
	r = run(call, tx, group);
	if (r < 0)
		r = script_failed(call, group, r);
	wait_unref(&group->wait);
out:
	db_rollback(call, tx); /* the script may have left a transaction open */
	return r;
}

/* Single statements and batches on the shared lane. */
#include "db/inner.h"

static void log_failure(const struct stmt *stmt, bool expected)
{
	const char *name = stmt->name ? stmt->name : "script";

	if (expected)
		log_debug("Database", "A statement was refused", F_TEXT("query", name),
			  F_TEXT("sqlstate", stmt->sqlstate));
	else
		log_error("Database", "A statement failed", F_TEXT("query", name), F_TEXT("sqlstate", stmt->sqlstate));
}

/* Sentences without the server's own text, which may hold values. */
static int explain(struct call *call, const struct stmt *stmt, int r)
{
	const char *name = stmt->name ? stmt->name : "a script";

	if (r == E_NETWORK || (r == E_TIMEOUT && !stmt->sqlstate[0]))
		call->retry_after_ms = RETRY_AFTER_MS;
	if (stmt->sqlstate[0])
		log_failure(stmt, r == E_CONFLICT || r == E_INVALID);
	switch (r) {
	case E_NETWORK:
		return call_fail(call, r, "the database cannot be reached for %s: retry in 5 seconds", name);
	case E_TIMEOUT:
		if (stmt->sqlstate[0])
			return call_fail(call, r, "the database stopped %s: it took too long", name);
		return call_fail(call, r, "no answer from the database to %s in time: it may have happened", name);
	case E_CONFLICT:
		return call_fail(call, r, "the database refused %s: it conflicts with another change (SQLSTATE %s)",
				 name, stmt->sqlstate);
	case E_INVALID:
		return call_fail(call, r, "the database refused %s: a value does not fit (SQLSTATE %s)", name,
				 stmt->sqlstate);
	case E_CANCELLED:
		return call_fail(call, r, "cancelled");
	default:
		return call_fail(call, r, "the database could not run %s (SQLSTATE %s): see the log", name,
				 stmt->sqlstate);
	}
}

int group_await(struct call *call, struct db *db, struct group *group)
{
	/* A script has many statements, each with its own statement_timeout; the tick ends one that hangs. */
	int64_t limit = group->kind == GROUP_SCRIPT ? -1 : db->statement_ms + GRACE_MS / 2;
	const struct stmt *stmt = group->stmts;
	int r = await(call, &group->wait, limit);

	for (unsigned i = 0; i + 1 < group->n_stmts && stmt->result == OK; i++)
		stmt++;
	if (r == E_TIMEOUT && !group->sent)
		r = E_NETWORK;
	return r < 0 ? explain(call, stmt, r) : r;
}

int stmt_fill(struct call *call, struct db *db, enum query query, const struct db_arg *args, size_t n, struct stmt *ret)
{
	if ((unsigned)query >= db->n_queries)
		return call_fail(call, E_INTERNAL, "query %d is not prepared on this database", (int)query);
	ret->name = db->queries[query].name;
	ret->wants_rows = true;
	return args_encode(call, args, n, ret->name, &ret->params);
}

static int submit(struct call *call, struct db *db, const struct db_stmt *stmts, size_t n, struct group **ret)
{
	struct group *group = group_new(call, GROUP_QUERY, (unsigned)n);
	int r;

	for (size_t i = 0; i < n; i++) {
		r = stmt_fill(call, db, stmts[i].query, stmts[i].args, stmts[i].n_args, &group->stmts[i]);
		if (r < 0) {
			group_discard(group);
			return r;
		}
	}
	r = db_submit(call, db, group);
	if (r == OK)
		*ret = group;
	return r;
}

int db_query_args(struct call *call, struct db *db, enum query query, struct db_rows *rows, const struct db_arg *args,
		  size_t n_args)
{
	const struct db_stmt stmt = { .query = query, .args = args, .n_args = n_args };
	struct group *group = NULL;
	int r = submit(call, db, &stmt, 1, &group);

	if (r < 0)
		return r;
	r = group_await(call, db, group);
	if (r == OK && rows)
		*rows = group->stmts[0].rows;
	wait_unref(&group->wait);
	return r;
}

static int batch_atomic(struct call *call, struct db *db, struct db_stmt *stmts, size_t n)
{
	struct group *group = NULL;
	int r = submit(call, db, stmts, n, &group);

	if (r == OK)
		r = group_await(call, db, group);
	for (size_t i = 0; i < n; i++) {
		stmts[i].result = r;
		if (r == OK)
			stmts[i].rows = group->stmts[i].rows;
	}
	if (group)
		wait_unref(&group->wait);
	return r;
}

int db_batch(struct call *call, struct db *db, struct db_stmt *stmts, size_t n, bool atomic)
{
	struct group **groups;

	if (n > BATCH_MAX)
		return call_fail(call, E_INTERNAL, "a batch of %zu statements: %d is the most", n, BATCH_MAX);
	if (n == 0)
		return OK;
	if (atomic)
		return batch_atomic(call, db, stmts, n);
	groups = arena_alloc(call->arena, n * sizeof(struct group *));
	for (size_t i = 0; i < n; i++)
		stmts[i].result = submit(call, db, &stmts[i], 1, &groups[i]);
	for (size_t i = 0; i < n; i++) {
		if (stmts[i].result < 0)
			continue;
		stmts[i].result = group_await(call, db, groups[i]);
		if (stmts[i].result == OK)
			stmts[i].rows = groups[i]->stmts[0].rows;
		wait_unref(&groups[i]->wait);
	}
	return call_cancelled(call) ? call_fail(call, E_CANCELLED, "cancelled") : OK;
}

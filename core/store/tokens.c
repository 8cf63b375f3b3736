/* API tokens. */
#include "store/tokens.h"

#include "base/id.h"

#define TOO_MANY "you have %d live tokens, which is the most: revoke one that is not used any more first"

static int no_token(struct call *call, struct str id)
{
	return call_fail(call, E_NOT_FOUND, "you have no token %.*s", (int)(id.n < 64 ? id.n : 64), id.p);
}

static struct str hash_text(const uint8_t hash[SHA256_SIZE])
{
	return (struct str){ (const char *)hash, SHA256_SIZE };
}

/* Each writes in one transaction: a lock first, then the statement that counts, then what is long over goes. */
static int write_locked(struct call *call, struct db *db, const struct db_stmt *lock, const struct db_stmt *write,
			struct str user_id, struct db_rows *ret)
{
	const struct db_arg user[] = { A_STR(user_id) };
	struct db_stmt stmts[] = { *lock, *write, { .query = Q_TOKENS_FORGET, .args = user, .n_args = 1 } };
	int r = db_batch(call, db, stmts, 3, true);

	if (r == OK)
		*ret = stmts[1].rows;
	return r;
}

int token_create(struct call *call, struct db *db, struct str user_id, const struct token_wish *wish,
		 const uint8_t hash[SHA256_SIZE], const struct audit *audit, struct db_rows *ret)
{
	const struct db_arg lock[] = { A_STR(user_id) };
	const struct db_arg args[] = { A_STR(id_text(call->arena, "tok_")),
				       A_STR(user_id),
				       A_STR(wish->name),
				       A_BYTES(hash_text(hash)),
				       A_TEXT(scope_word(wish->scope)),
				       A_STR_OR_NULL(wish->project),
				       wish->expires_ms ? A_TIME(wish->expires_ms) : A_NULL,
				       A_INT(TOKENS_LIVE_MAX),
				       audit->id,
				       audit->who };
	struct db_rows rows;
	int r;

	r = write_locked(call, db, &(struct db_stmt){ .query = Q_TOKEN_OWNER_LOCK, .args = lock, .n_args = 1 },
			 &(struct db_stmt){ .query = Q_TOKEN_CREATE, .args = args, .n_args = 10 }, user_id, &rows);
	if (r != OK)
		return r;
	if (!db_bool(&rows, 0, "_room"))
		return call_fail(call, E_CONFLICT, TOO_MANY, TOKENS_LIVE_MAX);
	if (db_is_null(&rows, 0, "id"))
		return call_fail(call, E_NOT_FOUND, "there is no project %.*s, or you may not see it",
				 STR_FMT(wish->project));
	*ret = rows;
	return OK;
}

int token_rotate(struct call *call, struct db *db, struct str user_id, struct str id, int64_t overlap_minutes,
		 const uint8_t hash[SHA256_SIZE], const struct audit *audit, struct db_rows *ret)
{
	const struct db_arg lock[] = { A_STR(id), A_STR(user_id) };
	const struct db_arg args[] = { A_STR(id),
				       A_STR(user_id),
				       A_STR(id_text(call->arena, "tok_")),
				       A_BYTES(hash_text(hash)),
				       A_INT(overlap_minutes),
				       A_INT(TOKENS_LIVE_MAX),
				       audit->id,
				       audit->who };
	struct db_rows rows;
	int r;

	r = write_locked(call, db, &(struct db_stmt){ .query = Q_TOKEN_LOCK, .args = lock, .n_args = 2 },
			 &(struct db_stmt){ .query = Q_TOKEN_ROTATE, .args = args, .n_args = 8 }, user_id, &rows);
	if (r != OK)
		return r;
	if (rows.n_rows == 0)
		return no_token(call, id);
	if (!db_bool(&rows, 0, "_live"))
		return call_fail(call, E_CONFLICT, "this token is over, so it cannot be rotated: make a new one");
	if (db_is_null(&rows, 0, "id"))
		return call_fail(call, E_CONFLICT, TOO_MANY ", or rotate with \"overlapMinutes\": 0", TOKENS_LIVE_MAX);
	*ret = rows;
	return OK;
}

int token_revoke(struct call *call, struct db *db, struct str user_id, struct str id, const struct audit *audit)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_TOKEN_REVOKE, &rows, A_STR(id), A_STR(user_id), audit->id, audit->who);

	if (r == OK && rows.n_rows == 0)
		return no_token(call, id);
	return r;
}

int tokens_list(struct call *call, struct db *db, struct str user_id, struct str before, int64_t limit,
		struct db_rows *ret)
{
	return db_query(call, db, Q_TOKENS_LIST, ret, A_STR(user_id), A_STR(before.n ? before : STR("~")),
			A_INT(limit));
}

int token_get(struct call *call, struct db *db, struct str user_id, struct str id, struct db_rows *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_TOKEN_GET, &rows, A_STR(id), A_STR(user_id));

	if (r != OK)
		return r;
	if (rows.n_rows == 0)
		return no_token(call, id);
	*ret = rows;
	return OK;
}

/* PostgreSQL, awaited. Only named, prepared statements with parameters (sql/queries/ compiled into db/queries.h).
 *
 * Two lanes of connections:
 *   shared  a few connections in libpq's pipeline mode carry every single-statement query of the process, one Sync
 *           each, so one that fails does not touch its neighbours; what fibers queue in one turn of the loop leaves
 *           in one write.
 *   own     a transaction takes a connection for itself until commit or rollback.
 * Every connection prepares every statement before it is used: a wrong query stops the start, not a user.
 * When the server is away: reconnect with backoff (100 ms to 5 s); queries wait until their deadline (at most
 * `wait_ms`), then fail with E_NETWORK and retry_after_ms set, which HTTP answers as 503.
 * Easy to break: a query whose answer was lost has E_TIMEOUT or E_NETWORK *and may have happened*. Every write has a
 * natural key, so that it can simply be run again. */
#ifndef DB_DB_H
#define DB_DB_H

#include "db/queries.h" /* generated: enum query { Q_... }, query_count */
#include "fiber/fiber.h"

struct db;
struct db_tx;

struct db_options {
	const char *url;                  /* postgresql:// or postgres://, any libpq parameter */
	const char *application;          /* application_name: "opshub-api/0" */
	unsigned shared;                  /* connections in the shared lane, 0 = 2 */
	unsigned own;                     /* most connections for transactions, opened when needed, 0 = 3 */
	int64_t wait_ms;                  /* longest wait for a connection, 0 = 3000 */
	int64_t statement_ms;             /* statement_timeout, 0 = 5000 */
	bool unprepared;                  /* do not prepare at connect: for migrations, before the tables exist */
	const struct query_text *queries; /* for tests: other statements than query_texts; NULL = query_texts */
	unsigned n_queries;
	/* Called on the loop's stack after each notification on the channel, and after a connection that may have
	 * missed some is back. NULL = none. */
	const char *listen; /* a plain identifier */
	void (*on_notify)(void *arg);
	void *notify_arg;
};

/* Starts connecting and returns; db_ready() waits for it. The password in the url is registered with the log.
 * Removes every PG* variable from the environment: only the url decides where to and how. */
struct db *db_open(struct loop *loop, const struct db_options *options);
/* Fails what is still waiting with E_NETWORK. Accepts NULL, returns NULL. No fiber may begin anything on it then. */
struct db *db_close(struct db *db);
/* Wait for a first usable connection. Fails at once with E_INVALID when the url is wrong, the server is older than 15
 * or a statement does not fit the schema: the message names it. */
AWAITS int db_ready(struct call *call, struct db *db, int64_t timeout_ms);
bool db_is_up(const struct db *db); /* a shared connection works at the moment */

/* ---- parameters ---- */
struct db_arg {
	enum { DB_NULL, DB_TEXT, DB_INT, DB_BOOL, DB_DOUBLE, DB_BYTES, DB_TEXTS, DB_INTS, DB_TIME } kind;
	struct str text; /* DB_TEXT, DB_BYTES (sent in binary, not copied until the call returns) */
	int64_t number;  /* DB_INT, DB_BOOL, DB_TIME (Unix ms) */
	double real;
	const struct str *texts; /* DB_TEXTS: text[]; an element with p == NULL is null */
	const int64_t *ints;     /* DB_INTS: bigint[] */
	size_t n;                /* elements of texts or ints */
};
#define A_NULL            ((struct db_arg){ .kind = DB_NULL })
#define A_STR(s)          ((struct db_arg){ .kind = DB_TEXT, .text = (s) })
#define A_TEXT(s)         ((struct db_arg){ .kind = DB_TEXT, .text = str_of(s) })
#define A_STR_OR_NULL(s)  ((struct db_arg){ .kind = (s).n ? DB_TEXT : DB_NULL, .text = (s) })
#define A_INT(i)          ((struct db_arg){ .kind = DB_INT, .number = (i) })
#define A_BOOL(b)         ((struct db_arg){ .kind = DB_BOOL, .number = (b) })
#define A_DOUBLE(r)       ((struct db_arg){ .kind = DB_DOUBLE, .real = (r) })
#define A_BYTES(s)        ((struct db_arg){ .kind = DB_BYTES, .text = (s) })
#define A_TEXTS(p, count) ((struct db_arg){ .kind = DB_TEXTS, .texts = (p), .n = (count) })
#define A_INTS(p, count)  ((struct db_arg){ .kind = DB_INTS, .ints = (p), .n = (count) })
#define A_TIME(ms)        ((struct db_arg){ .kind = DB_TIME, .number = (ms) })

/* ---- results: copied into the call's arena ---- */
struct db_col {
	struct str name; /* the alias, which is the JSON key */
	uint32_t type;   /* type oid */
};
struct db_rows {
	int n_rows, n_cols;
	int affected; /* rows inserted, updated or deleted */
	const struct db_col *cols;
	const struct str *cells; /* row-major; .p == NULL is SQL null; else PostgreSQL's text, NUL-terminated */
};
/* Each aborts on a name that is not there: the query and its reader disagree. */
struct str db_text(const struct db_rows *rows, int row, const char *col); /* empty when null */
bool db_is_null(const struct db_rows *rows, int row, const char *col);
int64_t db_int(const struct db_rows *rows, int row, const char *col); /* 0 when null */
bool db_bool(const struct db_rows *rows, int row, const char *col);
int64_t db_time(const struct db_rows *rows, int row, const char *col); /* timestamptz as Unix ms, 0 when null */
struct str db_bytes(struct call *call, const struct db_rows *rows, int row, const char *col); /* bytea */

/* ---- queries ---- */
/* One statement on the shared lane. rows may be NULL. OK; E_NETWORK, E_TIMEOUT, E_CANCELLED; E_CONFLICT for a unique
 * or foreign key violation, serialization failure or deadlock; E_INVALID for data the types refuse; E_INTERNAL.
 * call->why never contains the server's text (it can hold values); the log gets the SQLSTATE and the query's name. */
#define db_query(call, db, query, rows, ...)                                                                           \
	db_query_args(call, db, query, rows, (const struct db_arg[]){ __VA_ARGS__ },                                   \
		      sizeof((const struct db_arg[]){ __VA_ARGS__ }) / sizeof(struct db_arg))
AWAITS int db_query_args(struct call *call, struct db *db, enum query query, struct db_rows *rows,
			 const struct db_arg *args, size_t n_args);

/* Several statements that leave together, at most 256. With `atomic` they share one Sync and so one commit: all or
 * nothing; the first failure's code is returned. Without it each stands alone, its code is in its .result, and the
 * batch itself is OK unless the call was cancelled. */
struct db_stmt {
	enum query query;
	const struct db_arg *args;
	size_t n_args;
	struct db_rows rows; /* out */
	int result;          /* out */
};
AWAITS int db_batch(struct call *call, struct db *db, struct db_stmt *stmts, size_t n, bool atomic);

/* A transaction on a connection of its own. db_rollback accepts NULL and a committed transaction, so one `out:`
 * label serves; it does not wait: the connection is rolled back behind the fiber. After a statement has failed every
 * later one, and the commit, fail with the same code. E_LIMITED when all connections stayed busy for wait_ms.
 * A commit whose answer is lost returns E_TIMEOUT or E_NETWORK: it may have happened. */
AWAITS int db_begin(struct call *call, struct db *db, struct db_tx **ret);
#define db_tx_query(call, tx, query, rows, ...)                                                                        \
	db_tx_query_args(call, tx, query, rows, (const struct db_arg[]){ __VA_ARGS__ },                                \
			 sizeof((const struct db_arg[]){ __VA_ARGS__ }) / sizeof(struct db_arg))
AWAITS int db_tx_query_args(struct call *call, struct db_tx *tx, enum query query, struct db_rows *rows,
			    const struct db_arg *args, size_t n_args);
AWAITS int db_commit(struct call *call, struct db_tx *tx);
AWAITS struct db_tx *db_rollback(struct call *call, struct db_tx *tx); /* returns NULL */

/* ---- scripts: for migrations and administration, never for requests ---- */
/* Several statements as one text inside the transaction. call->why has the line and the SQLSTATE of a failure. */
AWAITS int db_script(struct call *call, struct db_tx *tx, struct str sql);
/* An administrator's own SQL, outside any transaction but the implicit one. Rows go to ret_text as tab-separated lines
 * under a line of column names, other statements as their command tag; a failure ends it with the server's own words,
 * which are for that person's terminal only. */
AWAITS int db_execute(struct call *call, struct db *db, struct str sql, struct buf *ret_text);

/* ---- rows as JSON ---- */
/* Keys are the column names. By type: bool, int2/4/8, float as themselves; json and jsonb as they are;
 * timestamptz as ISO 8601 UTC with milliseconds and Z; the rest as text. A column whose name starts with '_' is not
 * shown. */
struct json_out;
void db_row_json(const struct db_rows *rows, int row, struct json_out *out);
void db_row_members(const struct db_rows *rows, int row, struct json_out *out); /* for an object that has more */
void db_rows_json(const struct db_rows *rows, struct json_out *out);            /* an array of objects */

#endif

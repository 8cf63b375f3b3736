/* What the files of this folder share. Nobody else includes it.
 *
 *   fiber             group (heap)                 conn (loop's stack)
 *   db_query --new--> unsent ... LOOP_SINK hook --> PQsendQueryPrepared..., Sync
 *     await           sent   ...  uv_poll       <-- PQgetResult..., rows copied into the fiber's arena
 *     <------------ wait_complete
 *
 * libpq is called on the loop's stack only: by the hook, by poll and timer callbacks, and by db_close. */
#ifndef DB_INNER_H
#define DB_INNER_H

#include "base/buf.h"
#include "db/db.h"

#include <libpq-fe.h>

#define CONNECT_MS     5000 /* from name look-up to the last statement prepared */
#define GRACE_MS       2000 /* over statement_ms, then the server is taken for dead */
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000
#define TICK_MS        50
#define RETRY_AFTER_MS 5000
#define WAITING_MAX    4096 /* groups without a connection */
#define LEASES_MAX     256  /* fibers that wait for a connection of their own */
#define BATCH_MAX      256
#define ARGS_MAX       64
#define ADDRESSES_MAX  16
#define SQLSTATE_SIZE  6 /* five characters and NUL */

/* ---- what is sent and awaited ---- */

/* Parameters as libpq wants them, in the fiber's arena: read once, when they are sent. */
struct params {
	int n;
	const char *const *values;
	const int *lengths;
	const int *formats;
};

struct stmt {
	const char *name; /* of the prepared statement, or NULL: then `sql` is sent as it is */
	const char *sql;
	struct params params;
	bool wants_rows;
	struct db_rows rows; /* in the fiber's arena */
	int result;
	char sqlstate[SQLSTATE_SIZE];
};

enum group_kind {
	GROUP_QUERY,   /* pipelined, one Sync at the end */
	GROUP_PREPARE, /* the same, prepares its statements */
	GROUP_SCRIPT,  /* one text of several statements, outside the pipeline: alone on its connection */
};

/* What shares one Sync and one fate. References: the driver's, dropped when complete, and the fiber's. */
struct group {
	struct wait wait;
	struct group *next;
	struct call *call; /* who waits; NULL = nobody (any more): then no parameter is read and no row copied */
	enum group_kind kind;
	bool sent;
	bool left;            /* the fiber gave up: what is unsent is not sent any more */
	int64_t since_ms;     /* queued at */
	struct buf *text;     /* GROUP_SCRIPT: where rows are printed, may be NULL; of the fiber that waits */
	int line;             /* GROUP_SCRIPT: of the failure, 0 = unknown */
	unsigned n_stmts, at; /* at: the statement whose result comes next */
	struct stmt stmts[];
};

struct group_list {
	struct group *first, *last;
	unsigned n;
};

struct group *group_new(struct call *call, enum group_kind kind, unsigned n_stmts);
void group_push(struct group_list *list, struct group *group);
struct group *group_pop(struct group_list *list); /* NULL when empty */
/* Drops the driver's reference. The first failure of a statement outranks the result. */
void group_complete(struct group *group, int result);
/* Takes one result of libpq; false when the connection was lost with it. */
bool group_take(struct group *group, const PGresult *result);

/* ---- a connection ---- */

enum conn_state { CONN_DOWN, CONN_RESOLVING, CONN_CONNECTING, CONN_PREPARING, CONN_UP };

struct conn {
	struct db *db;
	bool shared;
	enum conn_state state;
	PGconn *pg;
	struct poller *poller; /* heap: outlives the connection until libuv has closed it */
	struct resolver *resolver;
	struct group_list unsent, sent;
	int64_t since_ms; /* when the oldest sent group became the oldest, or the state began */
	int64_t retry_at_ms;
	unsigned failures; /* in a row */
	bool ending;       /* the server said that it ends this connection */
	/* own lane */
	bool taken;          /* by a lease or a transaction, or not yet rolled back */
	bool releasing;      /* free again when nothing is under way */
	struct lease *lease; /* given, but its fiber has not run yet */
	struct db_tx *tx;
};

void conn_init(struct conn *conn, struct db *db, bool shared);
void conn_start(struct conn *conn);   /* from CONN_DOWN */
void conn_prepare(struct conn *conn); /* connected: checks the server and prepares the statements */
void conn_lost(struct conn *conn, const char *why);
void conn_send(struct conn *conn);         /* everything unsent */
void conn_read(struct conn *conn);         /* everything that has arrived */
void conn_close(struct conn *conn);        /* for good */
int64_t conn_age(const struct conn *conn); /* ms the oldest sent group has been waited for, 0 when none */

/* poll.c: the socket. Events as of uv_poll; 0 stops. */
void poll_set(struct conn *conn, int events);
void poll_close(struct conn *conn);

/* connect.c */
void connect_begin(struct conn *conn, const char *hosts, const char *addresses, const char *ports);
void connect_step(struct conn *conn);

/* resolve.c: calls connect_begin or conn_lost */
void resolve_start(struct conn *conn);
void resolve_drop(struct conn *conn);

/* ---- the url ---- */

struct target {
	PQconninfoOption *given;
	char *options; /* the -c settings */
	char *application;
};
bool target_init(struct target *target, const struct db_options *options); /* false: not a connection string */
void target_done(struct target *target);
const char *target_get(const struct target *target, const char *keyword); /* NULL when not given */

/* ---- the whole ---- */

struct db_tx {
	struct db *db;
	struct conn *conn; /* NULL when over or lost */
	bool begun;        /* "begin" leaves together with the first statement */
	int failed;        /* the first failure: nothing after it can succeed */
};

struct lease { /* a fiber waits for a connection of its own */
	struct wait wait;
	struct lease *next, **at;
	struct db *db;
	struct conn *conn; /* given */
};

struct db {
	struct loop *loop;
	struct loop_hook sink;
	uv_timer_t tick; /* runs while something can time out; closing it frees the db */
	struct target target;
	const struct query_text *queries;
	unsigned n_queries;
	int64_t wait_ms, statement_ms;
	char listen[80]; /* a statement, "" = none */
	void (*on_notify)(void *arg);
	void *notify_arg;
	struct conn *conns; /* the shared ones, then those for transactions */
	unsigned n_shared, n_conns;
	struct group_list waiting; /* for a shared connection */
	struct lease *lease_first, **lease_end;
	unsigned n_leases;
	struct event changed; /* for db_ready */
	char refusal[256];    /* why this server or schema will not do; "" = none known */
	bool closing;
};

int db_submit(struct call *call, struct db *db, struct group *group); /* to the shared lane */
void db_watch(struct db *db);                                         /* something may time out from now on */
void db_conn_up(struct conn *conn);
void db_conn_lost(struct conn *conn); /* its groups are in conn->unsent still, its sent ones are failed */
void db_conn_idle(struct conn *conn); /* nothing unsent, nothing sent */
void db_refuse(struct db *db, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* pool.c: connections for transactions */
AWAITS int pool_take(struct call *call, struct db *db, struct conn **ret);
void pool_give(struct conn *conn);                   /* nothing is open on it */
void pool_release(struct conn *conn, bool rollback); /* the transaction is over; given away when all is drained */
void pool_conn_gone(struct conn *conn);              /* lost or closed: nobody has it any more */
void pool_fill(struct db *db);                       /* give to those who wait what is idle, connect for the rest */
void pool_fail(struct db *db);                       /* everybody who waits gets E_NETWORK */

/* ---- helpers ---- */
int args_encode(struct call *call, const struct db_arg *args, size_t n, const char *query, struct params *ret);
void rows_copy(struct arena *arena, const PGresult *result, struct db_rows *ret);
size_t rows_column(const struct db_rows *rows, const char *col); /* aborts on a name that is not there */
int sqlstate_status(const char *sqlstate);
bool sqlstate_ends_connection(const char *sqlstate);
/* Waits for a submitted group and sets call->why. The caller reads its results, then wait_unref(&group->wait). */
AWAITS int group_await(struct call *call, struct db *db, struct group *group);
/* A group that was never submitted. */
void group_discard(struct group *group);
int stmt_fill(struct call *call, struct db *db, enum query query, const struct db_arg *args, size_t n,
	      struct stmt *ret);

/* type oids of the server's catalog, which never change: those that results may have */
enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_NAME = 19,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_JSON = 114,
	OID_FLOAT4 = 700,
	OID_FLOAT8 = 701,
	OID_UNKNOWN = 705,
	OID_VARCHAR = 1043,
	OID_TIMESTAMPTZ = 1184,
	OID_VOID = 2278,
	OID_JSONB = 3802,
};

#endif

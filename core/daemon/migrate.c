/* Migrations. */
#include "daemon/migrate.h"

#include "crypto/digest.h"
#include "db/db.h"
#include "db/migrations.h"

#include <string.h>

#define CONNECT_MS   10000
#define MIGRATION_MS (30 * 60 * 1000)

static struct db *open_db(struct call *call, const char *url, bool with_table)
{
	struct db_options options = { .url = url,
				      .application = "opshub-migrate",
				      .shared = 1,
				      .own = 1,
				      .wait_ms = CONNECT_MS,
				      .statement_ms = MIGRATION_MS };

	if (with_table) {
		options.queries = query_texts;
		options.n_queries = Q_SCHEMA_RECORD + 1; /* sql/queries/00_schema.sql comes first */
	} else {
		options.unprepared = true;
	}
	return db_open(call->loop, &options);
}

static struct str checksum(struct call *call, const struct migration *m)
{
	struct str sql = str_of(m->sql);
	uint8_t hash[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	sha256(&sql, 1, hash);
	hex_encode(hash, sizeof(hash), hex);
	return arena_str(call->arena, str_of(hex));
}

static int run_script(struct call *call, struct db *db, struct str sql)
{
	struct db_tx *tx = NULL;
	int r = db_begin(call, db, &tx);

	if (r == OK)
		r = db_script(call, tx, sql);
	if (r == OK)
		r = db_commit(call, tx);
	tx = db_rollback(call, tx);
	return r;
}

/* The table of migrations, on a connection that has nothing prepared. */
static int make_table(struct call *call, const char *url)
{
	struct db *db = open_db(call, url, false);
	int r = db_ready(call, db, CONNECT_MS);

	/* two that create it at the same moment collide in the catalog: the loser finds it there the second time */
	for (int n = 0; r == OK && n < 3; n++) {
		r = run_script(call, db, str_of(migrations[0].sql));
		if (r != E_CONFLICT)
			break;
		r = n < 2 ? OK : r;
	}
	db_close(db);
	return r;
}

static int find_row(const struct db_rows *rows, const char *name)
{
	for (int i = 0; i < rows->n_rows; i++)
		if (str_eq(db_text(rows, i, "name"), str_of(name)))
			return i;
	return -1;
}

static bool is_ours(struct str name)
{
	for (int i = 1; i < migration_count; i++)
		if (str_eq(name, str_of(migrations[i].name)))
			return true;
	return false;
}

/* What the database has must be what this version has, as far as it goes. */
static int compare(struct call *call, const struct db_rows *applied)
{
	for (int i = 0; i < applied->n_rows; i++)
		if (!is_ours(db_text(applied, i, "name")))
			return call_fail(call, E_INVALID,
					 "the database has migration %s, which this version does not know: install the "
					 "newer version again",
					 db_text(applied, i, "name").p);
	for (int i = 1; i < migration_count; i++) {
		int row = find_row(applied, migrations[i].name);

		if (row >= 0 && !str_eq(db_text(applied, row, "checksum"), checksum(call, &migrations[i])))
			return call_fail(call, E_INVALID,
					 "migration %s was applied in another form than this version has it: the "
					 "database was migrated by a "
					 "modified build",
					 migrations[i].name);
	}
	return OK;
}

/* One migration, if it is still missing once we hold the lock. */
static int apply(struct call *call, struct db *db, const struct migration *m, struct buf *report)
{
	struct db_rows applied;
	struct db_tx *tx = NULL;
	int r = db_begin(call, db, &tx);

	if (r == OK)
		r = db_tx_query(call, tx, Q_SCHEMA_LOCK, NULL, );
	if (r == OK)
		r = db_tx_query(call, tx, Q_SCHEMA_APPLIED, &applied, );
	if (r == OK)
		r = compare(call, &applied);
	if (r != OK || find_row(&applied, m->name) >= 0)
		goto out;
	r = db_script(call, tx, str_of(m->sql));
	if (r == OK)
		r = db_tx_query(call, tx, Q_SCHEMA_RECORD, NULL, A_TEXT(m->name), A_STR(checksum(call, m)));
	if (r == OK)
		r = db_commit(call, tx);
	if (r == OK)
		buf_printf(report, "applied %s\n", m->name);
	else
		r = call_fail(call, r, "migration %s failed and was rolled back: %s", m->name, call->why);
out:
	tx = db_rollback(call, tx);
	return r;
}

/* A database that has its table of migrations. */
static int open_with_table(struct call *call, const char *url, struct db **ret)
{
	struct db *db;
	int r = make_table(call, url);

	if (r != OK)
		return r;
	db = open_db(call, url, true);
	r = db_ready(call, db, CONNECT_MS);
	if (r == OK)
		*ret = db;
	else
		db_close(db);
	return r;
}

int migrate_deploy(struct call *call, const char *url, struct buf *report)
{
	struct db *db = NULL;
	int r = open_with_table(call, url, &db);

	for (int i = 1; r == OK && i < migration_count; i++)
		r = apply(call, db, &migrations[i], report);
	if (r == OK)
		buf_printf(report, "the database has all %d migrations\n", migration_count - 1);
	db_close(db);
	return r;
}

static int applied_rows(struct call *call, const char *url, struct db_rows *ret)
{
	struct db *db = NULL;
	int r = open_with_table(call, url, &db);

	if (r == OK)
		r = db_query(call, db, Q_SCHEMA_APPLIED, ret, );
	db_close(db);
	return r;
}

int migrate_status(struct call *call, const char *url, struct buf *report)
{
	struct db_rows applied;
	int r = applied_rows(call, url, &applied);

	if (r != OK)
		return r;
	for (int i = 1; i < migration_count; i++) {
		int row = find_row(&applied, migrations[i].name);

		buf_printf(report, "%-24s %s\n", migrations[i].name,
			   row < 0 ? "missing" : db_text(&applied, row, "applied_at").p);
	}
	return compare(call, &applied);
}

int schema_check(struct call *call, const char *url, struct buf *report)
{
	struct db_options options = { .url = url, .application = "opshub-check", .shared = 1 };
	struct db_rows applied;
	struct db *db;
	int r = applied_rows(call, url, &applied);

	if (r == OK)
		r = compare(call, &applied);
	for (int i = 1; r == OK && i < migration_count; i++)
		if (find_row(&applied, migrations[i].name) < 0)
			r = call_fail(call, E_INVALID, "migration %s is missing: run opshubd migrate deploy",
				      migrations[i].name);
	if (r != OK)
		return r;
	db = db_open(call->loop, &options);
	r = db_ready(call, db, CONNECT_MS);
	db_close(db);
	if (r == OK)
		buf_printf(report, "%d migrations are applied and all %d statements fit the schema\n",
			   migration_count - 1, query_count);
	return r;
}

int seed(struct call *call, const char *url)
{
	struct db *db = open_db(call, url, false);
	int r = db_ready(call, db, CONNECT_MS);

	if (r == OK)
		r = run_script(call, db, str_of(seed_sql));
	db_close(db);
	return r;
}

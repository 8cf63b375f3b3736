/* A database with two small tables, opened with the statements of test_queries.h. One test program includes it once. */
#ifndef DB_FIXTURE_H
#define DB_FIXTURE_H

#include "db/db.h"
#include "unit/db/pg_fixture.h"
#include "unit/db/test_queries.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct server pg;
static struct loop *loop;
static struct db *db;
static const struct db_options options = { .shared = 2,
					   .own = 3,
					   .wait_ms = 1000,
					   .statement_ms = 1000,
					   .application = "unit-db",
					   .queries = test_queries,
					   .n_queries = test_query_count };

static inline struct db *open_with(const struct db_options *base)
{
	struct db_options o = *base;

	if (!o.url)
		o.url = pg_url(&pg);
	return db_open(loop, &o);
}

static inline void schema(struct call *call, void *arg)
{
	struct buf text;

	(void)arg;
	buf_init(&text, 4096);
	CHECK_INT(db_execute(call, db,
			     STR("create table t (id int8 primary key, name text check (name <> 'bad'));\n"
				 "create table blobs (data bytea)"),
			     &text),
		  OK);
	CHECK_TEXT(buf_str(&text), "CREATE TABLE\nCREATE TABLE\n");
	buf_done(&text);
}

static inline int set_up(void **state)
{
	struct db_options unprepared = options;

	(void)state;
	log_open(1, getenv("TEST_LOG") ? LOG_DEBUG : LOG_ERROR + 1);
	pg_new(&pg);
	loop = loop_new(0);
	loop_watchdog(loop, 0);
	unprepared.unprepared = true;
	db = open_with(&unprepared);
	run_fiber(loop, schema, NULL);
	db_close(db);
	db = open_with(&options);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	db_close(db);
	loop_free(loop);
	pg_free(&pg);
	return 0;
}

static inline void ready(struct call *call)
{
	CHECK_INT(db_ready(call, db, 5000), OK);
}

static inline int64_t count(struct call *call, const char *like)
{
	struct db_rows rows;

	CHECK_INT(db_query(call, db, Q(T_COUNT), &rows, A_TEXT(like)), OK);
	return db_int(&rows, 0, "n");
}

#define IN_FIBER(name)                                                                                                 \
	static void test_##name(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		run_fiber(loop, name, NULL);                                                                           \
	}

#endif

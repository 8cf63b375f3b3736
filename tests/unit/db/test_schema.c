/* The product's own SQL: every migration and the seed run, and every query fits the schema they make. */
#include "db/db.h"
#include "db/migrations.h"
#include "unit/db/pg_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct server pg;

static void migrate(struct call *call, void *arg)
{
	struct db_tx *tx;

	for (int i = 0; i <= migration_count; i++) {
		const char *sql = i < migration_count ? migrations[i].sql : seed_sql;
		int r;

		CHECK_INT(db_begin(call, arg, &tx), OK);
		r = db_script(call, tx, str_of(sql));
		if (r < 0)
			fprintf(stderr, "%s: %s\n", i < migration_count ? migrations[i].name : "seed.sql", call->why);
		CHECK_INT(r, OK);
		CHECK_INT(db_commit(call, tx), OK);
	}
}

static void prepare(struct call *call, void *arg)
{
	int r = db_ready(call, arg, 5000);

	if (r < 0)
		fprintf(stderr, "%s\n", call->why);
	CHECK_INT(r, OK);
}

static void test_schema(void **state)
{
	struct loop *loop = loop_new(0);
	struct db_options options = { .url = pg_url(&pg), .unprepared = true };
	struct db *db = db_open(loop, &options);

	(void)state;
	assert_true(migration_count > 0);
	assert_true(query_count > 0);
	run_fiber(loop, migrate, db);
	db_close(db);
	options.unprepared = false;
	db = db_open(loop, &options);
	run_fiber(loop, prepare, db);
	db_close(db);
	loop_free(loop);
}

static int set_up(void **state)
{
	(void)state;
	log_open(1, LOG_ERROR);
	pg_new(&pg);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pg_free(&pg);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_schema) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

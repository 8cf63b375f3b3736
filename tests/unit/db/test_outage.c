/* The database layer while its server is killed, restarted, stopped, wrong or closed under way. */
#include "base/clock.h"
#include "unit/db/db_fixture.h"

static int finished;

static void wait_until_up(struct call *call)
{
	for (int i = 0; i < 600 && !db_is_up(db); i++)
		fiber_sleep(call, 10);
	CHECK(db_is_up(db));
}

static void killed(struct call *call, void *arg)
{
	struct db_tx *tx = NULL;
	int64_t before;

	(void)arg;
	CHECK_INT(db_begin(call, db, &tx), OK);
	CHECK_INT(db_tx_query(call, tx, Q(T_ADD), NULL, A_INT(401), A_TEXT("lost")), OK);
	server_stop(&pg, SIGQUIT);
	fiber_sleep(call, 50);
	CHECK(!db_is_up(db));
	before = clock_mono_ms();
	CHECK_INT(db_query(call, db, Q(T_ONE), NULL, A_INT(1)), E_NETWORK);
	CHECK(clock_mono_ms() - before >= 900 && clock_mono_ms() - before < 1300); /* wait_ms */
	CHECK(call->retry_after_ms == 5000 && strstr(call->why, "reached"));
	CHECK_INT(db_tx_query(call, tx, Q(T_ONE), NULL, A_INT(1)), E_NETWORK);
	CHECK_INT(db_commit(call, tx), E_NETWORK);
	db_rollback(call, tx);
	CHECK_INT(db_begin(call, db, &tx), E_NETWORK);
	pg_start(&pg);
	wait_until_up(call);
	CHECK_INT(count(call, "lost"), 0);
	CHECK_INT(db_begin(call, db, &tx), OK);
	CHECK_INT(db_tx_query(call, tx, Q(T_ONE), NULL, A_INT(1)), OK);
	CHECK_INT(db_commit(call, tx), OK);
}

/* Waits through a restart: queries that come while the server is away are answered when it is back. */
static void restarted(struct call *call, void *arg)
{
	struct db_rows rows;

	(void)arg;
	for (int i = 0; i < 600 && db_is_up(db); i++)
		fiber_sleep(call, 2);
	CHECK_INT(db_query(call, db, Q(T_ONE), &rows, A_INT(8)), OK);
	CHECK_INT(db_int(&rows, 0, "n"), 8);
	finished++;
}

static void restarter(struct call *call, void *arg)
{
	(void)arg;
	fiber_sleep(call, 10);
	server_stop(&pg, SIGQUIT);
	pg_start(&pg);
}

static void test_waits_through_restart(void **state)
{
	(void)state;
	finished = 0;
	for (int i = 0; i < 30; i++)
		start_fiber(loop, restarted, NULL, NULL);
	run_fiber(loop, restarter, NULL);
	assert_int_equal(finished, 30);
}

static void dies_under_way(struct call *call, void *arg)
{
	(void)arg;
	CHECK_INT(db_query(call, db, Q(T_SLEEP), NULL, A_DOUBLE(0.9)), E_TIMEOUT); /* sent: it may have happened */
	finished++;
}

static void kills_soon(struct call *call, void *arg)
{
	(void)arg;
	fiber_sleep(call, 100);
	signal_all(pg.pid, SIGKILL);
	server_stop(&pg, SIGKILL);
	fiber_sleep(call, 200);
	pg_start(&pg);
	wait_until_up(call);
}

static void test_killed_under_way(void **state)
{
	(void)state;
	finished = 0;
	start_fiber(loop, dies_under_way, NULL, NULL);
	run_fiber(loop, kills_soon, NULL);
	assert_int_equal(finished, 1);
}

static void hung(struct call *call, void *arg)
{
	int64_t before = clock_mono_ms();

	(void)arg;
	for (int i = 0; i < 4; i++)
		CHECK_INT(db_query(call, db, Q(T_ONE), NULL, A_INT(1)), OK);
	signal_all(pg.pid, SIGSTOP);
	CHECK_INT(db_query(call, db, Q(T_ONE), NULL, A_INT(1)), E_TIMEOUT);
	CHECK(clock_mono_ms() - before < 2500);
	while (db_is_up(db)) { /* each connection is closed statement_ms + 2 s after it has stopped to answer */
		CHECK(db_query(call, db, Q(T_ONE), NULL, A_INT(1)) < 0);
		CHECK(clock_mono_ms() - before < 10000);
	}
	CHECK_INT(db_query(call, db, Q(T_ONE), NULL, A_INT(1)), E_NETWORK);
	signal_all(pg.pid, SIGCONT);
	fiber_sleep(call, 200);
	wait_until_up(call);
	for (int i = 0; i < 4; i++)
		CHECK_INT(db_query(call, db, Q(T_ONE), NULL, A_INT(1)), OK);
}

static void terminated(struct call *call, void *arg)
{
	struct db_rows rows;
	struct db_tx *tx = NULL;
	struct buf text;

	(void)arg;
	buf_init(&text, 4096);
	CHECK_INT(db_begin(call, db, &tx), OK);
	CHECK_INT(db_tx_query(call, tx, Q(T_PID), &rows), OK);
	CHECK_INT(db_execute(call, db,
			     arena_printf(call->arena, "select pg_terminate_backend(%lld)",
					  (long long)db_int(&rows, 0, "pid")),
			     &text),
		  OK);
	fiber_sleep(call, 50);
	CHECK_INT(db_tx_query(call, tx, Q(T_ONE), NULL, A_INT(1)), E_NETWORK);
	db_rollback(call, tx);
	for (int i = 0; i < 6; i++) {
		CHECK_INT(db_begin(call, db, &tx), OK);
		CHECK_INT(db_tx_query(call, tx, Q(T_ONE), NULL, A_INT(1)), OK);
		CHECK_INT(db_commit(call, tx), OK);
	}
	buf_done(&text);
}

/* ---- starting ---- */

struct start_case {
	struct db_options options;
	int result;
	const char *why;
};

static void starts(struct call *call, void *arg)
{
	const struct start_case *c = arg;
	struct db *other = open_with(&c->options);
	int64_t before = clock_mono_ms();

	CHECK_INT(db_ready(call, other, 500), c->result);
	if (c->result != OK)
		CHECK(strstr(call->why, c->why));
	if (c->result == E_INVALID)
		CHECK(clock_mono_ms() - before < 400);
	db_close(other);
}

static void test_start(void **state)
{
	static const struct query_text wrong[] = { { "fine", "select 1" },
						   { "misfit", "select nothing from nowhere" },
						   { "later", "select 2" } };
	char refused_url[96], named_url[96], several_url[128];
	struct start_case cases[] = {
		{ { .queries = wrong, .n_queries = 3 }, E_INVALID, "misfit" },
		{ { .queries = wrong, .n_queries = 3, .unprepared = true }, OK, "" },
		{ { .url = "http://x" }, E_INVALID, "not a PostgreSQL connection string" },
		{ { .url = refused_url, .unprepared = true }, E_NETWORK, "cannot be reached" },
		{ { .url = "postgresql://nobody.invalid/x", .unprepared = true }, E_NETWORK, "cannot be reached" },
		{ { .url = named_url, .unprepared = true }, OK, "" },
		{ { .url = several_url, .unprepared = true }, OK, "" },
	};

	(void)state;
	setenv("PGHOST", "192.0.2.1", 1);
	setenv("PGOPTIONS", "-c statement_timeout=1", 1);
	snprintf(refused_url, sizeof(refused_url), "postgresql://opshub@127.0.0.1:%d/postgres", free_port());
	snprintf(named_url, sizeof(named_url), "postgresql://opshub@localhost:%d/postgres", pg.port);
	snprintf(several_url, sizeof(several_url), "postgresql://opshub@127.0.0.1:1,localhost:%d/postgres", pg.port);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		run_fiber(loop, starts, &cases[i]);
	assert_null(getenv("PGHOST"));
	assert_null(getenv("PGOPTIONS"));
}

static struct db *closing;

static void asks_for_ever(struct call *call, void *arg)
{
	int r = db_query(call, closing, Q(T_SLEEP), NULL, A_DOUBLE(0.8));

	(void)arg;
	CHECK(r == E_TIMEOUT || r == E_NETWORK);
	finished++;
}

static void closes(struct call *call, void *arg)
{
	(void)arg;
	fiber_sleep(call, 100);
	db_close(closing);
}

static void test_close_under_way(void **state)
{
	(void)state;
	finished = 0;
	closing = open_with(&options);
	for (int i = 0; i < 10; i++)
		start_fiber(loop, asks_for_ever, NULL, NULL);
	run_fiber(loop, closes, NULL);
	assert_int_equal(finished, 10);
}

IN_FIBER(terminated)
IN_FIBER(killed)
IN_FIBER(hung)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terminated),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_waits_through_restart),
		cmocka_unit_test(test_killed_under_way),
		cmocka_unit_test(test_hung),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_close_under_way),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

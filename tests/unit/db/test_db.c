/* The database layer against a real PostgreSQL: parameters, lanes, failures, transactions, scripts. */
#include "base/clock.h"
#include "base/json_write.h"
#include "unit/db/db_fixture.h"

/* ---- parameters and rows ---- */

static void echo(struct call *call, void *arg)
{
	const struct str texts[] = { STR("plain"), STR("a \"quote\" and \\ {,}"), { NULL, 0 }, STR(""), STR("NULL") };
	const int64_t ints[] = { 1, -2, INT64_MAX };
	struct db_rows rows;

	(void)arg;
	ready(call);
	CHECK_INT(db_query(call, db, Q(T_ECHO), &rows, A_TEXT("héllo"), A_INT(INT64_MIN), A_BOOL(true), A_DOUBLE(0.1),
			   A_BYTES(STR("\0\xff\x01z")), A_TEXTS(texts, 5), A_INTS(ints, 3), A_TIME(1701424800123),
			   A_NULL),
		  OK);
	CHECK_INT(rows.n_rows, 1);
	CHECK_INT(rows.n_cols, 9);
	CHECK_TEXT(db_text(&rows, 0, "t"), "héllo");
	CHECK(db_int(&rows, 0, "i") == INT64_MIN);
	CHECK(db_bool(&rows, 0, "b"));
	CHECK_TEXT(db_text(&rows, 0, "d"), "0.1");
	CHECK(str_eq(db_bytes(call, &rows, 0, "y"), STR("\0\xff\x01z")));
	CHECK_TEXT(db_text(&rows, 0, "ts"), "{plain,\"a \\\"quote\\\" and \\\\ {,}\",NULL,\"\",\"NULL\"}");
	CHECK_TEXT(db_text(&rows, 0, "is"), "{1,-2,9223372036854775807}");
	CHECK(db_time(&rows, 0, "at") == 1701424800123);
	CHECK(db_is_null(&rows, 0, "nothing") && !db_is_null(&rows, 0, "t"));
	CHECK_INT(db_query(call, db, Q(T_TEXTS), &rows, A_TEXTS(texts, 5)), OK);
	CHECK_INT(rows.n_rows, 5);
	for (int i = 0; i < 5; i++)
		CHECK(str_eq(db_text(&rows, i, "x"), texts[i].p ? texts[i] : STR("is null")));
	CHECK_INT(db_query(call, db, Q(T_TEXTS), &rows, A_TEXTS(texts, 0)), OK);
	CHECK_INT(rows.n_rows, 0);
	CHECK_INT(db_query(call, db, Q(T_ECHO), &rows, A_TEXT(""), A_NULL, A_BOOL(false), A_NULL, A_BYTES(STR("")),
			   A_NULL, A_INTS(ints, 0), A_NULL, A_NULL),
		  OK);
	CHECK(!db_is_null(&rows, 0, "t") && db_text(&rows, 0, "t").n == 0 && db_is_null(&rows, 0, "i"));
	CHECK(db_time(&rows, 0, "at") == 0 && db_bytes(call, &rows, 0, "y").n == 0 && !db_is_null(&rows, 0, "y"));
}

static void refused(struct call *call, void *arg)
{
	const struct str texts[] = { STR("ok"), STR("a\0b") };
	struct db_rows rows = { .n_rows = 77 };

	(void)arg;
	CHECK_INT(db_query(call, db, Q(T_COUNT), &rows, A_STR(STR("a\0b"))), E_INVALID);
	CHECK(strstr(call->why, "NUL"));
	CHECK_INT(db_query(call, db, Q(T_TEXTS), &rows, A_TEXTS(texts, 2)), E_INVALID);
	CHECK_INT(db_query(call, db, Q(T_COUNT), &rows, A_STR(STR("\xed\xb0\x80"))), E_INVALID);
	CHECK(strstr(call->why, "count") && strstr(call->why, "22021") && !strstr(call->why, "0xed"));
	CHECK_INT(db_query(call, db, Q(T_DIVIDE), &rows, A_INT(0)), E_INTERNAL);
	CHECK_INT(db_query(call, db, Q(T_DIVIDE), &rows, A_TEXT("x")), E_INVALID);
	CHECK_INT(db_query(call, db, Q(T_ONE), &rows, A_INT(1), A_INT(2)), E_INTERNAL);
	CHECK_INT(db_query(call, db, Q(T_ADD), NULL, A_INT(1), A_TEXT("bad")), E_INVALID);
	CHECK_INT(db_query(call, db, (enum query)9999, &rows), E_INTERNAL);
	CHECK_INT(rows.n_rows, 77); /* never written on failure */
	CHECK_INT(db_query(call, db, Q(T_ONE), &rows, A_INT(5)), OK);
	CHECK_INT(db_int(&rows, 0, "n"), 5);
}

static void json(struct call *call, void *arg)
{
	struct db_rows rows;
	struct buf buf;

	(void)arg;
	buf_init(&buf, 65536);
	CHECK_INT(db_query(call, db, Q(T_ROWS), &rows, A_INT(2)), OK);
	db_rows_json(&rows, &JSON_OUT(&buf));
	CHECK_TEXT(buf_str(&buf), "[{\"id\":1,\"aText\":\"it's \\\"quoted\\\" "
				  "<b>1\",\"flag\":false,\"nothing\":null,\"real\":1.5,\"nan\":null,"
				  "\"exact\":0.25,\"doc\":{\"a\": [1]},\"createdAt\":\"2023-12-01T10:00:00.123Z\","
				  "\"updatedAt\":\"2023-12-01T10:00:00.000Z\"},"
				  "{\"id\":2,\"aText\":\"it's \\\"quoted\\\" "
				  "<b>2\",\"flag\":true,\"nothing\":null,\"real\":1.5,\"nan\":null,"
				  "\"exact\":0.25,\"doc\":{\"a\": [1]},\"createdAt\":\"2023-12-01T10:00:00.123Z\","
				  "\"updatedAt\":\"2023-12-01T10:00:00.000Z\"}]");
	buf_clear(&buf);
	CHECK_INT(db_query(call, db, Q(T_ROWS), &rows, A_INT(0)), OK);
	db_rows_json(&rows, &JSON_OUT(&buf));
	CHECK_TEXT(buf_str(&buf), "[]");
	buf_done(&buf);
}

/* ---- the shared lane ---- */

static int finished;
static int64_t slowest_us;

static void slow(struct call *call, void *arg)
{
	(void)arg;
	CHECK_INT(db_query(call, db, Q(T_SLEEP), NULL, A_DOUBLE(0.5)), OK);
	finished++;
}

static void fast(struct call *call, void *arg)
{
	struct db_rows rows;
	int64_t before;

	for (int i = 0; i < 20; i++) {
		fiber_sleep(call, 15);
		before = clock_mono_us();
		CHECK_INT(db_query(call, db, Q(T_ONE), &rows, A_INT((intptr_t)arg)), OK);
		CHECK_INT(db_int(&rows, 0, "n"), (intptr_t)arg);
		if (clock_mono_us() - before > slowest_us)
			slowest_us = clock_mono_us() - before;
	}
	finished++;
}

static void failing(struct call *call, void *arg)
{
	for (int i = 0; i < 20; i++)
		CHECK_INT(db_query(call, db, Q(T_DIVIDE), NULL, A_INT((intptr_t)arg)), E_INTERNAL);
	finished++;
}

static void test_slow_beside_fast(void **state)
{
	(void)state;
	finished = 0;
	slowest_us = 0;
	start_fiber(loop, slow, NULL, NULL);
	for (intptr_t i = 1; i <= 20; i++) {
		start_fiber(loop, fast, (void *)i, NULL);
		start_fiber(loop, failing, (void *)0, NULL);
	}
	loop_run(loop);
	assert_int_equal(finished, 41);
	assert_true(slowest_us < 300000); /* nobody was queued behind the slow one */
}

static void impatient(struct call *call, void *arg)
{
	(void)arg;
	call->deadline_ms = clock_mono_ms() + 50;
	CHECK_INT(db_query(call, db, Q(T_SLEEP), NULL, A_DOUBLE(0.2)), E_TIMEOUT);
	CHECK(strstr(call->why, "sleep") && strstr(call->why, "may have happened"));
	CHECK_INT(db_query(call, db, Q(T_SLEEP), NULL, A_DOUBLE(0.2)), E_NETWORK); /* its time is over: never sent */
	finished++;
}

static void cancelled(struct call *call, void *arg)
{
	(void)arg;
	CHECK_INT(db_query(call, db, Q(T_SLEEP), NULL, A_DOUBLE(0.2)), E_CANCELLED);
	CHECK_INT(db_query(call, db, Q(T_ADD), NULL, A_INT(4711), A_TEXT("never")), E_CANCELLED);
	finished++;
}

static void canceller(struct call *call, void *arg)
{
	struct db_rows rows;

	fiber_sleep(call, 20);
	fiber_cancel(arg);
	fiber_sleep(call, 300);
	CHECK_INT(db_query(call, db, Q(T_GET), &rows, A_INT(4711)), OK);
	CHECK_INT(rows.n_rows, 0); /* what was queued by a cancelled fiber did not leave */
	for (int i = 0; i < 10; i++)
		CHECK_INT(db_query(call, db, Q(T_ONE), NULL, A_INT(1)), OK); /* both connections are in step */
}

static void test_abandoned(void **state)
{
	struct fiber *fiber;

	(void)state;
	finished = 0;
	for (int i = 0; i < 5; i++)
		start_fiber(loop, impatient, NULL, NULL);
	start_fiber(loop, cancelled, NULL, &fiber);
	start_fiber(loop, canceller, fiber, NULL);
	loop_run(loop);
	fiber_unref(fiber);
	assert_int_equal(finished, 6);
}

static void too_slow(struct call *call, void *arg)
{
	int64_t before = clock_mono_ms();

	(void)arg;
	CHECK_INT(db_query(call, db, Q(T_SLEEP), NULL, A_DOUBLE(5)), E_TIMEOUT);
	CHECK(clock_mono_ms() - before < 1500); /* statement_timeout */
	CHECK(strstr(call->why, "stopped"));
}

static void big(struct call *call, void *arg)
{
	struct db_stmt *stmts = arena_alloc(call->arena, 40 * sizeof(*stmts));
	struct db_arg *args = arena_alloc(call->arena, 40 * sizeof(*args));
	char *data = arena_raw(call->arena, 1 << 20);
	struct db_rows rows;

	(void)arg;
	memset(data, 7, 1 << 20);
	for (int i = 0; i < 40; i++) { /* 40 MB down and 40 MB up in one go: both sides' buffers fill */
		args[i] = i % 2 ? A_BYTES(((struct str){ data, 1 << 20 })) : A_INT(1 << 20);
		stmts[i] = (struct db_stmt){ .query = Q(i % 2 ? T_BLOB : T_BIG), .args = &args[i], .n_args = 1 };
	}
	CHECK_INT(db_batch(call, db, stmts, 40, true), OK);
	CHECK_INT(stmts[1].rows.affected, 1);
	CHECK_INT(db_text(&stmts[0].rows, 0, "x").n, 1 << 20);
	CHECK_INT(db_query(call, db, Q(T_BIG), &rows, A_INT(0)), OK);
}

/* ---- batches and transactions ---- */

static void batches(struct call *call, void *arg)
{
	const struct db_arg a[] = { A_INT(101), A_TEXT("batch") }, b[] = { A_INT(102), A_TEXT("batch") };
	struct db_stmt stmts[] = { { .query = Q(T_ADD), .args = a, .n_args = 2 },
				   { .query = Q(T_ADD), .args = a, .n_args = 2 },
				   { .query = Q(T_ADD), .args = b, .n_args = 2 } };

	(void)arg;
	CHECK_INT(db_batch(call, db, stmts, 3, true), E_CONFLICT);
	CHECK(strstr(call->why, "add") && strstr(call->why, "23505"));
	CHECK_INT(count(call, "batch"), 0);
	CHECK_INT(db_batch(call, db, stmts, 3, false), OK);
	CHECK_INT(count(call, "batch"), 2); /* which of the two equal ones won is the connections' affair */
	CHECK_INT((stmts[0].result == OK) + (stmts[1].result == OK), 1);
	CHECK_INT((stmts[0].result == E_CONFLICT) + (stmts[1].result == E_CONFLICT), 1);
	CHECK_INT(stmts[2].result, OK);
	CHECK_INT(stmts[2].rows.affected, 1);
	CHECK_INT(db_batch(call, db, stmts, 0, true), OK);
}

static void transactions(struct call *call, void *arg)
{
	struct db_tx *tx = NULL, *other = NULL;
	struct db_rows rows;

	(void)arg;
	CHECK_INT(db_begin(call, db, &tx), OK);
	CHECK_INT(db_tx_query(call, tx, Q(T_ADD), NULL, A_INT(201), A_TEXT("tx")), OK);
	CHECK_INT(db_tx_query(call, tx, Q(T_COUNT), &rows, A_TEXT("tx")), OK);
	CHECK_INT(db_int(&rows, 0, "n"), 1);
	CHECK_INT(count(call, "tx"), 0);
	CHECK_INT(db_begin(call, db, &other), OK);
	CHECK_INT(db_tx_query(call, other, Q(T_COUNT), &rows, A_TEXT("tx")), OK);
	CHECK_INT(db_int(&rows, 0, "n"), 0);
	other = db_rollback(call, other);
	CHECK_INT(db_commit(call, tx), OK);
	tx = db_rollback(call, tx);
	CHECK(!tx && !other);
	CHECK_INT(count(call, "tx"), 1);
	CHECK_INT(db_begin(call, db, &tx), OK); /* rolled back on purpose */
	CHECK_INT(db_tx_query(call, tx, Q(T_ADD), NULL, A_INT(202), A_TEXT("tx")), OK);
	tx = db_rollback(call, tx);
	CHECK_INT(count(call, "tx"), 1);
	CHECK_INT(db_begin(call, db, &tx), OK); /* failed: everything after fails too, also the commit */
	CHECK_INT(db_tx_query(call, tx, Q(T_ADD), NULL, A_INT(203), A_TEXT("tx")), OK);
	CHECK_INT(db_tx_query(call, tx, Q(T_ADD), NULL, A_INT(203), A_TEXT("tx")), E_CONFLICT);
	CHECK_INT(db_tx_query(call, tx, Q(T_COUNT), &rows, A_TEXT("tx")), E_CONFLICT);
	CHECK_INT(db_commit(call, tx), E_CONFLICT);
	db_rollback(call, tx);
	CHECK_INT(count(call, "tx"), 1);
	CHECK_INT(db_begin(call, db, &tx), OK);
	CHECK_INT(db_commit(call, tx), OK); /* empty */
	CHECK(!db_rollback(call, NULL));
}

static void forgets(struct call *call, void *arg)
{
	struct db_tx *tx;

	(void)arg;
	CHECK_INT(db_begin(call, db, &tx), OK);
	CHECK_INT(db_tx_query(call, tx, Q(T_ADD), NULL, A_INT(250 + loop_fibers(loop)), A_TEXT("forgotten")), OK);
}

static void remembers(struct call *call, void *arg)
{
	(void)arg;
	fiber_sleep(call, 100);
	CHECK_INT(count(call, "forgotten"), 0);
	for (int i = 0; i < 6; i++) {
		struct db_tx *tx;

		CHECK_INT(db_begin(call, db, &tx), OK);
		CHECK_INT(db_tx_query(call, tx, Q(T_ONE), NULL, A_INT(1)), OK);
		db_rollback(call, tx);
	}
}

static void test_forgotten_transactions(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		start_fiber(loop, forgets, NULL, NULL);
	run_fiber(loop, remembers, NULL);
}

static unsigned inside, most_inside;

static void competes(struct call *call, void *arg)
{
	struct db_tx *tx = NULL;

	CHECK_INT(db_begin(call, db, &tx), OK);
	if (++inside > most_inside)
		most_inside = inside;
	CHECK_INT(db_tx_query(call, tx, Q(T_ADD), NULL, A_INT(1000 + (intptr_t)arg), A_TEXT("compete")), OK);
	fiber_sleep(call, 2);
	inside--;
	if ((intptr_t)arg % 2)
		CHECK_INT(db_commit(call, tx), OK);
	db_rollback(call, tx);
	finished++;
}

static void counts_fifty(struct call *call, void *arg)
{
	(void)arg;
	CHECK_INT(count(call, "compete"), 50);
}

static void test_hundred_for_three(void **state)
{
	(void)state;
	finished = 0;
	for (intptr_t i = 0; i < 100; i++)
		start_fiber(loop, competes, (void *)i, NULL);
	loop_run(loop);
	assert_int_equal(finished, 100);
	assert_int_equal(most_inside, 3);
	run_fiber(loop, counts_fifty, NULL);
}

static void holds(struct call *call, void *arg)
{
	struct db_tx *tx = NULL;

	(void)arg;
	CHECK_INT(db_begin(call, db, &tx), OK);
	fiber_sleep(call, 1300);
	db_rollback(call, tx);
}

static void comes_too_late(struct call *call, void *arg)
{
	struct db_tx *tx = NULL;

	(void)arg;
	fiber_sleep(call, 50);
	CHECK_INT(db_begin(call, db, &tx), E_LIMITED);
	CHECK(!tx && strstr(call->why, "busy") && call->retry_after_ms > 0);
}

static void test_all_busy(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		start_fiber(loop, holds, NULL, NULL);
	run_fiber(loop, comes_too_late, NULL);
}

static void scripts(struct call *call, void *arg)
{
	struct db_tx *tx = NULL;
	struct db_rows rows;
	struct buf text;

	(void)arg;
	CHECK_INT(db_begin(call, db, &tx), OK);
	CHECK_INT(db_script(call, tx,
			    STR("insert into t values (301, 'script');\n-- a comment; with a semicolon\n"
				"insert into t values (302, 'a;b');")),
		  OK);
	CHECK_INT(db_tx_query(call, tx, Q(T_COUNT), &rows, A_TEXT("script")), OK); /* pipeline mode again */
	CHECK_INT(db_int(&rows, 0, "n"), 1);
	CHECK_INT(count(call, "script"), 0);
	CHECK_INT(db_commit(call, tx), OK);
	CHECK_INT(count(call, "a;b"), 1);
	CHECK_INT(db_begin(call, db, &tx), OK);
	CHECK_INT(db_script(call, tx, STR("insert into t values (303, 'script');\n\nselect * from missing;")),
		  E_INTERNAL);
	CHECK(strstr(call->why, "line 3") && strstr(call->why, "42P01"));
	CHECK_INT(db_commit(call, tx), E_INTERNAL);
	CHECK_INT(count(call, "script"), 1);
	CHECK_INT(db_begin(call, db, &tx), OK);
	CHECK_INT(db_script(call, tx, STR("copy t from stdin")), E_UNSUPPORTED);
	db_rollback(call, tx);
	buf_init(&text, 4096);
	CHECK_INT(db_execute(call, db,
			     STR("begin; update t set name = 'x' where id = 301; select 1 as a, null as b, 'é' as c"),
			     &text),
		  OK);
	CHECK_TEXT(buf_str(&text), "BEGIN\nUPDATE 1\na\tb\tc\n1\t\té\n");
	buf_clear(&text);
	CHECK_INT(db_execute(call, db, STR("select 1 as a; selec"), &text), E_INTERNAL);
	CHECK_TEXT(buf_str(&text), "ERROR 42601: syntax error at or near \"selec\"\n");
	buf_done(&text);
	fiber_sleep(call, 50);
	CHECK_INT(count(call, "script"), 1); /* the open transaction was rolled back */
}

IN_FIBER(echo)
IN_FIBER(refused)
IN_FIBER(json)
IN_FIBER(too_slow)
IN_FIBER(big)
IN_FIBER(batches)
IN_FIBER(transactions)
IN_FIBER(scripts)

/* ---- notifications ---- */

static void count_news(void *arg)
{
	++*(int *)arg;
}

static int more_than(struct call *call, const int *news, int before)
{
	for (int i = 0; i < 300 && *news <= before; i++)
		fiber_sleep(call, 10);
	return *news - before;
}

static void news(struct call *call, void *arg)
{
	struct db_options o = options;
	struct db_tx *tx;
	struct db *listener;
	int n = 0, before;

	(void)arg;
	ready(call);
	o.shared = 1;
	o.application = "unit-listener";
	o.listen = "news";
	o.on_notify = count_news;
	o.notify_arg = &n;
	listener = open_with(&o);
	CHECK_INT(db_ready(call, listener, 5000), OK);
	CHECK_INT(n, 1); /* being connected counts: what came before was missed */
	CHECK_INT(db_query(call, db, Q(T_NOTIFY), NULL, ), OK);
	CHECK_INT(more_than(call, &n, 1), 1); /* an idle connection hears it */
	CHECK_INT(db_begin(call, db, &tx), OK);
	CHECK_INT(db_tx_query(call, tx, Q(T_NOTIFY), NULL, ), OK);
	fiber_sleep(call, 50);
	CHECK_INT(n, 2); /* not before the commit */
	CHECK_INT(db_commit(call, tx), OK);
	CHECK_INT(more_than(call, &n, 2), 1);
	before = n;
	CHECK_INT(db_query(call, db, Q(T_END), NULL, A_TEXT("unit-listener")), OK);
	CHECK_INT(more_than(call, &n, before), 1); /* back again */
	before = n;
	CHECK_INT(db_query(call, db, Q(T_NOTIFY), NULL, ), OK);
	CHECK_INT(more_than(call, &n, before), 1);
	db_close(listener);
}

static void test_notifications(void **state)
{
	(void)state;
	run_fiber(loop, news, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_slow_beside_fast),
		cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_too_slow),
		cmocka_unit_test(test_big),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_forgotten_transactions),
		cmocka_unit_test(test_hundred_for_three),
		cmocka_unit_test(test_all_busy),
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_notifications),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

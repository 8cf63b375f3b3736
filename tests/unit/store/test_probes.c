/* Claims, parents and results of probes, in a real database. */
#include "store/probes.h"

#include "base/clock.h"
#include "db/migrations.h"
#include "unit/db/pg_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define WORKER   STR("worker_1")
#define LEASE_MS 15000
#define FIVE_MS  300000

static struct server pg;
static struct loop *loop;
static struct db *db;

static struct str sql(struct call *call, const char *statement)
{
	struct str text;
	struct buf out;
	size_t head;

	buf_init(&out, 256 * 1024);
	if (db_execute(call, db, str_of(statement), &out) != OK) {
		fprintf(stderr, "%s\n%.*s\n", statement, STR_FMT(buf_str(&out)));
		give_up();
	}
	text = arena_str(call->arena, buf_str(&out));
	buf_done(&out);
	for (head = 0; head < text.n && text.p[head] != '\n'; head++)
		;
	return head < text.n ? (struct str){ text.p + head + 1, text.n - head - 1 } : (struct str){ 0 };
}

static void expect(struct call *call, const char *query, const char *lines)
{
	struct str found = sql(call, query);

	if (!str_eq(found, str_of(lines))) {
		fprintf(stderr, "%s\nfound:\n%.*sexpected:\n%s", query, STR_FMT(found), lines);
		give_up();
	}
}

/* "parent", and "child" that depends on it. */
static void seed(struct call *call)
{
	sql(call, "delete from organizations");
	sql(call, "delete from health_rollups");
	sql(call, "insert into organizations (id, name, slug) values ('org_1', 'o', 'o')");
	sql(call, "insert into projects (id, org_id, name, repo_full_name) values ('proj_1', 'org_1', 'p', 'acme/p')");
	sql(call, "insert into health_checks (id, project_id, name, url, depends_on, interval_ms) values "
		  "('parent', 'proj_1', 'parent', 'http://a.example/', '{}', 86400000), "
		  "('child', 'proj_1', 'child', 'http://b.example/', '{parent}', 86400000)");
}

/* The child alone. */
static struct probe_due claim(struct call *call)
{
	struct probe_due *due;
	int64_t now_ms;
	size_t n;

	sql(call, "update health_states set due_at = case check_id when 'child' then now() end");
	CHECK_INT(probes_claim(call, db, WORKER, 0, 10, LEASE_MS, &due, &n, &now_ms), OK);
	CHECK_INT(n, 1);
	return due[0];
}

static struct probe_look look_of(const struct probe_due *due, int64_t ok)
{
	int64_t now_ms = clock_wall_ms();
	struct health_sums none = { .latency_min = -1, .latency_max = -1 };

	return (struct probe_look){
		.check_id = due->check_id,
		.project_id = due->project_id,
		.fence = due->fence,
		.version = due->version,
		.verdict = VERDICT_OK,
		.ok = true,
		.status_code = 200,
		.latency_ms = 10,
		.at_ms = now_ms,
		.next_ms = now_ms + due->interval_ms,
		.interval_ms = due->interval_ms,
		.state = { .status = HEALTH_OK },
		.sums = none,
		.over = { .at_ms = now_ms - now_ms % FIVE_MS - FIVE_MS, .ok = ok, .latency_min = 1, .latency_max = 1 },
		.answer = STR("{}"),
		.tell_back = true
	};
}

static void one_check_twice_in_a_batch(struct call *call, void *arg)
{
	struct probe_due older, newer;
	struct probe_look looks[2];
	struct db_rows rows;

	(void)arg;
	seed(call);
	older = claim(call);
	newer = claim(call); /* its lease had run out */
	CHECK_INT(newer.fence, older.fence + 1);
	looks[0] = look_of(&older, 7);
	looks[1] = look_of(&newer, 5);
	CHECK_INT(probes_results(call, db, NULL, WORKER, looks, 2, &rows), OK);
	CHECK_INT(rows.n_rows, 1);
	CHECK_INT(db_int(&rows, 0, "fence"), newer.fence);
	expect(call, "select step || ' ' || ok from health_rollups where check_id = 'child' order by step",
	       "5 5\n60 5\n1440 5\n");
	expect(call, "select count(*) from health_samples where health_check_id = 'child'", "1\n");
	CHECK_INT(probes_results(call, db, NULL, WORKER, looks, 2, &rows), OK); /* its answer was lost */
	CHECK_INT(rows.n_rows, 0);
}

static void what_was_changed_is_due_again(struct call *call, void *arg)
{
	struct probe_due due;
	struct probe_look look;
	struct db_rows rows;

	(void)arg;
	seed(call);
	sql(call, "delete from health_samples");
	due = claim(call);
	sql(call, "update health_checks set url = 'http://c.example/', updated_at = now() where id = 'child'");
	look = look_of(&due, 1);
	CHECK_INT(probes_results(call, db, NULL, WORKER, &look, 1, &rows), OK);
	CHECK_INT(rows.n_rows, 0);
	expect(call,
	       "select worker is null and due_at <= now() and status is null from health_states "
	       "where check_id = 'child'",
	       "t\n");
	expect(call, "select count(*) from health_samples", "0\n");
	/* one that is off by now, and whose run nobody has answered */
	due = claim(call);
	sql(call, "insert into health_runs (id, check_id, asked_by, fence) select 'run_1', 'child', 'u', fence "
		  "from health_states where check_id = 'child'");
	sql(call, "update health_checks set enabled = false, updated_at = now() where id = 'child'");
	sql(call, "update health_states set worker = 'worker_1', due_at = now() + interval '1 minute' "
		  "where check_id = 'child'");
	look = look_of(&due, 1);
	CHECK_INT(probes_results(call, db, NULL, WORKER, &look, 1, &rows), OK);
	expect(call, "select worker is null and due_at <= now() from health_states where check_id = 'child'", "t\n");
}

static enum health_parents parents(struct call *call, const char *parent_is, int64_t since_ms)
{
	struct str child = STR("child");
	enum health_parents found;

	sql(call, arena_printf(call->arena,
			       "update health_states set status = null, last_ok = null, last_verdict = null, "
			       "last_error = null, last_checked_at = null where check_id = 'parent'; "
			       "update health_states set %s where check_id = 'parent'",
			       parent_is)
			  .p);
	CHECK_INT(probes_parents(call, db, &child, &since_ms, 1, &found), OK);
	return found;
}

#define LOOKED "last_checked_at = now(), "

static void what_parents_say(struct call *call, void *arg)
{
	int64_t now_ms = clock_wall_ms(), before_ms = now_ms - 60000;

	(void)arg;
	seed(call);
	CHECK_INT(parents(call, "status = null", before_ms), PARENTS_UNKNOWN);
	CHECK_INT(parents(call, LOOKED "last_ok = true, last_verdict = 'OK'", before_ms), PARENTS_FINE);
	CHECK_INT(parents(call, LOOKED "last_ok = true, last_verdict = 'OK'", now_ms + 60000), PARENTS_UNKNOWN);
	CHECK_INT(parents(call, LOOKED "last_ok = false, last_verdict = 'FAILED'", before_ms), PARENTS_DOWN);
	CHECK_INT(parents(call, LOOKED "last_ok = false, last_verdict = 'MAINTENANCE'", before_ms), PARENTS_DOWN);
	CHECK_INT(parents(call, LOOKED "status = 'DEGRADED', last_ok = true, last_verdict = 'OK'", before_ms),
		  PARENTS_DOWN);
	/* what says nothing of the target hides nobody */
	CHECK_INT(parents(call, LOOKED "last_ok = false, last_verdict = 'INCONCLUSIVE', last_error = 'INTERNAL'",
			  before_ms),
		  PARENTS_UNKNOWN);
	CHECK_INT(parents(call, LOOKED "last_ok = false, last_verdict = 'INCONCLUSIVE', last_error = 'PARENT_DOWN'",
			  before_ms),
		  PARENTS_DOWN);
	/* long ago; but not all the time */
	CHECK_INT(parents(call, "last_checked_at = now() - interval '1 hour', status = 'DEGRADED', last_ok = false",
			  before_ms),
		  PARENTS_WERE_DOWN);
	CHECK_INT(parents(call, LOOKED "status = 'DEGRADED', last_ok = false", now_ms + 60000), PARENTS_DOWN);
}

/* ---- set up ---- */

static void migrate(struct call *call, void *arg)
{
	(void)arg;
	for (int i = 0; i < migration_count; i++)
		sql(call, migrations[i].sql);
}

static void connect_all(struct call *call, void *arg)
{
	(void)arg;
	CHECK_INT(db_ready(call, db, 10000), OK);
}

static int set_up(void **state)
{
	struct db_options options = { .application = "unit-store", .unprepared = true };

	(void)state;
	log_open(1, getenv("TEST_LOG") ? LOG_DEBUG : LOG_ERROR + 1);
	pg_new(&pg);
	loop = loop_new(0);
	loop_watchdog(loop, 0);
	options.url = pg_url(&pg);
	db = db_open(loop, &options);
	run_fiber(loop, migrate, NULL);
	db_close(db);
	options.unprepared = false;
	db = db_open(loop, &options);
	run_fiber(loop, connect_all, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	db_close(db);
	loop_free(loop);
	pg_free(&pg);
	return 0;
}

static void run(void **state)
{
	run_fiber(loop, *(fiber_fn **)*state, NULL);
}

#define ON_FIBER(fn)                                                                                                   \
	{                                                                                                              \
		.name = #fn, .test_func = run, .initial_state = &(fiber_fn *)                                          \
		{                                                                                                      \
			fn                                                                                             \
		}                                                                                                      \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_FIBER(one_check_twice_in_a_batch),
		ON_FIBER(what_was_changed_is_due_again),
		ON_FIBER(what_parents_say),
	};

	return cmocka_run_group_tests_name("store_probes", tests, set_up, tear_down);
}

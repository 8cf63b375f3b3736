/* Incidents, alerts and what is announced, in a real database. */
#include "store/incidents.h"

#include "base/clock.h"
#include "base/id.h"
#include "db/migrations.h"
#include "unit/db/pg_fixture.h"
#include "unit/model/health_day.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <libpq-fe.h>

#define GROUP_MS 5000

static struct server pg;
static struct loop *loop;
static struct db *db;
static int64_t now_ms; /* of the tests: in the past, so that nothing is later than the database's clock */

/* Lines of one column. */
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

/* Of those that are told together, how many: whose words stand for all is chance. */
#define TOLD                                                                                                           \
	"select case when facts ? 'count' then (facts ->> 'open') || '/' || (facts ->> 'count') else "                 \
	"facts ->> 'check' end || ' ' || kind from notifications order by seq"

static void expect_told(struct call *call, const char *lines)
{
	expect(call, TOLD, lines);
}

/* n checks "c1" ... of one host. */
static void seed(struct call *call, int n)
{
	sql(call, "delete from organizations");
	sql(call, "delete from notifications");
	sql(call, "insert into organizations (id, name, slug) values ('org_1', 'o', 'o')");
	sql(call, "insert into projects (id, org_id, name, repo_full_name) values ('proj_1', 'org_1', 'p', 'acme/p')");
	sql(call,
	    "insert into project_notifiers (id, project_id, notifier, name) values ('ntf_1', 'proj_1', 'webhook', "
	    "'hook'), ('ntf_2', 'proj_1', 'webhook', 'off')");
	sql(call, "update project_notifiers set enabled = false where id = 'ntf_2'");
	sql(call, arena_printf(call->arena,
			       "insert into health_checks (id, project_id, name, url) select 'check_' || i, 'proj_1', "
			       "'c' || i, 'https://shop.example/' || i || '?key=hidden' from generate_series(1, %d) i",
			       n)
			  .p);
	now_ms = clock_wall_ms() - 100000000;
}

static void commit(struct call *call, const struct incident_event *events, size_t n)
{
	struct db_tx *tx = NULL;

	CHECK_INT(db_begin(call, db, &tx), OK);
	CHECK_INT(incident_events(call, tx, events, n), OK);
	CHECK_INT(db_commit(call, tx), OK);
	db_rollback(call, tx);
}

static struct incident_event event_of(struct call *call, int check, enum health_event what)
{
	return (struct incident_event){ .check_id = arena_printf(call->arena, "check_%d", check),
					.event = what,
					.told = true,
					.status = what == HEALTH_RECOVERED ? HEALTH_OK : HEALTH_DEGRADED,
					.at_ms = now_ms,
					.began_ms = now_ms - 65000,
					.error = what == HEALTH_RECOVERED ? STR("") : STR("STATUS"),
					.status_code = 503 };
}

/* Checks from ... to. */
static void happen(struct call *call, int from, int to, enum health_event what)
{
	struct incident_event events[32];
	size_t n = 0;

	for (int i = from; i <= to; i++)
		events[n++] = event_of(call, i, what);
	commit(call, events, n);
}

static int64_t announce(struct call *call, int64_t later_ms)
{
	int64_t n = -1;

	now_ms += later_ms;
	CHECK_INT(incidents_announce(call, db, GROUP_MS, now_ms, &n), OK);
	return n;
}

/* ---- the day ---- */

struct day_in_store {
	struct call *call;
	int64_t start_ms;
	int incidents;
};

static void day_event(void *arg, const struct day_event *e)
{
	struct day_in_store *d = arg;
	struct incident_event event = { .check_id = arena_printf(d->call->arena, "check_%d", (int)e->check + 1),
					.event = e->next.event,
					.told = e->next.told,
					.status = e->next.state.status,
					.at_ms = d->start_ms + e->second * 1000ll,
					.began_ms = e->failing_since_ms,
					.error = e->is_good ? STR("") : STR("TIMEOUT") };

	commit(d->call, &event, 1);
	d->incidents += e->next.event == HEALTH_OPENED;
}

static void day_minute(void *arg, int second)
{
	struct day_in_store *d = arg;
	int64_t n;

	CHECK_INT(incidents_announce(d->call, db, GROUP_MS, d->start_ms + second * 1000ll, &n), OK);
}

static void day(struct call *call, void *arg)
{
	struct day_in_store d = { .call = call };
	struct day *day = arena_alloc(call->arena, sizeof(*day));
	char expected[8192] = "";
	struct str rest = str_of(day_told), found;

	(void)arg;
	seed(call, CHECKS);
	for (int i = 0; i < CHECKS; i++)
		sql(call, arena_printf(call->arena,
				       "update health_checks set name = '%s', url = 'https://host%d.example/' where id "
				       "= 'check_%d'",
				       day_checks[i].name, i, i + 1)
				  .p);
	d.start_ms = (clock_wall_ms() / 86400000 - 2) * 86400000;
	*day = (struct day){ .start_ms = d.start_ms, .on_event = day_event, .on_minute = day_minute, .arg = &d };
	day_run(day);
	/* What was written down by hand, as rows of the outbox: the time of an alert, who, and its kind. */
	while (rest.n) {
		struct str line = str_split(&rest, '\n'), at, who;
		size_t n = strlen(expected);

		at = str_split(&line, ' ');
		who = line;
		while (who.n && who.p[who.n - 1] != ' ')
			who.n--;
		line = (struct str){ who.p + who.n, line.n - who.n };
		snprintf(expected + n, sizeof(expected) - n, "%.*s %.*s%.*s\n", STR_FMT(at), STR_FMT(who),
			 STR_FMT(line));
	}
	found = sql(
		call,
		"select to_char(a.created_at at time zone 'UTC', 'HH24:MI:SS') || ' ' || (n.facts ->> 'check') || ' ' "
		"|| a.kind from notifications n join lateral (select * from health_alerts a where a.incident_id = "
		"n.facts ->> 'incidentId' and a.message = n.facts ->> 'message' and n.kind = case when a.kind = "
		"'OPENED' "
		"then 'health.degraded' when a.kind = 'REMINDER' and (n.facts ->> 'check') = 'again' then "
		"'health.degraded' else 'health.' || lower(a.kind) end) a on true order by n.seq");
	CHECK_TEXT(found, expected);
	expect(call, "select count(*) || ' ' || count(ended_at) from health_incidents",
	       arena_printf(call->arena, "%d %d\n", d.incidents, d.incidents).p);
	expect(call, "select count(*) from health_alerts where announced_at is null", "0\n");
}

/* ---- causes ---- */

static void one_message_for_many(struct call *call, void *arg)
{
	(void)arg;
	seed(call, 12);
	happen(call, 1, 12, HEALTH_OPENED);
	CHECK_INT(announce(call, GROUP_MS - 1), 0);
	expect_told(call, "");
	CHECK_INT(announce(call, 1), 12);
	expect_told(call, "12/12 health.degraded\n");
	expect(call, "select count(distinct thread_key) || ' ' || min(left(thread_key, 10)) from health_incidents",
	       "1 incidents:\n");
	expect(call,
	       "select count(*) from notifications where facts ->> 'url' like 'https://shop.example/%' and facts::text "
	       "not like '%hidden%'",
	       "1\n");
	happen(call, 1, 10, HEALTH_RECOVERED);
	announce(call, GROUP_MS);
	happen(call, 11, 12, HEALTH_REMINDER);
	announce(call, 3600000);
	/* the other's clock is a little later */
	happen(call, 11, 11, HEALTH_REMINDER);
	announce(call, 60000);
	happen(call, 11, 12, HEALTH_RECOVERED);
	announce(call, GROUP_MS);
	expect_told(call, "12/12 health.degraded\n"
			  "2/12 health.degraded\n"
			  "2/12 health.reminder\n"
			  "0/12 health.recovered\n");
	expect(call, "select count(distinct thread_key) from notifications", "1\n");
	CHECK_INT(announce(call, GROUP_MS), 0);
}

/* Checks look at their own times: what is found later joins. */
static void a_cause_that_is_found_bit_by_bit(struct call *call, void *arg)
{
	(void)arg;
	seed(call, 6);
	for (int i = 1; i <= 5; i++) {
		happen(call, i, i, HEALTH_OPENED);
		announce(call, 10000);
	}
	expect_told(call, "c1 health.degraded\n"
			  "c2 health.degraded\n"
			  "c3 health.degraded\n"
			  "2/2 health.degraded\n"
			  "3/3 health.degraded\n");
	expect(call, "select count(distinct thread_key) from notifications", "3\n");
	/* long after, it is another story */
	now_ms += 700000;
	happen(call, 6, 6, HEALTH_OPENED);
	announce(call, GROUP_MS);
	expect(call, "select count(distinct thread_key) from notifications", "4\n");
}

static void other_causes_are_told_apart(struct call *call, void *arg)
{
	struct incident_event events[4];

	(void)arg;
	seed(call, 4);
	sql(call, "update health_checks set url = 'https://other.example/' where id = 'check_4'");
	for (int i = 0; i < 4; i++)
		events[i] = event_of(call, i + 1, HEALTH_OPENED);
	events[2].error = STR("DNS_FAILED");
	commit(call, events, 4);
	announce(call, GROUP_MS);
	expect(call,
	       "select string_agg(facts ->> 'check', ' ' order by facts ->> 'check') || ' ' || count(distinct "
	       "thread_key) from notifications",
	       "c1 c2 c3 c4 4\n");
	expect(call, "select cause from health_incidents where check_id in ('check_3', 'check_4') order by check_id",
	       "host shop.example DNS\nhost other.example STATUS\n");
}

/* ---- nothing twice, nothing lost ---- */

static void an_end_between_any_two_statements(struct call *call, void *arg)
{
	struct incident_event event;
	struct db_tx *tx = NULL;
	struct db_rows rows;
	int64_t n;

	(void)arg;
	seed(call, 1);
	event = event_of(call, 1, HEALTH_OPENED);
	CHECK_INT(db_begin(call, db, &tx), OK);
	CHECK_INT(incident_events(call, tx, &event, 1), OK);
	db_rollback(call, tx);
	expect(call, "select count(*) from health_incidents", "0\n");
	commit(call, &event, 1);
	expect(call, "select count(*) from health_states s join health_incidents i on i.id = s.incident_id", "1\n");
	/* the announcer dies before its commit; before that nobody else begins */
	now_ms += GROUP_MS;
	CHECK_INT(db_begin(call, db, &tx), OK);
	CHECK_INT(db_tx_query(call, tx, Q_HEALTH_ANNOUNCE, &rows, A_INT(GROUP_MS), A_INT(now_ms), A_INT(10)), OK);
	CHECK_INT(db_int(&rows, 0, "n"), 1);
	CHECK_INT(incidents_announce(call, db, GROUP_MS, now_ms, &n), OK);
	CHECK_INT(n, 0);
	db_rollback(call, tx);
	expect_told(call, "");
	/* behind its commit */
	while (announce(call, 0) == 0)
		fiber_sleep(call, 5);
	expect_told(call, "c1 health.degraded\n");
	CHECK_INT(announce(call, 100000), 0);
	/* the same look, written again by one who never heard that it was: no second incident */
	commit(call, &event, 1);
	expect(call, "select count(*) from health_incidents", "1\n");
}

static void what_was_not_told_stays_quiet(struct call *call, void *arg)
{
	struct incident_event event;

	(void)arg;
	seed(call, 1);
	event = event_of(call, 1, HEALTH_OPENED);
	event.told = false;
	commit(call, &event, 1);
	expect(call, "select count(*) from health_alerts", "0\n");
	now_ms += 60000;
	happen(call, 1, 1, HEALTH_REMINDER); /* the cooldown is over: its first word */
	announce(call, GROUP_MS);
	now_ms += 60000;
	happen(call, 1, 1, HEALTH_REMINDER);
	announce(call, GROUP_MS);
	expect_told(call, "c1 health.degraded\nc1 health.reminder\n");
	/* one whose incident was lost is found again */
	sql(call, "delete from health_incidents");
	happen(call, 1, 1, HEALTH_REMINDER);
	expect(call, "select count(*) || ' ' || min(message) from health_incidents where ended_at is null",
	       "1 It answered 503, which is not an expected status.\n");
}

/* ---- checks that go, people that come ---- */

static void a_check_that_is_switched_off(struct call *call, void *arg)
{
	(void)arg;
	seed(call, 3);
	sql(call, "update health_checks set url = 'https://' || id || '.example/'");
	happen(call, 1, 2, HEALTH_OPENED);
	announce(call, GROUP_MS);
	happen(call, 3, 3, HEALTH_OPENED); /* nobody was told of it yet */
	sql(call, "update health_checks set enabled = false where id in ('check_1', 'check_3')");
	sql(call, "delete from health_checks where id = 'check_2'");
	announce(call, 2 * GROUP_MS);
	expect_told(call, "c1 health.degraded\nc2 health.degraded\nc1 health.disabled\nc2 health.disabled\n");
	expect(call, "select check_id || ' ' || end_reason from health_incidents order by 1",
	       "check_1 DISABLED\ncheck_3 DISABLED\n");
	expect(call, "select count(*) from health_states where incident_id is not null or failures > 0", "0\n");
	/* with a whole project nobody is told, and nothing stands in the way */
	sql(call, "update health_checks set enabled = true");
	happen(call, 1, 1, HEALTH_OPENED);
	announce(call, GROUP_MS);
	sql(call, "delete from projects");
	expect(call, "select count(*) from health_alerts", "0\n");
}

static void somebody_looks_after_it(struct call *call, void *arg)
{
	const struct str who[] = { STR("user"), STR("user_1"), STR("Ada"), STR(""), STR(""), STR("") };
	struct audit audit = { .id = A_TEXT("audit_1"), .who = A_TEXTS(who, 6) };
	struct str id, check = STR("check_1");

	(void)arg;
	seed(call, 1);
	happen(call, 1, 1, HEALTH_OPENED);
	announce(call, GROUP_MS);
	id = sql(call, "select id from health_incidents");
	id.n--; /* without the line's end */
	CHECK_INT(incident_acknowledge(call, db, check, STR("inc_none"), STR(""), &audit), E_NOT_FOUND);
	CHECK_INT(incident_acknowledge(call, db, check, id, STR("on it"), &audit), OK);
	CHECK_INT(incident_acknowledge(call, db, check, id, STR("too"), &audit), OK);
	expect(call, "select acknowledged_by || ': ' || note from health_incidents", "Ada: on it\n");
	expect(call, "select acknowledged and told from health_states", "t\n");
	expect(call, "select count(*) || ' ' || min(action) from audit_log where id = 'audit_1'",
	       "1 incident.acknowledge\n");
	happen(call, 1, 1, HEALTH_REMINDER); /* of a look that began before */
	now_ms = clock_wall_ms() + 10000;
	announce(call, 0);
	expect_told(call, "c1 health.degraded\nc1 health.acknowledged\n");
	expect(call, "select facts ->> 'message' from notifications where kind = 'health.acknowledged'",
	       "Ada looks after it: on it\n");
	happen(call, 1, 1, HEALTH_RECOVERED);
	CHECK_INT(incident_acknowledge(call, db, check, id, STR("late"), &audit), E_CONFLICT);
}

static void certificates_are_warned_of_once(struct call *call, void *arg)
{
	struct incident_event events[2];

	(void)arg;
	seed(call, 2);
	for (int i = 0; i < 2; i++) {
		events[i] = event_of(call, i + 1, HEALTH_NOTHING);
		events[i].certificate_warning = 14;
		events[i].certificate = STR("aa");
		events[i].certificate_expires_ms = 1795446000000;
	}
	commit(call, events, 2);
	announce(call, GROUP_MS);
	expect(call, "select kind || ' ' || (facts ->> 'message') from notifications",
	       "health.certificate Its certificate expires on 2026-11-23, within 14 days.\n");
	for (int i = 0; i < 2; i++)
		events[i].certificate_warning = 7;
	commit(call, events, 2);
	announce(call, GROUP_MS);
	expect(call, "select count(*) from notifications", "2\n");
	events[0].certificate = STR("bb"); /* renewed, or each its own */
	events[1].certificate = STR("cc");
	commit(call, events, 2);
	announce(call, GROUP_MS);
	expect(call, "select count(*) from notifications", "4\n");
	for (int i = 0; i < 6; i++) { /* behind a balancer, in turns */
		events[0].certificate = i % 2 ? STR("aa") : STR("bb");
		commit(call, events, 1);
	}
	expect(call, "select count(*) from health_alerts where certificate in ('aa', 'bb')", "5\n");
	expect(call, "select count(*) from health_incidents", "0\n");
}

/* ---- who holds what ---- */

static void expect_locked(struct call *call, const char *ids)
{
	const struct str checks[] = { STR("check_1"), STR("check_2"), STR("check_gone") };
	struct str found = STR("");
	struct db_tx *tx = NULL;
	struct db_rows rows;

	CHECK_INT(db_begin(call, db, &tx), OK);
	CHECK_INT(incident_lock(call, tx, checks, 3, &rows), OK);
	for (int i = 0; i < rows.n_rows; i++)
		found = arena_printf(call->arena, "%.*s%.*s ", STR_FMT(found), STR_FMT(db_text(&rows, i, "id")));
	db_rollback(call, tx);
	if (!str_eq(found, str_of(ids))) {
		fprintf(stderr, "locked: %.*s, expected: %s\n", STR_FMT(found), ids);
		give_up();
	}
}

static void run_on(PGconn *conn, const char *statement)
{
	PGresult *result = PQexecParams(conn, statement, 0, NULL, NULL, NULL, NULL, 0);

	CHECK_INT(PQresultStatus(result), PGRES_COMMAND_OK);
	PQclear(result);
}

/* Beside us, and then not. */
static void held_by_who_does(struct call *call, const char *statement, const char *left)
{
	PGconn *conn = PQconnectdb(pg_url(&pg));

	run_on(conn, "begin");
	run_on(conn, statement);
	expect_locked(call, left);
	run_on(conn, "rollback");
	PQfinish(conn);
	expect_locked(call, "check_1 check_2 ");
}

static void what_is_held_is_left_out(struct call *call, void *arg)
{
	(void)arg;
	seed(call, 2);
	held_by_who_does(call, "delete from health_checks where id = 'check_1'", "check_2 ");
	held_by_who_does(call, "delete from projects where id = 'proj_1'", "");
	held_by_who_does(call, "update health_checks set name = 'other'", "check_1 check_2 ");
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
		ON_FIBER(day),
		ON_FIBER(one_message_for_many),
		ON_FIBER(a_cause_that_is_found_bit_by_bit),
		ON_FIBER(other_causes_are_told_apart),
		ON_FIBER(an_end_between_any_two_statements),
		ON_FIBER(what_was_not_told_stays_quiet),
		ON_FIBER(a_check_that_is_switched_off),
		ON_FIBER(somebody_looks_after_it),
		ON_FIBER(certificates_are_warned_of_once),
		ON_FIBER(what_is_held_is_left_out),
	};

	return cmocka_run_group_tests_name("store_incidents", tests, set_up, tear_down);
}

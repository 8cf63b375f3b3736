/* Incidents and alerts. See incidents.h; what changes several rows in order is in sql/migrations/0021_alerts.sql. */
#include "store/incidents.h"

#include "base/clock.h"
#include "base/id.h"
#include "model/health_error.h"

#define NEWEST    STR("~") /* behind every id */
#define KEPT_DAYS 400
#define BATCH     500

/* ---- what the prober found ---- */

/* Columns of the statement: one element for each event. */
struct columns {
	struct str *check, *incident, *kind, *error, *message, *class, *alert, *certificate_alert, *threshold;
	struct str *certificate, *sha256;
	int64_t *told, *over, *at_ms, *began_ms;
};

static struct str *texts(struct call *call, size_t n)
{
	return arena_alloc(call->arena, n * sizeof(struct str));
}

static int64_t *numbers(struct call *call, size_t n)
{
	return arena_alloc(call->arena, n * sizeof(int64_t));
}

static struct columns new_columns(struct call *call, size_t n)
{
	return (struct columns){
		texts(call, n), texts(call, n),   texts(call, n),   texts(call, n),   texts(call, n),
		texts(call, n), texts(call, n),   texts(call, n),   texts(call, n),   texts(call, n),
		texts(call, n), numbers(call, n), numbers(call, n), numbers(call, n), numbers(call, n)
	};
}

static struct str message_of(struct call *call, const struct incident_event *e)
{
	switch (e->event) {
	case HEALTH_RECOVERED:
		return STR("It answers as expected again.");
	case HEALTH_FLAPPING:
		return STR("It goes up and down: nothing more is told until it has been calm for a while.");
	case HEALTH_STABLE:
		if (e->status == HEALTH_OK)
			return STR("It has been calm for a while, and answers as expected.");
		return STR("It has been calm for a while, and is still down.");
	default:
		return health_error_sentence(call->arena, e->error, e->status_code);
	}
}

static struct str certificate_sentence(struct call *call, const struct incident_event *e)
{
	char end[TIME_TEXT_MAX];

	time_format(e->certificate_expires_ms, end);
	if (e->certificate_expires_ms <= e->at_ms)
		return arena_printf(call->arena, "Its certificate has expired on %.10s.", end);
	return arena_printf(call->arena, "Its certificate expires on %.10s, within %d day%s.", end,
			    e->certificate_warning, e->certificate_warning == 1 ? "" : "s");
}

static void fill(struct call *call, const struct columns *c, size_t i, const struct incident_event *e)
{
	const char *kind = health_event_word(e->event);

	c->check[i] = e->check_id;
	c->incident[i] = id_text(call->arena, "inc_");
	c->kind[i] = kind ? str_of(kind) : (struct str){ 0 };
	c->told[i] = e->told;
	c->over[i] = e->event == HEALTH_RECOVERED || (e->event == HEALTH_STABLE && e->status == HEALTH_OK);
	c->at_ms[i] = e->at_ms;
	c->began_ms[i] = e->began_ms ? e->began_ms : e->at_ms;
	c->error[i] = e->error.n ? e->error : (struct str){ 0 };
	c->message[i] = message_of(call, e);
	c->class[i] = str_of(health_error_class(e->error));
	c->alert[i] = id_text(call->arena, "alert_");
	c->certificate_alert[i] = id_text(call->arena, "alert_");
	if (e->certificate_warning) {
		c->threshold[i] = arena_printf(call->arena, "EXPIRES_%d", e->certificate_warning);
		c->certificate[i] = certificate_sentence(call, e);
		c->sha256[i] = e->certificate;
	}
}

int incident_lock(struct call *call, struct db_tx *tx, const struct str *checks, size_t n, struct db_rows *ret_rows)
{
	return db_tx_query(call, tx, Q_INCIDENT_LOCK, ret_rows, A_TEXTS(checks, n));
}

int incident_events(struct call *call, struct db_tx *tx, const struct incident_event *events, size_t n)
{
	struct columns c = new_columns(call, n);

	if (n == 0)
		return OK;
	for (size_t i = 0; i < n; i++)
		fill(call, &c, i, &events[i]);
	return db_tx_query(call, tx, Q_INCIDENT_EVENTS, NULL, A_TEXTS(c.check, n), A_TEXTS(c.incident, n),
			   A_TEXTS(c.kind, n), A_INTS(c.told, n), A_INTS(c.over, n), A_INTS(c.at_ms, n),
			   A_INTS(c.began_ms, n), A_TEXTS(c.error, n), A_TEXTS(c.message, n), A_TEXTS(c.class, n),
			   A_TEXTS(c.alert, n), A_TEXTS(c.certificate_alert, n), A_TEXTS(c.threshold, n),
			   A_TEXTS(c.certificate, n), A_TEXTS(c.sha256, n));
}

int incidents_announce(struct call *call, struct db *db, int64_t group_ms, int64_t now_ms, int64_t *ret_n)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_HEALTH_ANNOUNCE, &rows, A_INT(group_ms), now_ms ? A_INT(now_ms) : A_NULL,
			 A_INT(HEALTH_ANNOUNCE_MOST));

	if (r == OK)
		*ret_n = db_int(&rows, 0, "n");
	return r;
}

int incidents_clean(struct call *call, struct db *db)
{
	return db_query(call, db, Q_INCIDENTS_CLEAN, NULL, A_INT(KEPT_DAYS), A_INT(BATCH));
}

/* ---- for people ---- */

static struct db_arg before(const struct list_page *page)
{
	return A_STR(page->before.n ? page->before : NEWEST);
}

int alerts_of_check(struct call *call, struct db *db, struct str check_id, const struct list_page *page,
		    struct db_rows *ret)
{
	return db_query(call, db, Q_ALERTS_OF_CHECK, ret, A_STR(check_id), before(page), A_INT(page->limit));
}

int incidents_of_check(struct call *call, struct db *db, struct str check_id, const struct list_page *page,
		       struct db_rows *ret)
{
	return db_query(call, db, Q_INCIDENTS_OF_CHECK, ret, A_STR(check_id), before(page), A_INT(page->limit), A_NULL);
}

int incidents_of_project(struct call *call, struct db *db, struct str project_id, bool only_open,
			 const struct list_page *page, struct db_rows *ret)
{
	return db_query(call, db, Q_INCIDENTS_OF_PROJECT, ret, A_STR(project_id), before(page), A_INT(page->limit),
			A_BOOL(only_open));
}

static int not_there(struct call *call, struct str id)
{
	return call_fail(call, E_NOT_FOUND, "this health check has no incident %.*s", STR_FMT(id));
}

int incident_load(struct call *call, struct db *db, struct str check_id, struct str id, struct db_rows *ret)
{
	int r = db_query(call, db, Q_INCIDENTS_OF_CHECK, ret, A_STR(check_id), A_STR(NEWEST), A_INT(1), A_STR(id));

	return r == OK && ret->n_rows == 0 ? not_there(call, id) : r;
}

int incident_acknowledge(struct call *call, struct db *db, struct str check_id, struct str id, struct str note,
			 const struct audit *audit)
{
	struct db_rows rows;
	struct str came;
	int r = db_query(call, db, Q_INCIDENT_ACKNOWLEDGE, &rows, A_STR(check_id), A_STR(id), A_STR_OR_NULL(note),
			 A_STR(id_text(call->arena, "alert_")), audit->id, audit->who);

	if (r != OK)
		return r;
	came = db_text(&rows, 0, "came");
	if (str_eq(came, STR("none")))
		return not_there(call, id);
	if (str_eq(came, STR("ended")))
		return call_fail(call, E_CONFLICT, "this incident has ended: there is nothing to acknowledge any more");
	return OK;
}

/* Incidents and alerts: from the first confirmed failure of a check to its recovery, and what people are told of it.
 *
 * Who writes what: the prober's transaction writes the state of a check and, in it, incident_events() the incident and
 * the alerts that go with it. An alert is a row that waits; core/worker/announce.h makes notifications of it.
 * Easy to break: locks go project, check, its state, incident. A prober that writes a state back must not undo what
 * people did since it had read it: told and acknowledged only become true with incident_acknowledge(), and only what
 * ends the incident makes them false again. A check that is switched off or deleted ends its incident itself, by
 * triggers of sql/migrations/0021_alerts.sql, whoever does it. */
#ifndef STORE_INCIDENTS_H
#define STORE_INCIDENTS_H

#include "model/health.h"
#include "store/access.h"
#include "store/organizations.h"

struct incident_event {
	struct str check_id;
	enum health_event event; /* HEALTH_NOTHING with a certificate to warn of alone */
	bool told;               /* as health_next() says */
	enum health_status status;
	int64_t at_ms;           /* of the look: Unix ms */
	int64_t began_ms;        /* HEALTH_OPENED and _FLAPPING: failing_since_ms of the state, or 0 = at_ms */
	struct str error;        /* a code (model/health_error.h); empty = the look was good */
	int64_t status_code;     /* of the answer; 0 = none */
	int certificate_warning; /* days, as certificate_warning() says; 0 = none */
	struct str certificate;  /* its SHA-256, hex: several checks that meet the same one warn once */
	int64_t certificate_expires_ms;
};
/* The first statement of a transaction with events. *ret_rows: `id` of the checks that it has now; of others, which are
 * being deleted or held by somebody, it must write neither the state nor the event. */
AWAITS int incident_lock(struct call *call, struct db_tx *tx, const struct str *checks, size_t n,
			 struct db_rows *ret_rows);
/* Opens and ends incidents, writes alerts and health_states.incident_id: one statement, however many. Each check once
 * at most. */
AWAITS int incident_events(struct call *call, struct db_tx *tx, const struct incident_event *events, size_t n);

/* Alerts that waited for group_ms, or have a cause with one that did, become notifications. now_ms: 0 = the database's.
 * *ret_n: how many; HEALTH_ANNOUNCE_MOST of them = there may be more. */
#define HEALTH_ANNOUNCE_MOST 1000
AWAITS int incidents_announce(struct call *call, struct db *db, int64_t group_ms, int64_t now_ms, int64_t *ret_n);
/* What ended long ago goes: a batch. */
AWAITS int incidents_clean(struct call *call, struct db *db);

/* ---- for people ---- */
/* Columns are the members of the API. Newest first. */
AWAITS int alerts_of_check(struct call *call, struct db *db, struct str check_id, const struct list_page *page,
			   struct db_rows *ret);
AWAITS int incidents_of_check(struct call *call, struct db *db, struct str check_id, const struct list_page *page,
			      struct db_rows *ret);
AWAITS int incidents_of_project(struct call *call, struct db *db, struct str project_id, bool only_open,
				const struct list_page *page, struct db_rows *ret);
AWAITS int incident_load(struct call *call, struct db *db, struct str check_id, struct str id, struct db_rows *ret);
/* No reminders any more. Twice is no fault. E_NOT_FOUND; E_CONFLICT when it has ended. */
AWAITS int incident_acknowledge(struct call *call, struct db *db, struct str check_id, struct str id, struct str note,
				const struct audit *audit);

#endif

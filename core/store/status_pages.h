/* The status page of a project: its settings, and the facts that everybody may see once it is enabled. */
#ifndef STORE_STATUS_PAGES_H
#define STORE_STATUS_PAGES_H

#include "store/access.h"

#define STATUS_CHECKS_MAX    100 /* on one page */
#define STATUS_INCIDENTS_MAX 50
#define STATUS_DAYS          90

/* One row whose column names are the JSON keys. `base`: the address that pages are under, with its slash. */
AWAITS int status_page_settings(struct call *call, struct db *db, struct str project, struct str base,
				struct db_rows *ret);

struct status_page_change {
	bool enabled;
	struct str slug;
	struct str title;         /* empty = the project's name */
	const struct str *checks; /* NULL = all but those of previews */
	size_t n_checks;
};
/* E_CONFLICT: somebody else's page has that slug. E_INVALID: *ret_unknown is no check of the project. */
AWAITS int status_page_save(struct call *call, struct db *db, struct str project,
			    const struct status_page_change *change, const struct audit *audit,
			    struct str *ret_unknown);

/* ---- what everybody sees ---- */

enum status_state {
	STATUS_OPERATIONAL,
	STATUS_DEGRADED,
	STATUS_FLAPPING,    /* it comes and goes */
	STATUS_MAINTENANCE, /* of a page: of all its checks */
	STATUS_PAUSED,      /* of a page: of all its checks */
	STATUS_UNKNOWN,     /* no result, or none for three intervals */
};
const char *status_state_word(enum status_state state); /* "OPERATIONAL" ... */

struct status_day {
	int64_t ok, failed; /* both 0 = nothing that counts */
};
enum { UPTIME_24H, UPTIME_7D, UPTIME_30D, UPTIME_90D, UPTIMES };
struct status_check {
	struct str id, name;
	enum status_state state;
	struct str uptime[UPTIMES];          /* percent; empty = nothing counts yet */
	struct status_day days[STATUS_DAYS]; /* oldest first, the last is today */
};
struct status_incident {
	struct str check;           /* its name */
	int64_t began_ms, ended_ms; /* 0 = it is open */
	bool flapping;
};
struct status_facts {
	struct str title;
	enum status_state state; /* the worst that its checks tell; FLAPPING counts as DEGRADED, PAUSED beside others
				  * for nothing */
	int64_t as_of_ms;
	struct status_check *checks;
	size_t n_checks, n_hidden; /* hidden: more than a page has */
	struct status_incident *incidents;
	size_t n_incidents;
};

/* In the call's memory. E_NOT_FOUND: there is no such page, or it is not enabled. */
AWAITS int status_facts(struct call *call, struct db *db, struct str slug, struct status_facts *ret);

#endif

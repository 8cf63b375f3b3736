/* Failed logins, counted for all processes together. See api/failures.h. */
#ifndef STORE_FAILURES_H
#define STORE_FAILURES_H

#include "db/db.h"

/* What a process has seen of one address since it last wrote. Ids are made by the caller: writing the same once more is
 * refused with E_CONFLICT. */
struct failure {
	struct str address; /* an IPv4 address or an IPv6 /64; empty = of many */
	int64_t n;
	/* of the newest */
	struct str ip, user_agent, request_id, reason;
	struct str row_id, mark_id; /* "audit_..." */
};

struct failure_rules {
	int64_t threshold; /* so many in one window are an event; 0 = none is */
	int64_t window_ms;
	int64_t listed;    /* of an address in a window: one by one, the rest is counted */
	int64_t addresses; /* most addresses that are told apart in a window */
};

#define FAILURES_AT_ONCE 32

/* Rows: address, failures (in this window), crossed (the threshold, just now). */
AWAITS int failures_add(struct call *call, struct db *db, const struct failure *failures, size_t n,
			const struct failure_rules *rules, struct db_rows *ret);
/* One that is written at once, with the account that was refused; its login is empty while unknown. */
struct refused_login {
	struct str address;
	struct db_arg audit_id, audit_who, mark_id;
	const char *reason; /* a word */
	struct str github_login;
};
AWAITS int failures_add_login(struct call *call, struct db *db, const struct refused_login *login,
			      const struct failure_rules *rules, struct db_rows *ret);
/* Ends windows that are over: what was only counted is written down. */
AWAITS int failures_end(struct call *call, struct db *db, const struct failure_rules *rules);

#endif

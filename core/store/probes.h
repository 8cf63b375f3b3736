/* What is due to be probed, and what came of it. The protocol is explained in core/worker/prober.h; here is what it
 * says to PostgreSQL. Times are Unix ms of the database's clock. */
#ifndef STORE_PROBES_H
#define STORE_PROBES_H

#include "db/db.h"
#include "model/expectation.h"
#include "model/health.h"

#define PROBE_RESULTS_MAX 500 /* in one statement */

/* Sums over looks, of five minutes. */
struct health_sums {
	int64_t at_ms; /* the five minutes begin; 0 = there was no look */
	int64_t ok, failed, inconclusive;
	int64_t latency_sum, latency_min, latency_max; /* of those that were OK; -1 = there was none */
};

/* One check, claimed. Its texts lie in the call's arena; empty where there is nothing. */
struct probe_due {
	struct str check_id, project_id, name;
	int64_t fence, slot_ms;
	int64_t version;               /* of the check as people set it */
	int64_t interval_ms, phase_ms; /* its slots are n * interval + phase */
	bool enabled, wanted /* somebody waits for the answer */, maintenance, has_parents;
	/* the request */
	struct str url, method, http_version;
	int64_t timeout_ms, redirects;
	bool verify_tls;
	struct str headers, secrets; /* {"Name": "value"}; {"Name": "<hex, sealed>"} */
	struct str preview_url, provider, attempt_id,
		preview_secrets; /* of a preview's check; the last is hex, sealed */
	struct str wrapped_hex;  /* project_ring_open() */
	/* what is expected, and what was known */
	struct expectation expect;
	struct health_rules rules;
	struct health_state state;
	char certificate[65]; /* seen last; "" = none */
	int64_t certificate_ends_ms;
	int warned; /* of its end, as certificate_warning() takes it */
	struct health_sums sums;
};
/* At most `most` that are due within ahead_ms. *ret_now_ms: the database's clock; not written when nothing is due. */
AWAITS int probes_claim(struct call *call, struct db *db, struct str worker, int64_t ahead_ms, int64_t most,
			int64_t lease_ms, struct probe_due **ret, size_t *ret_n, int64_t *ret_now_ms);
AWAITS int probes_renew(struct call *call, struct db *db, struct str worker, const struct str *checks, size_t n,
			int64_t lease_ms);
AWAITS int probes_give_back(struct call *call, struct db *db, const struct str *checks, const int64_t *fences,
			    size_t n);
/* What a worker that has ended was at is due again. *ret_n: how many. */
AWAITS int probes_take_over(struct call *call, struct db *db, struct str worker, size_t *ret_n);

/* Parents of checks that look bad; in the order of `checks`. Those that were down are looked at again when that is
 * HEALTH_CONFIRM_MS ago. */
AWAITS int probes_parents(struct call *call, struct db *db, const struct str *checks, const int64_t *since_ms, size_t n,
			  enum health_parents *ret);
AWAITS int probes_hurry_parents(struct call *call, struct db *db, const struct str *checks, size_t n);

enum verdict { VERDICT_OK = 1, VERDICT_FAILED, VERDICT_INCONCLUSIVE, VERDICT_MAINTENANCE };
const char *verdict_word(enum verdict verdict);

/* One result. The texts must live until the call returns. */
struct probe_look {
	struct str check_id, project_id;
	int64_t fence, version;
	enum verdict verdict;
	bool ok;
	const char *error; /* NULL = none */
	int64_t status_code, latency_ms /* -1 = none */, at_ms;
	int64_t next_ms, interval_ms; /* next: the slot after it, for that interval */
	struct health_state state;
	bool changed;            /* state.changes are others than they were */
	const char *certificate; /* seen in this look, hex; NULL = none */
	int64_t certificate_ends_ms;
	int warned;
	struct health_sums sums, over; /* over: those of five minutes that are over; at_ms 0 = none */
	struct str answer;             /* JSON for who waits; empty = nobody */
	bool tell_back;
};
/* Written at once, where the claim holds still and the check is as it was probed; one that is not is due again.
 * *ret_rows: check_id and fence of those with tell_back that were. At most PROBE_RESULTS_MAX. `tx` or, when it is NULL,
 * the shared lane. May be run again when its answer was lost. */
AWAITS int probes_results(struct call *call, struct db *db, struct db_tx *tx, struct str worker,
			  const struct probe_look *looks, size_t n, struct db_rows *ret_rows);

#endif

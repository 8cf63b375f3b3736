/* Claims of checks. */
#include "store/probes.h"

#include <stdio.h>
#include <string.h>

static void read_changes(struct str text, struct health_state *state)
{
	while (text.n && state->n_changes < HEALTH_CHANGES_MAX)
		if (str_to_int(str_split(&text, ','), 0, INT64_MAX, &state->changes[state->n_changes]))
			state->n_changes++;
}

static enum health_status read_status(struct str word)
{
	return str_eq(word, STR("OK")) ? HEALTH_OK : word.n ? HEALTH_DEGRADED : HEALTH_NONE;
}

static int64_t number_or_none(const struct db_rows *rows, int i, const char *col)
{
	return db_is_null(rows, i, col) ? -1 : db_int(rows, i, col);
}

static void read_request(const struct db_rows *rows, int i, struct probe_due *due)
{
	due->url = db_text(rows, i, "url");
	due->method = db_text(rows, i, "method");
	due->http_version = db_text(rows, i, "http_version");
	due->timeout_ms = db_int(rows, i, "timeout_ms");
	due->redirects = db_int(rows, i, "redirects");
	due->verify_tls = db_bool(rows, i, "verify_tls");
	due->headers = db_text(rows, i, "headers");
	due->secrets = db_text(rows, i, "secrets");
	due->preview_url = db_text(rows, i, "preview_url");
	due->provider = db_text(rows, i, "provider");
	due->attempt_id = db_text(rows, i, "attempt_id");
	due->preview_secrets = db_text(rows, i, "preview_secrets");
	due->wrapped_hex = db_text(rows, i, "wrapped");
	due->expect = (struct expectation){
		.status_min = (int)db_int(rows, i, "expected_min"),
		.status_max = (int)db_int(rows, i, "expected_max"),
		.contains = db_text(rows, i, "response_contains"),
		.matches = db_text(rows, i, "response_matches"),
		.json_path = db_text(rows, i, "json_path"),
		.json_equals = db_text(rows, i, "json_equals"),
		.latency_max_ms = db_int(rows, i, "latency_max_ms"),
	};
}

static void read_knowledge(const struct db_rows *rows, int i, struct probe_due *due)
{
	struct str certificate = db_text(rows, i, "certificate");

	snprintf(due->certificate, sizeof(due->certificate), "%.*s", STR_FMT(certificate));
	due->certificate_ends_ms = db_time(rows, i, "certificate_expires_at");
	due->warned = (int)db_int(rows, i, "certificate_warned");
	due->rules = (struct health_rules){
		.failure_threshold = (int)db_int(rows, i, "failure_threshold"),
		.recovery_threshold = (int)db_int(rows, i, "recovery_threshold"),
		.cooldown_ms = db_int(rows, i, "alert_cooldown_min") * 60000,
		.reminder_ms = db_int(rows, i, "reminder_min") * 60000,
		.flap_changes = (int)db_int(rows, i, "flap_changes"),
		.flap_window_ms = db_int(rows, i, "flap_window_min") * 60000,
	};
	due->state = (struct health_state){
		.status = read_status(db_text(rows, i, "status")),
		.failures = (int)db_int(rows, i, "failures"),
		.successes = (int)db_int(rows, i, "successes"),
		.failing_since_ms = db_time(rows, i, "failing_since"),
		.flapping = db_bool(rows, i, "flapping"),
		.incident = db_bool(rows, i, "incident"),
		.told = db_bool(rows, i, "told"),
		.told_ms = db_time(rows, i, "told_at"),
		.acknowledged = db_bool(rows, i, "acknowledged"),
	};
	read_changes(db_text(rows, i, "changes"), &due->state);
	due->sums = (struct health_sums){
		.at_ms = db_time(rows, i, "acc_at"),
		.ok = db_int(rows, i, "acc_ok"),
		.failed = db_int(rows, i, "acc_failed"),
		.inconclusive = db_int(rows, i, "acc_inconclusive"),
		.latency_sum = db_int(rows, i, "acc_latency_sum"),
		.latency_min = number_or_none(rows, i, "acc_latency_min"),
		.latency_max = number_or_none(rows, i, "acc_latency_max"),
	};
}

int probes_claim(struct call *call, struct db *db, struct str worker, int64_t ahead_ms, int64_t most, int64_t lease_ms,
		 struct probe_due **ret, size_t *ret_n, int64_t *ret_now_ms)
{
	struct probe_due *items;
	struct db_rows rows;
	int r = db_query(call, db, Q_PROBES_CLAIM, &rows, A_STR(worker), A_INT(ahead_ms), A_INT(most), A_INT(lease_ms));

	if (r != OK)
		return r;
	items = arena_alloc(call->arena, (size_t)rows.n_rows * sizeof(*items) + 1);
	for (int i = 0; i < rows.n_rows; i++) {
		items[i] = (struct probe_due){
			.check_id = db_text(&rows, i, "check_id"),
			.project_id = db_text(&rows, i, "project_id"),
			.name = db_text(&rows, i, "name"),
			.fence = db_int(&rows, i, "fence"),
			.slot_ms = db_time(&rows, i, "slot_at"),
			.version = db_int(&rows, i, "version"),
			.interval_ms = db_int(&rows, i, "interval_ms"),
			.phase_ms = db_int(&rows, i, "phase_ms"),
			.enabled = db_bool(&rows, i, "enabled"),
			.wanted = db_bool(&rows, i, "wanted"),
			.maintenance = db_bool(&rows, i, "maintenance"),
			.has_parents = db_bool(&rows, i, "has_parents"),
		};
		read_request(&rows, i, &items[i]);
		read_knowledge(&rows, i, &items[i]);
	}
	if (rows.n_rows)
		*ret_now_ms = db_time(&rows, 0, "at");
	*ret = items;
	*ret_n = (size_t)rows.n_rows;
	return OK;
}

int probes_renew(struct call *call, struct db *db, struct str worker, const struct str *checks, size_t n,
		 int64_t lease_ms)
{
	return db_query(call, db, Q_PROBES_RENEW, NULL, A_STR(worker), A_TEXTS(checks, n), A_INT(lease_ms));
}

int probes_give_back(struct call *call, struct db *db, const struct str *checks, const int64_t *fences, size_t n)
{
	return db_query(call, db, Q_PROBES_GIVE_BACK, NULL, A_TEXTS(checks, n), A_INTS(fences, n));
}

int probes_take_over(struct call *call, struct db *db, struct str worker, size_t *ret_n)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_PROBES_TAKE_OVER, &rows, A_STR(worker));

	if (r == OK)
		*ret_n = (size_t)rows.affected;
	return r;
}

int probes_parents(struct call *call, struct db *db, const struct str *checks, const int64_t *since_ms, size_t n,
		   enum health_parents *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_PROBES_PARENTS, &rows, A_TEXTS(checks, n), A_INTS(since_ms, n),
			 A_INT(HEALTH_CONFIRM_MS));

	for (size_t i = 0; r == OK && i < n; i++) {
		ret[i] = PARENTS_FINE;
		for (int k = 0; k < rows.n_rows; k++) {
			if (!str_eq(db_text(&rows, k, "check_id"), checks[i]))
				continue;
			ret[i] = db_bool(&rows, k, "down_of_old") ? PARENTS_WERE_DOWN
				 : db_bool(&rows, k, "down")      ? PARENTS_DOWN
				 : db_bool(&rows, k, "unknown")   ? PARENTS_UNKNOWN
								  : PARENTS_FINE;
		}
	}
	return r;
}

int probes_hurry_parents(struct call *call, struct db *db, const struct str *checks, size_t n)
{
	return db_query(call, db, Q_PROBES_HURRY, NULL, A_TEXTS(checks, n));
}

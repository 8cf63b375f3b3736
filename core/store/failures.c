/* Failed logins. */
#include "store/failures.h"

#include "base/id.h"

#define WINDOWS_AT_ONCE 100

enum { ADDRESS, ROW_ID, IP, AGENT, REQUEST, REASON, MARK_ID, N_TEXTS };

int failures_add(struct call *call, struct db *db, const struct failure *failures, size_t n,
		 const struct failure_rules *rules, struct db_rows *ret)
{
	struct str *texts[N_TEXTS];
	int64_t *counts = arena_alloc(call->arena, n * sizeof(*counts));

	for (int t = 0; t < N_TEXTS; t++)
		texts[t] = arena_alloc(call->arena, n * sizeof(*texts[t]));
	for (size_t i = 0; i < n; i++) {
		counts[i] = failures[i].n;
		texts[ADDRESS][i] = failures[i].address;
		texts[ROW_ID][i] = failures[i].row_id;
		texts[IP][i] = failures[i].ip;
		texts[AGENT][i] = failures[i].user_agent;
		texts[REQUEST][i] = failures[i].request_id;
		texts[REASON][i] = failures[i].reason;
		texts[MARK_ID][i] = failures[i].mark_id;
	}
	return db_query(call, db, Q_FAILURES_ADD, ret, A_TEXTS(texts[ADDRESS], n), A_INTS(counts, n),
			A_TEXTS(texts[ROW_ID], n), A_TEXTS(texts[IP], n), A_TEXTS(texts[AGENT], n),
			A_TEXTS(texts[REQUEST], n), A_TEXTS(texts[REASON], n), A_TEXTS(texts[MARK_ID], n),
			A_INT(rules->threshold), A_INT(rules->listed), A_INT(rules->addresses));
}

int failures_add_login(struct call *call, struct db *db, const struct refused_login *login,
		       const struct failure_rules *rules, struct db_rows *ret)
{
	return db_query(call, db, Q_FAILURES_ADD_LOGIN, ret, login->audit_id, login->audit_who, A_TEXT(login->reason),
			A_STR_OR_NULL(login->github_login), A_STR(login->address), login->mark_id,
			A_INT(rules->threshold), A_INT(rules->addresses));
}

int failures_end(struct call *call, struct db *db, const struct failure_rules *rules)
{
	struct str *ids = arena_alloc(call->arena, WINDOWS_AT_ONCE * sizeof(*ids));

	for (int i = 0; i < WINDOWS_AT_ONCE; i++)
		ids[i] = id_text(call->arena, "audit_");
	return db_query(call, db, Q_FAILURES_END, NULL, A_INT(rules->window_ms), A_TEXTS(ids, WINDOWS_AT_ONCE));
}

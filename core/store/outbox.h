/* The outbox as a worker sees it: rows to send, and what came of them. See core/worker/notify.h. */
#ifndef STORE_OUTBOX_H
#define STORE_OUTBOX_H

#include "store/jobs.h"

/* Whom it goes to, with settings as they are stored. */
struct outbox_target {
	struct str id, notifier; /* "ntf_...", the plugin's name */
	struct str settings_json, secrets_json;
	struct str wrapped; /* the project's data key: project_ring_open() */
	int64_t settings_version;
	int64_t failures; /* in a row */
	struct str project_id, project, repo, org;
};

struct outbox_row {
	struct outbox_target target;
	int64_t seq, tries, interrupted;
	int64_t at_ms;
	struct str id, kind, thread_key, facts_json;
	struct str receipt; /* of the thread's first message; empty = this is the first */
};

/* Jobs for what is due. */
AWAITS int outbox_schedule(struct call *call, struct db *db, struct push_list *ret);
/* The next row of the job's notifier, marked as being sent. E_NOT_FOUND: nothing is due, or the lease is lost or ends
 * within call_ms. */
AWAITS int outbox_take(struct call *call, struct db *db, const struct job *job, int64_t call_ms,
		       struct outbox_row *ret);
/* receipt: of a new message; empty = as it was. */
AWAITS int outbox_sent(struct call *call, struct db *db, const struct outbox_row *row, struct str receipt);

struct outbox_failure {
	bool is_dead;
	int64_t delay_ms; /* of the row */
	int64_t pause_ms; /* of everything for its notifier; 0 = none */
	const char *code;
	struct str why;
};
AWAITS int outbox_failed(struct call *call, struct db *db, const struct outbox_row *row,
			 const struct outbox_failure *failure);
AWAITS int outbox_put_back(struct call *call, struct db *db, const struct outbox_row *row);
/* Nothing is sent to that notifier: the row is dropped. */
AWAITS int outbox_skip(struct call *call, struct db *db, const struct outbox_row *row);

/* Rows that waited for too long, a batch; columns id, notifier, project_id, rows. */
AWAITS int outbox_expire(struct call *call, struct db *db, int64_t age_ms, struct db_rows *ret);
AWAITS int outbox_clean(struct call *call, struct db *db);
/* Notifiers that the environment sets up completely: every project that has none of them gets them. */
AWAITS int outbox_defaults(struct call *call, struct db *db, const struct str *notifiers, size_t n);

/* E_NOT_FOUND when it is gone, or the job is not ours any more. */
AWAITS int outbox_test_take(struct call *call, struct db *db, const struct job *job, struct outbox_target *ret);
/* code NULL: all is well, and what waits is sent now. */
AWAITS int outbox_test_save(struct call *call, struct db *db, struct str notifier_id, const char *code, struct str why,
			    struct str result_json);

#endif

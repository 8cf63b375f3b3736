/* Previews and their attempts, as the reconciler reads and writes them. Every write carries the job's fence: E_CONFLICT
 * when the lease was lost, and then nothing was written. */
#ifndef STORE_PREVIEWS_H
#define STORE_PREVIEWS_H

#include "db/db.h"
#include "model/preview.h"
#include "store/deploy_variables.h"
#include "store/jobs.h"

#define PREVIEW_FROZEN "FROZEN" /* the detail during a lockdown, or after a decoy was used */

struct attempt_row {
	struct str id, sha, branch, provider, provider_id, url, log_cursor, error_reason;
	int64_t log_bytes;
	int64_t created_at_ms;
	bool has_variables, has_decoy; /* it was sent with them */
};

struct preview_row {
	struct str id, project_id, project_name, repo, provider, settings, title, branch, sha, why, status, detail,
		instance_id;
	struct str frozen_why; /* why it is frozen by itself; empty: its organization is locked down, or nothing is */
	int64_t pr_number, settings_version;
	bool from_fork;
	bool decoys; /* rule of its project */
	int64_t created_at_ms;
	struct preview model; /* what preview_next() decides on; model.attempts runs beside `attempts` */
	const struct attempt_row *attempts;
};

/* E_NOT_FOUND when the job is not ours any more or its preview is gone. */
AWAITS int preview_load(struct call *call, struct db *db, const struct job *job, struct preview_row *ret);

/* A new attempt of the wanted generation, in state INTENT; or, *ret_waits, none because there is no room for it, and
 * the preview says what it waits for. account_builds: most of one provider account at once, 0 = no limit. E_CONFLICT
 * also when another generation is wanted by now. */
AWAITS int attempt_insert(struct call *call, struct db *db, const struct job *job, int64_t generation,
			  struct str attempt_id, struct str provider, int64_t deadline_ms, int64_t account_builds,
			  bool *ret_waits);
/* Immediately before the provider is called, with what it is going to be given (decoy_hash: empty = no
 * decoy). E_CONFLICT when the lease ends within
 * call_ms. */
AWAITS int attempt_sent(struct call *call, struct db *db, const struct job *job, struct str attempt_id, int64_t call_ms,
			const struct deploy_variables *variables, struct str decoy_hash);

/* The result of one step. Empty texts and negative numbers leave a column as it is. */
struct attempt_change {
	struct str attempt_id;
	const char *state;  /* "created", "gone" ... or NULL */
	const char *status; /* "READY" ... or NULL */
	struct str provider_id, url, inspector_url, error_reason, message;
	int64_t tries;       /* -1 = as it is */
	int cancelled;       /* -1 = as it is */
	int64_t next_ms;     /* from now: the next step is not due before */
	int64_t deadline_ms; /* from now; -1 = as it is */
	/* of the preview, when it still wants this generation */
	int64_t generation;
	const char *preview_status, *preview_detail; /* or NULL */
	bool settled;
	const char *stage; /* of the event; NULL = none */
	struct str event;  /* its sentence */
	/* what requests to it are to be sent with (probe_headers_seal); empty = as it is */
	struct str probe_headers, probe_key_id;
};
#define ATTEMPT_CHANGE(id)                                                                                             \
	{                                                                                                              \
		.attempt_id = (id), .tries = -1, .cancelled = -1, .deadline_ms = -1                                    \
	}
AWAITS int attempt_write(struct call *call, struct db *db, const struct job *job, const struct attempt_change *change);

/* A generation is at its end. status NULL: only that; else everything here is what the preview says from now on. */
struct preview_end {
	int64_t generation;
	const char *status, *detail, *reason; /* reason may be NULL */
	struct str message, url;              /* empty = none */
};
AWAITS int preview_settle(struct call *call, struct db *db, const struct job *job, const struct preview_end *end);
/* It is not deployed for now: QUEUED, with this detail and message. */
AWAITS int preview_hold(struct call *call, struct db *db, const struct job *job, int64_t generation, const char *detail,
			struct str message);
/* bytes: how much of what an attempt may store this uses up. */
AWAITS int build_log_add(struct call *call, struct db *db, const struct job *job, struct str attempt_id,
			 struct str text, int64_t bytes, struct str cursor);

/* ---- the reaper ---- */
struct reap_target {
	struct str project_id, provider, settings;
	int64_t settings_version;
};
struct reap_targets {
	const struct reap_target *items;
	size_t n;
};
/* instance_id: of this installation; its deployments carry it. */
AWAITS int reap_targets(struct call *call, struct db *db, struct reap_targets *ret, struct str *ret_instance_id);
struct known_attempt {
	struct str id, provider_id, state, project_id;
};
AWAITS int reap_known(struct call *call, struct db *db, const struct str *attempt_ids, size_t n,
		      const struct known_attempt **ret, size_t *ret_n);
/* The attempt was written off but its deployment exists: its preview's reconciler looks again. */
AWAITS int reap_revive(struct call *call, struct db *db, struct str attempt_id, struct str provider_id,
		       struct push_list *ret);

#endif

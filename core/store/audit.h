/* The record of who did what: one chain of rows for each organization, and one of the installation (organization "").
 *
 * Rows are written by the SQL function audit_add(), in the transaction of the change they are about. A row's hash is
 * SHA-256 of the hash before it and of the row's own content, computed here once more, outside of the database: a row
 * that was changed, taken out or moved no longer fits. Easy to break: audit_row_hash() and the function audit_content()
 * in sql/migrations/0003_access.sql build the same bytes. */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include "base/csv.h"
#include "base/json_write.h"
#include "crypto/digest.h"
#include "db/db.h"

#define AUDIT_INSTALLATION "installation" /* how people write the organization "" */

struct audit_row {
	struct str org, id, at;
	int64_t seq;                      /* from 1, without a gap */
	int64_t at_us;                    /* Unix microseconds */
	struct str kind, actor_id, actor; /* kind: user, token, system, cli, anonymous */
	struct str ip, user_agent, request_id;
	struct str action, target_kind, target_id, project_id;
	struct str before, after;   /* JSON; empty = was not there */
	struct str prev_hash, hash; /* bytes; prev_hash of the first row is empty */
};

void audit_row_read(const struct db_rows *rows, int row, struct audit_row *ret);
void audit_row_hash(const struct audit_row *row, struct str prev_hash, uint8_t ret[SHA256_SIZE]);
/* An open object's fields, so that the caller can add his own. */
void audit_row_json(struct call *call, const struct audit_row *row, struct json_out *out);
void audit_csv_head(struct csv_out *out);
void audit_row_csv(const struct audit_row *row, struct csv_out *out);

/* Empty texts and 0 = no filter. */
struct audit_filter {
	struct str actor;  /* id or e-mail */
	struct str action; /* exact, or a first part with its dot: "member." */
	struct str project, ip;
	int64_t from_ms, to_ms; /* to_ms exclusive */
};

/* Newest first, before the row with this id (empty = from the newest). */
AWAITS int audit_list(struct call *call, struct db *db, struct str org, const struct audit_filter *filter,
		      struct str before_id, int64_t limit, struct db_rows *ret);

/* ---- chains ---- */
struct audit_head {
	struct str org;
	int64_t seq;     /* 0 = there is no head */
	struct str hash; /* bytes */
	int64_t last;    /* of the rows, at the same moment; 0 = there is none */
};

/* The chain of one organization, or (org NULL) of all in the order of their ids: those behind *after, or from the first
 * (NULL). *ret is the call's. */
AWAITS int audit_heads(struct call *call, struct db *db, const struct str *org, const struct str *after, int64_t limit,
		       const struct audit_head **ret, size_t *ret_n);
/* Oldest first, those with after < seq <= to. from_ms and to_ms as in the filter. */
AWAITS int audit_walk(struct call *call, struct db *db, struct str org, int64_t after, int64_t to, int64_t from_ms,
		      int64_t to_ms, int64_t limit, struct db_rows *ret);

/* Where a check of a chain has come to. Starts as zeros. */
struct audit_link {
	int64_t seq;
	size_t n; /* bytes of hash: 0 before the first row */
	uint8_t hash[SHA256_SIZE];
};
/* Does the row follow? NULL and the link moves on to it, or what is wrong, in a sentence. */
const char *audit_follow(struct call *call, struct audit_link *link, const struct audit_row *row);
/* Does the head fit the last row? NULL, or what is wrong. */
const char *audit_end(struct call *call, const struct audit_link *link, const struct audit_head *head);

#endif

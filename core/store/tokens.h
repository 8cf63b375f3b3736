/* A person's API tokens. The token itself never comes here, only its SHA-256. */
#ifndef STORE_TOKENS_H
#define STORE_TOKENS_H

#include "store/access.h"

#define TOKENS_LIVE_MAX 50 /* of one person */

struct token_wish {
	struct str name;
	enum scope scope;
	struct str project; /* empty = all that its owner may see */
	int64_t expires_ms; /* Unix ms; 0 = it has no end */
};

/* Rows have the API's columns. E_CONFLICT: TOKENS_LIVE_MAX are live. E_NOT_FOUND: the user may not see the project, or
 * there is none. */
AWAITS int token_create(struct call *call, struct db *db, struct str user_id, const struct token_wish *wish,
			const uint8_t hash[SHA256_SIZE], const struct audit *audit, struct db_rows *ret);
/* Makes a successor that may do the same and lasts as long as this one was made to; this one ends after the overlap
 * at the latest. E_NOT_FOUND; E_CONFLICT when it is over or TOKENS_LIVE_MAX are live. */
AWAITS int token_rotate(struct call *call, struct db *db, struct str user_id, struct str id, int64_t overlap_minutes,
			const uint8_t hash[SHA256_SIZE], const struct audit *audit, struct db_rows *ret);
/* OK as well when it was revoked before; E_NOT_FOUND. */
AWAITS int token_revoke(struct call *call, struct db *db, struct str user_id, struct str id, const struct audit *audit);
AWAITS int tokens_list(struct call *call, struct db *db, struct str user_id, struct str before, int64_t limit,
		       struct db_rows *ret);
AWAITS int token_get(struct call *call, struct db *db, struct str user_id, struct str id,
		     struct db_rows *ret); /* E_NOT_FOUND */

#endif

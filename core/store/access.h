/* Who somebody is, and what he may do: what the guard asks the database. */
#ifndef STORE_ACCESS_H
#define STORE_ACCESS_H

#include "crypto/digest.h"
#include "store/people.h"

/* The audit row of a change: an id for it, and the parameter `who` of audit_add(). */
struct audit {
	struct db_arg id, who;
};

/* What an API token may be used for at most; its owner's role is a limit as well. A session is SCOPE_ADMIN. */
enum scope { SCOPE_NONE, SCOPE_READ, SCOPE_WRITE, SCOPE_ADMIN };

enum scope scope_read(struct str word); /* SCOPE_NONE for what is not a scope */
const char *scope_word(enum scope scope);

/* What was shown to prove it: exactly one of the two. */
struct credential {
	struct str session;    /* "sess_...", from a session token that was verified */
	struct str user;       /* its user */
	struct str token_hash; /* of an API token, SHA256_SIZE bytes */
};

struct identity {
	struct person person;
	struct str session; /* "sess_..."; empty for a token */
	struct str token;   /* "tok_..."; empty for a session */
	enum scope scope;
	struct str only_project; /* the token is for this project alone; empty = for all */
};

/* What a path names; at most one is not empty. */
struct target {
	struct str org, project, preview, environment, check;
};

struct standing {
	enum role role; /* the higher of the organization's and the project's; ROLE_NONE: may not know of it, or there
			   is none */
	struct str org, project; /* to which the target belongs; project is empty for an organization */
};

/* Both in one round trip. E_AUTH when the credential is over, revoked, or its user inactive. Without a target the
 * standing is empty. Notes that the user was seen, once a minute. */
AWAITS int access_find(struct call *call, struct db *db, const struct credential *credential,
		       const struct target *target, struct identity *ret, struct standing *ret_standing);
AWAITS int access_standing(struct call *call, struct db *db, struct str user_id, const struct target *target,
			   struct standing *ret);

#endif

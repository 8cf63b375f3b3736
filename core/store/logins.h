/* Logins, and the sessions they make. Each writes its audit row with it; where it belongs to no organization, into the
 * installation's own chain. */
#ifndef STORE_LOGINS_H
#define STORE_LOGINS_H

#include "store/people.h"

#define INVITATIONS_AT_ONCE 32 /* taken at one login; more wait for the next */

/* What GitHub says of somebody, now. */
struct github_account {
	int64_t id;
	struct str login, name, avatar_url;
	struct str email; /* primary and verified */
};

/* A session about to begin. */
struct session_start {
	struct str id; /* "sess_..." */
	int64_t lasts_ms;
	struct str client, user_agent, request_id;
};

enum login_outcome {
	LOGIN_DONE,
	LOGIN_INACTIVE,    /* the user was deactivated */
	LOGIN_EMAIL_TAKEN, /* by a user who logs in with another GitHub account */
};

/* True the first time a state is shown, false for every later one, in whichever process. */
AWAITS int login_state_use(struct call *call, struct db *db, struct str state, bool *ret_fresh);
/* Finds the user by GitHub's id, else by e-mail if no other GitHub account has it, else makes one; takes over what
 * changed at GitHub; turns invitations into memberships; with first_owner, gives the first user of an empty
 * installation an organization. One transaction, and nothing of it happens unless LOGIN_DONE. */
AWAITS int login_github(struct call *call, struct db *db, const struct github_account *account,
			const struct session_start *session, bool first_owner, struct person *ret,
			enum login_outcome *ret_outcome);
/* Test login: the user is made when there is none. E_AUTH when he is inactive. */
AWAITS int login_test(struct call *call, struct db *db, struct str email, struct str name,
		      const struct session_start *session, struct db_arg audit_id, struct db_arg audit_who,
		      struct person *ret);

/* Ends one session of a user. E_NOT_FOUND when it is not his, or over. */
AWAITS int session_end(struct call *call, struct db *db, struct str session_id, struct str user_id,
		       struct db_arg audit_id, struct db_arg audit_who, const char *action);
/* Those of his that still hold. `current` may be empty. */
AWAITS int sessions_of(struct call *call, struct db *db, struct str user_id, struct str before, int64_t limit,
		       struct str current, struct db_rows *ret);

#endif

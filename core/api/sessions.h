/* What the ways to log in share: a session begins, and its token becomes the cookie. */
#ifndef API_SESSIONS_H
#define API_SESSIONS_H

#include "api/api.h"
#include "store/logins.h"

/* A new session's id and what is stored with it; it exists once a login has written it. */
void session_prepare(struct exchange *x, struct session_start *ret);
/* Signs the token of a session that was written, sets it as the cookie, and gives it back. */
struct str session_issue(struct exchange *x, const struct session_start *session, struct str user_id);

#endif

/* Session tokens: JWT with HS256 by libjwt, whose traps are closed before it sees a byte.
 *
 * A good token proves who signed it and until when it holds. Whether the session still exists is for the caller to
 * look up by claims.session: logging out must act at once. */
#ifndef CRYPTO_SESSION_TOKEN_H
#define CRYPTO_SESSION_TOKEN_H

#include "base/arena.h"

#define SESSION_TOKEN_MAX   4096
#define SESSION_SECRET_MIN  32
#define SESSION_SECRETS_MAX 2 /* the current one and the one before */
#define SESSION_LIFE_MAX_S  (24 * 60 * 60)
#define SESSION_ID_PREFIX   "sess_"

struct session_claims {
	struct str user;    /* sub: "user_..." */
	struct str session; /* sid: "sess_..." */
	int64_t issued_s, expires_s;
};

/* NULL when the secret can sign sessions, else the end of a sentence that starts with "JWT_SECRET". */
const char *session_secret_check(struct str secret);
/* The text of a token; its jti is random. The secret has passed session_secret_check. */
struct str session_token_sign(struct arena *arena, struct str secret, const struct session_claims *claims);
/* False for whatever is not a token of ours that holds at now_s; which check failed is nobody's business. */
bool session_token_verify(struct arena *arena, struct str token, const struct str *secrets, size_t n_secrets,
			  int64_t now_s, struct session_claims *ret);

#endif

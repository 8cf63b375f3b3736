/* What a browser carries while its user is at GitHub: the login's state and the PKCE verifier, and where to go
 * afterwards, in one signed cookie value. The signature binds them to this server and to ten minutes; that it counts
 * only once is for the caller to remember. */
#ifndef CRYPTO_LOGIN_STATE_H
#define CRYPTO_LOGIN_STATE_H

#include "base/arena.h"

#define LOGIN_STATE_LIFE_S 600
#define LOGIN_SECRET_SIZE  44   /* 32 random bytes in base64url, with its NUL */
#define LOGIN_RETURN_MAX   512  /* longest return path */
#define LOGIN_COOKIE_MAX   1024 /* longest sealed text */

struct login_state {
	char state[LOGIN_SECRET_SIZE];    /* GitHub gives it back in the callback's query */
	char verifier[LOGIN_SECRET_SIZE]; /* of PKCE (RFC 7636): shown when the code is exchanged */
	struct str return_path;           /* "/dashboard#x", a path on our own site; empty = the usual place */
};

/* True for a path that cannot lead to another site: it begins with one '/', holds no '\', space, control character or
 * "//" at its start, and fits. */
bool login_return_path_ok(struct str path);
/* Fresh random texts. return_path has passed login_return_path_ok, or is empty; it is not copied. */
void login_state_new(struct login_state *ret, struct str return_path);
/* The PKCE challenge of method S256. */
void login_challenge(const char *verifier, char ret[LOGIN_SECRET_SIZE]);
/* The cookie's value. The key is derived from the session secret, so that neither can be used as the other. */
struct str login_state_seal(struct arena *arena, struct str secret, const struct login_state *state, int64_t now_s);
/* False for whatever was not sealed with one of the secrets within the last LOGIN_STATE_LIFE_S. */
bool login_state_open(struct arena *arena, struct str sealed, const struct str *secrets, size_t n_secrets,
		      int64_t now_s, struct login_state *ret);

#endif

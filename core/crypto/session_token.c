/* Signs and verifies session tokens.
 *
 * Owns nothing.
 * Easy to break: the order. libjwt 1.10 puts a copy of the token on the stack, writes out of bounds for an empty
 * segment, believes the token's own word about its algorithm, accepts anything under an empty key and never looks at
 * exp. So length, shape and header are settled before it is called, and the claims are read here afterwards. */
#include "crypto/session_token.h"

#include "base/id.h"

#include <errno.h>
#include <jwt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define ISSUER       "opshub"
#define AUDIENCE     "opshub-session"
#define CLOCK_SKEW_S 60

/* {"alg":"HS256","typ":"JWT"}: the only header there is. Comparing it as text leaves no room for none, HS512, RS256,
 * kid, jku or a second spelling. */
static const struct str header = STR("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9");

static const struct str documented[] = {
	STR("your-super-secret-jwt-key-change-this-in-production"),
	STR("change-me-change-me-change-me-change-me"),
	STR("your-256-bit-secret-your-256-bit-secret"),
};

const char *session_secret_check(struct str secret)
{
	if (secret.n < SESSION_SECRET_MIN)
		return "is shorter than 32 bytes; `openssl rand -base64 48` prints a good one";
	if (secret.n > 1024)
		return "is longer than 1024 bytes; `openssl rand -base64 48` prints a good one";
	for (size_t i = 0; i < sizeof(documented) / sizeof(documented[0]); i++)
		if (str_eq(secret, documented[i]))
			return "is an example that stands in documentation; `openssl rand -base64 48` prints a good "
			       "one";
	return NULL;
}

static void must(bool worked)
{
	if (worked)
		return;
	fprintf(stderr, "opshub: out of memory while signing a session token\n");
	abort();
}

struct str session_token_sign(struct arena *arena, struct str secret, const struct session_claims *claims)
{
	char jti[ID_MAX];
	struct str token;
	jwt_t *jwt = NULL;
	char *text;

	must(jwt_new(&jwt) == 0);
	id_new(jti, "jwt_");
	must(jwt_add_grant(jwt, "iss", ISSUER) == 0 && jwt_add_grant(jwt, "aud", AUDIENCE) == 0 &&
	     jwt_add_grant(jwt, "sub", arena_text(arena, claims->user)) == 0 &&
	     jwt_add_grant(jwt, "sid", arena_text(arena, claims->session)) == 0 &&
	     jwt_add_grant(jwt, "jti", jti) == 0 && jwt_add_grant_int(jwt, "iat", claims->issued_s) == 0 &&
	     jwt_add_grant_int(jwt, "exp", claims->expires_s) == 0 &&
	     jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)secret.p, (int)secret.n) == 0);
	text = jwt_encode_str(jwt);
	must(text);
	token = arena_str(arena, str_of(text));
	free(text);
	jwt_free(jwt);
	return token;
}

static bool shape_is_ours(struct str token)
{
	struct str rest = token, segment[3];

	if (token.n > SESSION_TOKEN_MAX)
		return false;
	for (size_t i = 0; i < token.n; i++) {
		char c = token.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		      c == '-' || c == '.'))
			return false;
	}
	for (int i = 0; i < 3; i++) {
		segment[i] = str_split(&rest, '.');
		if (segment[i].n == 0)
			return false;
	}
	/* Behind the third segment nothing is left, not even a dot. */
	return rest.n == 0 && token.p[token.n - 1] != '.' && str_eq(segment[0], header);
}

static bool grant_is(jwt_t *jwt, const char *name, const char *value)
{
	return str_eq(str_of(jwt_get_grant(jwt, name)), str_of(value));
}

/* jwt_get_grant_int gives 0 for a text or a fraction, and reports only a missing claim. */
static bool grant_time(jwt_t *jwt, const char *name, int64_t *ret)
{
	int64_t value;

	errno = 0;
	value = jwt_get_grant_int(jwt, name);
	if (errno != 0 || value <= 0)
		return false;
	*ret = value;
	return true;
}

static bool claims_hold(struct arena *arena, jwt_t *jwt, int64_t now_s, struct session_claims *ret)
{
	struct str user = str_of(jwt_get_grant(jwt, "sub")), session = str_of(jwt_get_grant(jwt, "sid"));
	int64_t issued_s, expires_s;

	if (!grant_time(jwt, "exp", &expires_s) || expires_s <= now_s || expires_s > now_s + SESSION_LIFE_MAX_S)
		return false;
	if (!grant_time(jwt, "iat", &issued_s) || issued_s > now_s + CLOCK_SKEW_S)
		return false;
	if (!grant_is(jwt, "iss", ISSUER) || !grant_is(jwt, "aud", AUDIENCE))
		return false;
	if (!id_valid(user, "user_") || !id_valid(session, SESSION_ID_PREFIX))
		return false;
	*ret = (struct session_claims){ .user = arena_str(arena, user),
					.session = arena_str(arena, session),
					.issued_s = issued_s,
					.expires_s = expires_s };
	return true;
}

bool session_token_verify(struct arena *arena, struct str token, const struct str *secrets, size_t n_secrets,
			  int64_t now_s, struct session_claims *ret)
{
	bool ok = false;

	if (!shape_is_ours(token) || n_secrets > SESSION_SECRETS_MAX)
		return false;
	token = arena_str(arena, token);
	for (size_t i = 0; i < n_secrets && !ok; i++) {
		jwt_t *jwt = NULL;

		/* libjwt verifies nothing under an empty key. */
		if (secrets[i].n < SESSION_SECRET_MIN || secrets[i].n > INT_MAX)
			continue;
		if (jwt_decode(&jwt, token.p, (const unsigned char *)secrets[i].p, (int)secrets[i].n) == 0 &&
		    jwt_get_alg(jwt) == JWT_ALG_HS256)
			ok = claims_hold(arena, jwt, now_s, ret);
		jwt_free(jwt);
	}
	return ok;
}

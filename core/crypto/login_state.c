/* Seals and opens what a browser carries while its user is at GitHub.
 *
 *   sealed  = base64url(content) "." base64url(HMAC-SHA256(key, content))
 *   content = "1 " seconds " " state " " verifier " " return path
 *   key     = HKDF-SHA256(session secret, info "opshub/login-state/v1")
 *
 * Owns nothing.
 * Easy to break: nothing of the content is read before its signature holds. */
#include "crypto/login_state.h"

#include "base/id.h"
#include "crypto/base64.h"
#include "crypto/digest.h"

#include <string.h>

#define RANDOM_SIZE  32
#define CONTENT_MAX  (2 + 20 + 2 * LOGIN_SECRET_SIZE + 2 + LOGIN_RETURN_MAX)
#define CLOCK_SKEW_S 60
_Static_assert(BASE64_SIZE(RANDOM_SIZE) >= LOGIN_SECRET_SIZE, "base64url_encode needs the room of padded base64");
_Static_assert(BASE64_SIZE(CONTENT_MAX) + 1 + LOGIN_SECRET_SIZE <= LOGIN_COOKIE_MAX, "a cookie holds every content");

bool login_return_path_ok(struct str path)
{
	if (path.n == 0 || path.n > LOGIN_RETURN_MAX || path.p[0] != '/')
		return false;
	if (path.n > 1 && path.p[1] == '/')
		return false;
	for (size_t i = 0; i < path.n; i++)
		if ((unsigned char)path.p[i] <= ' ' || (unsigned char)path.p[i] >= 0x7f || path.p[i] == '\\')
			return false;
	return true;
}

static void encode32(const uint8_t bytes[RANDOM_SIZE], char ret[LOGIN_SECRET_SIZE])
{
	char text[BASE64_SIZE(RANDOM_SIZE)];

	base64url_encode(bytes, RANDOM_SIZE, text);
	memcpy(ret, text, LOGIN_SECRET_SIZE);
}

void login_state_new(struct login_state *ret, struct str return_path)
{
	uint8_t bytes[RANDOM_SIZE];

	random_bytes(bytes, sizeof(bytes));
	encode32(bytes, ret->state);
	random_bytes(bytes, sizeof(bytes));
	encode32(bytes, ret->verifier);
	ret->return_path = return_path;
}

void login_challenge(const char *verifier, char ret[LOGIN_SECRET_SIZE])
{
	struct str text = str_of(verifier);
	uint8_t digest[SHA256_SIZE];

	sha256(&text, 1, digest);
	encode32(digest, ret);
}

static void sign(struct str secret, struct str content, uint8_t ret[SHA256_SIZE])
{
	uint8_t key[SHA256_SIZE];

	hkdf_sha256(secret, STR(""), STR("opshub/login-state/v1"), key);
	hmac_sha256((struct str){ (const char *)key, sizeof(key) }, &content, 1, ret);
	secret_wipe(key, sizeof(key));
}

struct str login_state_seal(struct arena *arena, struct str secret, const struct login_state *state, int64_t now_s)
{
	struct str content = arena_printf(arena, "1 %lld %s %s %.*s", (long long)now_s, state->state, state->verifier,
					  STR_FMT(state->return_path));
	char *text = arena_raw(arena, BASE64_SIZE(content.n));
	char signature_text[LOGIN_SECRET_SIZE];
	uint8_t signature[SHA256_SIZE];

	sign(secret, content, signature);
	base64url_encode(content.p, content.n, text);
	encode32(signature, signature_text);
	return arena_printf(arena, "%s.%s", text, signature_text);
}

static bool is_signed(struct str content, const uint8_t signature[SHA256_SIZE], const struct str *secrets,
		      size_t n_secrets)
{
	uint8_t expected[SHA256_SIZE];
	bool good = false;

	for (size_t i = 0; i < n_secrets && !good; i++) {
		if (secrets[i].n == 0) /* a missing setting must never open the door */
			continue;
		sign(secrets[i], content, expected);
		good = secret_bytes_equal(expected, signature, SHA256_SIZE);
	}
	return good;
}

static bool take(struct str *rest, char ret[LOGIN_SECRET_SIZE])
{
	struct str part = str_split(rest, ' ');

	if (part.n != LOGIN_SECRET_SIZE - 1)
		return false;
	memcpy(ret, part.p, part.n);
	ret[part.n] = '\0';
	return true;
}

bool login_state_open(struct arena *arena, struct str sealed, const struct str *secrets, size_t n_secrets,
		      int64_t now_s, struct login_state *ret)
{
	struct login_state state;
	struct str rest = sealed, content_text, content;
	uint8_t signature[SHA256_SIZE];
	size_t n_content, n_signature;
	int64_t sealed_s;
	char *bytes;

	if (sealed.n > LOGIN_COOKIE_MAX)
		return false;
	content_text = str_split(&rest, '.');
	bytes = arena_raw(arena, CONTENT_MAX);
	if (!base64url_decode(content_text, bytes, CONTENT_MAX, &n_content) ||
	    !base64url_decode(rest, signature, sizeof(signature), &n_signature) || n_signature != SHA256_SIZE)
		return false;
	content = (struct str){ bytes, n_content };
	if (!is_signed(content, signature, secrets, n_secrets))
		return false;
	if (!str_eq(str_split(&content, ' '), STR("1")) ||
	    !str_to_int(str_split(&content, ' '), now_s - LOGIN_STATE_LIFE_S, now_s + CLOCK_SKEW_S, &sealed_s) ||
	    !take(&content, state.state) || !take(&content, state.verifier))
		return false;
	state.return_path = arena_str(arena, content);
	if (content.n && !login_return_path_ok(content))
		return false;
	*ret = state;
	return true;
}

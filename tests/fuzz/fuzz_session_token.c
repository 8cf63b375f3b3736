/* Session tokens. Raw input is never accepted: the secret is not in it. The same input as the claims of a token that is
 * signed properly exercises what comes behind the signature. */
#include "fuzz.h"

#include "base/buf.h"
#include "crypto/base64.h"
#include "crypto/digest.h"
#include "crypto/session_token.h"

#define NOW 1700000000

static void add_base64url(struct buf *buf, struct str bytes)
{
	char *text = malloc(BASE64_SIZE(bytes.n));

	buf_add(buf, text, base64url_encode(bytes.p, bytes.n, text));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct str secret = STR("correct horse battery staple, thirty-two and more");
	struct str input = { (const char *)data, size };
	struct arena *arena = arena_new();
	struct session_claims claims;
	uint8_t mac[SHA256_SIZE];
	struct buf buf;

	MUST(!session_token_verify(arena, input, &secret, 1, NOW, &claims));
	buf_init(&buf, 1 << 20);
	buf_add_str(&buf, STR("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."));
	add_base64url(&buf, input);
	hmac_sha256(secret, &(struct str){ buf.p, buf.n }, 1, mac);
	buf_add_char(&buf, '.');
	add_base64url(&buf, (struct str){ (const char *)mac, sizeof(mac) });
	if (session_token_verify(arena, buf_str(&buf), &secret, 1, NOW, &claims)) {
		MUST(claims.expires_s > NOW && claims.expires_s <= NOW + SESSION_LIFE_MAX_S);
		MUST(claims.issued_s > 0 && claims.issued_s <= NOW + 60);
		MUST(str_starts(claims.user, STR("user_")) && str_starts(claims.session, STR(SESSION_ID_PREFIX)));
	}
	buf_done(&buf);
	arena_free(arena);
	return 0;
}

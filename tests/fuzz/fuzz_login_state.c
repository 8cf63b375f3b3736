/* The login cookie. Raw input is never accepted: the secret is not in it. The same input as content that is signed
 * properly exercises what comes behind the signature. */
#include "fuzz.h"

#include "crypto/base64.h"
#include "crypto/digest.h"
#include "crypto/login_state.h"

#include <string.h>

#define NOW 1700000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct str secret = STR("correct horse battery staple, thirty-two and more");
	struct str input = { (const char *)data, size };
	uint8_t key[SHA256_SIZE], mac[SHA256_SIZE];
	char mac_text[BASE64_SIZE(SHA256_SIZE)];
	struct arena *arena = arena_new();
	char *text = arena_raw(arena, BASE64_SIZE(size));
	struct login_state state;

	MUST(!login_state_open(arena, input, &secret, 1, NOW, &state));
	hkdf_sha256(secret, STR(""), STR("opshub/login-state/v1"), key);
	hmac_sha256((struct str){ (const char *)key, sizeof(key) }, &input, 1, mac);
	base64url_encode(data, size, text);
	base64url_encode(mac, sizeof(mac), mac_text);
	if (login_state_open(arena, arena_printf(arena, "%s.%s", text, mac_text), &secret, 1, NOW, &state)) {
		MUST(strlen(state.state) < LOGIN_SECRET_SIZE && strlen(state.verifier) < LOGIN_SECRET_SIZE);
		MUST(state.return_path.n == 0 || login_return_path_ok(state.return_path));
	}
	arena_free(arena);
	return 0;
}

/* Tokens are forged here with the means an attacker has: our own base64url and HMAC, not libjwt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/id.h"
#include "crypto/base64.h"
#include "crypto/digest.h"
#include "crypto/session_token.h"

#define HEADER     "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define USER       "user_01hf3v9y7m8k4q2r6s0t5w1x3z"
#define SESS       "sess_01hf3v9y7m8k4q2r6s0t5w1x3z"
#define BODY(rest) "{\"iss\":\"opshub\",\"aud\":\"opshub-session\",\"sub\":\"" USER "\",\"sid\":\"" SESS "\"" rest "}"
#define NOW        1700000000

static const struct str secret = STR("correct horse battery staple, thirty-two and more");
static const struct str other = STR("another secret which is thirty-two bytes or longer");
static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static void add_base64url(struct buf *buf, struct str s)
{
	char *text = malloc(BASE64_SIZE(s.n));

	buf_add(buf, text, base64url_encode(s.p, s.n, text));
	free(text);
}

/* header and body in base64url, signed with key */
static struct str forge_with(const char *head, const char *body, struct str key)
{
	uint8_t mac[SHA256_SIZE];
	struct buf buf;
	struct str token;

	buf_init(&buf, 1 << 20);
	add_base64url(&buf, str_of(head));
	buf_add_char(&buf, '.');
	add_base64url(&buf, str_of(body));
	hmac_sha256(key, &(struct str){ buf.p, buf.n }, 1, mac);
	buf_add_char(&buf, '.');
	add_base64url(&buf, (struct str){ (const char *)mac, sizeof(mac) });
	token = arena_str(arena, buf_str(&buf));
	buf_done(&buf);
	return token;
}

static struct str forge(const char *head, const char *body)
{
	return forge_with(head, body, secret);
}

static bool accepted(struct str token)
{
	struct session_claims claims;

	return session_token_verify(arena, token, &secret, 1, NOW, &claims);
}

static void a_signed_token_verifies(void **state)
{
	struct session_claims in = { STR(USER), STR(SESS), NOW, NOW + 3600 }, out;
	struct str token = session_token_sign(arena, secret, &in), again = session_token_sign(arena, secret, &in);

	(void)state;
	assert_true(session_token_verify(arena, token, &secret, 1, NOW, &out));
	assert_true(str_eq(out.user, in.user));
	assert_true(str_eq(out.session, in.session));
	assert_int_equal(out.issued_s, NOW);
	assert_int_equal(out.expires_s, NOW + 3600);
	assert_false(str_eq(token, again));
	assert_false(session_token_verify(arena, token, &secret, 1, NOW + 3600, &out));
	assert_true(session_token_verify(arena, token, &secret, 1, NOW + 3599, &out));
}

static void a_token_of_another_library_verifies(void **state)
{
	(void)state;
	assert_true(accepted(forge(HEADER, BODY(",\"iat\":1700000000,\"exp\":1700003600"))));
	/* to show that the rows of the next tests fail for the reason that they name */
	assert_true(accepted(forge(HEADER, BODY(",\"iat\":1700000060,\"exp\":1700086400"))));
}

static void the_previous_secret_counts_and_a_foreign_one_does_not(void **state)
{
	struct str old = forge_with(HEADER, BODY(",\"iat\":1700000000,\"exp\":1700003600"), other);
	struct str both[] = { secret, other };
	struct str three[] = { secret, secret, other };
	struct session_claims claims;

	(void)state;
	assert_true(session_token_verify(arena, old, both, 2, NOW, &claims));
	assert_false(session_token_verify(arena, old, both, 1, NOW, &claims));
	assert_false(session_token_verify(arena, old, three, 3, NOW, &claims));
	assert_false(session_token_verify(arena, old, NULL, 0, NOW, &claims));
}

static void a_short_or_empty_secret_verifies_nothing(void **state)
{
	static const struct str keys[] = { { 0 }, STR(""), STR("x"), STR("thirty-one bytes are not enough") };
	const char *body = BODY(",\"iat\":1700000000,\"exp\":1700003600");
	struct session_claims claims;

	(void)state;
	assert_int_equal(keys[3].n, 31);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_false(session_token_verify(arena, forge_with(HEADER, body, keys[i]), &keys[i], 1, NOW, &claims));
	/* signed with nothing, verified with the real secret */
	assert_false(accepted(forge_with(HEADER, body, STR(""))));
}

static void other_headers_are_refused(void **state)
{
	static const char *const heads[] = {
		"{\"alg\":\"none\",\"typ\":\"JWT\"}",
		"{\"alg\":\"None\",\"typ\":\"JWT\"}",
		"{\"alg\":\"nOnE\",\"typ\":\"JWT\"}",
		"{\"alg\":\"NONE\"}",
		"{\"typ\":\"JWT\"}",
		"{}",
		"",
		"{\"alg\":\"hs256\",\"typ\":\"JWT\"}",
		"{\"alg\":\"HS512\",\"typ\":\"JWT\"}",
		"{\"alg\":\"HS384\",\"typ\":\"JWT\"}",
		"{\"alg\":\"RS256\",\"typ\":\"JWT\"}",
		"{\"alg\":\"ES256\",\"typ\":\"JWT\"}",
		"{\"alg\":\"HS256\"}",
		"{\"alg\":\"HS256\",\"typ\":\"jwt\"}",
		"{\"typ\":\"JWT\",\"alg\":\"HS256\"}",
		"{\"alg\":\"HS256\",\"alg\":\"none\",\"typ\":\"JWT\"}",
		"{\"alg\":\"HS256\",\"kid\":\"../../dev/null\",\"typ\":\"JWT\"}",
		"{\"alg\":\"HS256\",\"kid\":\"k1' union select 'x\",\"typ\":\"JWT\"}",
		"{\"alg\":\"HS256\",\"jku\":\"https://evil.example/keys\",\"typ\":\"JWT\"}",
		"{\"alg\":\"HS256\",\"x5u\":\"https://evil.example/cert\",\"typ\":\"JWT\"}",
		"{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"},\"typ\":\"JWT\"}",
		"{\"alg\":\"HS256\",\"crit\":[\"x\"],\"typ\":\"JWT\"}",
		"{\"alg\": \"HS256\",\"typ\":\"JWT\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (accepted(forge(heads[i], BODY(",\"iat\":1700000000,\"exp\":1700003600"))))
			fail_msg("accepted: %s", heads[i]);
}

static void other_claims_are_refused(void **state)
{
	static const char *const bodies[] = {
		/* exp */
		BODY(",\"iat\":1700000000"),
		BODY(",\"iat\":1700000000,\"exp\":\"1700003600\""),
		BODY(",\"iat\":1700000000,\"exp\":1700003600.5"),
		BODY(",\"iat\":1700000000,\"exp\":1.7000036e9"),
		BODY(",\"iat\":1700000000,\"exp\":0"),
		BODY(",\"iat\":1700000000,\"exp\":-1"),
		BODY(",\"iat\":1700000000,\"exp\":-1700003600"),
		BODY(",\"iat\":1700000000,\"exp\":9223372036854775808"),
		BODY(",\"iat\":1700000000,\"exp\":9223372036854775807"),
		BODY(",\"iat\":1700000000,\"exp\":18446744073709551616"),
		BODY(",\"iat\":1700000000,\"exp\":1e400"),
		BODY(",\"iat\":1700000000,\"exp\":null"),
		BODY(",\"iat\":1700000000,\"exp\":true"),
		BODY(",\"iat\":1700000000,\"exp\":[1700003600]"),
		BODY(",\"iat\":1700000000,\"exp\":1700000000"),
		BODY(",\"iat\":1700000000,\"exp\":1699999999"),
		BODY(",\"iat\":1700000000,\"exp\":1700086401"),
		/* iat */
		BODY(",\"exp\":1700003600"),
		BODY(",\"iat\":1700000061,\"exp\":1700003600"),
		BODY(",\"iat\":\"1700000000\",\"exp\":1700003600"),
		/* who for and who by */
		"{\"iss\":\"evil\",\"aud\":\"opshub-session\",\"sub\":\"" USER "\",\"sid\":\"" SESS
		"\",\"iat\":1700000000,\"exp\":1700003600}",
		"{\"iss\":\"opshub\",\"aud\":\"opshub-oauth\",\"sub\":\"" USER "\",\"sid\":\"" SESS
		"\",\"iat\":1700000000,\"exp\":1700003600}",
		"{\"iss\":\"opshub\",\"aud\":[\"opshub-session\"],\"sub\":\"" USER "\",\"sid\":\"" SESS
		"\",\"iat\":1700000000,\"exp\":1700003600}",
		"{\"iss\":\"opshub\",\"aud\":\"opshub-session\",\"sub\":\"" SESS "\",\"sid\":\"" SESS
		"\",\"iat\":1700000000,\"exp\":1700003600}",
		"{\"iss\":\"opshub\",\"aud\":\"opshub-session\",\"sub\":\"" USER
		"\",\"iat\":1700000000,\"exp\":1700003600}",
		"{\"iss\":\"opshub\",\"aud\":\"opshub-session\",\"sub\":\"user_' or 1=1 --\",\"sid\":\"" SESS
		"\",\"iat\":1700000000,\"exp\":1700003600}",
		"{\"iss\":\"opshub\",\"aud\":\"opshub-session\",\"sub\":7,\"sid\":\"" SESS
		"\",\"iat\":1700000000,\"exp\":1700003600}",
		/* not an object, not JSON */
		"[]",
		"null",
		"\"x\"",
		"{",
		"{}x",
		"\x01",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		if (accepted(forge(HEADER, bodies[i])))
			fail_msg("accepted: %s", bodies[i]);
}

static void broken_shapes_are_refused(void **state)
{
	struct str good = forge(HEADER, BODY(",\"iat\":1700000000,\"exp\":1700003600"));
	struct str head = { good.p, 36 }, rest = { good.p + 37, good.n - 37 }, body = str_split(&rest, '.');
	const struct str bad[] = {
		STR(""),
		STR("."),
		STR(".."),
		STR("..."),
		head,
		{ good.p, good.n - rest.n },
		{ good.p, good.n - rest.n - 1 },
		{ good.p, good.n - 1 },
		arena_printf(arena, "%.*s..%.*s", STR_FMT(head), STR_FMT(rest)),
		arena_printf(arena, ".%.*s.%.*s", STR_FMT(body), STR_FMT(rest)),
		arena_printf(arena, "%.*s.", STR_FMT(good)),
		arena_printf(arena, ".%.*s", STR_FMT(good)),
		arena_printf(arena, "%.*s.x", STR_FMT(good)),
		arena_printf(arena, "%.*s=", STR_FMT(good)),
		arena_printf(arena, " %.*s", STR_FMT(good)),
		arena_printf(arena, "%.*s\n", STR_FMT(good)),
		arena_printf(arena, "%.*s%c", STR_FMT(good), 0),
		arena_printf(arena, "%.*s.%.*s.%.*s", STR_FMT(head), STR_FMT(head), STR_FMT(rest)),
	};

	(void)state;
	assert_true(accepted(good));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (accepted(bad[i]))
			fail_msg("row %zu accepted", i);
}

/* A new last character that decodes to the same bytes is still not the token that was signed. */
static void no_other_text_of_the_signature_is_accepted(void **state)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	struct str good = forge(HEADER, BODY(",\"iat\":1700000000,\"exp\":1700003600"));
	char *copy = arena_copy(arena, good.p, good.n);

	(void)state;
	for (size_t at = good.n - 43; at < good.n; at++) {
		for (const char *c = alphabet; *c; c++) {
			copy[at] = *c;
			assert_int_equal(accepted((struct str){ copy, good.n }), *c == good.p[at]);
		}
		copy[at] = good.p[at];
	}
}

static void huge_tokens_are_refused_without_being_read(void **state)
{
	static char huge[400 * 1024];
	struct str token = { huge, sizeof(huge) };

	(void)state;
	memset(huge, 'A', sizeof(huge));
	memcpy(huge, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.", 37);
	huge[sizeof(huge) - 44] = '.';
	assert_false(accepted(token));
	token.n = SESSION_TOKEN_MAX + 1;
	huge[SESSION_TOKEN_MAX - 43] = '.';
	assert_false(accepted(token));
}

static void random_changes_are_never_accepted(void **state)
{
	struct str good = forge(HEADER, BODY(",\"iat\":1700000000,\"exp\":1700003600"));
	char *copy = arena_copy(arena, good.p, good.n);

	(void)state;
	srand(3);
	for (int round = 0; round < 10000; round++) {
		size_t at = (size_t)rand() % good.n;

		copy[at] = (char)(copy[at] ^ 1 << rand() % 8);
		assert_false(accepted((struct str){ copy, good.n }));
		copy[at] = good.p[at];
	}
}

static void weak_secrets_are_named(void **state)
{
	(void)state;
	assert_null(session_secret_check(secret));
	assert_non_null(strstr(session_secret_check(STR("your-jwt-secret-here")), "shorter than 32"));
	assert_non_null(strstr(session_secret_check(STR("")), "shorter than 32"));
	assert_non_null(
		strstr(session_secret_check(STR("your-super-secret-jwt-key-change-this-in-production")), "example"));
}

static void bench_of_verify(void **state)
{
	struct str good = forge(HEADER, BODY(",\"iat\":1700000000,\"exp\":1700003600"));
	int64_t before = clock_mono_us();
	const int rounds = 2000;

	(void)state;
	for (int i = 0; i < rounds; i++)
		assert_true(accepted(good));
	print_message("bench: verifying a session token: %.1f us\n", (double)(clock_mono_us() - before) / rounds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_signed_token_verifies, setup, teardown),
		cmocka_unit_test_setup_teardown(a_token_of_another_library_verifies, setup, teardown),
		cmocka_unit_test_setup_teardown(the_previous_secret_counts_and_a_foreign_one_does_not, setup, teardown),
		cmocka_unit_test_setup_teardown(a_short_or_empty_secret_verifies_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(other_headers_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(other_claims_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_shapes_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(no_other_text_of_the_signature_is_accepted, setup, teardown),
		cmocka_unit_test_setup_teardown(huge_tokens_are_refused_without_being_read, setup, teardown),
		cmocka_unit_test_setup_teardown(random_changes_are_never_accepted, setup, teardown),
		cmocka_unit_test(weak_secrets_are_named),
		cmocka_unit_test_setup_teardown(bench_of_verify, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The login cookie: what it carries, and that nothing but our own, fresh one opens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/base64.h"
#include "crypto/digest.h"
#include "crypto/login_state.h"

#define NOW 1700000000

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

static bool opens(struct str sealed, int64_t now_s, struct login_state *ret)
{
	return login_state_open(arena, sealed, &secret, 1, now_s, ret);
}

static void test_round_trip(void **state)
{
	static const struct str paths[] = { STR(""), STR("/"), STR("/dashboard#deploy_1?a=b&c") };
	struct login_state made, read;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		login_state_new(&made, paths[i]);
		assert_true(opens(login_state_seal(arena, secret, &made, NOW), NOW, &read));
		assert_string_equal(read.state, made.state);
		assert_string_equal(read.verifier, made.verifier);
		assert_true(str_eq(read.return_path, paths[i]));
	}
}

static void test_fresh_every_time(void **state)
{
	struct login_state a, b;

	(void)state;
	login_state_new(&a, STR(""));
	login_state_new(&b, STR(""));
	assert_int_equal(strlen(a.state), LOGIN_SECRET_SIZE - 1);
	assert_int_equal(strlen(a.verifier), LOGIN_SECRET_SIZE - 1);
	assert_string_not_equal(a.state, b.state);
	assert_string_not_equal(a.verifier, b.verifier);
	assert_string_not_equal(a.state, a.verifier);
}

/* RFC 7636, appendix B */
static void test_challenge(void **state)
{
	char challenge[LOGIN_SECRET_SIZE];

	(void)state;
	login_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", challenge);
	assert_string_equal(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

static void test_holds_for_ten_minutes(void **state)
{
	struct login_state made, read;
	struct str sealed;

	(void)state;
	login_state_new(&made, STR(""));
	sealed = login_state_seal(arena, secret, &made, NOW);
	assert_true(opens(sealed, NOW + LOGIN_STATE_LIFE_S, &read));
	assert_false(opens(sealed, NOW + LOGIN_STATE_LIFE_S + 1, &read));
	assert_true(opens(sealed, NOW - 60, &read)); /* another machine's clock */
	assert_false(opens(sealed, NOW - 61, &read));
}

static void test_any_of_the_secrets(void **state)
{
	const struct str both[] = { other, secret }, none[] = { STR(""), STR("") };
	struct login_state made, read;
	struct str sealed;

	(void)state;
	login_state_new(&made, STR(""));
	sealed = login_state_seal(arena, secret, &made, NOW);
	assert_true(login_state_open(arena, sealed, both, 2, NOW, &read));
	assert_false(login_state_open(arena, sealed, both, 1, NOW, &read));
	assert_false(login_state_open(arena, sealed, both, 0, NOW, &read));
	/* sealed under no secret, shown to a server that has none */
	sealed = login_state_seal(arena, STR(""), &made, NOW);
	assert_false(login_state_open(arena, sealed, none, 2, NOW, &read));
}

/* Any one bit of it. */
static void test_no_bit_may_change(void **state)
{
	struct login_state made, read;
	struct str sealed;

	(void)state;
	login_state_new(&made, STR("/dashboard"));
	sealed = login_state_seal(arena, secret, &made, NOW);
	for (size_t i = 0; i < sealed.n * 8; i++) {
		char *changed = arena_text(arena, sealed);

		changed[i / 8] = (char)(changed[i / 8] ^ (1 << i % 8));
		assert_false(opens((struct str){ changed, sealed.n }, NOW, &read));
	}
	for (size_t n = 0; n < sealed.n; n++)
		assert_false(opens((struct str){ sealed.p, n }, NOW, &read));
	assert_false(opens(arena_printf(arena, "%.*sA", STR_FMT(sealed)), NOW, &read));
	assert_false(opens((struct str){ 0 }, NOW, &read));
}

/* content under our own signature: what stands behind the signature is checked too */
static bool signed_opens(struct str content)
{
	char *text = arena_raw(arena, BASE64_SIZE(content.n)), mac_text[BASE64_SIZE(SHA256_SIZE)];
	uint8_t key[SHA256_SIZE], mac[SHA256_SIZE];
	struct login_state read;

	hkdf_sha256(secret, STR(""), STR("opshub/login-state/v1"), key);
	hmac_sha256((struct str){ (const char *)key, sizeof(key) }, &content, 1, mac);
	base64url_encode(content.p, content.n, text);
	base64url_encode(mac, sizeof(mac), mac_text);
	return opens(arena_printf(arena, "%s.%s", text, mac_text), NOW, &read);
}

#define HALF "0123456789012345678901234567890123456789012"

static void test_content(void **state)
{
	(void)state;
	assert_true(signed_opens(STR("1 1700000000 " HALF " " HALF " ")));
	assert_true(signed_opens(STR("1 1700000000 " HALF " " HALF " /x")));
	assert_true(signed_opens(STR("1 1700000000 " HALF " " HALF)));
	assert_false(signed_opens(STR("2 1700000000 " HALF " " HALF " ")));
	assert_false(signed_opens(STR("1 soon " HALF " " HALF " ")));
	assert_false(signed_opens(STR("1 1700000000 " HALF " " HALF "4 ")));
	assert_false(signed_opens(STR("1 1700000000 " HALF "  ")));
	assert_false(signed_opens(STR("1 1700000000 " HALF " " HALF " //evil.example")));
	assert_false(signed_opens(STR("1 1700000000 " HALF " " HALF " /a b")));
	assert_false(signed_opens(STR("")));
}

static void test_longest(void **state)
{
	char path[LOGIN_RETURN_MAX + 1];
	struct login_state made, read;
	struct str sealed;

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	assert_false(login_return_path_ok((struct str){ path, sizeof(path) }));
	assert_true(login_return_path_ok((struct str){ path, LOGIN_RETURN_MAX }));
	login_state_new(&made, (struct str){ path, LOGIN_RETURN_MAX });
	sealed = login_state_seal(arena, secret, &made, NOW);
	assert_true(sealed.n <= LOGIN_COOKIE_MAX);
	assert_true(opens(sealed, NOW, &read));
	assert_int_equal(read.return_path.n, LOGIN_RETURN_MAX);
}

static void test_return_paths(void **state)
{
	static const struct str good[] = { STR("/"), STR("/dashboard"), STR("/a//b"), STR("/?next=//x"), STR("/#x") };
	static const struct str bad[] = { STR(""),         STR("dashboard"), STR("//evil"),  STR("/\\evil"),
					  STR("\\\\evil"), STR("https:x"),   STR("/a\\b"),   STR("/\t/evil"),
					  STR("/a b"),     STR("/a\r\nb"),   STR("/\x7f"),   STR("/\xc3\xa4"),
					  STR(" /a"),      STR("/\0a"),      STR("\t//evil") };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(login_return_path_ok(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(login_return_path_ok(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fresh_every_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_challenge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_holds_for_ten_minutes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_any_of_the_secrets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_bit_may_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_content, setup, teardown),
		cmocka_unit_test_setup_teardown(test_longest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_return_paths, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Secret headers of probes: each opens where it belongs, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/check_headers.h"

static struct call call;
static struct key_ring *ring, *other;

static struct key_ring *new_ring(void)
{
	struct secret_key key;
	char text[SECRET_KEY_TEXT_SIZE], why[SECRET_KEY_WHY_SIZE];

	secret_key_generate(text);
	assert_true(secret_key_parse(str_of(text), &key, why));
	return key_ring_new(&key, 1);
}

static int set_up(void **state)
{
	(void)state;
	call = (struct call){ .arena = arena_new(), .why = "" };
	ring = new_ring();
	other = new_ring();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	call.arena = arena_free(call.arena);
	key_ring_free(ring);
	key_ring_free(other);
	return 0;
}

static void equal(struct str got, const char *expected)
{
	assert_int_equal(got.n, strlen(expected));
	assert_memory_equal(got.p, expected, got.n);
}

static void a_header_opens_in_its_check_under_its_name(void **state)
{
	const struct check_header header = { STR("Authorization"), STR("Bearer xoxb-1") };
	struct sealed_header sealed;
	struct str value;

	(void)state;
	assert_int_equal(check_header_seal(&call, ring, STR("check_a"), &header, &sealed), OK);
	equal(sealed.mask, "***");
	assert_int_equal(check_header_open(&call, ring, STR("check_a"), header.name, sealed.sealed, &value), OK);
	equal(value, "Bearer xoxb-1");
	assert_int_equal(check_header_open(&call, ring, STR("check_b"), header.name, sealed.sealed, &value), E_INVALID);
	assert_int_equal(check_header_open(&call, ring, STR("check_a"), STR("X-Key"), sealed.sealed, &value),
			 E_INVALID);
	assert_int_equal(check_header_open(&call, other, STR("check_a"), header.name, sealed.sealed, &value),
			 E_INVALID);
	assert_non_null(strstr(call.why, "Authorization"));
	assert_non_null(strstr(call.why, "set it again"));
	assert_int_equal(check_header_open(&call, ring, STR("check_a"), header.name, STR("no hex"), &value), E_INVALID);
}

static void headers_of_an_attempt_come_back_in_order(void **state)
{
	const struct check_header headers[] = { { STR("x-vercel-protection-bypass"), STR("a:b: c") },
						{ STR("x-empty"), STR("") } };
	struct check_header *got;
	struct sealed_header sealed;
	size_t n;

	(void)state;
	assert_int_equal(probe_headers_seal(&call, ring, STR("att_a"), headers, 2, &sealed), OK);
	assert_int_equal(probe_headers_open(&call, ring, STR("att_a"), sealed.sealed, &got, &n), OK);
	assert_int_equal(n, 2);
	equal(got[0].name, "x-vercel-protection-bypass");
	equal(got[0].value, "a:b: c");
	equal(got[1].name, "x-empty");
	equal(got[1].value, "");
	assert_int_equal(probe_headers_open(&call, ring, STR("att_b"), sealed.sealed, &got, &n), E_INVALID);
	assert_int_equal(probe_headers_open(&call, other, STR("att_a"), sealed.sealed, &got, &n), E_INVALID);
	assert_non_null(strstr(call.why, "deploy it again"));
}

static void what_is_no_header_is_not_sealed(void **state)
{
	static char longer[CHECK_HEADER_VALUE_MAX + 1];
	struct check_header many[CHECK_HEADERS_MAX + 1];
	struct sealed_header sealed;

	(void)state;
	memset(longer, 'x', sizeof(longer));
	const struct check_header bad[] = { { STR(""), STR("v") },
					    { STR("a:b"), STR("v") },
					    { STR("a\nb"), STR("v") },
					    { STR("a"), STR("v\r\nx: y") },
					    { STR("a"), { longer, sizeof(longer) } } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(probe_headers_seal(&call, ring, STR("att_a"), &bad[i], 1, &sealed), E_INVALID);
	for (size_t i = 0; i <= CHECK_HEADERS_MAX; i++)
		many[i] = (struct check_header){ STR("a"), STR("b") };
	assert_int_equal(probe_headers_seal(&call, ring, STR("att_a"), many, CHECK_HEADERS_MAX + 1, &sealed),
			 E_INVALID);
	assert_int_equal(probe_headers_seal(&call, ring, STR("att_a"), many, CHECK_HEADERS_MAX, &sealed), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_header_opens_in_its_check_under_its_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(headers_of_an_attempt_come_back_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_header_is_not_sealed, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("check_headers", tests, NULL, NULL);
}

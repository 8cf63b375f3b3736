/* Decoding of paths and query parameters, and cookies. */
#include "http/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_paths(void **state)
{
	static const struct {
		const char *raw, *path; /* NULL: refused */
	} samples[] = {
		{ "/", "/" },
		{ "/a/b", "/a/b" },
		{ "/asyn%63", "/async" },
		{ "/a%20b", "/a b" },
		{ "/%C3%A9", "/\xc3\xa9" },
		{ "/a+b", "/a+b" },
		{ "/a%2523", "/a%23" },
		{ "/...", "/..." },
		{ "/a..b", "/a..b" },
		{ "/a%2Fb", NULL },
		{ "/a%2fb", NULL },
		{ "/.", NULL },
		{ "/a/../b", NULL },
		{ "/a/%2e%2E/b", NULL },
		{ "/a/..", NULL },
		{ "/%", NULL },
		{ "/%4", NULL },
		{ "/%zz", NULL },
		{ "/%00", NULL },
		{ "/a%0d%0ab", NULL },
		{ "/%7f", NULL },
		{ "/%ff", NULL },
		{ "/%c0%af", NULL },
		{ "/%ed%a0%80", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		size_t n = strlen(samples[i].raw);
		char *to = malloc(n + 1);
		const char *why = NULL;
		struct str path;
		bool ok = path_decode(str_of(samples[i].raw), to, &path, &why);

		if (ok != (samples[i].path != NULL))
			fail_msg("%s: %s", samples[i].raw, ok ? "accepted" : why);
		if (ok)
			assert_string_equal(path.p, samples[i].path);
		else
			assert_true(why && strlen(why) > 10);
		free(to);
	}
}

static void test_query(void **state)
{
	static const struct {
		const char *query, *name, *value; /* NULL: absent */
	} samples[] = {
		{ "a=1&b=2", "a", "1" }, { "a=1&b=2", "b", "2" },
		{ "a=1&a=2", "a", "1" }, { "a=1", "A", NULL },
		{ "", "a", NULL },       { "a", "a", "" },
		{ "a=", "a", "" },       { "&&a=1", "a", "1" },
		{ "a=b=c", "a", "b=c" }, { "a=x+y%2Bz", "a", "x y+z" },
		{ "%61=1", "a", "1" },   { "a=%C3%A9", "a", "\xc3\xa9" },
		{ "a=%00", "a", NULL },  { "a=%ff", "a", NULL },
		{ "a=%4", "a", NULL },   { "%zz=1&a=2", "a", "2" },
		{ "ab=1", "a", NULL },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct str value = query_find(str_of(samples[i].query), str_of(samples[i].name), arena);

		if ((value.p != NULL) != (samples[i].value != NULL))
			fail_msg("%s: %s", samples[i].query, value.p ? value.p : "absent");
		if (value.p)
			assert_string_equal(value.p, samples[i].value);
	}
	arena_free(arena);
}

static void test_cookies(void **state)
{
	static const struct {
		const char *header, *name, *value;
	} samples[] = {
		{ "a=1; b=2", "a", "1" }, { "a=1; b=2", "b", "2" }, { "a=1;b=2", "b", "2" }, { "ab=1; a=2", "a", "2" },
		{ "a=\"q\"", "a", "q" },  { "a=\"", "a", "\"" },    { "a=x=y", "a", "x=y" }, { "a=", "a", "" },
		{ "a", "a", NULL },       { "", "a", NULL },        { ";;;", "a", NULL },    { "A=1", "a", NULL },
		{ "b=a=1", "a", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct str value = cookie_find(str_of(samples[i].header), str_of(samples[i].name));

		if ((value.p != NULL) != (samples[i].value != NULL))
			fail_msg("%s: %s", samples[i].header, value.p ? "present" : "absent");
		if (value.p)
			assert_true(str_eq(value, str_of(samples[i].value)));
	}
}

/* Every byte survives the way into a query and back, and only unreserved ones go as they are. */
static void test_encoding(void **state)
{
	struct arena *arena = arena_new();
	struct buf text;

	(void)state;
	buf_init(&text, 64);
	percent_encode(STR("aZ09-._~ &=+%/?#\"'\xc3\xa4\x7f"), &text);
	assert_string_equal(buf_str(&text).p, "aZ09-._~%20%26%3D%2B%25%2F%3F%23%22%27%C3%A4%7F");
	for (int byte = 1; byte < 0x80; byte++) {
		char c = (char)byte;
		struct str value;

		buf_clear(&text);
		buf_add_str(&text, STR("a="));
		percent_encode((struct str){ &c, 1 }, &text);
		value = query_find(buf_str(&text), STR("a"), arena);
		assert_int_equal(value.n, 1);
		assert_int_equal(value.p[0], c);
	}
	buf_done(&text);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_cookies),
		cmocka_unit_test(test_encoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

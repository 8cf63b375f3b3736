/* JSON in: what is taken, what is refused and with which word, and what hostile input costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json_read.h"

static struct arena *arena;
static const char *why;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new();
	why = "";
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

/* On the heap and without a NUL, so that one byte read too far is noticed. */
static const struct json *parse(struct str text, const struct json_limits *limits)
{
	char *copy = malloc(text.n + !text.n);
	const struct json *value;

	why = "";
	if (text.n)
		memcpy(copy, text.p, text.n);
	value = json_parse(arena, (struct str){ copy, text.n }, limits, &why);
	free(copy); /* what was parsed owns its texts */
	return value;
}

static void check_refused(struct str text, const char *word)
{
	if (parse(text, NULL))
		fail_msg("was taken: %.*s", STR_FMT(text));
	if (strncmp(why, "byte ", 5) != 0 || !strstr(why, word))
		fail_msg("%.*s: \"%s\" does not say \"%s\"", STR_FMT(text), why, word);
}

static void good_documents(void **state)
{
	static const struct {
		struct str text;
		enum json_kind kind;
		uint32_t n;
	} rows[] = {
		{ STR("null"), JSON_NULL, 0 },
		{ STR("true"), JSON_BOOL, 0 },
		{ STR("false"), JSON_BOOL, 0 },
		{ STR("0"), JSON_INT, 0 },
		{ STR("-0"), JSON_INT, 0 },
		{ STR("12"), JSON_INT, 0 },
		{ STR("9223372036854775807"), JSON_INT, 0 },
		{ STR("-9223372036854775808"), JSON_INT, 0 },
		{ STR("0.5"), JSON_DOUBLE, 0 },
		{ STR("-1.25e2"), JSON_DOUBLE, 0 },
		{ STR("1E+2"), JSON_DOUBLE, 0 },
		{ STR("1e-400"), JSON_DOUBLE, 0 },
		{ STR("\"\""), JSON_TEXT, 0 },
		{ STR("\"a\""), JSON_TEXT, 0 },
		{ STR(" \t\r\n\"a\" \n"), JSON_TEXT, 0 },
		{ STR("[]"), JSON_ARRAY, 0 },
		{ STR("[ ]"), JSON_ARRAY, 0 },
		{ STR("[1,[2],{\"a\":3}]"), JSON_ARRAY, 3 },
		{ STR("{}"), JSON_OBJECT, 0 },
		{ STR("{\"\":0}"), JSON_OBJECT, 1 },
		{ STR("{\"a\":{\"a\":{\"a\":1}},\"b\":[]}"), JSON_OBJECT, 2 },
		{ STR("[\"/*\",\"//\"]"), JSON_ARRAY, 2 },
		{ STR("\"\x7f\""), JSON_TEXT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct json *value = parse(rows[i].text, NULL);

		if (!value)
			fail_msg("%.*s: %s", STR_FMT(rows[i].text), why);
		assert_int_equal(value->kind, rows[i].kind);
		if (value->kind >= JSON_ARRAY)
			assert_int_equal(value->n, rows[i].n);
		assert_null(value->next);
	}
}

static const struct str not_json[] = {
	STR(""),
	STR(" "),
	STR("\n"),
	STR("nul"),
	STR("nulll"),
	STR("True"),
	STR("undefined"),
	STR("NaN"),
	STR("Infinity"),
	STR("-"),
	STR("+1"),
	STR("01"),
	STR("-01"),
	STR("1."),
	STR(".5"),
	STR("1e"),
	STR("1e+"),
	STR("0x10"),
	STR("1_0"),
	STR("--1"),
	STR("1.2.3"),
	STR("["),
	STR("]"),
	STR("[1"),
	STR("[1,"),
	STR("[1,]"),
	STR("[,1]"),
	STR("[,]"),
	STR("[1 2]"),
	STR("[1,,2]"),
	STR("[1}"),
	STR("{"),
	STR("}"),
	STR("{]"),
	STR("{\"a\"}"),
	STR("{\"a\":}"),
	STR("{\"a\":1,}"),
	STR("{,}"),
	STR("{\"a\" 1}"),
	STR("{a:1}"),
	STR("{'a':1}"),
	STR("{1:1}"),
	STR("{null:1}"),
	STR("{\"a\":1 \"b\":2}"),
	STR("{\"a\":1,,\"b\":2}"),
	STR("{\"a\":1"),
	STR("{\"a\":1]"),
	STR("\""),
	STR("\"a"),
	STR("'a'"),
	STR("\"\\\""),
	STR("\"\\x\""),
	STR("\"\\a\""),
	STR("\"\\u12\""),
	STR("\"\\u12g4\""),
	STR("\"\\U1234\""),
	STR("\"a\nb\""),
	STR("\"a\tb\""),
	STR("\"\x1f\""),
	STR("\"\\\n\""),
	STR("1 2"),
	STR("{} {}"),
	STR("[] x"),
	STR("{},"),
	STR("\"a\"\"b\""),
	STR("null null"),
	STR("[]]"),
	STR("{}}"),
	STR("// c\n1"),
	STR("/* c */1"),
	STR("1/* c */"),
	STR("1 // c"),
	STR("[1,/* c */2]"),
	STR("# c\n1"),
	STR("\xef\xbb\xbf{}"),
	STR("\xc2\xa0{}"),
	STR("<html>"),
	STR("action=opened"),
};

static void bad_documents(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(not_json) / sizeof(not_json[0]); i++)
		check_refused(not_json[i], "this is not JSON");
}

static void refusals_with_a_word_of_their_own(void **state)
{
	(void)state;
	check_refused(STR("9223372036854775808"), "an integer beyond 64 bits");
	check_refused(STR("-9223372036854775809"), "an integer beyond 64 bits");
	check_refused(STR("[100000000000000000000000000000000000000000000000000000000000000000000]"),
		      "an integer beyond 64 bits");
	check_refused(STR("1e400"), "a number out of range");
	check_refused(STR("-1e400"), "a number out of range");
	check_refused(STR("0.00000000000000000000000000000000000000000000000000000000000000"
			  "000000000000000000000000000000000000000000000000000000000000000001"),
		      "more than 127 characters");
	check_refused(STR("\f1"), "");
	check_refused(STR("[1,\f2]"), "a form feed or vertical tab between values");
	check_refused(STR("1\f"), "a form feed or vertical tab between values");
	check_refused(STR("\v1"), "a form feed or vertical tab between values");
	check_refused(STR("\"a\fb\""), "this is not JSON");
	check_refused(STR("\"\\u0000\""), "a NUL character in a text");
	check_refused(STR("{\"a\\u0000b\":1}"), "a NUL character in a text");
	check_refused(STR("\0"), "a NUL character");
	check_refused(STR("{}\0"), "a NUL character");
	check_refused(STR("[\"a\0\"]"), "a NUL character");
	check_refused(STR("[\xff]"), "not valid UTF-8");
	check_refused(STR("\"\xff\""), "not valid UTF-8");
	check_refused(STR("\"\xc3\""), "not valid UTF-8");
	check_refused(STR("\"\xc0\xaf\""), "not valid UTF-8");
	check_refused(STR("\"\xed\xa0\x80\""), "not valid UTF-8");
	check_refused(STR("\"\xf4\x90\x80\x80\""), "not valid UTF-8");
	check_refused(STR("{\"\xff\":1}"), "not valid UTF-8");
	check_refused(STR("{\"a\":1,\"a\":1}"), "the key \"a\" twice in one object");
	check_refused(STR("{\"a\":1,\"\\u0061\":2}"), "the key \"a\" twice in one object");
	check_refused(STR("{\"\":1,\"b\":2,\"\":3}"), "the key \"\" twice in one object");
	check_refused(STR("[{\"x\":{\"b\":1,\"c\":2,\"b\":3}}]"), "the key \"b\" twice in one object");
	check_refused(STR("[1, 2, x]"), "byte");
}

static void refusals_name_the_place(void **state)
{
	(void)state;
	check_refused(STR("{\"a\":1"), "byte 6: this is not JSON");
	check_refused(STR(""), "byte 0: this is not JSON");
	check_refused(STR("[1,2]]"), "byte 6: this is not JSON");
	check_refused(STR("{\"a\":\"b\xff\"}"), "byte 7: text that is not valid UTF-8");
	check_refused(STR("[\"\xc3\xa9\xe2\x82\"]"), "byte 4: text that is not valid UTF-8");
	check_refused(STR("[\"\xc3\xa9\xe2\x82"), "byte 4: text that is not valid UTF-8");
	check_refused(STR("[1,\0]"), "byte 3: a NUL character");
	check_refused(STR("[1,\v2]"), "byte 3: a form feed or vertical tab");
	check_refused(STR("[\"ab\\ud83d\"]"), "byte 4: half a surrogate pair");
}

static void half_a_surrogate_pair_is_no_character(void **state)
{
	static const struct str bad[] = {
		STR("\"\\ud83d\""),        STR("\"\\ude00\""),
		STR("\"\\ude00\\ud83d\""), STR("\"\\ud83d\\ud83d\\ude00\""),
		STR("\"\\uD83Dx\""),       STR("\"\\ud83d\\n\""),
		STR("\"\\\\\\ud83d\""),    STR("{\"\\udfff\":1}"),
		STR("\"\\ud83d\\u0041\""), STR("\"\\udbff\\udbff\""),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_refused(bad[i], "a text"); /* a lone second half is seen as bad UTF-8 already */
	assert_true(str_eq(json_text(parse(STR("\"\\ud83d\\ude80\""), NULL), STR("")), STR("\xf0\x9f\x9a\x80")));
	assert_true(str_eq(json_text(parse(STR("\"\\uD800\\uDC00\\uDBFF\\uDFFF\""), NULL), STR("")),
			   STR("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")));
	/* a backslash that is itself escaped begins nothing */
	assert_true(str_eq(json_text(parse(STR("\"\\\\ud83d\""), NULL), STR("")), STR("\\ud83d")));
	assert_true(str_eq(json_text(parse(STR("\"\\ufffd\\u00e9\\u20AC\\uffff\""), NULL), STR("")),
			   STR("\xef\xbf\xbd\xc3\xa9\xe2\x82\xac\xef\xbf\xbf")));
	assert_true(
		str_eq(json_text(parse(STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), NULL), STR("")), STR("\"\\/\b\f\n\r\t")));
}

static const struct json *parse_nested(unsigned depth, char open, const struct json_limits *limits)
{
	struct buf buf;
	const struct json *value;

	buf_init(&buf, 1 << 20);
	for (unsigned i = 0; i < depth; i++)
		buf_add_str(&buf, open == '[' ? STR("[") : STR("{\"a\":"));
	buf_add_str(&buf, STR("0"));
	for (unsigned i = 0; i < depth; i++)
		buf_add_char(&buf, open == '[' ? ']' : '}');
	value = parse(buf_str(&buf), limits);
	buf_done(&buf);
	return value;
}

static void nesting_has_a_limit(void **state)
{
	static const struct json_limits three = { .max_depth = 3 }, beyond = { .max_depth = 1000 };

	(void)state;
	assert_non_null(parse_nested(32, '[', NULL));
	assert_non_null(parse_nested(32, '{', NULL));
	assert_null(parse_nested(33, '[', NULL));
	assert_non_null(strstr(why, "nested deeper than 32"));
	assert_null(parse_nested(33, '{', NULL));
	assert_non_null(strstr(why, "nested deeper than 32"));
	assert_non_null(parse_nested(3, '{', &three));
	assert_null(parse_nested(4, '[', &three));
	assert_non_null(parse_nested(64, '[', &beyond));
	assert_null(parse_nested(65, '[', &beyond));
	assert_non_null(strstr(why, "nested deeper than 64"));
	assert_null(parse_nested(100000, '[', NULL));
}

static void sizes_have_limits(void **state)
{
	static const struct json_limits small = { .max_text = 5, .max_tokens = 4 };
	struct buf buf;

	(void)state;
	assert_non_null(parse(STR("[\"12345\",1,{}]"), &small));
	assert_null(parse(STR("[\"123456\"]"), &small));
	assert_non_null(strstr(why, "a text of more than 5 bytes"));
	assert_null(parse(STR("{\"123456\":1}"), &small));
	assert_non_null(parse(STR("\"\\u0041\\u0042\""), &small)); /* what counts is the text, not its spelling */
	assert_null(parse(STR("[1,2,3,4]"), &small));
	assert_non_null(strstr(why, "more than 4 values"));
	buf_init(&buf, 4 << 20);
	buf_add_char(&buf, '[');
	for (int i = 0; i < 99999; i++)
		buf_add_str(&buf, i ? STR(",0") : STR("0"));
	buf_add_char(&buf, ']');
	assert_non_null(parse(buf_str(&buf), NULL));
	buf.n--;
	buf_add_str(&buf, STR(",0]"));
	assert_null(parse(buf_str(&buf), NULL));
	assert_non_null(strstr(why, "more than 100000 values"));
	buf_clear(&buf);
	buf_add_char(&buf, '"');
	for (int i = 0; i < 1 << 20; i++)
		buf_add_char(&buf, 'a');
	buf_add_char(&buf, '"');
	assert_int_equal(json_text(parse(buf_str(&buf), NULL), STR("")).n, 1 << 20);
	buf.n--;
	buf_add_str(&buf, STR("a\""));
	assert_null(parse(buf_str(&buf), NULL));
	buf_done(&buf);
}

/* {"k0":0, ... "k<n-1>":..., twice} */
static const struct json *parse_object(int n, int twice)
{
	struct buf buf;
	const struct json *value;

	buf_init(&buf, 4 << 20);
	buf_add_char(&buf, '{');
	for (int i = 0; i < n; i++)
		buf_printf(&buf, "%s\"k%d\":%d", i ? "," : "", i * 7919 % n, i);
	if (twice >= 0)
		buf_printf(&buf, ",\"k%d\":-1", twice);
	buf_add_char(&buf, '}');
	value = parse(buf_str(&buf), NULL);
	buf_done(&buf);
	return value;
}

static void doubled_keys_in_objects_of_any_size(void **state)
{
	static const int sizes[] = { 2, 3, 48, 511, 512, 513, 514, 1000, 99000 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const struct json *object = parse_object(sizes[i], -1);
		int64_t begin = clock_mono_ms();

		assert_non_null(object);
		assert_int_equal(object->n, sizes[i]);
		assert_int_equal(json_int(object->child, -1), 0); /* checking has not changed the order */
		assert_int_equal(json_int(object->child->next, -1), 1);
		assert_null(parse_object(sizes[i], 0));
		assert_non_null(strstr(why, "the key \"k0\" twice"));
		assert_null(parse_object(sizes[i], sizes[i] - 1));
		assert_null(parse_object(sizes[i], sizes[i] / 2));
		assert_true(clock_mono_ms() - begin < 5000);
	}
	assert_non_null(parse(STR("[{\"a\":1},{\"a\":1}]"), NULL));
	assert_non_null(parse(STR("{\"a\":{\"a\":1},\"A\":2,\"ab\":3}"), NULL));
}

static long peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static void hostile_input_is_cheap(void **state)
{
	const size_t n = 25 * 1024 * 1024;
	char *text = malloc(n);
	long before;
	clock_t begin;

	(void)state;
	memset(text, '[', n);
	before = peak_kib();
	begin = clock(); /* of this process alone: others may be busy */
	assert_null(json_parse(arena, (struct str){ text, n }, NULL, &why));
	assert_in_range((clock() - begin) * 1000 / CLOCKS_PER_SEC, 0, 200);
	assert_in_range(peak_kib() - before, 0, 4096);
	assert_non_null(strstr(why, "nested deeper than 32"));
	free(text);
}

/* With `borrow`, what needed no decoding is part of the input, what did is a copy, and nothing is read behind the end.
 */
static void texts_may_be_part_of_the_input(void **state)
{
	static const struct json_limits limits = { .borrow = true };
	static const char text[] = "{\"plain\":\"as it is\",\"\\u0061\":\"tab\\tbed\",\"\":\"\"}";
	static const char twice[] = "{\"key\":1,\"key\":2}";
	char *copy = malloc(sizeof(text) - 1);
	const struct json *root, *plain;

	(void)state;
	memcpy(copy, text, sizeof(text) - 1);
	root = json_parse(arena, (struct str){ copy, sizeof(text) - 1 }, &limits, &why);
	assert_non_null(root);
	plain = json_get(root, "plain");
	assert_ptr_equal(plain->text.p, copy + 10);
	assert_true(str_eq(plain->text, STR("as it is")));
	assert_true(str_eq(json_text(json_get(root, "a"), STR("")), STR("tab\tbed")));
	assert_int_equal(json_text(json_get(root, ""), STR("x")).n, 0);
	free(copy);
	copy = malloc(sizeof(twice) - 1);
	memcpy(copy, twice, sizeof(twice) - 1);
	assert_null(json_parse(arena, (struct str){ copy, sizeof(twice) - 1 }, &limits, &why));
	assert_non_null(strstr(why, "the key \"key\" twice in one object"));
	free(copy);
}

static void steps_accept_what_is_not_there(void **state)
{
	const struct json *root = parse(STR("{\"a\":[1,\"x\",true,null],\"b\":{\"c\":\"d\"},\"n\":1.5}"), NULL), *a;

	(void)state;
	assert_non_null(root);
	a = json_get(root, "a");
	assert_int_equal(json_int(json_at(a, 0), -1), 1);
	assert_true(str_eq(json_text(json_at(a, 1), STR("")), STR("x")));
	assert_true(json_bool(json_at(a, 2), false));
	assert_int_equal(json_at(a, 3)->kind, JSON_NULL);
	assert_null(json_at(a, 4));
	assert_null(json_at(root, 0));
	assert_null(json_at(NULL, 0));
	assert_null(json_get(a, "a"));
	assert_null(json_get(NULL, "a"));
	assert_true(str_eq(json_text(json_get(json_get(root, "b"), "c"), STR("")), STR("d")));
	assert_null(json_get(json_get(json_get(root, "no"), "no"), "no"));
	/* another kind counts as not there: nothing is converted */
	assert_int_equal(json_int(json_get(root, "n"), -1), -1);
	assert_int_equal(json_int(json_at(a, 1), -1), -1);
	assert_true(json_bool(json_at(a, 0), true));
	assert_false(json_bool(NULL, false));
	assert_true(str_eq(json_text(json_at(a, 0), STR("none")), STR("none")));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(good_documents),
		CASE(bad_documents),
		CASE(refusals_with_a_word_of_their_own),
		CASE(refusals_name_the_place),
		CASE(half_a_surrogate_pair_is_no_character),
		CASE(nesting_has_a_limit),
		CASE(sizes_have_limits),
		CASE(doubled_keys_in_objects_of_any_size),
		CASE(hostile_input_is_cheap),
		CASE(texts_may_be_part_of_the_input),
		CASE(steps_accept_what_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Entity tags: every byte counts, and what If-None-Match says is read to the letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/etag.h"

static void any_changed_bit_changes_the_tag(void **state)
{
	char body[200], tag[ETAG_SIZE], other[ETAG_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (char)('a' + i % 26);
	for (size_t n = 1; n <= sizeof(body); n += 13) {
		etag_of((struct str){ body, n }, tag);
		assert_int_equal(strlen(tag), ETAG_SIZE - 1);
		for (size_t bit = 0; bit < 8 * n; bit++) {
			body[bit / 8] = (char)(body[bit / 8] ^ (1 << bit % 8));
			etag_of((struct str){ body, n }, other);
			assert_string_not_equal(tag, other);
			body[bit / 8] = (char)(body[bit / 8] ^ (1 << bit % 8));
		}
		etag_of((struct str){ body, n }, other);
		assert_string_equal(tag, other);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

#define MANY 20000
static void similar_bodies_have_different_tags(void **state)
{
	static char tags[MANY][ETAG_SIZE];
	char body[64];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		memset(body, i % 2 ? 0 : '0', sizeof(body));
		etag_of((struct str){ body, (size_t)i % 2 ? 0 : 64 }, tags[i]);
		memcpy(body + i % 50, &i, sizeof(i));
		etag_of((struct str){ body, sizeof(body) }, tags[i]);
	}
	qsort(tags, MANY, ETAG_SIZE, by_text);
	for (int i = 1; i < MANY; i++)
		assert_string_not_equal(tags[i - 1], tags[i]);
}

static void length_counts_where_zeros_are_added(void **state)
{
	static const char zeros[40];
	char tags[41][ETAG_SIZE];

	(void)state;
	for (size_t n = 0; n <= sizeof(zeros); n++)
		etag_of((struct str){ zeros, n }, tags[n]);
	for (size_t a = 0; a < 41; a++)
		for (size_t b = 0; b < a; b++)
			assert_string_not_equal(tags[a], tags[b]);
}

static void lists_are_read_as_rfc_9110_writes_them(void **state)
{
	static const char tag[] = "W/\"0123\"";
	static const struct {
		const char *list;
		bool listed;
	} rows[] = {
		{ "W/\"0123\"", true },
		{ "\"0123\"", true }, /* weak comparison */
		{ "*", true },
		{ " * ", true },
		{ "\"a\", W/\"0123\"", true },
		{ "\"a\",\"b\" ,,\t\"0123\"", true },
		{ "\"a,b\", \"0123\"", true }, /* a comma inside a tag */
		{ "\"\", \"0123\"", true },
		{ "", false },
		{ "\"012\"", false },
		{ "\"01234\"", false },
		{ "0123", false },
		{ "\"0123", false },
		{ "\"a\", 0123, \"0123\"", false }, /* no list: what follows is not looked at */
		{ "\"*\"", false },
		{ "w/\"0123\"", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(etag_listed(str_of(rows[i].list), tag), rows[i].listed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_changed_bit_changes_the_tag),
		cmocka_unit_test(similar_bodies_have_different_tags),
		cmocka_unit_test(length_counts_where_zeros_are_added),
		cmocka_unit_test(lists_are_read_as_rfc_9110_writes_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

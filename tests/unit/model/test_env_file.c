/* Files of variables: what is read, what is refused with which line, and that what is written reads back the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/env_file.h"

#define MOST    50
#define LONGEST 200

/* Each sets A alone, to what stands behind it; NULL: it is refused. */
static const char *const cases[][2] = {
	{ "A=b", "b" },
	{ "A=", "" },
	{ "A=\n", "" },
	{ "A", NULL },
	{ "\n\n  A = b \t\n\n", "b" },
	{ "export A=b", "b" },
	{ "  export \tA=b", "b" },
	{ "exportA=b", NULL },
	{ "export", NULL },
	{ "export A", NULL },
	{ "A=b c", "b c" },
	{ "A=b=c==", "b=c==" },
	{ "A=b # c", "b" },
	{ "A=b\t# c", "b" },
	{ "A= # c", "" },
	{ "A=b#c", NULL },
	{ "A=#c", NULL },
	{ "# B=1\nA=b\n#", "b" },
	{ "A=it's", "it's" },
	{ "A=b\\n", "b\\n" },
	{ "A=$B ${C}", "$B ${C}" },
	{ "A='b'", "b" },
	{ "A=''", "" },
	{ "A=' b '", " b " },
	{ "A='b' # c", "b" },
	{ "A='b'#c", "b" },
	{ "A='b' c", NULL },
	{ "A='b", NULL },
	{ "A='b\\'", "b\\" },
	{ "A='b\\'c'", NULL },
	{ "A='\"b\" # \\n $C'", "\"b\" # \\n $C" },
	{ "A='b\nc'", "b\nc" },
	{ "A='b\r\nc'\r\n", "b\nc" },
	{ "A=b\rB", NULL },
	{ "A=`b '\" c`", "b '\" c" },
	{ "A=\"\"", "" },
	{ "A=\"b\\nc\\rd\\te\"", "b\nc\rd\te" },
	{ "A=\"\\\"b\\\"\"", "\"b\"" },
	{ "A=\"\\\\\\$\\`\"", "\\$`" },
	{ "A=\"\\x\\'\"", "\\x\\'" },
	{ "A=\"b\nc\"", "b\nc" },
	{ "A=\"b\\", NULL },
	{ "A=\"b\\\"", NULL },
	{ "\xef\xbb\xbf"
	  "A=b",
	  "b" },
	{ "A=\xc3\xa9\xe6\x9d\xb1", "\xc3\xa9\xe6\x9d\xb1" },
	{ "A=\xc3", NULL },
	{ "a=b", NULL },
	{ "1A=b", NULL },
	{ "A-B=c", NULL },
	{ "=b", NULL },
	{ "A: b", NULL },
	{ "A=b\nA=c", NULL },
	{ "{\"A\":\"b\"}", NULL },
};

static void values(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct env_fault fault = { 0 };
		struct env_entry *entries = NULL;
		size_t n = 0;
		bool read = env_file_read(arena, str_of(cases[i][0]), MOST, LONGEST, &entries, &n, &fault);

		if (read != (cases[i][1] != NULL))
			fail_msg("%s: %s", cases[i][0], read ? "was taken" : fault.why);
		if (!read) {
			assert_true(fault.line >= 1);
			continue;
		}
		assert_int_equal(n, 1);
		assert_string_equal(entries[0].key.p, "A");
		if (!str_eq(entries[0].value, str_of(cases[i][1])))
			fail_msg("%s: became \"%s\"", cases[i][0], entries[0].value.p);
	}
	arena_free(arena);
}

static void lines(void **state)
{
	static const struct {
		struct str text;
		unsigned line;
		const char *why;
	} table[] = {
		{ STR("A=1\nB=2\nnonsense\n"), 3, "is not KEY=value" },
		{ STR("A=1\r\nB='\r\n\r\n'\r\nC\r\n"), 5, "is not KEY=value" },
		{ STR("A=1\n\nB=\"x\n\n"), 3, "begins a quote that does not end" },
		{ STR("A='\n\n' x"), 3, "has text behind the closing quote" },
		{ STR("A=1\n#\nA=2"), 3, "sets A again, which line 1 has set" },
		{ STR("A=1\nB=\xff\n"), 2, "is no UTF-8 text, or holds a NUL" },
		{ STR("A=1\n\nB=\0"), 3, "is no UTF-8 text, or holds a NUL" },
		{ STR("A=secret#value"), 1,
		  "holds a # that may be a part of the value or begin a comment: put the value into quotes, or a space "
		  "before the #" },
		{ STR("A=1\nb=2"), 2,
		  "has a key that is none: it must have 1 to 128 capital letters, digits and underscores, and not "
		  "begin with a digit" },
	};
	struct arena *arena = arena_new();
	struct env_fault fault;
	struct env_entry *entries;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_false(env_file_read(arena, table[i].text, MOST, LONGEST, &entries, &n, &fault));
		assert_int_equal(fault.line, table[i].line);
		assert_string_equal(fault.why, table[i].why);
	}
	arena_free(arena);
}

static void limits(void **state)
{
	struct arena *arena = arena_new();
	struct env_entry *entries;
	struct env_fault fault;
	struct buf buf;
	size_t n = 7;

	(void)state;
	assert_true(env_file_read(arena, STR("# nothing\n"), MOST, LONGEST, &entries, &n, &fault));
	assert_int_equal(n, 0);
	assert_true(env_file_read(arena, STR("A=1\nB=22"), 2, 2, &entries, &n, &fault));
	assert_int_equal(n, 2);
	assert_int_equal(entries[1].line, 2);
	assert_false(env_file_read(arena, STR("A=1\nB=22\nC="), 2, 2, &entries, &n, &fault));
	assert_int_equal(fault.line, 3);
	assert_false(env_file_read(arena, STR("A=1\nB='222'"), 2, 2, &entries, &n, &fault));
	assert_string_equal(fault.why, "has a value of more than 2 bytes");
	buf_init(&buf, 1000);
	for (int i = 0; i < 129; i++)
		buf_add_char(&buf, 'K');
	buf_add_str(&buf, STR("=1"));
	assert_false(env_file_read(arena, buf_str(&buf), MOST, LONGEST, &entries, &n, &fault));
	assert_true(env_file_read(arena, (struct str){ buf.p + 1, buf.n - 1 }, MOST, LONGEST, &entries, &n, &fault));
	buf_done(&buf);
	arena_free(arena);
}

/* Values of every length up to LONGEST out of what quoting can go wrong with. */
static void what_is_written_reads_back(void **state)
{
	static const char alphabet[] = "aZ09 \t\n\r'\"`\\$#=nrt{}()!;&|<>*?~%\xc3\xa9";
	char value[LONGEST + 2];
	unsigned seed = 4711;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct str texts[5];
		struct arena *arena = arena_new();
		struct env_fault fault = { 0 };
		struct env_entry *entries;
		struct buf buf;
		size_t n_read = 0;

		buf_init(&buf, 64 * 1024);
		for (size_t k = 0; k < 5; k++) {
			size_t n = 0, want = (size_t)rand_r(&seed) % (round % 5 ? 12 : LONGEST + 1);

			while (n < want) {
				size_t at = (size_t)rand_r(&seed) % (sizeof(alphabet) - 2);

				value[n++] = alphabet[at];
				if (alphabet[at] == '\xc3')
					value[n++] = '\xa9';
			}
			n = n > LONGEST ? LONGEST - 1 : n;
			texts[k] = arena_str(arena, (struct str){ value, n });
			env_file_write(&buf, arena_printf(arena, "K%zu", k), texts[k]);
		}
		if (!env_file_read(arena, buf_str(&buf), 5, LONGEST, &entries, &n_read, &fault))
			fail_msg("line %u %s:\n%s", fault.line, fault.why, buf.p);
		assert_int_equal(n_read, 5);
		for (size_t k = 0; k < 5; k++)
			if (!str_eq(entries[k].value, texts[k]))
				fail_msg("\"%s\" became \"%s\":\n%s", texts[k].p, entries[k].value.p, buf.p);
		buf_done(&buf);
		arena_free(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(lines),
		cmocka_unit_test(limits),
		cmocka_unit_test(what_is_written_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

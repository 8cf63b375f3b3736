/* Memory that dies together: alignment, zeroing, large blocks, and the order of what is deferred. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void blocks_are_zeroed_aligned_and_apart(void **state)
{
	enum { BLOCKS = 3000 };
	static unsigned char *blocks[BLOCKS];
	static size_t sizes[BLOCKS];
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < BLOCKS; i++) {
		sizes[i] = i % 200 == 199 ? 100000 : i * 37 % 700;
		arena_copy(arena, "odd", i % 5); /* leaves the next address unaligned */
		blocks[i] = arena_alloc(arena, sizes[i]);
		assert_int_equal((uintptr_t)blocks[i] % 16, 0);
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(blocks[i][k], 0);
		memset(blocks[i], (int)(i & 0xff), sizes[i]);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		for (size_t k = 0; k < sizes[i]; k++)
			if (blocks[i][k] != (i & 0xff))
				fail_msg("block %zu was written over at byte %zu", i, k);
	arena_free(arena);
}

static void blocks_at_the_edge_of_a_chunk(void **state)
{
	(void)state;
	for (size_t size = 3700; size < 4100; size++) {
		struct arena *arena = arena_new();

		memset(arena_alloc(arena, size), 1, size);
		memset(arena_raw(arena, 1), 2, 1);
		memset(arena_alloc(arena, size), 3, size);
		arena_free(arena);
	}
}

static void texts_are_copied_with_a_nul(void **state)
{
	struct arena *arena = arena_new();
	char bytes[] = "preview";
	struct str copy = arena_str(arena, (struct str){ bytes, 3 }), printed;
	char *text = arena_text(arena, (struct str){ 0 });

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	assert_string_equal(copy.p, "pre");
	assert_int_equal(copy.n, 3);
	assert_string_equal(text, "");
	for (int width = 250; width < 262; width++) { /* around the size it tries first */
		printed = arena_printf(arena, "%*d", width, 7);
		assert_int_equal(printed.n, width);
		assert_int_equal(strlen(printed.p), width);
	}
	assert_int_equal(arena_printf(arena, "%s", "").n, 0);
	arena_free(arena);
}

static void it_knows_its_own_memory(void **state)
{
	struct arena *arena = arena_new();
	char outside[8], *small, *large;

	(void)state;
	small = arena_alloc(arena, 8);
	large = arena_alloc(arena, 200000);
	assert_true(arena_holds(arena, small));
	assert_true(arena_holds(arena, large + 199999));
	assert_false(arena_holds(arena, outside));
	assert_false(arena_holds(arena, NULL));
	arena_free(arena);
}

struct order {
	struct arena *arena;
	char text[8];
	size_t n;
};

static struct order order;

static void note(void *arg)
{
	order.text[order.n++] = *(const char *)arg;
}

static void note_and_defer_more(void *arg)
{
	note(arg);
	arena_defer(order.arena, note, arena_copy(order.arena, "d", 1));
}

static void deferred_functions_run_newest_first(void **state)
{
	(void)state;
	order = (struct order){ .arena = arena_new() };
	arena_defer(order.arena, note, arena_copy(order.arena, "a", 1));
	arena_defer(order.arena, note_and_defer_more, arena_copy(order.arena, "b", 1));
	arena_defer(order.arena, note, arena_copy(order.arena, "c", 1));
	assert_null(arena_free(order.arena));
	assert_string_equal(order.text, "cbda");
	assert_null(arena_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_zeroed_aligned_and_apart), cmocka_unit_test(blocks_at_the_edge_of_a_chunk),
		cmocka_unit_test(texts_are_copied_with_a_nul),         cmocka_unit_test(it_knows_its_own_memory),
		cmocka_unit_test(deferred_functions_run_newest_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

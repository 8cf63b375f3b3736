/* Generators as people write them. */
#include "model/generator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *why_of(struct arena *arena, const char *text, struct generator *ret)
{
	const char *why = "";

	return generator_read(json_parse(arena, str_of(text), NULL, &why), ret);
}

static void test_what_is_taken_is_written_whole(void **state)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{ "{\"type\":\"random\"}", "{\"type\":\"random\",\"length\":32,\"alphabet\":\"alnum\"}" },
		{ "{\"type\":\"random\",\"length\":8,\"alphabet\":\"01234567\"}",
		  "{\"type\":\"random\",\"length\":8,\"alphabet\":\"01234567\"}" },
		{ "{\"type\":\"uuid\"}", "{\"type\":\"uuid\"}" },
		{ "{\"type\":\"rsa\"}", "{\"type\":\"rsa\",\"bits\":3072}" },
		{ "{\"bits\":4096,\"type\":\"rsa\"}", "{\"type\":\"rsa\",\"bits\":4096}" },
		{ "{\"type\":\"ed25519\"}", "{\"type\":\"ed25519\"}" },
		{ "{\"type\":\"remind\"}", "{\"type\":\"remind\"}" },
	};
	struct arena *arena = arena_new();
	struct generator g;
	struct buf buf;

	(void)state;
	buf_init(&buf, GENERATOR_TEXT_MAX);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct json_out out = JSON_OUT(&buf);

		assert_null(why_of(arena, table[i].in, &g));
		buf_clear(&buf);
		generator_write(&g, &out);
		assert_string_equal(buf.p, table[i].out);
	}
	buf_done(&buf);
	arena_free(arena);
}

static void test_what_is_refused(void **state)
{
	static const char *const table[] = {
		"[]",
		"{}",
		"{\"type\":\"Random\"}",
		"{\"type\":1}",
		"{\"type\":\"random\",\"length\":7}",
		"{\"type\":\"random\",\"length\":4097}",
		"{\"type\":\"random\",\"length\":\"9\"}",
		"{\"type\":\"random\",\"alphabet\":\"0123456\"}",
		"{\"type\":\"random\",\"alphabet\":\"012345677\"}",
		"{\"type\":\"random\",\"alphabet\":\"01234567 \"}",
		"{\"type\":\"random\",\"alphabet\":7}",
		"{\"type\":\"random\",\"bits\":2048}",
		"{\"type\":\"rsa\",\"bits\":2047}",
		"{\"type\":\"rsa\",\"bits\":2049}",
		"{\"type\":\"rsa\",\"bits\":8192}",
		"{\"type\":\"uuid\",\"length\":32}",
	};
	struct arena *arena = arena_new();
	struct generator g;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!why_of(arena, table[i], &g))
			fail_msg("%s", table[i]);
	assert_non_null(generator_read(NULL, &g));
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_taken_is_written_whole),
		cmocka_unit_test(test_what_is_refused),
	};

	return cmocka_run_group_tests_name("model_generator", tests, NULL, NULL);
}

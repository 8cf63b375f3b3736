/* JSON in: what is accepted stays within the limits, and written out again it reads as the same tree. */
#include "fuzz.h"

#include "base/json_read.h"
#include "base/json_write.h"

static unsigned n_values;

static void write_value(struct json_out *out, const struct json *value, unsigned depth)
{
	MUST(depth <= 32);
	MUST(++n_values <= 100000);
	switch (value->kind) {
	case JSON_NULL:
		json_add_null(out);
		break;
	case JSON_BOOL:
		json_add_bool(out, value->truth);
		break;
	case JSON_INT:
		json_add_int(out, value->integer);
		break;
	case JSON_DOUBLE:
		json_add_raw(out, STR("1.5"));
		break;
	case JSON_TEXT:
		MUST(str_is_text(value->text));
		json_add_text(out, value->text);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT: {
		bool object = value->kind == JSON_OBJECT;
		uint32_t n = 0;
		char key[16];

		json_open(out, object ? '{' : '[');
		for (const struct json *child = value->child; child; child = child->next, n++) {
			if (object) {
				MUST(str_is_text(child->key));
				/* The writer takes keys from code only; those of the input do not reach it. */
				snprintf(key, sizeof(key), "k%u", n);
				json_key(out, key);
			}
			write_value(out, child, depth + 1);
		}
		MUST(n == value->n);
		json_close(out, object ? '}' : ']');
		break;
	}
	}
}

static void expect_same(const struct json *a, const struct json *b)
{
	MUST(a->kind == b->kind && a->n == b->n);
	if (a->kind == JSON_TEXT)
		MUST(str_eq(a->text, b->text));
	if (a->kind == JSON_INT)
		MUST(a->integer == b->integer);
	if (a->kind != JSON_ARRAY && a->kind != JSON_OBJECT)
		return;
	for (a = a->child, b = b->child; a && b; a = a->next, b = b->next)
		expect_same(a, b);
	MUST(!a && !b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	const char *why = NULL;
	const struct json *value = json_parse(arena, (struct str){ (const char *)data, size }, NULL, &why);

	if (value) {
		struct buf buf;
		struct json_out out = JSON_OUT(&buf);
		const struct json *again;

		n_values = 0;
		buf_init(&buf, 1 << 20);
		write_value(&out, value, 0);
		MUST(!buf.overflow);
		again = json_parse(arena, buf_str(&buf), NULL, &why);
		MUST(again);
		expect_same(value, again);
		buf_done(&buf);
	} else {
		MUST(why && why[0]);
	}
	arena_free(arena);
	return 0;
}

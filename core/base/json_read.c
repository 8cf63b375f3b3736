/* JSON in: yajl's events become a tree in an arena. */
#include "base/json_read.h"

#include "base/secret_memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#define MAX_DEPTH  64
#define NUMBER_MAX 127
#define FEW_KEYS   512 /* above that many members the keys are sorted to find doubled ones */

struct frame {
	struct json *value;
	struct json *last; /* newest child */
};

struct reader {
	struct arena *arena;
	struct str input;
	struct json_limits limits;
	struct frame frames[MAX_DEPTH];
	unsigned depth;
	unsigned tokens;
	struct str key;
	struct json *root;
	const char *why;
	size_t at; /* where it was refused */
};

static int refuse(struct reader *r, const char *why)
{
	if (!r->why)
		r->why = why;
	return 0;
}

/* A new value in its place: root, element, or member under r->key. */
static struct json *place(struct reader *r, enum json_kind kind)
{
	struct json *value;

	if (++r->tokens > r->limits.max_tokens) {
		refuse(r, arena_printf(r->arena, "more than %u values", r->limits.max_tokens).p);
		return NULL;
	}
	value = arena_alloc(r->arena, sizeof(*value));
	value->kind = kind;
	if (r->depth == 0) {
		r->root = value;
	} else {
		struct frame *f = &r->frames[r->depth - 1];

		if (f->value->kind == JSON_OBJECT)
			value->key = r->key;
		if (f->last)
			f->last->next = value;
		else
			f->value->child = value;
		f->last = value;
		f->value->n++;
	}
	return value;
}

static int open_frame(struct reader *r, enum json_kind kind)
{
	struct json *value;

	if (r->depth >= r->limits.max_depth)
		return refuse(r, arena_printf(r->arena, "nested deeper than %u", r->limits.max_depth).p);
	value = place(r, kind);
	if (!value)
		return 0;
	r->frames[r->depth++] = (struct frame){ .value = value };
	return 1;
}

static int by_key(const void *a, const void *b)
{
	const struct json *x = *(const struct json *const *)a, *y = *(const struct json *const *)b;
	size_t n = x->key.n < y->key.n ? x->key.n : y->key.n;
	int order = memcmp(x->key.p, y->key.p, n);

	return order ? order : (x->key.n > y->key.n) - (x->key.n < y->key.n);
}

/* Length, beginning and end of the key: good enough to tell names apart, and eight bytes at a time. */
static uint64_t key_hash(struct str key)
{
	uint64_t first = 0, last = 0;

	if (key.n >= 8) {
		memcpy(&first, key.p, 8);
		memcpy(&last, key.p + key.n - 8, 8);
	} else {
		memcpy(&first, key.p, key.n);
	}
	first = (first ^ key.n * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
	return (first ^ first >> 29 ^ last * 0xc4ceb9fe1a85ec53u) >> 20;
}

/* Objects of ordinary size: a bit for each hash; only keys that meet on a bit are compared. */
static const struct json *doubled_key_of_few(const struct json *object)
{
	uint64_t seen[FEW_KEYS / 16] = { 0 };

	for (const struct json *m = object->child; m; m = m->next) {
		uint64_t bit = key_hash(m->key) % (FEW_KEYS * 4);

		if (seen[bit / 64] & 1ull << bit % 64)
			for (const struct json *before = object->child; before != m; before = before->next)
				if (str_eq(before->key, m->key))
					return m;
		seen[bit / 64] |= 1ull << bit % 64;
	}
	return NULL;
}

/* A member whose key is there twice, or NULL. Two readers of one document may not see two documents. */
static const struct json *doubled_key(struct reader *r, const struct json *object)
{
	const struct json **sorted;
	uint32_t n = 0;

	if (object->n <= FEW_KEYS)
		return doubled_key_of_few(object);
	sorted = arena_alloc(r->arena, object->n * sizeof(struct json *));
	for (const struct json *m = object->child; m; m = m->next)
		sorted[n++] = m;
	qsort(sorted, n, sizeof(struct json *), by_key);
	for (uint32_t i = 1; i < n; i++)
		if (by_key(&sorted[i - 1], &sorted[i]) == 0)
			return sorted[i];
	return NULL;
}

static int on_null(void *ctx)
{
	return place(ctx, JSON_NULL) != NULL;
}

static int on_bool(void *ctx, int truth)
{
	struct json *value = place(ctx, JSON_BOOL);

	if (value)
		value->truth = truth != 0;
	return value != NULL;
}

static int on_number(void *ctx, const char *p, size_t n)
{
	struct reader *r = ctx;
	struct str text = { p, n };
	struct json *value;
	char copy[NUMBER_MAX + 1];
	int64_t integer;

	if (str_to_int(text, INT64_MIN, INT64_MAX, &integer)) {
		value = place(r, JSON_INT);
		if (value)
			value->integer = integer;
		return value != NULL;
	}
	if (!memchr(p, '.', n) && !memchr(p, 'e', n) && !memchr(p, 'E', n))
		return refuse(r, "an integer beyond 64 bits");
	if (n >= sizeof(copy))
		return refuse(r, arena_printf(r->arena, "a number of more than %d characters", NUMBER_MAX).p);
	memcpy(copy, p, n);
	copy[n] = '\0';
	value = place(r, JSON_DOUBLE);
	if (value)
		value->number = strtod(copy, NULL);
	if (value && !isfinite(value->number))
		return refuse(r, "a number out of range");
	return value != NULL;
}

/* A text as the tree holds it; .p == NULL when it is refused. yajl hands out a part of the input when there was nothing
 * to decode: that has been checked as a whole. */
static struct str take_text(struct reader *r, const unsigned char *p, size_t n)
{
	struct str text = { (const char *)p, n };
	bool is_input = text.p >= r->input.p && text.p <= r->input.p + r->input.n;

	if (n > r->limits.max_text)
		refuse(r, arena_printf(r->arena, "a text of more than %zu bytes", r->limits.max_text).p);
	else if (!is_input && !str_is_text(text))
		refuse(r, memchr(p, 0, n) ? "a NUL character in a text" : "a text that is not valid UTF-8");
	if (r->why)
		return (struct str){ 0 };
	return is_input && r->limits.borrow ? text : arena_str(r->arena, text);
}

static int on_text(void *ctx, const unsigned char *p, size_t n)
{
	struct reader *r = ctx;
	struct str text = take_text(r, p, n);
	struct json *value = text.p ? place(r, JSON_TEXT) : NULL;

	if (value)
		value->text = text;
	return value != NULL;
}

static int on_key(void *ctx, const unsigned char *p, size_t n)
{
	struct reader *r = ctx;

	r->key = take_text(r, p, n);
	return r->key.p != NULL;
}

static int on_open_object(void *ctx)
{
	return open_frame(ctx, JSON_OBJECT);
}
static int on_open_array(void *ctx)
{
	return open_frame(ctx, JSON_ARRAY);
}

static int on_close(void *ctx)
{
	struct reader *r = ctx;

	r->depth--;
	return 1;
}

static int on_close_object(void *ctx)
{
	struct reader *r = ctx;
	const struct json *twice = doubled_key(r, r->frames[r->depth - 1].value);

	if (twice)
		return refuse(r, arena_printf(r->arena, "the key \"%.*s\" twice in one object",
					      (int)(twice->key.n < 64 ? twice->key.n : 64), twice->key.p)
					 .p);
	return on_close(ctx);
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_bool,
	.yajl_number = on_number,
	.yajl_string = on_text,
	.yajl_start_map = on_open_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_close_object,
	.yajl_start_array = on_open_array,
	.yajl_end_array = on_close,
};

static int hex_value(const char *p)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(p[i]);

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* yajl writes '?' for half a surrogate pair; we do not take what nobody wrote. Escapes are looked at in the raw text,
 * where a backslash can only stand inside a text. */
static const char *find_lone_surrogate(struct str text)
{
	const char *p = text.p, *end = text.p + text.n;

	while ((p = memchr(p, '\\', (size_t)(end - p))) != NULL && end - p >= 6) {
		int first = p[1] == 'u' ? hex_value(p + 2) : -1;

		if (first >= 0xdc00 && first <= 0xdfff)
			return p;
		if (first >= 0xd800 && first <= 0xdbff) {
			int second = end - p >= 12 && p[6] == '\\' && p[7] == 'u' ? hex_value(p + 8) : -1;

			if (second < 0xdc00 || second > 0xdfff)
				return p;
			p += 6;
		}
		p += p[1] == 'u' ? 6 : 2;
	}
	return NULL;
}

/* yajl takes two characters between values that JSON does not know. Inside a text it refuses them itself. */
static const char *find_foreign_space(struct str text)
{
	const char *feed = memchr(text.p, '\f', text.n);

	return feed ? feed : memchr(text.p, '\v', text.n);
}

/* How many bytes from the beginning are text. Slow: for what is refused anyway. */
static size_t count_text(struct str text)
{
	size_t good = 0, n = 0;

	while (good < text.n) {
		for (n = 1; n <= 4 && good + n <= text.n; n++)
			if (str_is_text((struct str){ text.p + good, n }))
				break;
		if (n > 4 || good + n > text.n)
			break;
		good += n;
	}
	return good;
}

/* What yajl takes and we do not. */
static int check_whole(struct reader *r)
{
	const char *space = find_foreign_space(r->input), *half = space ? NULL : find_lone_surrogate(r->input);

	if (space)
		refuse(r, "a form feed or vertical tab between values");
	else if (half)
		refuse(r, "half a surrogate pair in a text");
	else
		return 1;
	r->at = (size_t)((space ? space : half) - r->input.p);
	return 0;
}

/* yajl reports where it stands in what it was given last, and its end is given to it as a text of its own. */
static int read_whole(struct reader *r, yajl_handle yajl)
{
	if (!str_is_text(r->input)) {
		r->at = count_text(r->input);
		return refuse(r, r->input.p[r->at] ? "text that is not valid UTF-8" : "a NUL character");
	}
	if (yajl_parse(yajl, (const unsigned char *)r->input.p, r->input.n) != yajl_status_ok) {
		r->at = yajl_get_bytes_consumed(yajl);
		return 0;
	}
	r->at = r->input.n;
	return yajl_complete_parse(yajl) == yajl_status_ok && check_whole(r);
}

static struct json_limits limits_or_default(const struct json_limits *given)
{
	struct json_limits limits = given ? *given : (struct json_limits){ 0 };

	if (!limits.max_text)
		limits.max_text = 1024 * 1024;
	if (!limits.max_depth)
		limits.max_depth = 32;
	if (limits.max_depth > MAX_DEPTH)
		limits.max_depth = MAX_DEPTH;
	if (!limits.max_tokens)
		limits.max_tokens = 100000;
	return limits;
}

static void *yajl_take(void *unused, size_t size)
{
	(void)unused;
	return malloc(size);
}

static void *yajl_resize(void *unused, void *p, size_t size)
{
	(void)unused;
	return wiped_realloc(p, size);
}

static void yajl_give_back(void *unused, void *p)
{
	(void)unused;
	wiped_free(p);
}

/* Its buffers have held parts of the text, which may be secrets. */
static const yajl_alloc_funcs wiping = { yajl_take, yajl_resize, yajl_give_back, NULL };

const struct json *json_parse(struct arena *arena, struct str text, const struct json_limits *limits,
			      const char **ret_why)
{
	struct reader r = { .arena = arena, .input = text, .limits = limits_or_default(limits) };
	const struct json *result = NULL;
	yajl_handle yajl = yajl_alloc(&callbacks, (yajl_alloc_funcs *)(uintptr_t)&wiping, &r); /* it only copies them */

	if (!yajl)
		abort();
	yajl_config(yajl, yajl_dont_validate_strings, 1); /* ours is stricter */
	if (read_whole(&r, yajl))
		result = r.root;
	else
		*ret_why = arena_printf(arena, "byte %zu: %s", r.at, r.why ? r.why : "this is not JSON").p;
	yajl_free(yajl);
	return result;
}

const struct json *json_get(const struct json *object, const char *key)
{
	size_t n = strlen(key);

	if (!object || object->kind != JSON_OBJECT)
		return NULL;
	for (const struct json *m = object->child; m; m = m->next)
		if (m->key.n == n && memcmp(m->key.p, key, n) == 0)
			return m;
	return NULL;
}

const struct json *json_at(const struct json *array, uint32_t index)
{
	const struct json *element;

	if (!array || array->kind != JSON_ARRAY || index >= array->n)
		return NULL;
	for (element = array->child; index > 0; index--)
		element = element->next;
	return element;
}

struct str json_text(const struct json *value, struct str otherwise)
{
	return value && value->kind == JSON_TEXT ? value->text : otherwise;
}

int64_t json_int(const struct json *value, int64_t otherwise)
{
	return value && value->kind == JSON_INT ? value->integer : otherwise;
}

bool json_bool(const struct json *value, bool otherwise)
{
	return value && value->kind == JSON_BOOL ? value->truth : otherwise;
}

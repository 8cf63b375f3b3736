/* JSON for plugins: base/json_read and base/json_write behind opaque types, so that a plugin needs no JSON library.
 *
 * Owns nothing but the growing text of a writer, which is freed with the call's arena.
 * Easy to break: a writer accepts any order of calls; what does not make sense is kept as one fault and told at the
 * end. */
#include "plugin/host.h"

#include "base/json_read.h"
#include "base/json_write.h"

#include <string.h>

#define READ_MAX    (16ull * 1024 * 1024)
#define WRITE_MAX   (8 * 1024 * 1024)
#define WRITE_DEPTH 32

struct opshub_json_out {
	struct buf buf;
	struct json_out out;
	char stack[WRITE_DEPTH]; /* closing brackets that are due */
	unsigned depth;
	bool is_wrong, has_value;
};

/* ---- in ---- */

static const struct json *value_of(const opshub_json *value)
{
	return (const struct json *)(const void *)value;
}

static const opshub_json *opaque(const struct json *value)
{
	return (const opshub_json *)(const void *)value;
}

opshub_status host_json_parse(opshub_call *c, const char *text, uint64_t size, const opshub_json **ret)
{
	const char *why = "it is empty";
	const struct json *root = NULL;

	if (size > READ_MAX)
		why = "it is longer than 16 MiB";
	else if (text && size)
		root = json_parse(c->call->arena, (struct str){ text, size }, NULL, &why);
	if (!root)
		return host_table.fail(
			c, OPSHUB_E_UPSTREAM,
			host_table.format(c, "Provider answer to %s is not usable JSON: %s", c->operation, why));
	*ret = opaque(root);
	return OPSHUB_OK;
}

uint32_t host_json_type(opshub_call *c, const opshub_json *value)
{
	static const uint32_t types[] = {
		[JSON_NULL] = OPSHUB_JSON_NULL,     [JSON_BOOL] = OPSHUB_JSON_BOOL, [JSON_INT] = OPSHUB_JSON_NUMBER,
		[JSON_DOUBLE] = OPSHUB_JSON_NUMBER, [JSON_TEXT] = OPSHUB_JSON_TEXT, [JSON_ARRAY] = OPSHUB_JSON_ARRAY,
		[JSON_OBJECT] = OPSHUB_JSON_OBJECT,
	};

	(void)c;
	return value ? types[value_of(value)->kind] : OPSHUB_JSON_NONE;
}

const opshub_json *host_json_get(opshub_call *c, const opshub_json *object, const char *key)
{
	(void)c;
	return key ? opaque(json_get(value_of(object), key)) : NULL;
}

const opshub_json *host_json_at(opshub_call *c, const opshub_json *array, uint32_t index)
{
	(void)c;
	return opaque(json_at(value_of(array), index));
}

uint32_t host_json_len(opshub_call *c, const opshub_json *value)
{
	const struct json *v = value_of(value);

	(void)c;
	return v && (v->kind == JSON_ARRAY || v->kind == JSON_OBJECT) ? v->n : 0;
}

const char *host_json_str(opshub_call *c, const opshub_json *value, const char *otherwise)
{
	(void)c;
	return json_text(value_of(value), (struct str){ otherwise, 0 }).p;
}

int64_t host_json_int(opshub_call *c, const opshub_json *value, int64_t otherwise)
{
	(void)c;
	return json_int(value_of(value), otherwise);
}

int32_t host_json_bool(opshub_call *c, const opshub_json *value, int32_t otherwise)
{
	(void)c;
	return json_bool(value_of(value), otherwise != 0);
}

/* ---- out ---- */

static void free_text(void *out)
{
	buf_done(&((opshub_json_out *)out)->buf);
}

opshub_json_out *host_json_begin(opshub_call *c)
{
	opshub_json_out *out = arena_alloc(c->call->arena, sizeof(*out));

	buf_init(&out->buf, WRITE_MAX);
	out->out = JSON_OUT(&out->buf);
	arena_defer(c->call->arena, free_text, out);
	return out;
}

/* Puts the key; false when no value may stand here. */
static bool place(opshub_json_out *out, const char *key)
{
	bool in_object = out->depth && out->stack[out->depth - 1] == '}';

	if (in_object != (key != NULL) || (!out->depth && out->has_value) || (key && strnlen(key, 257) > 256))
		out->is_wrong = true;
	if (out->is_wrong)
		return false;
	out->has_value = true;
	if (key) {
		/* json_key() writes keys as they are. */
		json_add_text(&out->out, str_of(key));
		buf_add_char(&out->buf, ':');
		out->out.comma = false;
	}
	return true;
}

void host_json_open(opshub_call *c, opshub_json_out *out, const char *key, uint32_t type)
{
	bool is_object = type == OPSHUB_JSON_OBJECT;

	(void)c;
	if (out->depth == WRITE_DEPTH || (!is_object && type != OPSHUB_JSON_ARRAY))
		out->is_wrong = true;
	if (!place(out, key))
		return;
	json_open(&out->out, is_object ? '{' : '[');
	out->stack[out->depth++] = is_object ? '}' : ']';
}

void host_json_close(opshub_call *c, opshub_json_out *out)
{
	(void)c;
	if (out->depth == 0)
		out->is_wrong = true;
	else
		json_close(&out->out, out->stack[--out->depth]);
}

void host_json_put_str(opshub_call *c, opshub_json_out *out, const char *key, const char *text)
{
	(void)c;
	if (!place(out, key))
		return;
	if (text)
		json_add_text(&out->out, str_of(text));
	else
		json_add_null(&out->out);
}

void host_json_put_int(opshub_call *c, opshub_json_out *out, const char *key, int64_t value)
{
	(void)c;
	if (place(out, key))
		json_add_int(&out->out, value);
}

void host_json_put_bool(opshub_call *c, opshub_json_out *out, const char *key, int32_t value)
{
	(void)c;
	if (place(out, key))
		json_add_bool(&out->out, value != 0);
}

const char *host_json_end(opshub_call *c, opshub_json_out *out, uint64_t *ret_size)
{
	const char *why = out->buf.overflow                                ? "it is longer than 8 MiB"
			  : out->is_wrong || out->depth || !out->has_value ? "brackets or keys do not match"
									   : NULL;

	if (why) {
		c->plugins->faults++;
		host_table.fail(c, OPSHUB_E_INTERNAL,
				host_table.format(c, "The plugin wrote no valid JSON in %s: %s", c->operation, why));
		return NULL;
	}
	if (ret_size)
		*ret_size = out->buf.n;
	return out->buf.p;
}

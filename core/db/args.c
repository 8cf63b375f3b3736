/* Parameters for libpq. Everything but bytea goes as text, so that the server reads it by the type it inferred: the
 * same A_STR serves text, jsonb, enum and timestamptz.
 *
 * Easy to break: libpq reads a text parameter to its first NUL and silently drops the rest, so NUL is refused here. */
#include "base/clock.h"
#include "db/inner.h"

#include <math.h>
#include <string.h>

#define BYTES_MAX (256 * 1024 * 1024)

static const char *integer(struct arena *arena, int64_t value)
{
	return arena_printf(arena, "%lld", (long long)value).p;
}

static const char *real(struct arena *arena, double value)
{
	if (isnan(value))
		return "NaN";
	if (isinf(value))
		return value > 0 ? "Infinity" : "-Infinity";
	return arena_printf(arena, "%.17g", value).p;
}

static bool has_nul(struct str s)
{
	return s.n && memchr(s.p, '\0', s.n);
}

/* '{"a","b \"c\"",NULL}' */
static const char *text_array(struct arena *arena, const struct str *texts, size_t n)
{
	size_t size = 3;
	char *start, *p;

	for (size_t i = 0; i < n; i++)
		size += texts[i].p ? 2 * texts[i].n + 3 : 5;
	start = p = arena_raw(arena, size);
	*p++ = '{';
	for (size_t i = 0; i < n; i++) {
		if (i)
			*p++ = ',';
		if (!texts[i].p) {
			memcpy(p, "NULL", 4);
			p += 4;
			continue;
		}
		*p++ = '"';
		for (size_t j = 0; j < texts[i].n; j++) {
			char c = texts[i].p[j];

			if (c == '"' || c == '\\')
				*p++ = '\\';
			*p++ = c;
		}
		*p++ = '"';
	}
	*p++ = '}';
	*p = '\0';
	return start;
}

static const char *integer_array(struct arena *arena, const int64_t *ints, size_t n)
{
	char *text = arena_raw(arena, (INT_TEXT_MAX + 1) * n + 3), *p = text;

	*p++ = '{';
	for (size_t i = 0; i < n; i++) {
		if (i)
			*p++ = ',';
		p += str_from_int(ints[i], p);
	}
	*p++ = '}';
	*p = '\0';
	return text;
}

/* The text of a parameter, NULL for SQL null. */
static const char *encode(struct arena *arena, const struct db_arg *arg)
{
	char time[TIME_TEXT_MAX];

	switch (arg->kind) {
	case DB_NULL:
		return NULL;
	case DB_TEXT:
		return arena_text(arena, arg->text);
	case DB_INT:
		return integer(arena, arg->number);
	case DB_BOOL:
		return arg->number ? "t" : "f";
	case DB_DOUBLE:
		return real(arena, arg->real);
	case DB_BYTES:
		return arg->text.p ? arg->text.p : "";
	case DB_TEXTS:
		return text_array(arena, arg->texts, arg->n);
	case DB_INTS:
		return integer_array(arena, arg->ints, arg->n);
	case DB_TIME:
		return arena_copy(arena, time, time_format(arg->number, time));
	}
	return NULL;
}

static int check(struct call *call, const struct db_arg *arg, size_t number, const char *query)
{
	bool nul = arg->kind == DB_TEXT && has_nul(arg->text);

	for (size_t i = 0; arg->kind == DB_TEXTS && i < arg->n; i++)
		nul = nul || (arg->texts[i].p && has_nul(arg->texts[i]));
	if (nul)
		return call_fail(call, E_INVALID, "a text for %s ($%zu) contains a NUL character: remove it", query,
				 number);
	if ((arg->kind == DB_TEXT || arg->kind == DB_BYTES) && arg->text.n > BYTES_MAX)
		return call_fail(call, E_INVALID, "a value for %s ($%zu) is over 256 MiB: send less", query, number);
	return OK;
}

int args_encode(struct call *call, const struct db_arg *args, size_t n, const char *query, struct params *ret)
{
	const char **values;
	int *lengths, *formats;
	int r;

	if (n > ARGS_MAX)
		return call_fail(call, E_INTERNAL, "%s was given %zu parameters: %d is the most", query, n, ARGS_MAX);
	values = arena_alloc(call->arena, n * sizeof(*values));
	lengths = arena_alloc(call->arena, 2 * n * sizeof(*lengths));
	formats = lengths + n;
	for (size_t i = 0; i < n; i++) {
		r = check(call, &args[i], i + 1, query);
		if (r < 0)
			return r;
		values[i] = encode(call->arena, &args[i]);
		if (args[i].kind == DB_BYTES) {
			lengths[i] = (int)args[i].text.n;
			formats[i] = 1;
		}
	}
	*ret = (struct params){ (int)n, values, lengths, formats };
	return OK;
}

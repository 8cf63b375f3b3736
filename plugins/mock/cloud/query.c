/* Query strings. */
#include "cloud.h"

#define PARAMETERS_MAX 32

static int digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

struct str query_value(struct arena *arena, struct str query, const char *name)
{
	for (int i = 0; query.n && i < PARAMETERS_MAX; i++) {
		struct str value = str_split(&query, '&');
		struct str key = str_split(&value, '=');
		char *out;
		size_t n = 0;

		if (!str_eq(key, str_of(name)))
			continue;
		out = arena_copy(arena, value.p, value.n);
		for (size_t at = 0; at < value.n; at++) {
			bool is_coded = value.p[at] == '%' && at + 2 < value.n && digit(value.p[at + 1]) >= 0 &&
					digit(value.p[at + 2]) >= 0;
			out[n++] = is_coded ? (char)(digit(value.p[at + 1]) * 16 + digit(value.p[at + 2]))
					    : value.p[at];
			at += is_coded ? 2 : 0;
		}
		return (struct str){ out, n };
	}
	return STR("");
}

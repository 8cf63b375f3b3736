/* Percent-decoding and look-up in the path, the query and the Cookie header of a request.
 *
 * Owns nothing. Easy to break: routing, access checks and handlers see only what path_decode gave, once; nobody decodes
 * a second time. */
#include "http/query.h"

#include <string.h>

bool percent_decode(struct str raw, bool plus, char *to, size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];

		if (c == '%') {
			int high = i + 2 < raw.n ? hex_digit(raw.p[i + 1]) : -1;
			int low = i + 2 < raw.n ? hex_digit(raw.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		to[n++] = c;
	}
	to[n] = '\0';
	if (!str_is_text((struct str){ to, n }))
		return false;
	*ret_n = n;
	return true;
}

void percent_encode(struct str raw, struct buf *ret)
{
	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    (c != '\0' && strchr("-._~", c)))
			buf_add_char(ret, c);
		else
			buf_printf(ret, "%%%02X", (unsigned)(unsigned char)c);
	}
}

static bool has_encoded_slash(struct str raw)
{
	const char *p = raw.p, *end = raw.p + raw.n;

	while ((p = memchr(p, '%', (size_t)(end - p))) != NULL) {
		if (end - p > 2 && p[1] == '2' && (p[2] == 'f' || p[2] == 'F'))
			return true;
		p++;
	}
	return false;
}

static bool has_dot_segment(struct str path)
{
	while (path.n > 0) {
		struct str segment = str_split(&path, '/');

		if (str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
			return true;
	}
	return false;
}

bool path_decode(struct str raw, char *to, struct str *ret, const char **ret_why)
{
	size_t n;

	if (has_encoded_slash(raw)) {
		*ret_why = "The path holds an encoded slash (%2F).";
		return false;
	}
	if (!percent_decode(raw, false, to, &n)) {
		*ret_why = "The path holds a bad percent escape or is not UTF-8.";
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)to[i] < 0x20 || to[i] == 0x7f) {
			*ret_why = "The path holds a control character.";
			return false;
		}
	}
	if (has_dot_segment((struct str){ to, n })) {
		*ret_why = "The path holds a \".\" or \"..\" segment: send it resolved.";
		return false;
	}
	*ret = (struct str){ to, n };
	return true;
}

struct str query_find(struct str query, struct str name, struct arena *arena)
{
	struct str none = { NULL, 0 };

	while (query.n > 0) {
		struct str value = str_split(&query, '&'), key = str_split(&value, '=');
		char *text = arena_raw(arena, key.n + 1);
		size_t n;

		if (!percent_decode(key, true, text, &n) || !str_eq((struct str){ text, n }, name))
			continue;
		text = arena_raw(arena, value.n + 1);
		if (!percent_decode(value, true, text, &n))
			return none;
		return (struct str){ text, n };
	}
	return none;
}

struct str cookie_find(struct str header, struct str name)
{
	while (header.n > 0) {
		struct str value = str_split(&header, ';'), key;

		value = str_trim(value);
		if (value.n < name.n + 1 || value.p[name.n] != '=')
			continue;
		key = str_split(&value, '=');
		if (!str_eq(key, name))
			continue;
		if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
			value = (struct str){ value.p + 1, value.n - 2 };
		return value;
	}
	return (struct str){ NULL, 0 };
}

struct str http_query(struct exchange *x, const char *name)
{
	return query_find(x->query, str_of(name), x->call->arena);
}

struct str http_cookie(struct exchange *x, const char *name)
{
	for (size_t i = 0; i < x->n_headers; i++) {
		struct str value;

		if (!str_eq(x->headers[i].name, STR("cookie")))
			continue;
		value = cookie_find(x->headers[i].value, str_of(name));
		if (value.p)
			return arena_str(x->call->arena, value);
	}
	return (struct str){ NULL, 0 };
}

/* JSON out. */
#include "base/json_write.h"

#include <string.h>

static void separate(struct json_out *out)
{
	if (out->comma)
		buf_add_char(out->buf, ',');
	out->comma = true;
}

void json_open(struct json_out *out, char bracket)
{
	separate(out);
	buf_add_char(out->buf, bracket);
	out->comma = false;
}

void json_close(struct json_out *out, char bracket)
{
	buf_add_char(out->buf, bracket);
	out->comma = true;
}

void json_key(struct json_out *out, const char *key)
{
	separate(out);
	buf_add_char(out->buf, '"');
	buf_add(out->buf, key, strlen(key));
	buf_add(out->buf, "\":", 2);
	out->comma = false;
}

/* How the byte is written: 0 as it is, 'u' as \u00xx, 'x' it starts a UTF-8 sequence, else behind a backslash. */
static char escape_kind(unsigned char c, unsigned char before)
{
	switch (c) {
	case '"':
	case '\\':
		return (char)c;
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	case '/':
		return before == '<' ? '/' : 0;
	default:
		return c < 0x20 || c == 0x7f ? 'u' : c >= 0x80 ? 'x' : 0;
	}
}

/* Valid UTF-8 sequence at s.p[at]: its length, else 0. */
static size_t sequence(struct str s, size_t at)
{
	for (size_t len = 2; len <= 4 && at + len <= s.n; len++)
		if (str_is_text((struct str){ s.p + at, len }))
			return len;
	return 0;
}

void json_escape(struct buf *buf, struct str text)
{
	static const char hex[] = "0123456789abcdef";
	size_t from = 0, i = 0;

	while (i < text.n) {
		unsigned char c = (unsigned char)text.p[i];
		char kind = escape_kind(c, i ? (unsigned char)text.p[i - 1] : 0);
		size_t len = kind == 'x' ? sequence(text, i) : 1;

		if (kind == 0 || (kind == 'x' && len > 0)) {
			i += len;
			continue;
		}
		buf_add(buf, text.p + from, i - from);
		if (kind == 'x')
			buf_add(buf, "\xef\xbf\xbd", 3);
		else if (kind == 'u')
			buf_add(buf, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
		else
			buf_add(buf, (char[]){ '\\', kind }, 2);
		from = ++i;
	}
	if (from < text.n)
		buf_add(buf, text.p + from, text.n - from);
}

void json_add_text(struct json_out *out, struct str text)
{
	separate(out);
	buf_add_char(out->buf, '"');
	json_escape(out->buf, text);
	buf_add_char(out->buf, '"');
}

void json_add_int(struct json_out *out, int64_t value)
{
	separate(out);
	buf_add_int(out->buf, value);
}

void json_add_bool(struct json_out *out, bool value)
{
	json_add_raw(out, value ? STR("true") : STR("false"));
}

void json_add_null(struct json_out *out)
{
	json_add_raw(out, STR("null"));
}

void json_add_raw(struct json_out *out, struct str json)
{
	separate(out);
	buf_add_str(out->buf, json);
}

void json_put_text(struct json_out *out, const char *key, struct str text)
{
	json_key(out, key);
	json_add_text(out, text);
}

void json_put_int(struct json_out *out, const char *key, int64_t value)
{
	json_key(out, key);
	json_add_int(out, value);
}

void json_put_bool(struct json_out *out, const char *key, bool value)
{
	json_key(out, key);
	json_add_bool(out, value);
}

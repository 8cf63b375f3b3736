/* Text into HTML, SVG and XML. */
#include "base/markup.h"

#define REPLACEMENT "\xef\xbf\xbd"

static const char *escape_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* How many bytes the character at p has, which has at least one, and *ret_code; 0 when it is no UTF-8. */
static size_t decode(const char *p, size_t n, unsigned *ret_code)
{
	unsigned char c = (unsigned char)p[0];
	size_t size = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (size > n || !str_is_text((struct str){ p, size }))
		return 0;
	*ret_code = size == 1 ? c : c & (0x7fu >> size);
	for (size_t i = 1; i < size; i++)
		*ret_code = *ret_code << 6 | (p[i] & 0x3f);
	return size;
}

static bool is_shown(unsigned code)
{
	if (code < 0x20 || (code >= 0x7f && code < 0xa0))
		return code == '\t' || code == '\n';
	return !(code == 0x061c || code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
		 (code >= 0x2066 && code <= 0x2069) || (code & 0xfffe) == 0xfffe);
}

void markup_add(struct buf *buf, struct str text)
{
	while (text.n) {
		unsigned code = 0;
		size_t size = decode(text.p, text.n, &code);
		const char *escape = size == 1 ? escape_of(text.p[0]) : NULL;

		if (escape)
			buf_add_str(buf, str_of(escape));
		else if (size && is_shown(code))
			buf_add(buf, text.p, size);
		else
			buf_add_str(buf, STR(REPLACEMENT));
		size = size ? size : 1;
		text = (struct str){ text.p + size, text.n - size };
	}
}

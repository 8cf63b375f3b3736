/* Text as pointer and length. */
#include "base/str.h"

#include <string.h>

struct str str_of(const char *text)
{
	return (struct str){ text ? text : "", text ? strlen(text) : 0 };
}

bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

void text_to_lower(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		text[i] = (char)lower((unsigned char)text[i]);
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower((unsigned char)a.p[i]) != lower((unsigned char)b.p[i]))
			return false;
	return true;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq((struct str){ s.p, prefix.n }, prefix);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_eq((struct str){ s.p + s.n - suffix.n, suffix.n }, suffix);
}

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

struct str str_trim(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = (struct str){ s.p + 1, s.n - 1 };
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

struct str str_split(struct str *rest, char sep)
{
	struct str part = *rest;
	const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;

	if (at) {
		part.n = (size_t)(at - rest->p);
		*rest = (struct str){ at + 1, rest->n - part.n - 1 };
	} else {
		*rest = (struct str){ rest->n ? rest->p + rest->n : rest->p, 0 };
	}
	return part;
}

bool str_to_int(struct str s, int64_t min, int64_t max, int64_t *ret)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	int64_t value = 0;

	if (s.n == (negative ? 1u : 0u))
		return false;
	for (size_t i = negative ? 1 : 0; i < s.n; i++) {
		int digit = s.p[i] - '0';

		if (digit < 0 || digit > 9)
			return false;
		/* counted downwards, so that INT64_MIN needs no special case */
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, digit, &value))
			return false;
	}
	if (!negative) {
		if (value == INT64_MIN)
			return false;
		value = -value;
	}
	if (value < min || value > max)
		return false;
	*ret = value;
	return true;
}

/* Length of the valid UTF-8 sequence at p, 0 when there is none. */
static size_t utf8_step(const unsigned char *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 0;
	uint32_t code;

	if (len <= 1)
		return len;
	if (len > n || p[0] > 0xf4)
		return 0;
	code = p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return len;
}

bool str_is_text(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i = 0;

	while (i < s.n) {
		size_t step;
		uint64_t word;

		/* eight bytes at once while they are ASCII: no high bit, and none of them zero */
		while (i + 8 <= s.n) {
			memcpy(&word, p + i, 8);
			if ((word & 0x8080808080808080u) ||
			    ((word - 0x0101010101010101u) & ~word & 0x8080808080808080u))
				break;
			i += 8;
		}
		if (i == s.n)
			break;
		if (p[i] == 0)
			return false;
		step = utf8_step(p + i, s.n - i);
		if (step == 0)
			return false;
		i += step;
	}
	return true;
}

uint64_t str_hash(struct str s)
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < s.n; i++)
		hash = (hash ^ (unsigned char)s.p[i]) * 1099511628211u;
	return hash;
}

size_t str_from_int(int64_t value, char to[INT_TEXT_MAX])
{
	char digits[INT_TEXT_MAX], *p = digits + sizeof(digits);
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	size_t n;

	do {
		*--p = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (value < 0)
		*--p = '-';
	n = (size_t)(digits + sizeof(digits) - p);
	memcpy(to, p, n);
	return n;
}

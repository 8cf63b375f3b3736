/* Entity tags.
 *
 * Owns nothing. Two sums run over the same bytes: each step multiplies two words to 128 bits and folds them to 64,
 * about three bytes a cycle, so that a list of 50 rows costs some microseconds. Easy to break: a word equal to its
 * constant makes a product zero and forgets what came before. The constants hold bytes that do not occur in UTF-8, and
 * no two sums share one. */
#include "http/etag.h"

#include <string.h>

#define FIRST  0xff9e3779fbb97f4dULL
#define SECOND 0xfdbf58476e1ce4ffULL
#define THIRD  0xfe94d049ffb1331bULL

static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* By hand: printf costs more than the sums over a short body. */
static void write_digits(uint64_t word, char ret[16])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 16; i++)
		ret[i] = digits[(word >> (60 - 4 * i)) & 15];
}

void etag_of(struct str body, char ret[ETAG_SIZE])
{
	uint64_t left = FIRST ^ body.n, right = THIRD + body.n;
	const char *p = body.p;

	for (size_t n = body.n; n > 0;) {
		uint64_t words[2] = { 0, 0 };
		size_t step = n < sizeof(words) ? n : sizeof(words);

		memcpy(words, p, step);
		left = fold(words[0] ^ FIRST, words[1] ^ left);
		right = fold(words[1] ^ SECOND, words[0] ^ right);
		p += step;
		n -= step;
	}
	left = fold(left ^ THIRD, right ^ SECOND);
	right = fold(right ^ FIRST, left ^ THIRD);
	memcpy(ret, "W/\"", 3);
	write_digits(left, ret + 3);
	write_digits(right, ret + 19);
	memcpy(ret + 35, "\"", 2);
}

/* By weak comparison: "W/" counts for nothing. */
bool etag_listed(struct str list, const char *tag)
{
	struct str wanted = str_of(tag + 2);
	const char *end;

	if (str_eq(str_trim(list), STR("*")))
		return true;
	for (;;) {
		while (list.n && (list.p[0] == ' ' || list.p[0] == '\t' || list.p[0] == ','))
			list = (struct str){ list.p + 1, list.n - 1 };
		if (str_starts(list, STR("W/")))
			list = (struct str){ list.p + 2, list.n - 2 };
		if (list.n < 2 || list.p[0] != '"')
			return false;
		end = memchr(list.p + 1, '"', list.n - 1);
		if (!end)
			return false;
		if (str_eq((struct str){ list.p, (size_t)(end + 1 - list.p) }, wanted))
			return true;
		list.n -= (size_t)(end + 1 - list.p);
		list.p = end + 1;
	}
}

/* A growable byte buffer with a maximum. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){ .max = max };
}

void buf_done(struct buf *buf)
{
	free(buf->p);
	*buf = (struct buf){ .max = buf->max };
}

void buf_clear(struct buf *buf)
{
	buf->n = 0;
	buf->overflow = false;
}

/* Room for n more bytes and a NUL, or false and the buffer marked. */
static bool reserve(struct buf *buf, size_t n)
{
	size_t cap = buf->cap ? buf->cap : 256;

	if (buf->overflow || n > buf->max - buf->n) {
		buf->overflow = true;
		return false;
	}
	if (buf->n + n < buf->cap)
		return true;
	while (cap <= buf->n + n)
		cap *= 2;
	buf->p = realloc(buf->p, cap);
	if (!buf->p) {
		fprintf(stderr, "out of memory: a buffer of %zu bytes\n", cap);
		abort();
	}
	buf->cap = cap;
	return true;
}

void buf_add(struct buf *buf, const void *bytes, size_t n)
{
	if (!reserve(buf, n))
		return;
	if (n)
		memcpy(buf->p + buf->n, bytes, n);
	buf->n += n;
	buf->p[buf->n] = '\0';
}

void buf_add_str(struct buf *buf, struct str s)
{
	buf_add(buf, s.p, s.n);
}

void buf_add_char(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

void buf_add_int(struct buf *buf, int64_t value)
{
	char digits[INT_TEXT_MAX];

	buf_add(buf, digits, str_from_int(value, digits));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0 || !reserve(buf, (size_t)n))
		return;
	va_start(args, format);
	vsnprintf(buf->p + buf->n, (size_t)n + 1, format, args);
	va_end(args);
	buf->n += (size_t)n;
}

void buf_drop_front(struct buf *buf, size_t n)
{
	if (n == 0)
		return;
	buf->n -= n;
	memmove(buf->p, buf->p + n, buf->n + 1);
}

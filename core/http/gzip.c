/* Packing bodies with gzip, at the cheapest level: JSON shrinks to a sixth at once, and little more with patience.
 *
 * Easy to break: packing takes about 10 us for each KB. What is long must not be packed on the loop's thread
 * (http/represent.c). */
#include "http/gzip.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#define LEVEL       1
#define WINDOW_GZIP (15 + 16) /* 32 KB, with gzip's head and tail */
#define MEMORY      8

struct gzip {
	z_stream stream;
	Bytef chunk[16 * 1024];
};

/* ---- Accept-Encoding ---- */

/* "0.5" as 501; 1 for what is no weight: who cannot be understood gets the plain body. */
static int weight(struct str text)
{
	int value = 0, digits = 0;

	if (text.n == 0 || (text.p[0] != '0' && text.p[0] != '1') || (text.n > 1 && text.p[1] != '.') || text.n > 5)
		return 1;
	value = text.p[0] - '0';
	for (size_t i = 2; i < text.n; i++, digits++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return 1;
		value = value * 10 + text.p[i] - '0';
	}
	for (; digits < 3; digits++)
		value *= 10;
	return value > 1000 ? 1 : value + 1;
}

void encodings_read(struct encodings *encodings, struct str value)
{
	while (value.n) {
		struct str parameter = str_split(&value, ','), name = str_trim(str_split(&parameter, ';'));
		int w = 1001;

		parameter = str_trim(parameter);
		if (parameter.n >= 2 && (parameter.p[0] | 0x20) == 'q' && parameter.p[1] == '=')
			w = weight((struct str){ parameter.p + 2, parameter.n - 2 });
		if (str_eq_nocase(name, STR("gzip")) || str_eq_nocase(name, STR("x-gzip")))
			encodings->gzip = w;
		else if (str_eq_nocase(name, STR("identity")))
			encodings->identity = w;
		else if (str_eq(name, STR("*")))
			encodings->any = w;
	}
}

bool encodings_want_gzip(const struct encodings *encodings)
{
	int gzip = encodings->gzip ? encodings->gzip : encodings->any;

	return gzip > 1 && gzip >= encodings->identity;
}

/* ---- packing ---- */

struct gzip *gzip_new(void)
{
	struct gzip *gzip = calloc(1, sizeof(*gzip));

	if (!gzip || deflateInit2(&gzip->stream, LEVEL, Z_DEFLATED, WINDOW_GZIP, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
		fprintf(stderr, "out of memory for gzip\n");
		abort();
	}
	return gzip;
}

struct gzip *gzip_free(struct gzip *gzip)
{
	if (!gzip)
		return NULL;
	deflateEnd(&gzip->stream);
	free(gzip);
	return NULL;
}

bool gzip_pack(struct gzip *gzip, struct str plain, struct buf *ret)
{
	z_stream *stream = &gzip->stream;
	int r = Z_OK;

	if (plain.n > UINT32_MAX / 2)
		return false;
	deflateReset(stream);
	stream->next_in = (Bytef *)plain.p;
	stream->avail_in = (uInt)plain.n;
	while (r == Z_OK && !ret->overflow) {
		stream->next_out = gzip->chunk;
		stream->avail_out = sizeof(gzip->chunk);
		r = deflate(stream, Z_FINISH);
		buf_add(ret, gzip->chunk, sizeof(gzip->chunk) - stream->avail_out);
	}
	return r == Z_STREAM_END && !ret->overflow;
}

/* Accept-Encoding with its weights, and packing within a limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "http/gzip.h"

static bool wants(const char *value)
{
	struct encodings encodings = { 0 };

	encodings_read(&encodings, str_of(value));
	return encodings_want_gzip(&encodings);
}

static void weights_decide(void **state)
{
	static const char *const yes[] = { "gzip",
					   "gzip, deflate, br",
					   "GZIP;q=0.001",
					   "deflate, gzip;q=1.000",
					   "*",
					   "*;q=0.1",
					   "x-gzip",
					   "gzip;q=0.5, identity;q=0.5",
					   "br;q=1,gzip;Q=0.2",
					   "identity;q=0, gzip",
					   "gzip ; q=0.8" };
	static const char *const no[] = { "",
					  "identity",
					  "br",
					  "gzip;q=0",
					  "gzip;q=0.000",
					  "*;q=0",
					  "gzip;q=0, *",
					  "gzip;q=0.4, identity;q=0.5",
					  "gzip;q=x",
					  "gzip;q=1.001",
					  "gzip;q=0.0001",
					  "gzip;q=-1",
					  "gzipped",
					  "identity, *;q=0.5",
					  "gzip;q=",
					  "gzip;q=2" };

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(wants(yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(wants(no[i]));
}

static void unpack(struct str packed, struct buf *ret)
{
	z_stream stream = { .next_in = (Bytef *)packed.p, .avail_in = (uInt)packed.n };
	unsigned char chunk[1000];
	int r = Z_OK;

	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	while (r == Z_OK) {
		stream.next_out = chunk;
		stream.avail_out = sizeof(chunk);
		r = inflate(&stream, Z_NO_FLUSH);
		buf_add(ret, chunk, sizeof(chunk) - stream.avail_out);
	}
	assert_int_equal(r, Z_STREAM_END);
	inflateEnd(&stream);
}

static void one_packer_packs_many_bodies(void **state)
{
	struct gzip *gzip = gzip_new();
	struct buf body, packed, again;

	(void)state;
	buf_init(&body, 1 << 20);
	buf_init(&packed, 1 << 20);
	buf_init(&again, 1 << 20);
	for (int i = 0; i < 300; i++) {
		for (int k = 0; k < 10; k++)
			buf_printf(&body, "{\"id\":\"deploy_%d\",\"status\":\"READY\"},", 37 * i + k);
		buf_clear(&packed);
		buf_clear(&again);
		assert_true(gzip_pack(gzip, buf_str(&body), &packed));
		assert_true(packed.n < body.n);
		unpack(buf_str(&packed), &again);
		assert_true(str_eq(buf_str(&again), buf_str(&body)));
	}
	buf_done(&body);
	buf_done(&packed);
	buf_done(&again);
	gzip_free(gzip);
}

static void what_does_not_shrink_is_refused(void **state)
{
	struct gzip *gzip = gzip_new();
	struct buf packed;
	char noise[5000];
	uint32_t seed = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(noise); i++) {
		seed = seed * 1664525 + 1013904223;
		noise[i] = (char)(seed >> 24);
	}
	buf_init(&packed, sizeof(noise) - 1);
	assert_false(gzip_pack(gzip, (struct str){ noise, sizeof(noise) }, &packed));
	buf_done(&packed);
	buf_init(&packed, sizeof(noise) - 1); /* and the next one is packed as if nothing had been */
	memset(noise, 'a', sizeof(noise));
	assert_true(gzip_pack(gzip, (struct str){ noise, sizeof(noise) }, &packed));
	assert_true(packed.n < 100);
	buf_done(&packed);
	gzip_free(gzip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights_decide),
		cmocka_unit_test(one_packer_packs_many_bodies),
		cmocka_unit_test(what_does_not_shrink_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

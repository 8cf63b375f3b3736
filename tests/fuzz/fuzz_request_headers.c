/* If-None-Match, Accept-Encoding, and what may stand in WEB_BASE_URL: nothing is read past its end, a list names what
 * it is made of. */
#include "fuzz.h"

#include "http/etag.h"
#include "http/gzip.h"
#include "http/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct encodings encodings = { 0 };
	char tag[ETAG_SIZE], origin[HTTP_ORIGIN_MAX], again[HTTP_ORIGIN_MAX];
	char *text = malloc(size ? size : 1); /* no longer, so that the sanitizer sees a byte too many */
	struct str value = { text, size };

	memcpy(text, data, size);
	etag_of(value, tag);
	MUST(strlen(tag) == ETAG_SIZE - 1 && etag_listed(str_of(tag), tag));
	etag_listed(value, tag);
	encodings_read(&encodings, value);
	MUST(encodings.gzip >= 0 && encodings.gzip <= 1001 && encodings.any >= 0 && encodings.any <= 1001);
	encodings_want_gzip(&encodings);
	if (http_origin_of(value, origin))
		MUST(http_origin_of(str_of(origin), again) && strcmp(origin, again) == 0);
	free(text);
	return 0;
}

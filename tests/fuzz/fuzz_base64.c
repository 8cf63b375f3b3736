/* Base64: whatever is accepted is exactly what encoding gives back. */
#include "fuzz.h"

#include "crypto/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	uint8_t *bytes = malloc(size + 1);
	char *again = malloc(BASE64_SIZE(size));
	size_t n;

	if (base64_decode(text, bytes, size, &n))
		MUST(base64_encode(bytes, n, again) == size && memcmp(again, data, size) == 0);
	if (base64url_decode(text, bytes, size, &n))
		MUST(base64url_encode(bytes, n, again) == size && memcmp(again, data, size) == 0);
	free(bytes);
	free(again);
	return 0;
}

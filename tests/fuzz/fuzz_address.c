/* The address rule: public means global unicast, checked here in another way than by the table; and texts, which are
 * also given to the reader of Retry-After. */
#include "fuzz.h"

#include "net/address.h"
#include "net/inner.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static bool outside4(uint32_t a)
{
	return a >> 24 == 0 || a >> 24 == 10 || a >> 24 == 127 || a >> 28 >= 14 || a >> 16 == 0xa9fe ||
	       a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 22 == 0x191;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	char *text = strndup((const char *)data, size);
	const char *word = NULL;
	int64_t wait_ms;

	if (size >= 4) {
		memcpy(&v4.sin_addr, data, 4);
		if (address_classify((struct sockaddr *)&v4, &word) == ADDRESS_PUBLIC)
			MUST(!outside4(ntohl(v4.sin_addr.s_addr)));
		MUST(word);
	}
	if (size >= 16) {
		memcpy(&v6.sin6_addr, data, 16);
		if (address_classify((struct sockaddr *)&v6, &word) == ADDRESS_PUBLIC)
			MUST(data[0] >> 5 == 1 && !(data[0] == 0x20 && data[1] == 2) &&
			     !IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr));
	}
	address_classify_text(text, &word);
	wait_ms = retry_after_parse((struct str){ (const char *)data, size }, 784111717000);
	MUST(wait_ms >= 0 && wait_ms <= 15 * 60 * 1000);
	free(text);
	return 0;
}

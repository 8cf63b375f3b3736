/* The address rule as two tables, longest knowledge first: the first row that matches decides.
 *
 * Easy to break: IPv6 is allowed only inside 2000::/3 and IPv4-mapped addresses are not unwrapped. curl never needs
 * ::ffff:a.b.c.d to reach a.b.c.d, so whoever writes it wants to get past a rule. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct net4 {
	uint8_t prefix[4];
	unsigned bits;
	enum address_kind kind;
	const char *word;
};

static const struct net4 nets4[] = {
	{ { 0, 0, 0, 0 }, 8, ADDRESS_FORBIDDEN, "this network" },
	{ { 10, 0, 0, 0 }, 8, ADDRESS_PRIVATE, "private" },
	{ { 100, 100, 100, 200 }, 32, ADDRESS_FORBIDDEN, "a metadata service" }, /* Alibaba */
	{ { 100, 64, 0, 0 }, 10, ADDRESS_PRIVATE, "shared (carrier NAT)" },
	{ { 127, 0, 0, 0 }, 8, ADDRESS_PRIVATE, "loopback" },
	{ { 168, 63, 129, 16 }, 32, ADDRESS_FORBIDDEN, "a metadata service" }, /* Azure */
	{ { 169, 254, 0, 0 }, 16, ADDRESS_FORBIDDEN, "link-local" },
	{ { 172, 16, 0, 0 }, 12, ADDRESS_PRIVATE, "private" },
	{ { 192, 0, 0, 0 }, 24, ADDRESS_FORBIDDEN, "reserved" }, /* 192.0.0.192: Oracle's metadata */
	{ { 192, 0, 2, 0 }, 24, ADDRESS_FORBIDDEN, "for documentation" },
	{ { 192, 88, 99, 0 }, 24, ADDRESS_FORBIDDEN, "reserved" },
	{ { 192, 168, 0, 0 }, 16, ADDRESS_PRIVATE, "private" },
	{ { 198, 18, 0, 0 }, 15, ADDRESS_FORBIDDEN, "for benchmarks" },
	{ { 198, 51, 100, 0 }, 24, ADDRESS_FORBIDDEN, "for documentation" },
	{ { 203, 0, 113, 0 }, 24, ADDRESS_FORBIDDEN, "for documentation" },
	{ { 224, 0, 0, 0 }, 4, ADDRESS_FORBIDDEN, "multicast" },
	{ { 240, 0, 0, 0 }, 4, ADDRESS_FORBIDDEN, "reserved" },
};

struct net6 {
	uint8_t prefix[16];
	unsigned bits;
	enum address_kind kind;
	const char *word;
};

static const struct net6 nets6[] = {
	{ { 0x20, 0x01, 0x00 }, 23, ADDRESS_FORBIDDEN, "reserved" }, /* Teredo, ORCHID, benchmarks */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, ADDRESS_FORBIDDEN, "for documentation" },
	{ { 0x20, 0x02 }, 16, ADDRESS_FORBIDDEN, "6to4" },
	{ { 0x3f, 0xff, 0x00 }, 20, ADDRESS_FORBIDDEN, "for documentation" },
	{ { 0x20 }, 3, ADDRESS_PUBLIC, "public" },
	{ { [15] = 1 }, 128, ADDRESS_PRIVATE, "loopback" },
	{ { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54 },
	  128,
	  ADDRESS_FORBIDDEN,
	  "a metadata service" }, /* Amazon */
	{ { 0xfc }, 7, ADDRESS_PRIVATE, "private" },
	{ { 0xfe, 0x80 }, 10, ADDRESS_FORBIDDEN, "link-local" },
	{ { 0xff }, 8, ADDRESS_FORBIDDEN, "multicast" },
	{ { [10] = 0xff, [11] = 0xff }, 96, ADDRESS_FORBIDDEN, "IPv4 written as IPv6" },
	{ { 0 }, 0, ADDRESS_FORBIDDEN, "not global" },
};

static bool in_net(const uint8_t *address, const uint8_t *prefix, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(address, prefix, whole) != 0)
		return false;
	return rest == 0 || (address[whole] ^ prefix[whole]) >> (8 - rest) == 0;
}

static enum address_kind classify4(const uint8_t address[4], const char **ret_word)
{
	for (size_t i = 0; i < sizeof(nets4) / sizeof(nets4[0]); i++) {
		if (in_net(address, nets4[i].prefix, nets4[i].bits)) {
			*ret_word = nets4[i].word;
			return nets4[i].kind;
		}
	}
	*ret_word = "public";
	return ADDRESS_PUBLIC;
}

static enum address_kind classify6(const uint8_t address[16], const char **ret_word)
{
	size_t i = 0;

	/* The last row matches everything. */
	while (!in_net(address, nets6[i].prefix, nets6[i].bits))
		i++;
	*ret_word = nets6[i].word;
	return nets6[i].kind;
}

enum address_kind address_classify(const struct sockaddr *address, const char **ret_word)
{
	enum address_kind kind = ADDRESS_FORBIDDEN;
	const char *word = "not an internet address";
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		kind = classify4((const uint8_t *)&v4.sin_addr, &word);
	} else if (address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		if (v6.sin6_scope_id != 0)
			word = "link-local";
		else
			kind = classify6(v6.sin6_addr.s6_addr, &word);
	}
	if (ret_word)
		*ret_word = word;
	return kind;
}

enum address_kind address_classify_text(const char *text, const char **ret_word)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return address_classify((const struct sockaddr *)&v4, ret_word);
	if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
		return address_classify((const struct sockaddr *)&v6, ret_word);
	if (ret_word)
		*ret_word = "not an internet address";
	return ADDRESS_FORBIDDEN;
}

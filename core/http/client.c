/* Addresses of clients, trusted proxies, and the count of connections per address.
 *
 * Owns the census: one entry for each address that holds a connection, so its size is bounded by the connection cap.
 * Easy to break: X-Forwarded-For is what a client claims. Only the part that trusted proxies appended counts, so it is
 * read from the right, and not at all when the socket's own peer is not a trusted proxy.
 *
 *   X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.0.0.2     peer 10.0.0.1, trusted 10.0.0.0/8   ->   203.0.113.9 */
#include "http/client.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS  1024
#define MAX_HOPS 32

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

bool address_of(const struct sockaddr_storage *from, struct address *ret)
{
	if (from->ss_family == AF_INET) {
		memcpy(ret->bytes, mapped, sizeof(mapped));
		memcpy(ret->bytes + 12, &((const struct sockaddr_in *)from)->sin_addr, 4);
		return true;
	}
	if (from->ss_family == AF_INET6) {
		memcpy(ret->bytes, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
		return true;
	}
	return false;
}

bool address_parse(struct str text, struct address *ret)
{
	char copy[ADDRESS_TEXT_MAX];
	struct str rest = text;
	uint8_t bytes[16];

	if (text.n > 0 && text.p[0] == '[') {
		rest = (struct str){ text.p + 1, text.n - 1 };
		rest = str_split(&rest, ']');
	} else if (text.n > 0 && memchr(text.p, '.', text.n)) {
		const char *colon = memrchr(text.p, ':', text.n);

		if (colon && memchr(text.p, ':', text.n) == colon)
			rest.n = (size_t)(colon - text.p); /* 192.0.2.1:4711 */
	}
	if (rest.n == 0 || rest.n >= sizeof(copy))
		return false;
	memcpy(copy, rest.p, rest.n);
	copy[rest.n] = '\0';
	if (inet_pton(AF_INET6, copy, bytes) == 1) {
		memcpy(ret->bytes, bytes, 16);
		return true;
	}
	if (inet_pton(AF_INET, copy, bytes) == 1) {
		memcpy(ret->bytes, mapped, sizeof(mapped));
		memcpy(ret->bytes + 12, bytes, 4);
		return true;
	}
	return false;
}

static bool is_ipv4(const struct address *address)
{
	return memcmp(address->bytes, mapped, sizeof(mapped)) == 0;
}

size_t address_format(const struct address *address, char ret[ADDRESS_TEXT_MAX])
{
	bool v4 = is_ipv4(address);

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, address->bytes + (v4 ? 12 : 0), ret, ADDRESS_TEXT_MAX))
		ret[0] = '\0';
	return strlen(ret);
}

void address_group(struct str client, char ret[ADDRESS_GROUP_MAX])
{
	struct in6_addr six;
	char text[INET6_ADDRSTRLEN];

	snprintf(ret, ADDRESS_GROUP_MAX, "%.*s", STR_FMT(client));
	if (inet_pton(AF_INET6, ret, &six) != 1 || IN6_IS_ADDR_V4MAPPED(&six))
		return;
	memset(six.s6_addr + 8, 0, 8);
	inet_ntop(AF_INET6, &six, text, sizeof(text));
	snprintf(ret, ADDRESS_GROUP_MAX, "%s/64", text);
}

/* ---- trusted proxies ---- */

bool proxies_parse(const char *text, struct proxies *ret)
{
	struct str rest = str_of(text);
	struct proxies proxies = { .n = 0 };

	while (rest.n > 0) {
		struct str bits = str_trim(str_split(&rest, ',')), address = str_split(&bits, '/');
		int64_t n = 128;

		if (address.n == 0 && bits.n == 0)
			continue;
		if (proxies.n == PROXIES_MAX || !address_parse(address, &proxies.list[proxies.n].network))
			return false;
		if (bits.n > 0) {
			bool v4 = is_ipv4(&proxies.list[proxies.n].network);

			if (!str_to_int(bits, 0, v4 ? 32 : 128, &n))
				return false;
			n += v4 ? 96 : 0;
		}
		proxies.list[proxies.n++].bits = (unsigned)n;
	}
	*ret = proxies;
	return true;
}

static bool in_network(const struct address *address, const struct address *network, unsigned bits)
{
	unsigned whole = bits / 8, left = bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> left);

	if (memcmp(address->bytes, network->bytes, whole) != 0)
		return false;
	return left == 0 || ((address->bytes[whole] ^ network->bytes[whole]) & mask) == 0;
}

bool proxies_hold(const struct proxies *proxies, const struct address *address)
{
	for (unsigned i = 0; i < proxies->n; i++)
		if (in_network(address, &proxies->list[i].network, proxies->list[i].bits))
			return true;
	return false;
}

struct address proxies_client(const struct proxies *proxies, const struct address *peer,
			      const struct http_header *headers, size_t n_headers)
{
	struct address client = *peer;
	unsigned hops = 0;

	for (size_t i = n_headers; i-- > 0 && proxies_hold(proxies, &client);) {
		struct str list = headers[i].value;

		if (!str_eq_nocase(headers[i].name, STR("x-forwarded-for")))
			continue;
		while (list.n > 0 && proxies_hold(proxies, &client)) {
			const char *comma = memrchr(list.p, ',', list.n);
			struct str last = comma ? (struct str){ comma + 1, list.n - (size_t)(comma + 1 - list.p) }
						: list;

			list.n = comma ? (size_t)(comma - list.p) : 0;
			if (++hops > MAX_HOPS || !address_parse(str_trim(last), &client))
				return client;
		}
	}
	return client;
}

/* ---- census ---- */

struct census_entry {
	uint8_t key[16];
	unsigned count;
	struct census_entry *next;
};

struct census {
	struct census_entry *buckets[BUCKETS];
};

struct census *census_new(void)
{
	struct census *census = calloc(1, sizeof(*census));

	if (!census) {
		fprintf(stderr, "out of memory for the connection table\n");
		abort();
	}
	return census;
}

struct census *census_free(struct census *census)
{
	for (size_t i = 0; census && i < BUCKETS; i++) {
		while (census->buckets[i]) {
			struct census_entry *entry = census->buckets[i];

			census->buckets[i] = entry->next;
			free(entry);
		}
	}
	free(census);
	return NULL;
}

static struct census_entry **bucket(struct census *census, const uint8_t key[16])
{
	uint32_t hash = 2166136261u;

	for (int i = 0; i < 16; i++)
		hash = (hash ^ key[i]) * 16777619u;
	return &census->buckets[(hash ^ hash >> 16) % BUCKETS];
}

struct census_entry *census_enter(struct census *census, const struct address *address, unsigned limit)
{
	struct census_entry **first, *entry;
	uint8_t key[16];

	memcpy(key, address->bytes, 16);
	if (!is_ipv4(address))
		memset(key + 8, 0, 8);
	first = bucket(census, key);
	for (entry = *first; entry; entry = entry->next)
		if (memcmp(entry->key, key, 16) == 0)
			break;
	if (entry && entry->count >= limit)
		return NULL;
	if (!entry) {
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return NULL;
		memcpy(entry->key, key, 16);
		entry->next = *first;
		*first = entry;
	}
	entry->count++;
	return entry;
}

void census_leave(struct census *census, struct census_entry *entry)
{
	struct census_entry **at;

	if (!entry || --entry->count > 0)
		return;
	for (at = bucket(census, entry->key); *at != entry;)
		at = &(*at)->next;
	*at = entry->next;
	free(entry);
}

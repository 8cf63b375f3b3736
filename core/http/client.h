/* Who is on the other side: addresses, the proxies we trust, and how many connections each address holds. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "http/http.h"

#include <netinet/in.h>

#define ADDRESS_TEXT_MAX 48

struct address {
	uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
};

bool address_of(const struct sockaddr_storage *from, struct address *ret); /* false for what is not IP */
bool address_parse(struct str text, struct address *ret); /* "192.0.2.1", "2001:db8::1", "[2001:db8::1]:443" */
size_t address_format(const struct address *address, char ret[ADDRESS_TEXT_MAX]);
#define ADDRESS_GROUP_MAX 64
/* Under which address a client is counted: an IPv4 one as it is, an IPv6 one as its /64, which is what one customer
 * gets and could come from another address of each time. */
void address_group(struct str client, char ret[ADDRESS_GROUP_MAX]);

#define PROXIES_MAX 64
struct proxies {
	struct {
		struct address network;
		unsigned bits;
	} list[PROXIES_MAX];
	unsigned n;
};
/* "10.0.0.0/8, 127.0.0.1". False when an entry is neither an address nor a network, or there are too many. */
bool proxies_parse(const char *text, struct proxies *ret);
bool proxies_hold(const struct proxies *proxies, const struct address *address);
/* The client behind `peer`: walks X-Forwarded-For from the right for as long as what it sees is a trusted proxy. */
struct address proxies_client(const struct proxies *proxies, const struct address *peer,
			      const struct http_header *headers, size_t n_headers);

/* Connections by address; IPv6 by /64, which is what one customer gets. */
struct census;
struct census_entry;
struct census *census_new(void);
struct census *census_free(struct census *census);
/* NULL when the address already holds `limit`. */
struct census_entry *census_enter(struct census *census, const struct address *address, unsigned limit);
void census_leave(struct census *census, struct census_entry *entry); /* accepts NULL */

#endif

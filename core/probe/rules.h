/* Where probes may go: the rules the operator sets, and what an url must look like. Pure.
 *
 * What counts is the address at the moment of connecting (net/address.h); probe_url_check() says earlier, to whoever
 * types it, what can never work. */
#ifndef PROBE_RULES_H
#define PROBE_RULES_H

#include "base/arena.h"
#include "net/address.h"

#define PROBE_CIDRS_MAX 64
#define PROBE_PORTS_MAX 64
#define PROBE_URL_MAX   2048

#define PROBE_SENTINELS_MAX 8 /* addresses whose answer says that we are online */

struct probe_cidr {
	uint8_t prefix[16];
	int family; /* AF_INET, AF_INET6 */
	unsigned bits;
};
struct probe_ports {
	uint16_t from, to;
};
struct probe_rules {
	struct probe_cidr cidrs[PROBE_CIDRS_MAX]; /* private addresses that may be probed */
	size_t n_cidrs;
	struct probe_ports ports[PROBE_PORTS_MAX];
	size_t n_ports;
};

/* From "10.0.0.0/8, fd00::/8" and "80,443,8000-8999". False with *ret_why (static or in the arena): what is wrong, the
 * end of a sentence about the list, without anything that stands in it. CIDRs of what is forbidden for everybody
 * (net/address.h) are refused. */
bool probe_rules_read(struct arena *arena, struct str cidrs, struct str ports, struct probe_rules *ret,
		      const char **ret_why);

struct str probe_cidr_text(struct arena *arena, const struct probe_cidr *cidr); /* "10.0.0.0/8" */

/* ADDRESS_PRIVATE becomes allowed where a CIDR holds it; ADDRESS_FORBIDDEN never. */
bool probe_address_allowed(const struct probe_rules *rules, const struct sockaddr *address, bool allow_private,
			   const char **ret_word);
bool probe_port_allowed(const struct probe_rules *rules, unsigned port);

/* NULL, and the url as it is stored: parsed and written again, host in lower case, without fragment. Else the end of a
 * sentence for a field's message: "must start with https:// or http://". Literal addresses, in whatever notation, are
 * judged here already; names are not looked up. */
const char *probe_url_check(struct arena *arena, const struct probe_rules *rules, struct str url, bool allow_private,
			    struct str *ret_url);
/* Do both lead to the same scheme, host and port? What was given to be sent to one is not for the other, else. */
bool probe_same_origin(struct arena *arena, struct str a, struct str b);
/* Would a secret be sent in plain HTTP to where anybody may listen? Of a name nobody knows that before it is looked up:
 * with private networks allowed it is left to the probe, which does not send it to a public address. */
bool probe_is_in_clear(const struct probe_rules *rules, struct str url);
/* NULL, or what is wrong with a header that a user sets. */
const char *probe_header_check(struct str name, struct str value);

#endif

/* The operator's lists, read and asked. Pure.
 *
 * Easy to break: a CIDR opens what is private, never what net/address.h forbids, and nothing here looks at a name:
 * names are somebody else's to change. */
#include "probe/rules.h"

#include "net/header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static bool in_prefix(const uint8_t *address, const struct probe_cidr *cidr)
{
	unsigned whole = cidr->bits / 8, rest = cidr->bits % 8;

	if (memcmp(address, cidr->prefix, whole) != 0)
		return false;
	return rest == 0 || (address[whole] ^ cidr->prefix[whole]) >> (8 - rest) == 0;
}

static void clear_behind(struct probe_cidr *cidr)
{
	unsigned whole = cidr->bits / 8;

	if (whole >= sizeof(cidr->prefix))
		return;
	cidr->prefix[whole] = (uint8_t)(cidr->prefix[whole] & ~(0xffu >> (cidr->bits % 8)));
	memset(cidr->prefix + whole + 1, 0, sizeof(cidr->prefix) - whole - 1);
}

struct str probe_cidr_text(struct arena *arena, const struct probe_cidr *cidr)
{
	char text[INET6_ADDRSTRLEN];

	if (!inet_ntop(cidr->family, cidr->prefix, text, sizeof(text)))
		return STR("");
	return arena_printf(arena, "%s/%u", text, cidr->bits);
}

/* "10.0.0.0/8"; without a slash it is one address. Bits behind the prefix are cleared. */
static const char *read_cidr(struct arena *arena, struct str item, struct probe_cidr *ret)
{
	struct str rest = item, text = str_split(&rest, '/');
	char *address = arena_text(arena, text), canonical[INET6_ADDRSTRLEN];
	struct probe_cidr cidr = { .family = AF_INET };
	unsigned most = 32;
	int64_t bits;

	if (inet_pton(AF_INET, address, cidr.prefix) != 1) {
		cidr.family = AF_INET6;
		most = 128;
		if (inet_pton(AF_INET6, address, cidr.prefix) != 1)
			return "is no network: write it like 10.0.0.0/8 or fd00::/8";
	}
	bits = most;
	if (text.n < item.n && !str_to_int(rest, 0, most, &bits))
		return "has no number of bits behind its slash: write it like 10.0.0.0/8 or fd00::/8";
	cidr.bits = (unsigned)bits;
	clear_behind(&cidr);
	inet_ntop(cidr.family, cidr.prefix, canonical, sizeof(canonical));
	if (address_classify_text(canonical, NULL) == ADDRESS_FORBIDDEN)
		return "begins where nobody may go (link-local, metadata services, reserved): name private networks "
		       "only";
	*ret = cidr;
	return NULL;
}

/* "443" or "8000-8999". */
static const char *read_ports(struct str item, struct probe_ports *ret)
{
	struct str rest = item, first = str_trim(str_split(&rest, '-'));
	int64_t from, to;

	if (!str_to_int(first, 1, 65535, &from))
		return "is no port: write a number from 1 to 65535, or a range like 8000-8999";
	to = from;
	if (first.n < item.n && memchr(item.p, '-', item.n) && !str_to_int(str_trim(rest), from, 65535, &to))
		return "is no range of ports: write it like 8000-8999";
	*ret = (struct probe_ports){ (uint16_t)from, (uint16_t)to };
	return NULL;
}

static const char *read_cidrs(struct arena *arena, struct str list, struct probe_rules *rules, size_t *ret_at)
{
	const char *why = NULL;

	while (!why && list.n > 0) {
		struct str item = str_trim(str_split(&list, ','));

		++*ret_at;
		if (item.n == 0)
			continue;
		if (rules->n_cidrs == PROBE_CIDRS_MAX)
			return "is one too many: there may be 64";
		why = read_cidr(arena, item, &rules->cidrs[rules->n_cidrs++]);
	}
	return why;
}

static const char *read_port_list(struct str list, struct probe_rules *rules, size_t *ret_at)
{
	const char *why = NULL;

	while (!why && list.n > 0) {
		struct str item = str_trim(str_split(&list, ','));

		++*ret_at;
		if (item.n == 0)
			continue;
		if (rules->n_ports == PROBE_PORTS_MAX)
			return "is one too many: there may be 64";
		why = read_ports(item, &rules->ports[rules->n_ports++]);
	}
	return why;
}

bool probe_rules_read(struct arena *arena, struct str cidrs, struct str ports, struct probe_rules *ret,
		      const char **ret_why)
{
	struct probe_rules rules = { 0 };
	size_t at = 0;
	const char *why = read_cidrs(arena, cidrs, &rules, &at);

	if (!why) {
		at = 0;
		why = read_port_list(ports, &rules, &at);
	}
	if (why) {
		*ret_why = arena_printf(arena, "is a list whose entry %zu %s", at, why).p;
		return false;
	}
	if (rules.n_ports == 0) {
		*ret_why = "is empty: name the ports that may be probed, like 80,443";
		return false;
	}
	*ret = rules;
	return true;
}

bool probe_address_allowed(const struct probe_rules *rules, const struct sockaddr *address, bool allow_private,
			   const char **ret_word)
{
	enum address_kind kind = address_classify(address, ret_word);
	uint8_t bytes[16] = { 0 };
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (kind != ADDRESS_PRIVATE || allow_private)
		return kind != ADDRESS_FORBIDDEN;
	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		memcpy(bytes, &v4.sin_addr, 4);
	} else {
		memcpy(&v6, address, sizeof(v6));
		memcpy(bytes, &v6.sin6_addr, 16);
	}
	for (size_t i = 0; i < rules->n_cidrs; i++)
		if (rules->cidrs[i].family == address->sa_family && in_prefix(bytes, &rules->cidrs[i]))
			return true;
	return false;
}

bool probe_port_allowed(const struct probe_rules *rules, unsigned port)
{
	for (size_t i = 0; i < rules->n_ports; i++)
		if (port >= rules->ports[i].from && port <= rules->ports[i].to)
			return true;
	return false;
}

const char *probe_header_check(struct str name, struct str value)
{
	if (!header_name_is_token(name) || name.n > HEADER_NAME_MAX)
		return "has a name that is none: use letters, digits and '-'";
	if (header_name_is_reserved(name))
		return "may not be set: it says where a request goes or how it is read";
	if (!header_value_is_line(value))
		return "holds a line break or another control character: remove it";
	if (value.n > HEADER_VALUE_MAX)
		return "is longer than 8192 bytes";
	return NULL;
}

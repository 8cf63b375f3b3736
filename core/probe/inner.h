/* Shared by the files of core/probe only. */
#ifndef PROBE_INNER_H
#define PROBE_INNER_H

#include "probe/probe.h"

#include <netinet/in.h>

#define HOST_MAX 254 /* of a name or an address, with its NUL */

/* An url taken apart. */
struct place {
	char url[PROBE_URL_MAX + 1]; /* written again: host in lower case, numbers as addresses, no fragment */
	char host[HOST_MAX];         /* an IPv6 address without its brackets */
	unsigned port;
	bool is_https;
	bool is_address; /* host is a literal one */
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address; /* when it is one */
};

/* url.c. NULL, or what is wrong with its shape: the end of a sentence. `base` (may be NULL): what a relative one is
 * relative to. */
const char *place_read(const char *base, struct str url, struct place *ret);

#endif

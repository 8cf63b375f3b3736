/* Where a connection may go, decided on the socket address it is about to use: whatever a name, a number in an odd
 * notation or a redirect was, this is what it came to. A pure function. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <sys/socket.h>

enum address_kind {
	ADDRESS_PUBLIC,    /* global unicast: everybody may go there */
	ADDRESS_PRIVATE,   /* this machine or the operator's network: only where the operator allowed it */
	ADDRESS_FORBIDDEN, /* never: metadata services, multicast, reserved, and ways to write an IPv4 address as IPv6
			    */
};

/* What is not known is forbidden. ret_word (may be NULL): "loopback", "link-local", ... for messages, static text. */
enum address_kind address_classify(const struct sockaddr *address, const char **ret_word);
/* The same for an address as text, as curl reports the peer of a connection. */
enum address_kind address_classify_text(const char *text, const char **ret_word);

#endif

/* Outgoing HTTP on one curl multi handle in the libuv loop, awaited.
 *
 * One constructor for every transfer: TLS 1.2 or newer and verified, http and https only, no redirects, no proxy or
 * credentials from the environment, no cookies, no decompression, name look-up that cannot stall the loop
 * (CURLOPT_QUICK_EXIT), body capped while it is read. Where a request may go is decided on the socket address curl is
 * about to use (net/address.h), again before the request on a reused connection. POST and PATCH leave at most once;
 * the other methods may be repeated when a kept connection turns out to be dead. At most 256 transfers run at a time,
 * further ones queue. */
#ifndef NET_NET_H
#define NET_NET_H

#include "fiber/fiber.h"

struct net;

struct net_header {
	struct str name, value;
};

struct net_request {
	const char *method; /* "GET" */
	const char *url;    /* http:// or https:// */
	const struct net_header *headers;
	size_t n_headers;
	struct str body;    /* sent when .p is set */
	size_t max_body;    /* of the answer; 0 = 4 MiB. A longer one is E_UPSTREAM */
	bool head_only;     /* the answer ends with its head: its body is not read, however long it is */
	int64_t timeout_ms; /* 0 = 30 s; connect is limited to 10 s of it. The call's deadline also holds */
	bool allow_private; /* loopback and private addresses are allowed for this base URL (operator's setting) */
};

struct net_response {
	int status;
	const struct net_header *headers; /* names in lower case, in the call's arena */
	size_t n_headers;
	struct str body;
	int64_t retry_after_ms; /* from Retry-After (seconds or date), capped at 15 minutes; 0 = none */
	int64_t date_ms;        /* Date: their clock, to a second; 0 = not said */
	struct str remote_ip;
	int64_t total_us;
};

struct net *net_open(struct loop *loop);
struct net *net_close(struct net *net); /* running transfers fail with E_CANCELLED; accepts NULL */

/* OK for every answer that is HTTP, whatever its status. E_NETWORK: never reached them, nothing was sent. E_TIMEOUT:
 * the request may have arrived. E_UPSTREAM: the connection broke after sending, or the answer is not HTTP or too long.
 * E_INVALID: the url or a header is not acceptable, or the address is not allowed. E_LIMITED: 4096 are under way.
 * call->why says which, and names host and port, never the url's path or query. Headers that frame or route (Host,
 * Content-Length, Connection, Proxy-*, ...) or that metadata services ask for are refused. */
AWAITS int net_fetch(struct call *call, struct net *net, const struct net_request *request, struct net_response *ret);
struct str net_header(const struct net_response *response, const char *name); /* empty when absent; any case */

#endif

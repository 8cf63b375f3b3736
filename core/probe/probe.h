/* Probes: outgoing requests to where users point us, thousands a second, on a curl multi handle of their own.
 *
 * Nothing here is shared with core/net but the address rule and curl's start. A probe is no fiber: it is a record of a
 * few KB, driven on the loop's stack, whose end is a callback. Where it goes is decided on the socket address curl is
 * about to use, again before the request on a kept connection, and again at each redirect, which is followed by hand.
 *
 * Owns: the multi handle, its sockets and timer, the easy handles (pooled), every probe until its end.
 * Bounds: probes on a connection (at_once), name look-ups under way, idle connections, bytes of a body and of a head
 * that are read. One that is over at_once waits; its time-out begins when it starts. One whose name is looked up has
 * started, and does not count to at_once: a resolver that hangs delays those who need it, until their time is over
 * (DNS_FAILED), and nobody else. Time-outs are exact, for those who wait for a name to 20 ms. */
#ifndef PROBE_PROBE_H
#define PROBE_PROBE_H

#include "fiber/fiber.h"
#include "net/net.h"
#include "probe/rules.h"

#define PROBE_BODY_MAX    (1024 * 1024) /* read at most; what is behind it is not looked at */
#define PROBE_REDIRECTS   3             /* followed at most */
#define PROBE_TIMEOUT_MAX 30000         /* ms */

struct probes;

struct probes_options {
	const struct probe_rules *rules; /* where probes may go; must outlive the probes */
	unsigned at_once;                /* 0 = 2000 */
	unsigned lookups;                /* names looked up at once, 0 = 64 */
	unsigned idle;                   /* connections kept, 0 = 1000 */
	int64_t known_ms;                /* until a name is looked up again, 0 = a minute */
	const char *ca_file;             /* certificates of authorities; NULL = the system's */
};

struct probes *probes_open(struct loop *loop, const struct probes_options *options);
struct probes *probes_close(struct probes *probes);   /* those under way end as PROBE_STOPPED; accepts NULL */
unsigned probes_running(const struct probes *probes); /* with those that wait */
unsigned probes_at_once(const struct probes *probes); /* what was asked for, or what descriptors allow */
/* The network is back: that a name could not be resolved until now says nothing. */
void probes_forget_failures(struct probes *probes);

enum probe_http { PROBE_HTTP_AUTO, PROBE_HTTP_1, PROBE_HTTP_2 };

struct probe_request {
	struct str url;                   /* as probe_url_check() takes it */
	const char *method;               /* "GET", "HEAD", "OPTIONS", "POST" (no body) */
	const struct net_header *headers; /* dropped at a redirect to another host */
	size_t n_headers;
	const struct net_header *secret_headers; /* the same; plain HTTP to a public address is refused with them */
	size_t n_secret_headers;
	const struct net_header *host_headers; /* the same, and left out in plain HTTP to a public address */
	size_t n_host_headers;
	int64_t timeout_ms; /* of all of it, exact */
	unsigned redirects; /* followed; 0 = a 3xx is the answer */
	enum probe_http http;
	bool skip_tls_verify; /* the certificate is read, not judged */
	bool fresh;           /* a connection and a look-up of its own: for a trace */
	bool first;           /* its name is looked up before others, however many hang: for a sentinel */
	bool allow_private;   /* loopback and private addresses, any port: a preview of the operator's own provider */
	bool wants_body;      /* else the answer ends with its head */
};

/* How it ended. Everything that is not PROBE_ANSWERED is a failure with a name: probe_end_word(). */
enum probe_end {
	PROBE_ANSWERED,
	PROBE_BAD_URL,
	PROBE_BAD_HEADER,
	PROBE_HEADERS_NEED_TLS, /* secret ones, and the target is a public address in plain HTTP */
	PROBE_ADDRESS_NOT_ALLOWED,
	PROBE_PORT_NOT_ALLOWED,
	PROBE_DNS_FAILED, /* no such name, not resolved within the time-out, or neither for others just before */
	PROBE_CONNECTION_REFUSED,
	PROBE_CONNECTION_FAILED,    /* no route, reset before TLS ... */
	PROBE_CONNECT_TIMEOUT,      /* no connection within the time-out */
	PROBE_TIMEOUT,              /* connected, no whole answer within it */
	PROBE_TLS_FAILED,           /* the handshake */
	PROBE_CERTIFICATE_EXPIRED,  /* or not valid yet */
	PROBE_CERTIFICATE_MISMATCH, /* of another host */
	PROBE_CERTIFICATE_UNTRUSTED,
	PROBE_CONNECTION_CLOSED, /* before the answer was whole */
	PROBE_NOT_HTTP,
	PROBE_NOT_HTTP_2, /* it was demanded */
	PROBE_HEAD_TOO_LONG,
	PROBE_BODY_TOO_LONG, /* only when the body is wanted: status and the first PROBE_BODY_MAX are there */
	PROBE_TOO_MANY_REDIRECTS,
	PROBE_REDIRECT_REFUSED, /* to a place, or from https to http, where it must not go */
	PROBE_INTERNAL,         /* out of descriptors or memory: ours, says nothing about the target */
	PROBE_STOPPED,          /* this process stops: the same */
};
const char *probe_end_word(enum probe_end end); /* "DNS_FAILED" ...; "ANSWERED" */
/* Is it known only to who had a connection: an answer, or what became of TLS, of the request? */
bool probe_end_is_of_target(enum probe_end end);
/* Could the network between us and them be the cause? Then our sentinels are asked. */
bool probe_end_is_of_network(enum probe_end end);

struct probe_certificate {
	bool seen;       /* in this very probe: not on a kept connection */
	char sha256[65]; /* hex */
	int64_t expires_ms;
	char subject[256], issuer[256];
};

/* Phases are durations in microseconds of the last hop, -1 = there was none (no TLS, a kept connection ...). */
struct probe_result {
	enum probe_end end;
	int status;                                                  /* 0 = no head was read */
	int http_version;                                            /* 10, 11, 20; 0 = unknown */
	int64_t started_ms;                                          /* wall clock */
	int64_t dns_us, connect_us, tls_us, first_byte_us, total_us; /* total: of all hops */
	unsigned redirects;                                          /* followed */
	bool kept_connection;
	bool remembered;     /* DNS_FAILED because it failed shortly before: nobody was asked */
	bool login_redirect; /* a 3xx to another host's login, or 401/403: the target wants somebody to log in */
	bool is_private;     /* it has an address, and none that is public */
	char remote_ip[64];
	int remote_port;
	struct str body;  /* gone after the callback */
	bool body_is_cut; /* there was more than PROBE_BODY_MAX */
	struct probe_certificate certificate;
};

/* On the loop's stack; must not call probes_close. */
typedef void probe_done_fn(void *arg, const struct probe_result *result);

/* Copies the request. The callback comes exactly once, never inside this call. */
void probe_start(struct probes *probes, const struct probe_request *request, probe_done_fn *done, void *arg);
/* The same, awaited: for one that somebody waits for. The result's body is copied into the call's arena. OK whatever
 * the result is; E_TIMEOUT, E_CANCELLED. */
AWAITS int probe_run(struct call *call, struct probes *probes, const struct probe_request *request,
		     struct probe_result *ret);

#endif

/* Shared by the files of core/probe only: an url taken apart, the resolver, one probe and its handle. */
#ifndef PROBE_INNER_H
#define PROBE_INNER_H

#include "base/buf.h"
#include "probe/probe.h"

#include <curl/curl.h>

#include <netinet/in.h>

#define HOST_MAX     254 /* of a name or an address, with its NUL */
#define HEAD_MAX     (64 * 1024)
#define HEADERS_MAX  64          /* that are sent */
#define HEADERS_SIZE (32 * 1024) /* of all lines that are sent */

/* ---- url.c ---- */

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

/* NULL, or what is wrong with its shape: the end of a sentence. `base` (may be NULL): what a relative one is relative
 * to. */
const char *place_read(const char *base, struct str url, struct place *ret);

/* ---- lookups.c: names to addresses ----
 *
 * Each look-up is a thread that calls getaddrinfo: at most so many at once, an eighth of them for one domain, and one
 * of a name. What was found is known for a minute; then it is looked up again, and used for ten more while nobody
 * answers. What failed after two seconds fails for half a minute without being looked up. */
struct lookups;

/* What a name came to. */
struct found {
	bool has_public;  /* one of them is no private address */
	const char *list; /* "192.0.2.1,[2001:db8::1]", as CURLOPT_RESOLVE takes it; NULL = there are none */
};

/* Somebody who waits for a name; part of his record. */
struct lookup_wait {
	struct lookup_name *name; /* NULL = does not wait */
	struct lookup_wait *prev, *next;
};

/* On the loop's stack. `found` is gone after it. Nothing of the resolver may be called from within. */
typedef void lookup_done_fn(void *arg, struct lookup_wait *wait, const struct found *found);

/* known_ms: 0 = a minute. */
struct lookups *lookups_open(struct loop *loop, unsigned at_once, int64_t known_ms, lookup_done_fn *done, void *arg);
struct lookups *lookups_close(struct lookups *lookups); /* nobody waits any more; threads end by themselves */

#define LOOKUP_FRESH 1u /* look up whatever is known: addresses, or that there are none */
#define LOOKUP_FIRST 2u /* before all others, on threads that are kept for this */

enum lookup_state { LOOKUP_FOUND, LOOKUP_FAILED, LOOKUP_WAITS };

/* FOUND: *ret is set (ret->list is the resolver's, until the next call). WAITS: `wait` waits, and `done` is called
 * later. FAILED: it did so a short while ago, or has been at it for long. */
enum lookup_state lookup(struct lookups *lookups, const char *host, unsigned how, struct lookup_wait *wait,
			 struct found *ret);
void lookup_leave(struct lookups *lookups, struct lookup_wait *wait); /* harmless when it does not wait */
void lookups_forget_failures(struct lookups *lookups);

/* ---- lookup_threads.c ---- */

struct mailbox; /* between the threads and the resolver */

/* One name, looked up. */
struct job {
	struct job *next;
	struct mailbox *mailbox;
	struct addrinfo *info;
	int error; /* of getaddrinfo; 0 = none */
	char host[HOST_MAX];
};

/* wake is sent to when something has come. NULL: out of memory. */
struct mailbox *mailbox_open(uv_async_t *wake);
bool mailbox_look_up(struct mailbox *mailbox, const char *host); /* false: no thread could be started */
struct job *mailbox_take(struct mailbox *mailbox);               /* a list of what has come, the caller's */
void job_free(struct job *job);
void mailbox_close(struct mailbox *mailbox); /* threads under way end by themselves */

/* ---- certificate.c ---- */

/* What a handshake showed. */
struct handshake {
	struct probe_certificate certificate;
	bool is_expired; /* or not valid yet */
	long error;      /* of OpenSSL's verification, 0 = none */
};

/* CURLOPT_SSL_CTX_FUNCTION; its argument is a struct handshake. */
CURLcode on_tls_context(CURL *easy, void *ssl_ctx, void *handshake);

/* ---- one probe ---- */

struct probe_list {
	struct probe *first, *last;
};

/* An easy handle and what belongs to it. Made once, used by one probe after the other. */
struct slot {
	CURL *easy;
	CURLSH *share; /* its own table of names: curl walks through a shared one at the end of every transfer */
	struct handshake handshake;
	struct slot *next; /* of those that are free */
};

struct probe {
	struct probes *probes;
	struct probe_list *list;
	struct probe *prev, *next;
	struct lookup_wait wait;
	struct slot *slot; /* while it runs */
	probe_done_fn *done;
	void *arg;

	/* asked for */
	char method[8];
	enum probe_http http;
	bool skip_tls_verify, fresh, first, allow_private, wants_body;
	unsigned redirects;
	int64_t timeout_ms;
	struct buf lines; /* of headers, each with its NUL; those behind `host_lines` are host_headers */
	size_t host_lines;
	bool needs_tls;       /* secret ones are among them */
	enum probe_end wrong; /* what is wrong with the request; PROBE_ANSWERED = nothing */

	/* this hop */
	struct place place;
	bool is_public; /* an address of it is */
	char *resolve;  /* a line for CURLOPT_RESOLVE */
	struct curl_slist *header_list, *resolve_list;
	bool opened;    /* a socket was allowed */
	bool refused;   /* an address was not */
	bool no_socket; /* ours: out of descriptors */
	bool sent;      /* the request left, or was about to */
	bool has_head;  /* whole */
	bool long_head, long_body;
	bool again; /* a second time, on a connection of its own */
	size_t head_size;
	char *location;

	/* all hops */
	int64_t started_ms, started_us, deadline_us; /* 0 = its clock does not run */
	int64_t lookup_us;                           /* when the name's look-up began; 0 = there was none */
	int64_t dns_us;
	bool remembered; /* its name failed before it came */
	unsigned n_redirects;
	bool login_redirect;
	struct buf body;
};

/* request.c */
struct probe *probe_new(struct probes *probes, const struct probe_request *request, probe_done_fn *done, void *arg);
void probe_free(struct probe *p);
/* hop.c: the easy handle of one hop, and curl's callbacks. */
struct slot *slot_new(const char *ca_file);
void slot_free(struct slot *slot);
bool hop_prepare(struct probe *p, long left_ms); /* false: out of memory */
void hop_done(struct probe *p);                  /* what belongs to the hop alone is freed */

/* verdict.c */
void verdict(struct probe *p, CURLcode code, struct probe_result *ret);
/* redirect.c. Is the answer a redirect that is to be followed? Then p->place is the next one. Changes result->end when
 * it must not be followed. */
bool redirect_next(struct probe *p, const struct probe_rules *rules, struct probe_result *result);

/* probes.c */
/* From within curl: the head is whole. When its body is not wanted, whatever comes of it with this packet is the end.
 */
void probe_has_head(struct probe *p);
const struct probe_rules *probes_rules(const struct probes *probes);
void probes_count_socket(struct probes *probes, int step); /* 1: opened, -1: closed */

#endif

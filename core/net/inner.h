/* Shared by the files of core/net only: one transfer, and the driver that owns it. */
#ifndef NET_INNER_H
#define NET_INNER_H

#include "net/net.h"

#include <curl/curl.h>

#define RUNNING_MAX   256  /* transfers at a time; also bounds curl's look-up threads */
#define TRANSFERS_MAX 4096 /* running and queued */
#define HEADERS_MAX   100
#define HEAD_MAX      (64 * 1024)
#define URL_MAX       8192
#define REQUEST_MAX   (32 * 1024 * 1024)

struct transfer;
struct transfer_list {
	struct transfer *first, *last;
};

/* The record of one request. The fiber fills in the upper part and reads the lower one after completion; in between
 * it belongs to the driver. It holds copies of everything: the fiber may be gone before curl is. */
struct transfer {
	struct wait wait; /* first: the record is found by it */
	struct net *net;
	struct transfer_list *list; /* the one it is on: queued, running or abandoned */
	struct transfer *prev, *next;

	char *url;
	char method[8];
	bool has_body, idempotent, allow_private, head_only;
	struct buf request_body;
	struct buf request_head; /* lines as curl takes them, each with its NUL */
	int64_t deadline_ms;

	CURL *easy;
	struct curl_slist *header_lines;
	char host[280];      /* "example.com:443": what messages may say of the url */
	bool opened, sent;   /* a socket was allowed; the request left */
	const char *refused; /* the word of an address that was not allowed */
	const char *broken;  /* why the answer was not taken */
	char curl_error[CURL_ERROR_SIZE];

	int code;      /* the result */
	char why[512]; /* when code < 0 */
	int status;
	struct buf head; /* "name:value\n" for each header, names in lower case */
	unsigned n_headers;
	struct buf body;
	char remote_ip[64];
	int64_t total_us;
};

/* request.c: on the fiber; NULL and call_fail() when the request is not acceptable. */
struct transfer *transfer_new(struct call *call, struct net *net, const struct net_request *request, int *ret_code);
void transfer_free(struct wait *wait);
/* request.c: on the loop's stack; makes the easy handle. False with code and why set. */
bool transfer_prepare(struct transfer *t);

/* response.c: curl's callbacks, the verdict on the loop's stack, and the taking on the fiber. */
size_t on_header(char *line, size_t one, size_t n, void *arg);
size_t on_body(char *bytes, size_t one, size_t n, void *arg);
void transfer_judge(struct transfer *t, CURLcode result);
void transfer_fail(struct transfer *t, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
void transfer_take(struct call *call, struct transfer *t, struct net_response *ret);
/* Milliseconds from now that a Retry-After asks for, within [0, 15 minutes]; 0 when it says nothing of use. */
int64_t retry_after_parse(struct str value, int64_t now_wall_ms);

#endif

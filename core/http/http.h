/* Incoming HTTP: h2o's event loop nested in ours, the strict gate in front, one fiber per request.
 *
 * The only folder that includes h2o.h. A handler never sees an h2o object: it gets an exchange, which owns copies of
 * everything, and fills in the answer; the loop sends it. Request and handler may die in either order. A handler whose
 * client has left runs to its end.
 * Every refusal is the API's error object, but one: what h2o's parser cannot read at all (no HTTP, bare control bytes,
 * more than 100 headers) gets a 400 in plain text and is not logged. */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/json_write.h"
#include "fiber/fiber.h"

struct http_server;

/* ---- routes ---- */
struct exchange;
/* Fill in x->answer and return OK, or fail with call_fail(): the code becomes the status, call->why the message; at 500
 * the message is fixed and call->why goes to the log. A failure returned after http_answer_error keeps that answer. */
typedef int http_handler(struct exchange *x);

/* HEAD is served by GET, OPTIONS by the router. */
enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE };
const char *http_method_word(enum http_method method); /* "GET" */

struct http_route {
	enum http_method method;
	const char *path; /* "/projects/:id/deployments": a segment with ':' is a parameter */
	http_handler *handler;
	int access; /* least role; meaning belongs to api (api/access.h) */
	unsigned flags;
	size_t max_body; /* 0 = 64 KiB */
};
#define ROUTE_DIRECT 1u /* runs on the loop's stack, without guard; must not await, touches nothing: /healthz */
#define ROUTE_QUIET  2u /* no access log line */
/* Flags from 1u << 8 on belong to the api. */

/* ---- one request and its answer ---- */
struct http_header {
	struct str name, value; /* name in lower case */
};

#define HTTP_PARAMS 4
struct exchange {
	struct call *call;
	const struct http_route *route;
	void *app;  /* what http_options.app was: the api's services */
	void *user; /* for the api: who is asking */
	struct str method;
	struct str path;                /* decoded and checked: what routing used */
	struct str query;               /* raw, without '?' */
	struct str params[HTTP_PARAMS]; /* of the route's path, in order, decoded */
	const struct http_header *headers;
	size_t n_headers;
	struct str body;
	struct str client;     /* address, behind trusted proxies the one they name */
	struct str request_id; /* X-Request-Id when it is 8 to 64 of [A-Za-z0-9._-], else a new one */
	bool tls;

	struct {
		int status;       /* 0 = 200 */
		struct buf body;  /* max 32 MiB */
		const char *type; /* content type, NULL = application/json; charset=utf-8 */
		struct http_header headers[12];
		size_t n_headers;
	} answer;
};

struct str http_request_header(const struct exchange *x, const char *name); /* lower case name; empty when absent */
size_t http_request_header_count(const struct exchange *x, const char *name);
/* Query parameter, decoded; .p == NULL when absent. */
struct str http_query(struct exchange *x, const char *name);
struct str http_cookie(struct exchange *x, const char *name);
/* False, and nothing added, when name or value holds bytes below 0x20 or 0x7f. Values are copied. */
bool http_answer_header(struct exchange *x, const char *name, struct str value);
/* A writer on the answer's body: struct json_out out = http_answer_json(x, 200); */
struct json_out http_answer_json(struct exchange *x, int status);
/* The error object of the API: {"error":"NotFoundError","message":...,"statusCode":404,"requestId":...}. For a status
 * that a handler wants to choose itself; what handlers return as code goes through http_status_of. Returns a failure
 * code, so that `return http_answer_error(...)` also stops a guard. */
int http_answer_error(struct exchange *x, int status, struct str message);
/* Adds one entry to the error object's "details": http_answer_error must have been called before. */
void http_answer_detail(struct exchange *x, const char *field, struct str message);
#define HTTP_ORIGIN_MAX 256
/* The origin of an http(s) URL as browsers write it into Origin: "https://opshub.example", without a default port.
 * False when it is no such URL, holds a user, or is too long. */
bool http_origin_of(struct str url, char ret[HTTP_ORIGIN_MAX]);
/* Does the request come from a page of http_options.web_url's origin? */
bool http_from_web(const struct exchange *x);
int http_status_of(int code); /* E_INVALID 422, E_AUTH 401, E_NOT_FOUND 404, E_LIMITED 429, E_NETWORK 503 ... */

/* ---- the server ---- */
struct http_options {
	int listen_fd;                   /* listening TCP socket; the server's from now on, which closes it to drain */
	const struct http_route *routes; /* ends with a row whose path is NULL */
	void *app;
	/* Runs on the fiber before the handler: who is asking, may he? OK, or a failure that becomes the answer. */
	int (*guard)(struct exchange *x);
	unsigned max_connections;       /* 0 = 8192, lowered below RLIMIT_NOFILE */
	unsigned max_per_address;       /* 0 = 256; IPv6 by /64; addresses of trusted proxies are not counted */
	size_t max_buffered;            /* of requests being read, 0 = 512 MiB; past it the newest are cut */
	int64_t request_timeout_ms;     /* head and body must have arrived, 0 = 30 s */
	int64_t response_timeout_ms;    /* the answer must have left, 0 = 30 s; also the handler's deadline */
	const char *tls_cert, *tls_key; /* PEM files: chain and key; NULL or "" = no TLS */
	const char *web_url;         /* pages of its origin may use the API with the login cookie; NULL = no others' */
	bool is_production;          /* what came by TLS says Strict-Transport-Security */
	const char *trusted_proxies; /* comma-separated addresses and CIDRs, "" = none */
};

/* NULL, with the reason in the log, when the socket or the list of proxies is no good. Aborts on a route table that
 * contradicts itself. */
struct http_server *http_server_new(struct loop *loop, const struct http_options *options);
/* Reads the certificate again; connections that are open keep theirs. Files that are no good change nothing, and the
 * log says why. */
void http_server_reload(struct http_server *server);
/* May a server start with these files? ret_why is a sentence that names variable and file; when they are good it is
 * empty or a warning. */
bool http_tls_check(const char *cert, const char *key, char *ret_why, size_t why_size);
void http_server_drain(struct http_server *server); /* stop accepting, close idle connections, finish requests */
unsigned http_server_busy(const struct http_server *server); /* requests being answered + connections still open */
/* Closes every connection. Its handlers must have returned: loop_cancel_all and run the loop first. */
struct http_server *http_server_free(struct http_server *server);
int http_listen(const char *address, int port); /* a listening socket, or -errno; backlog 4096 */

#endif

/* From a request to an easy handle: what may be asked for, and the one constructor of every transfer.
 *
 * Owns: nothing that lasts; a transfer belongs to the driver (net.c).
 * Easy to break: curl puts header lines on the wire as they are, CR and LF included, and applies proxies, ~/.netrc and
 * its own retries unless told otherwise. Every option that keeps a request from going elsewhere stands in
 * set_options(), and nowhere else is an easy handle made. */
#include "net/inner.h"

#include "base/clock.h"
#include "net/address.h"
#include "net/header.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_BODY       (4 * 1024 * 1024)
#define DEFAULT_TIMEOUT_MS 30000
#define TIMEOUT_MAX_MS     (60 * 60 * 1000)
#define CONNECT_TIMEOUT_MS 10000L
#define REQUEST_HEAD_MAX   (32 * 1024)
#define REQUEST_HEADERS    64

/* ---- on the fiber: checks and copies ---- */

static int check_header(struct call *call, const struct net_header *header)
{
	if (!header_name_is_token(header->name) || header->name.n > HEADER_NAME_MAX)
		return call_fail(call, E_INVALID, "a header's name is not one: use letters, digits and '-'");
	if (header_name_is_reserved(header->name))
		return call_fail(call, E_INVALID, "header %.*s may not be set: it is not the caller's to choose",
				 STR_FMT(header->name));
	if (!header_value_is_line(header->value))
		return call_fail(call, E_INVALID, "header %.*s holds a line break or control character: remove it",
				 STR_FMT(header->name));
	if (header->value.n > HEADER_VALUE_MAX)
		return call_fail(call, E_INVALID, "header %.*s is longer than %d bytes", STR_FMT(header->name),
				 HEADER_VALUE_MAX);
	return OK;
}

static int check_headers(struct call *call, const struct net_request *request)
{
	size_t total = 0;
	int r;

	if (request->n_headers > REQUEST_HEADERS)
		return call_fail(call, E_INVALID, "more than %d headers", REQUEST_HEADERS);
	for (size_t i = 0; i < request->n_headers; i++) {
		r = check_header(call, &request->headers[i]);
		if (r < 0)
			return r;
		total += request->headers[i].name.n + request->headers[i].value.n + 4;
	}
	if (total > REQUEST_HEAD_MAX)
		return call_fail(call, E_INVALID, "the headers are longer than %d bytes together", REQUEST_HEAD_MAX);
	return OK;
}

static int check_request(struct call *call, const struct net_request *request)
{
	static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" };
	struct str url = str_of(request->url);
	bool known = false;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		known |= str_eq(str_of(request->method), str_of(methods[i]));
	if (!known)
		return call_fail(call, E_INVALID, "the method must be GET, HEAD, POST, PUT, PATCH or DELETE");
	if (!str_starts(url, STR("http://")) && !str_starts(url, STR("https://")))
		return call_fail(call, E_INVALID, "the url must start with https:// or http://");
	if (url.n > URL_MAX)
		return call_fail(call, E_INVALID, "the url is longer than %d bytes", URL_MAX);
	for (size_t i = 0; i < url.n; i++)
		if ((unsigned char)url.p[i] <= 0x20 || url.p[i] == 0x7f || url.p[i] == '\\')
			return call_fail(call, E_INVALID, "the url holds a space, backslash or control character");
	if (request->body.p && str_eq(str_of(request->method), STR("HEAD")))
		return call_fail(call, E_INVALID, "a HEAD request has no body");
	if (request->body.p && request->body.n > REQUEST_MAX)
		return call_fail(call, E_INVALID, "the request's body is longer than %d bytes", REQUEST_MAX);
	return check_headers(call, request);
}

/* A line with its NUL. curl drops "Name:" and sends "Name;" as an empty header. */
static void add_line(struct buf *lines, struct str name, struct str value)
{
	buf_add_str(lines, name);
	buf_add(lines, value.n ? ": " : ";", value.n ? 2 : 1);
	buf_add_str(lines, value);
	buf_add_char(lines, '\0');
}

static void copy_headers(struct transfer *t, const struct net_request *request)
{
	bool typed = false;

	for (size_t i = 0; i < request->n_headers; i++) {
		add_line(&t->request_head, request->headers[i].name, request->headers[i].value);
		typed |= str_eq_nocase(request->headers[i].name, STR("content-type"));
	}
	/* What curl would add by itself, taken away. */
	buf_add(&t->request_head, "Expect:", sizeof("Expect:"));
	if (!typed)
		buf_add(&t->request_head, "Content-Type:", sizeof("Content-Type:"));
}

struct transfer *transfer_new(struct call *call, struct net *net, const struct net_request *request, int *ret_code)
{
	int64_t timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : DEFAULT_TIMEOUT_MS;
	int64_t left_ms = call_left_ms(call);
	struct str method = str_of(request->method);
	struct transfer *t;
	int r;

	r = check_request(call, request);
	if (r < 0) {
		*ret_code = r;
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (!t || !(t->url = strdup(request->url))) {
		fprintf(stderr, "out of memory: an outgoing request\n");
		abort();
	}
	wait_init(&t->wait, transfer_free);
	t->net = net;
	memcpy(t->method, method.p, method.n + 1);
	t->has_body = request->body.p != NULL;
	t->idempotent = !str_eq(method, STR("POST")) && !str_eq(method, STR("PATCH"));
	t->allow_private = request->allow_private;
	t->head_only = request->head_only;
	if (timeout_ms > left_ms)
		timeout_ms = left_ms;
	t->deadline_ms = clock_mono_ms() + (timeout_ms < TIMEOUT_MAX_MS ? timeout_ms : TIMEOUT_MAX_MS);
	buf_init(&t->request_body, REQUEST_MAX);
	buf_init(&t->request_head, REQUEST_HEAD_MAX + 64);
	buf_init(&t->head, HEAD_MAX);
	buf_init(&t->body, request->max_body ? request->max_body : DEFAULT_BODY);
	if (t->has_body)
		buf_add_str(&t->request_body, request->body);
	copy_headers(t, request);
	return t;
}

void transfer_free(struct wait *wait)
{
	struct transfer *t = (struct transfer *)wait;

	/* Both may hold tokens of a provider. */
	if (t->request_head.p)
		explicit_bzero(t->request_head.p, t->request_head.n);
	if (t->request_body.p)
		explicit_bzero(t->request_body.p, t->request_body.n);
	buf_done(&t->request_body);
	buf_done(&t->request_head);
	buf_done(&t->head);
	buf_done(&t->body);
	free(t->url);
	free(t);
}

/* ---- on the loop's stack: the easy handle ---- */

static bool may_go(struct transfer *t, enum address_kind kind, const char *word)
{
	if (kind == ADDRESS_PUBLIC || (kind == ADDRESS_PRIVATE && t->allow_private))
		return true;
	t->refused = word;
	return false;
}

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *t = arg;
	const char *word;
	enum address_kind kind = address_classify(&address->addr, &word);

	(void)purpose;
	if (!may_go(t, kind, word))
		return CURL_SOCKET_BAD;
	t->opened = true;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Just before the request leaves, also on a connection that is used again. A second time in one transfer means that
 * curl wants to repeat it because the connection died under it: the other side may have acted on the first. */
static int on_before_request(void *arg, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
	struct transfer *t = arg;
	const char *word;
	enum address_kind kind = address_classify_text(remote_ip, &word);

	(void)local_ip;
	(void)remote_port;
	(void)local_port;
	if (!may_go(t, kind, word)) {
		t->opened = false;
		return CURL_PREREQFUNC_ABORT;
	}
	if (t->sent && !t->idempotent)
		return CURL_PREREQFUNC_ABORT;
	t->sent = true;
	return CURL_PREREQFUNC_OK;
}

/* Host and port for messages; also the place where an url that curl cannot read is refused. */
static bool read_host(struct transfer *t)
{
	CURLU *url = curl_url();
	char *host = NULL, *port = NULL;
	bool ok = false;

	if (url && curl_url_set(url, CURLUPART_URL, t->url, CURLU_DISALLOW_USER) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
		snprintf(t->host, sizeof(t->host), "%s:%s", host, port);
		ok = true;
	}
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(url);
	return ok;
}

static bool add_header_lines(struct transfer *t)
{
	const char *line = t->request_head.p, *end = line + t->request_head.n;

	for (; line < end; line += strlen(line) + 1) {
		struct curl_slist *longer = curl_slist_append(t->header_lines, line);

		if (!longer)
			return false;
		t->header_lines = longer;
	}
	return true;
}

#define SET(option, value) (ok = ok && curl_easy_setopt(e, CURLOPT_##option, (value)) == CURLE_OK)

static bool set_options(struct transfer *t, CURL *e, long left_ms)
{
	bool ok = true;

	SET(URL, t->url);
	SET(PROTOCOLS_STR, "http,https");
	SET(REDIR_PROTOCOLS_STR, "http,https");
	SET(FOLLOWLOCATION, 0L);
	SET(PROXY, "");
	SET(DISALLOW_USERNAME_IN_URL, 1L);
	SET(NETRC, (long)CURL_NETRC_IGNORED);
	SET(OPENSOCKETFUNCTION, on_open_socket);
	SET(OPENSOCKETDATA, t);
	SET(PREREQFUNCTION, on_before_request);
	SET(PREREQDATA, t);
	SET(SSL_VERIFYPEER, 1L);
	SET(SSL_VERIFYHOST, 2L);
	SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(HTTP09_ALLOWED, 0L);
	SET(QUICK_EXIT, 1L);
	SET(NOSIGNAL, 1L);
	SET(TIMEOUT_MS, left_ms);
	SET(CONNECTTIMEOUT_MS, left_ms < CONNECT_TIMEOUT_MS ? left_ms : CONNECT_TIMEOUT_MS);
	SET(MAXFILESIZE_LARGE, (curl_off_t)t->body.max);
	SET(USERAGENT, "opshub/" OPSHUB_VERSION);
	SET(HTTPHEADER, t->header_lines);
	SET(HEADERFUNCTION, on_header);
	SET(HEADERDATA, t);
	SET(WRITEFUNCTION, on_body);
	SET(WRITEDATA, t);
	SET(ERRORBUFFER, t->curl_error);
	SET(PRIVATE, t);
	return ok;
}

static bool set_method(struct transfer *t, CURL *e)
{
	bool ok = true;

	if (t->has_body || strcmp(t->method, "POST") == 0 || strcmp(t->method, "PUT") == 0 ||
	    strcmp(t->method, "PATCH") == 0) {
		/* The record outlives the handle, so curl need not copy the body. */
		SET(POSTFIELDSIZE_LARGE, (curl_off_t)t->request_body.n);
		SET(POSTFIELDS, buf_str(&t->request_body).p);
	}
	if (strcmp(t->method, "HEAD") == 0)
		SET(NOBODY, 1L);
	else
		SET(CUSTOMREQUEST, t->method);
	return ok;
}

bool transfer_prepare(struct transfer *t)
{
	int64_t left_ms = t->deadline_ms - clock_mono_ms();

	if (left_ms <= 0) {
		transfer_fail(t, E_NETWORK, "too many requests are under way: nothing was sent in time");
		return false;
	}
	if (!read_host(t)) {
		transfer_fail(t, E_INVALID,
			      "the url cannot be read: give it as https://host/path, without a user name");
		return false;
	}
	t->easy = curl_easy_init();
	if (!t->easy || !add_header_lines(t) || !set_options(t, t->easy, (long)left_ms) || !set_method(t, t->easy)) {
		transfer_fail(t, E_INTERNAL, "curl could not be set up for a request to %s", t->host);
		return false;
	}
	return true;
}

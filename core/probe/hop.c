/* One hop of a probe on an easy handle: every option that keeps it from going elsewhere, and curl's callbacks.
 *
 * Owns: the easy handles' settings. What is the same for all probes is set once, when a handle is made; hop_prepare()
 * sets everything else each time. Easy to break: an option that one probe sets and the next one does not is the next
 * one's, too. And curl's callbacks only take notes: no probe ends inside of them. */
#include "probe/inner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEPT_IDLE_S 120L
#define KEPT_LIFE_S 300L
#define NAMES_S     10L /* curl's own table of names: of one handle, filled for each hop */
#define READ_BUFFER 8192L

/* ---- curl's callbacks ---- */

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct probe *p = arg;
	const char *word;
	int fd;

	(void)purpose;
	if (!probe_address_allowed(probes_rules(p->probes), &address->addr, p->allow_private, &word)) {
		p->refused = true;
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
		p->no_socket = true;
	p->opened = true;
	if (fd < 0)
		return CURL_SOCKET_BAD;
	probes_count_socket(p->probes, 1);
	return fd;
}

static int on_close_socket(void *probes, curl_socket_t fd)
{
	probes_count_socket(probes, -1);
	return close(fd);
}

static bool may_talk_to(const struct probe *p, const char *ip, int port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	const struct probe_rules *rules = probes_rules(p->probes);
	const char *word;

	if (port < 0 || (unsigned)port != p->place.port)
		return false;
	if (inet_pton(AF_INET, ip, &v4.sin_addr) == 1)
		return probe_address_allowed(rules, (const struct sockaddr *)&v4, p->allow_private, &word);
	return inet_pton(AF_INET6, ip, &v6.sin6_addr) == 1 &&
	       probe_address_allowed(rules, (const struct sockaddr *)&v6, p->allow_private, &word);
}

/* Just before the request leaves, also on a connection that was kept by a probe that might go where this one may not.
 */
static int on_before_request(void *arg, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
	struct probe *p = arg;

	(void)local_ip;
	(void)local_port;
	if (!may_talk_to(p, remote_ip, remote_port)) {
		p->refused = true;
		p->opened = false;
		return CURL_PREREQFUNC_ABORT;
	}
	p->sent = true;
	return CURL_PREREQFUNC_OK;
}

static void read_location(struct probe *p, struct str line)
{
	static const struct str name = STR("location:");
	struct str value;

	if (line.n < name.n || !str_eq_nocase((struct str){ line.p, name.n }, name))
		return;
	value = str_trim((struct str){ line.p + name.n, line.n - name.n });
	free(p->location);
	p->location = strndup(value.p, value.n);
}

static size_t on_header(char *bytes, size_t one, size_t n, void *arg)
{
	struct probe *p = arg;
	struct str line = { bytes, n };
	long status = 0;

	(void)one;
	p->head_size += n;
	if (p->head_size > HEAD_MAX) {
		p->long_head = true;
		return 0;
	}
	while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
		line.n--;
	if (line.n > 0) {
		read_location(p, line);
		return n;
	}
	curl_easy_getinfo(p->slot->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || p->has_head) /* an interim answer, or a trailer */
		return n;
	p->has_head = true;
	probe_has_head(p);
	return n;
}

static size_t on_body(char *bytes, size_t one, size_t n, void *arg)
{
	struct probe *p = arg;
	size_t room = PROBE_BODY_MAX - p->body.n;

	(void)one;
	if (!p->wants_body)
		return n;
	buf_add(&p->body, bytes, n < room ? n : room);
	p->long_body = n > room;
	return n > room ? 0 : n;
}

/* ---- the handle ---- */

#define SET(option, value) (ok = ok && curl_easy_setopt(e, CURLOPT_##option, (value)) == CURLE_OK)

static bool set_fixed(CURL *e, struct slot *slot, const char *ca_file)
{
	bool ok = true;

	SET(PROTOCOLS_STR, "http,https");
	SET(REDIR_PROTOCOLS_STR, "http,https");
	SET(FOLLOWLOCATION, 0L);
	SET(PROXY, "");
	SET(DISALLOW_USERNAME_IN_URL, 1L);
	SET(NETRC, (long)CURL_NETRC_IGNORED);
	SET(OPENSOCKETFUNCTION, on_open_socket);
	SET(CLOSESOCKETFUNCTION, on_close_socket);
	SET(PREREQFUNCTION, on_before_request);
	SET(HEADERFUNCTION, on_header);
	SET(WRITEFUNCTION, on_body);
	SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* A resumed session shows no certificate. */
	SET(SSL_SESSIONID_CACHE, 0L);
	SET(SSL_CTX_FUNCTION, on_tls_context);
	SET(SSL_CTX_DATA, &slot->handshake);
	/* Without a folder of certificates curl reads its file once, not for each connection. */
	SET(CAPATH, NULL);
	if (ca_file)
		SET(CAINFO, ca_file);
	SET(HTTP09_ALLOWED, 0L);
	SET(QUICK_EXIT, 1L);
	SET(NOSIGNAL, 1L);
	SET(SHARE, slot->share);
	SET(DNS_CACHE_TIMEOUT, NAMES_S);
	SET(MAXAGE_CONN, KEPT_IDLE_S);
	SET(MAXLIFETIME_CONN, KEPT_LIFE_S);
	SET(BUFFERSIZE, READ_BUFFER);
	SET(USERAGENT, "opshub/" OPSHUB_VERSION);
	return ok;
}

struct slot *slot_new(const char *ca_file)
{
	struct slot *slot = calloc(1, sizeof(*slot));

	if (!slot)
		return NULL;
	slot->easy = curl_easy_init();
	slot->share = curl_share_init();
	if (!slot->easy || !slot->share ||
	    curl_share_setopt(slot->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) != CURLSHE_OK ||
	    !set_fixed(slot->easy, slot, ca_file)) {
		slot_free(slot);
		return NULL;
	}
	return slot;
}

void slot_free(struct slot *slot)
{
	if (!slot)
		return;
	curl_easy_cleanup(slot->easy);
	curl_share_cleanup(slot->share);
	free(slot);
}

static bool set_method(struct probe *p, CURL *e)
{
	bool ok = true, is_post = strcmp(p->method, "POST") == 0;

	SET(CUSTOMREQUEST, strcmp(p->method, "OPTIONS") == 0 ? "OPTIONS" : NULL);
	SET(HTTPGET, 1L);
	if (strcmp(p->method, "HEAD") == 0)
		SET(NOBODY, 1L);
	if (is_post) {
		SET(POSTFIELDSIZE, 0L);
		SET(POSTFIELDS, "");
	}
	return ok;
}

static bool set_http(struct probe *p, CURL *e)
{
	long version = CURL_HTTP_VERSION_2TLS; /* over TLS, as the server likes it */
	bool ok = true;

	if (p->http == PROBE_HTTP_1)
		version = CURL_HTTP_VERSION_1_1;
	else if (p->http == PROBE_HTTP_2 && !p->place.is_https)
		version = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
	SET(HTTP_VERSION, version);
	return ok;
}

/* What the provider gave goes to a host that is known: encrypted, or within the operator's own network. A probe that
 * cannot do without its secret headers does not come here (run()). */
static bool add_headers(struct probe *p)
{
	bool all = p->place.is_https || !p->is_public;
	size_t end = all ? p->lines.n : p->host_lines;
	bool is_post = strcmp(p->method, "POST") == 0;

	for (size_t at = 0; at < end; at += strlen(p->lines.p + at) + 1) {
		struct curl_slist *longer = curl_slist_append(p->header_list, p->lines.p + at);

		if (!longer)
			return false;
		p->header_list = longer;
	}
	/* What curl would say of a body that is none. */
	if (is_post) {
		struct curl_slist *longer = curl_slist_append(p->header_list, "Content-Type:");

		if (!longer)
			return false;
		p->header_list = longer;
	}
	return true;
}

bool hop_prepare(struct probe *p, long left_ms)
{
	CURL *e = p->slot->easy;
	/* POST must not be sent twice, which curl does when a kept connection turns out to be dead. */
	long fresh = p->fresh || p->again || strcmp(p->method, "POST") == 0;
	bool ok = add_headers(p);

	p->slot->handshake = (struct handshake){ 0 };
	if (p->resolve)
		ok = ok && (p->resolve_list = curl_slist_append(NULL, p->resolve));
	SET(URL, p->place.url);
	SET(RESOLVE, p->resolve_list);
	SET(HTTPHEADER, p->header_list);
	SET(TIMEOUT_MS, left_ms);
	SET(SSL_VERIFYPEER, p->skip_tls_verify ? 0L : 1L);
	SET(SSL_VERIFYHOST, p->skip_tls_verify ? 0L : 2L);
	SET(FRESH_CONNECT, fresh);
	SET(FORBID_REUSE, fresh);
	SET(OPENSOCKETDATA, p);
	SET(CLOSESOCKETDATA, p->probes);
	SET(PREREQDATA, p);
	SET(HEADERDATA, p);
	SET(WRITEDATA, p);
	SET(PRIVATE, p);
	return ok && set_method(p, e) && set_http(p, e);
}

void hop_done(struct probe *p)
{
	curl_slist_free_all(p->header_list);
	curl_slist_free_all(p->resolve_list);
	p->header_list = p->resolve_list = NULL;
	free(p->resolve);
	p->resolve = NULL;
	free(p->location);
	p->location = NULL;
	p->opened = p->refused = p->no_socket = p->sent = p->has_head = p->long_head = p->long_body = p->again = false;
	p->head_size = 0;
	buf_clear(&p->body);
}

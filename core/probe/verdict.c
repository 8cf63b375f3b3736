/* From what curl reports to a named end.
 *
 * Easy to break: curl says OK of an answer that ended within its head; p->has_head decides. */
#include "probe/inner.h"

#include "base/clock.h"

#include <openssl/x509_vfy.h>

#include <errno.h>
#include <stdio.h>

const char *probe_end_word(enum probe_end end)
{
	static const char *const words[] = {
		[PROBE_ANSWERED] = "ANSWERED",
		[PROBE_BAD_URL] = "BAD_URL",
		[PROBE_BAD_HEADER] = "BAD_HEADER",
		[PROBE_HEADERS_NEED_TLS] = "HEADERS_NEED_TLS",
		[PROBE_ADDRESS_NOT_ALLOWED] = "ADDRESS_NOT_ALLOWED",
		[PROBE_PORT_NOT_ALLOWED] = "PORT_NOT_ALLOWED",
		[PROBE_DNS_FAILED] = "DNS_FAILED",
		[PROBE_CONNECTION_REFUSED] = "CONNECTION_REFUSED",
		[PROBE_CONNECTION_FAILED] = "CONNECTION_FAILED",
		[PROBE_CONNECT_TIMEOUT] = "CONNECT_TIMEOUT",
		[PROBE_TIMEOUT] = "TIMEOUT",
		[PROBE_TLS_FAILED] = "TLS_FAILED",
		[PROBE_CERTIFICATE_EXPIRED] = "CERTIFICATE_EXPIRED",
		[PROBE_CERTIFICATE_MISMATCH] = "CERTIFICATE_MISMATCH",
		[PROBE_CERTIFICATE_UNTRUSTED] = "CERTIFICATE_UNTRUSTED",
		[PROBE_CONNECTION_CLOSED] = "CONNECTION_CLOSED",
		[PROBE_NOT_HTTP] = "NOT_HTTP",
		[PROBE_NOT_HTTP_2] = "NOT_HTTP_2",
		[PROBE_HEAD_TOO_LONG] = "HEAD_TOO_LONG",
		[PROBE_BODY_TOO_LONG] = "BODY_TOO_LONG",
		[PROBE_TOO_MANY_REDIRECTS] = "TOO_MANY_REDIRECTS",
		[PROBE_REDIRECT_REFUSED] = "REDIRECT_REFUSED",
		[PROBE_INTERNAL] = "INTERNAL",
		[PROBE_STOPPED] = "STOPPED",
	};

	return words[end];
}

bool probe_end_is_of_target(enum probe_end end)
{
	switch (end) {
	case PROBE_ANSWERED:
	case PROBE_TIMEOUT:
	case PROBE_TLS_FAILED:
	case PROBE_CERTIFICATE_EXPIRED:
	case PROBE_CERTIFICATE_MISMATCH:
	case PROBE_CERTIFICATE_UNTRUSTED:
	case PROBE_CONNECTION_CLOSED:
	case PROBE_NOT_HTTP:
	case PROBE_NOT_HTTP_2:
	case PROBE_HEAD_TOO_LONG:
	case PROBE_BODY_TOO_LONG:
	case PROBE_TOO_MANY_REDIRECTS:
	case PROBE_REDIRECT_REFUSED:
		return true;
	default:
		return false;
	}
}

bool probe_end_is_of_network(enum probe_end end)
{
	switch (end) {
	case PROBE_DNS_FAILED:
	case PROBE_CONNECTION_REFUSED:
	case PROBE_CONNECTION_FAILED:
	case PROBE_CONNECT_TIMEOUT:
	case PROBE_TIMEOUT:
	case PROBE_TLS_FAILED:
	case PROBE_CONNECTION_CLOSED:
		return true;
	default:
		return false;
	}
}

/* ---- what curl says ---- */

static enum probe_end unconnected(const struct probe *p)
{
	long error = 0;

	if (p->refused && !p->opened)
		return p->n_redirects ? PROBE_REDIRECT_REFUSED : PROBE_ADDRESS_NOT_ALLOWED;
	if (p->no_socket)
		return PROBE_INTERNAL;
	curl_easy_getinfo(p->slot->easy, CURLINFO_OS_ERRNO, &error);
	switch (error) {
	case ECONNREFUSED:
		return PROBE_CONNECTION_REFUSED;
	case ETIMEDOUT:
		return PROBE_CONNECT_TIMEOUT;
	case EADDRNOTAVAIL: /* no local port is left */
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return PROBE_INTERNAL;
	default:
		return PROBE_CONNECTION_FAILED;
	}
}

static enum probe_end unverified(const struct handshake *handshake)
{
	if (handshake->is_expired)
		return PROBE_CERTIFICATE_EXPIRED;
	if (!handshake->certificate.seen)
		return PROBE_TLS_FAILED;
	return handshake->error == X509_V_OK ? PROBE_CERTIFICATE_MISMATCH : PROBE_CERTIFICATE_UNTRUSTED;
}

static bool is_connected(CURL *easy)
{
	curl_off_t connect_us = 0;
	long connections = 0;

	curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connect_us);
	curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connections);
	return connect_us > 0 || connections == 0;
}

static enum probe_end failed(const struct probe *p, CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST: /* of none of its addresses could curl make anything */
		return PROBE_DNS_FAILED;
	case CURLE_COULDNT_CONNECT:
		return unconnected(p);
	case CURLE_ABORTED_BY_CALLBACK:
		return p->refused ? unconnected(p) : PROBE_INTERNAL;
	case CURLE_OPERATION_TIMEDOUT:
		return is_connected(p->slot->easy) ? PROBE_TIMEOUT : PROBE_CONNECT_TIMEOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
		return unverified(&p->slot->handshake);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CIPHER:
	case CURLE_USE_SSL_FAILED:
		return PROBE_TLS_FAILED;
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ENGINE_INITFAILED:
	case CURLE_FAILED_INIT:
		return PROBE_INTERNAL;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return p->sent ? PROBE_NOT_HTTP : PROBE_BAD_URL;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return PROBE_NOT_HTTP;
	case CURLE_OUT_OF_MEMORY: /* also what curl says of a line that is longer than it takes */
		return p->sent && !p->has_head ? PROBE_HEAD_TOO_LONG : PROBE_INTERNAL;
	case CURLE_WRITE_ERROR:
		if (p->long_head)
			return PROBE_HEAD_TOO_LONG;
		return p->long_body ? PROBE_BODY_TOO_LONG : PROBE_NOT_HTTP;
	default: /* GOT_NOTHING, RECV_ERROR, SEND_ERROR, PARTIAL_FILE, HTTP2 ... */
		return p->sent ? PROBE_CONNECTION_CLOSED : PROBE_CONNECTION_FAILED;
	}
}

static enum probe_end end_of(const struct probe *p, CURLcode code, int http_version)
{
	if (code != CURLE_OK)
		return failed(p, code);
	if (!p->has_head)
		return PROBE_CONNECTION_CLOSED;
	if (p->http == PROBE_HTTP_2 && http_version != 20)
		return PROBE_NOT_HTTP_2;
	return PROBE_ANSWERED;
}

/* ---- phases ---- */

static int64_t between(curl_off_t from, curl_off_t to)
{
	return to > 0 && to >= from ? to - from : -1;
}

static void read_phases(struct probe *p, struct probe_result *ret)
{
	CURL *e = p->slot->easy;
	curl_off_t name = 0, connect = 0, tls = 0, ready = 0, first = 0;
	long connections = 0;

	curl_easy_getinfo(e, CURLINFO_NAMELOOKUP_TIME_T, &name);
	curl_easy_getinfo(e, CURLINFO_CONNECT_TIME_T, &connect);
	curl_easy_getinfo(e, CURLINFO_APPCONNECT_TIME_T, &tls);
	curl_easy_getinfo(e, CURLINFO_PRETRANSFER_TIME_T, &ready);
	curl_easy_getinfo(e, CURLINFO_STARTTRANSFER_TIME_T, &first);
	curl_easy_getinfo(e, CURLINFO_NUM_CONNECTS, &connections);
	ret->kept_connection = connections == 0 && p->sent;
	if (connections > 0) {
		ret->connect_us = between(name, connect);
		ret->tls_us = p->place.is_https ? between(connect, tls) : -1;
	}
	if (p->sent)
		ret->first_byte_us = between(ready, first);
}

static int http_version_of(CURL *e)
{
	long version = 0;

	curl_easy_getinfo(e, CURLINFO_HTTP_VERSION, &version);
	switch (version) {
	case CURL_HTTP_VERSION_1_0:
		return 10;
	case CURL_HTTP_VERSION_1_1:
		return 11;
	case CURL_HTTP_VERSION_2_0:
		return 20;
	default:
		return 0;
	}
}

void verdict(struct probe *p, CURLcode code, struct probe_result *ret)
{
	CURL *e = p->slot->easy;
	long status = 0, port = 0;
	char *ip = NULL;

	curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(e, CURLINFO_PRIMARY_IP, &ip);
	curl_easy_getinfo(e, CURLINFO_PRIMARY_PORT, &port);
	ret->status = p->has_head ? (int)status : 0;
	ret->http_version = http_version_of(e);
	ret->end = end_of(p, code, ret->http_version);
	if (ip && p->opened)
		snprintf(ret->remote_ip, sizeof(ret->remote_ip), "%s", ip);
	else if (ip && p->sent)
		snprintf(ret->remote_ip, sizeof(ret->remote_ip), "%s", ip);
	ret->remote_port = ret->remote_ip[0] ? (int)port : 0;
	ret->is_private = p->opened && !p->is_public;
	ret->certificate = p->slot->handshake.certificate;
	ret->body = buf_str(&p->body);
	ret->body_is_cut = p->long_body;
	read_phases(p, ret);
}

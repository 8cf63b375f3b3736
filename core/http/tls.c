/* TLS 1.2 and 1.3 with one certificate, and how it is exchanged while connections go on.
 *
 * Owns the contexts; each connection holds a reference to the one it began with, so that the last to leave frees it.
 * Easy to break: HTTP/1.1 is all that is offered by ALPN, because h2o would otherwise speak HTTP/2; and no tickets and
 * no cache, because another process of ours could not resume what this one began. */
#include "http/server.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CIPHERS_OF_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"
#define NOT_NOW        "The certificate is not valid at this time"

struct sentence {
	char *text;
	size_t size;
};

static SSL_CTX *refuse(struct sentence *why, const char *variable, const char *file, const char *what)
{
	snprintf(why->text, why->size, "%s %s: %s", variable, file, what);
	ERR_clear_error();
	return NULL;
}

/* Else OpenSSL would ask on the terminal. */
static int no_password(char *text, int size, int writing, void *arg)
{
	(void)text;
	(void)size;
	(void)writing;
	(void)arg;
	return 0;
}

/* "\x08http/1.1" or nothing: who offers only other protocols is turned away. */
static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_n, const unsigned char *offered,
			   unsigned n, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, ret_n, ours, sizeof(ours) - 1, offered, n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *load_files(SSL_CTX *tls, const char *cert, const char *key, struct sentence *why)
{
	if (access(cert, R_OK) != 0)
		return refuse(why, "TLS_CERT", cert, strerror(errno));
	if (access(key, R_OK) != 0)
		return refuse(why, "TLS_KEY", key, strerror(errno));
	if (SSL_CTX_use_certificate_chain_file(tls, cert) != 1)
		return refuse(why, "TLS_CERT", cert, "is no certificate in PEM form that is strong enough for TLS");
	if (SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1 &&
	    ERR_GET_REASON(ERR_peek_last_error()) != X509_R_KEY_VALUES_MISMATCH)
		return refuse(why, "TLS_KEY", key, "is no private key in PEM form without a password");
	if (SSL_CTX_check_private_key(tls) != 1)
		return refuse(why, "TLS_KEY", key, "is not the key of the certificate in TLS_CERT");
	return tls;
}

/* What does not keep a server from starting. */
static void judge_dates(const SSL_CTX *tls, const char *cert, struct sentence *why)
{
	const X509 *leaf = SSL_CTX_get0_certificate(tls);

	why->text[0] = '\0';
	if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0)
		refuse(why, "TLS_CERT", cert, "has expired: clients will refuse it");
	else if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0)
		refuse(why, "TLS_CERT", cert, "is not valid yet: clients will refuse it");
}

/* NULL with the reason in `why`; otherwise `why` is empty or a warning. */
static SSL_CTX *load(const char *cert, const char *key, struct sentence *why)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	if (!tls)
		return refuse(why, "TLS_CERT", cert, "cannot be used: OpenSSL does not start");
	SSL_CTX_set_default_passwd_cb(tls, no_password);
	if (!load_files(tls, cert, key, why)) {
		SSL_CTX_free(tls);
		return NULL;
	}
	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(tls, CIPHERS_OF_1_2);
	SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
					 SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_num_tickets(tls, 0);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(tls, choose_protocol, NULL);
	judge_dates(tls, cert, why);
	return tls;
}

bool http_tls_check(const char *cert, const char *key, char *ret_why, size_t why_size)
{
	struct sentence why = { ret_why, why_size };
	SSL_CTX *tls = load(cert, key, &why);

	SSL_CTX_free(tls);
	return tls != NULL;
}

static bool is_wanted(const struct http_server *server)
{
	return server->options.tls_cert && *server->options.tls_cert;
}

bool tls_open(struct http_server *server)
{
	char text[512];
	struct sentence why = { text, sizeof(text) };

	if (!is_wanted(server))
		return true;
	server->accept.ssl_ctx = load(server->options.tls_cert, server->options.tls_key, &why);
	if (!server->accept.ssl_ctx)
		log_error("Tls", "The certificate cannot be used", F_TEXT("error", text));
	else if (text[0])
		log_warn("Tls", NOT_NOW, F_TEXT("error", text));
	return server->accept.ssl_ctx != NULL;
}

void http_server_reload(struct http_server *server)
{
	char text[512];
	struct sentence why = { text, sizeof(text) };
	SSL_CTX *fresh;

	if (!is_wanted(server) || server->draining)
		return;
	fresh = load(server->options.tls_cert, server->options.tls_key, &why);
	if (!fresh) {
		log_error("Tls", "The new certificate cannot be used, the old one stays", F_TEXT("error", text));
		return;
	}
	if (text[0])
		log_warn("Tls", NOT_NOW, F_TEXT("error", text));
	SSL_CTX_free(server->accept.ssl_ctx);
	server->accept.ssl_ctx = fresh;
	log_info("Tls", "The certificate was read again: new connections get it");
}

void tls_close(struct http_server *server)
{
	SSL_CTX_free(server->accept.ssl_ctx);
	server->accept.ssl_ctx = NULL;
}

void tls_enter(struct connection *connection)
{
	connection->tls = connection->server->accept.ssl_ctx;
	if (connection->tls)
		SSL_CTX_up_ref(connection->tls);
}

void tls_leave(struct connection *connection)
{
	SSL_CTX_free(connection->tls);
}

/* The certificate of a server, read in the handshake that shows it, whether it is good or not.
 *
 * Owns: nothing; a handshake belongs to a slot (hop.c), which lives as long as any connection.
 * Easy to break: OpenSSL calls on_chain() for a renegotiation as well, when the connection serves another probe. So
 * there is none. */
#include "probe/inner.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <string.h>
#include <time.h>

/* RFC 2253, everything that is not plain ASCII escaped. */
static void name_text(const X509_NAME *name, char *ret, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = 0;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		n = BIO_read(bio, ret, (int)size - 1);
	ret[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
}

static void read_certificate(const X509 *x, struct handshake *ret)
{
	static const char digits[] = "0123456789abcdef";
	struct probe_certificate *c = &ret->certificate;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct tm end;

	if (X509_digest(x, EVP_sha256(), digest, &n) != 1 || n != 32 ||
	    ASN1_TIME_to_tm(X509_get0_notAfter(x), &end) != 1)
		return;
	for (unsigned i = 0; i < n; i++) {
		c->sha256[2 * i] = digits[digest[i] >> 4];
		c->sha256[2 * i + 1] = digits[digest[i] & 15];
	}
	c->sha256[2 * n] = '\0';
	c->expires_ms = (int64_t)timegm(&end) * 1000;
	name_text(X509_get_subject_name(x), c->subject, sizeof(c->subject));
	name_text(X509_get_issuer_name(x), c->issuer, sizeof(c->issuer));
	c->seen = true;
	ret->is_expired = X509_cmp_current_time(X509_get0_notAfter(x)) < 0 ||
			  X509_cmp_current_time(X509_get0_notBefore(x)) > 0;
}

/* In the place of OpenSSL's own verification, which it calls where it is wanted. */
static int on_chain(X509_STORE_CTX *chain, void *arg)
{
	struct handshake *handshake = arg;
	const SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
	const X509 *leaf = X509_STORE_CTX_get0_cert(chain);
	int good;

	*handshake = (struct handshake){ 0 };
	if (leaf)
		read_certificate(leaf, handshake);
	if (ssl && SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE)
		return 1;
	good = X509_verify_cert(chain);
	handshake->error = X509_STORE_CTX_get_error(chain);
	return good;
}

CURLcode on_tls_context(CURL *easy, void *ssl_ctx, void *handshake)
{
	(void)easy;
	SSL_CTX_set_options(ssl_ctx, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_cert_verify_callback(ssl_ctx, on_chain, handshake);
	return CURLE_OK;
}

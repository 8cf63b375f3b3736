/* Signs a GitHub App's token by libjwt.
 *
 * Owns nothing; the key's copies are wiped before it returns.
 * Easy to break: libjwt gives the PEM text to OpenSSL, which asks for a password on the terminal when the key is
 * encrypted and stops the process there. So only a text that was taken apart and put together here reaches it. */
#include "crypto/app_jwt.h"

#include "crypto/base64.h"
#include "crypto/digest.h"

#include <jwt.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BITS_MIN   2048
#define BITS_MAX   8192
#define LINE       64
#define LABEL_ROOM 80 /* both lines with a label */

#define NO_PEM "is no private key in PEM form: paste the whole .pem file, from -----BEGIN to the last dash"

static const char *const labels[] = { "RSA PRIVATE KEY", "PRIVATE KEY" };

/* The key's parts: which label, and the base64 text between the two lines without anything else in it. */
struct key {
	const char *label;
	char text[APP_JWT_KEY_MAX + 1];
	size_t n;
	char pem[APP_JWT_KEY_MAX + APP_JWT_KEY_MAX / LINE + LABEL_ROOM];
	uint8_t der[APP_JWT_KEY_MAX];
};

static bool cut(struct str *rest, const char *start)
{
	struct str prefix = str_of(start);

	if (!str_starts(*rest, prefix))
		return false;
	*rest = (struct str){ rest->p + prefix.n, rest->n - prefix.n };
	return true;
}

static struct str skip_breaks(struct str rest)
{
	while (rest.n)
		if (strchr(" \t\r\n", rest.p[0]))
			rest = (struct str){ rest.p + 1, rest.n - 1 };
		else if (!cut(&rest, "\\n") && !cut(&rest, "\\r"))
			break;
	return rest;
}

static bool take_apart(struct str rest, struct key *key)
{
	rest = skip_breaks(rest);
	if (rest.n > APP_JWT_KEY_MAX || !cut(&rest, "-----BEGIN "))
		return false;
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]) && !key->label; i++)
		if (cut(&rest, labels[i]))
			key->label = labels[i];
	if (!key->label || !cut(&rest, "-----"))
		return false;
	for (rest = skip_breaks(rest); rest.n && rest.p[0] != '-'; rest = skip_breaks(rest)) {
		key->text[key->n++] = rest.p[0];
		rest = (struct str){ rest.p + 1, rest.n - 1 };
	}
	return cut(&rest, "-----END ") && cut(&rest, key->label) && cut(&rest, "-----") && skip_breaks(rest).n == 0;
}

static void put_together(struct key *key)
{
	char *to = key->pem;

	to += snprintf(to, LABEL_ROOM / 2, "-----BEGIN %s-----\n", key->label);
	for (size_t i = 0; i < key->n; i += LINE) {
		size_t n = key->n - i < LINE ? key->n - i : LINE;

		memcpy(to, key->text + i, n);
		to += n;
		*to++ = '\n';
	}
	snprintf(to, LABEL_ROOM / 2, "-----END %s-----\n", key->label);
}

/* NULL, or why the key cannot sign. */
static const char *check(struct key *key)
{
	const unsigned char *at = key->der;
	const char *why = NULL;
	EVP_PKEY *parsed;
	size_t n = 0;

	if (!base64_decode((struct str){ key->text, key->n }, key->der, sizeof(key->der), &n))
		return NO_PEM;
	parsed = d2i_AutoPrivateKey(NULL, &at, (long)n);
	if (!parsed)
		why = NO_PEM;
	else if (EVP_PKEY_get_base_id(parsed) != EVP_PKEY_RSA)
		why = "is not an RSA key: GitHub Apps sign with RSA";
	else if (EVP_PKEY_get_bits(parsed) < BITS_MIN || EVP_PKEY_get_bits(parsed) > BITS_MAX)
		why = "has not between 2048 and 8192 bits: make a new one";
	EVP_PKEY_free(parsed);
	ERR_clear_error();
	return why;
}

static const char *sign(struct key *key, const struct app_claims *claims, char ret[APP_JWT_SIZE])
{
	const char *why = "could not be used: OpenSSL refused to sign with it";
	char *text = NULL;
	jwt_t *jwt = NULL;

	put_together(key);
	if (jwt_new(&jwt) == 0 && jwt_add_grant(jwt, "iss", claims->issuer) == 0 &&
	    jwt_add_grant_int(jwt, "iat", claims->issued_s) == 0 &&
	    jwt_add_grant_int(jwt, "exp", claims->expires_s) == 0 &&
	    jwt_set_alg(jwt, JWT_ALG_RS256, (const unsigned char *)key->pem, (int)strlen(key->pem)) == 0)
		text = jwt_encode_str(jwt);
	if (text && strlen(text) < APP_JWT_SIZE) {
		memcpy(ret, text, strlen(text) + 1);
		why = NULL;
	}
	free(text);
	jwt_free(jwt);
	ERR_clear_error();
	return why;
}

bool app_jwt_sign(struct str text, const struct app_claims *claims, char ret[APP_JWT_SIZE], const char **ret_why)
{
	struct key *key = calloc(1, sizeof(*key));
	const char *why = NO_PEM;

	if (!key)
		abort();
	if (!claims->issuer || !*claims->issuer || strnlen(claims->issuer, APP_JWT_ISSUER_MAX + 1) > APP_JWT_ISSUER_MAX)
		why = "signs for nobody: the issuer (the App's id) is missing or too long";
	else if (take_apart(text, key))
		why = check(key);
	if (!why)
		why = sign(key, claims, ret);
	secret_wipe(key, sizeof(*key));
	free(key);
	/* What OpenSSL keeps for each thread would stay with one that is used for this once an hour. */
	OPENSSL_thread_stop();
	if (why)
		*ret_why = why;
	return !why;
}

/* Signatures for plugins: what a target asks of its callers, so that no plugin brings a crypto library along.
 *
 * Owns the record of a signature that another thread is making.
 * Easy to break: signing with RSA takes milliseconds, so it happens on a thread; the fiber may leave before that has
 * ended, so nothing in the record belongs to the call. */
#include "plugin/host.h"

#include "crypto/app_jwt.h"
#include "crypto/base64.h"
#include "crypto/digest.h"

#include <stdlib.h>
#include <string.h>

#define BASE64_MAX (1024 * 1024)

const char *host_hmac_sha256(opshub_call *c, const void *key, uint64_t key_size, const void *data, uint64_t data_size)
{
	const struct str part = { data, data ? data_size : 0 };
	char *text = host_table.alloc(c, BASE64_SIZE(SHA256_SIZE));
	uint8_t mac[SHA256_SIZE];

	hmac_sha256((struct str){ key, key ? key_size : 0 }, &part, 1, mac);
	base64_encode(mac, sizeof(mac), text);
	return text;
}

const void *host_base64_decode(opshub_call *c, const char *text, uint64_t *ret_size)
{
	size_t n = text ? strnlen(text, BASE64_MAX + 1) : 0, size = 0;
	void *bytes;

	if (!text || n > BASE64_MAX)
		return NULL;
	bytes = host_table.alloc(c, n + 1);
	if (!base64_decode((struct str){ text, n }, bytes, n, &size))
		return NULL;
	*ret_size = size;
	return bytes;
}

struct signing {
	char key[APP_JWT_KEY_MAX + 1], issuer[APP_JWT_ISSUER_MAX + 1];
	struct app_claims claims;
	char token[APP_JWT_SIZE];
	const char *why;
	bool worked;
};

static void sign(void *arg)
{
	struct signing *s = arg;

	s->worked = app_jwt_sign(str_of(s->key), &s->claims, s->token, &s->why);
}

static void drop(void *arg)
{
	secret_wipe(arg, sizeof(struct signing));
	free(arg);
}

struct wish {
	const char *key, *issuer;
	int64_t issued_s, expires_s;
	const char **ret;
};

static int sign_here(struct opshub_call *c, void *arg)
{
	const struct wish *wish = arg;
	struct signing *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		abort();
	/* What is longer is cut, and refused with its own sentence by the one that signs. */
	strncpy(s->key, wish->key ? wish->key : "", sizeof(s->key) - 1);
	strncpy(s->issuer, wish->issuer ? wish->issuer : "", sizeof(s->issuer) - 1);
	s->claims = (struct app_claims){ s->issuer, wish->issued_s, wish->expires_s };
	r = offload(c->call, sign, s, drop);
	if (r == OK && s->worked) {
		*wish->ret = arena_text(c->call->arena, str_of(s->token));
		call_secret(c->call, str_of(*wish->ret));
	} else if (r == OK) {
		r = call_fail(c->call, E_INVALID, "The private key %s", s->why);
	}
	c->has_failed |= r < 0;
	if (r != E_TIMEOUT && r != E_CANCELLED)
		drop(s);
	return r;
}

opshub_status host_sign_jwt_rs256(opshub_call *c, const char *pem_key, const char *issuer, int64_t issued_s,
				  int64_t expires_s, const char **ret)
{
	return host_run(c, sign_here, &(struct wish){ pem_key, issuer, issued_s, expires_s, ret });
}

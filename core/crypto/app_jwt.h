/* JSON Web Tokens signed with RS256: how a GitHub App says who it is. We only make them, nobody shows us any. */
#ifndef CRYPTO_APP_JWT_H
#define CRYPTO_APP_JWT_H

#include "base/str.h"

#define APP_JWT_SIZE       4096 /* the token with its NUL */
#define APP_JWT_KEY_MAX    8192 /* bytes of a key's text */
#define APP_JWT_ISSUER_MAX 200

struct app_claims {
	const char *issuer; /* 1 to APP_JWT_ISSUER_MAX bytes */
	int64_t issued_s, expires_s;
};

/* The key is unencrypted PEM, "RSA PRIVATE KEY" or "PRIVATE KEY", RSA of 2048 to 8192 bits. Its line breaks may be
 * missing or written as \n, since forms and environment files lose them. On failure ret_why gets the end of a sentence
 * that starts with the key's name; it never holds anything of the key. Takes milliseconds, may run on any thread. */
bool app_jwt_sign(struct str key, const struct app_claims *claims, char ret[APP_JWT_SIZE], const char **ret_why);

#endif

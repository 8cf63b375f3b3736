/* The signature of a GitHub webhook: HMAC-SHA256 of the body's raw bytes under the shared secret. */
#ifndef CRYPTO_WEBHOOK_SIGNATURE_H
#define CRYPTO_WEBHOOK_SIGNATURE_H

#include "base/str.h"

#define WEBHOOK_SECRETS_MAX 2 /* the current one and, while it is being replaced, the one before */

/* header is the whole value of X-Hub-Signature-256: "sha256=" and 64 lower-case hex digits, nothing else. An empty
 * secret matches nothing, and so does no secret: a missing setting must never open the door. */
bool webhook_signature_ok(struct str header, struct str body, const struct str *secrets, size_t n);

#endif

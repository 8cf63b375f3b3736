/* Checks the signature of a webhook before anything else looks at its body.
 *
 * Easy to break: an empty secret. HMAC works with it, and then everybody can sign. */
#include "crypto/webhook_signature.h"

#include "crypto/digest.h"

bool webhook_signature_ok(struct str header, struct str body, const struct str *secrets, size_t n)
{
	uint8_t claimed[SHA256_SIZE], computed[SHA256_SIZE];
	bool matches = false;

	/* What the header looks like is known to its sender: leaving here tells nothing about the secret. */
	if (n > WEBHOOK_SECRETS_MAX || !str_starts(header, STR("sha256=")))
		return false;
	if (!hex_decode((struct str){ header.p + 7, header.n - 7 }, claimed, sizeof(claimed)))
		return false;
	/* Every secret is tried, so the time does not say which one matched. */
	for (size_t i = 0; i < n; i++) {
		if (secrets[i].n == 0)
			continue;
		hmac_sha256(secrets[i], &body, 1, computed);
		matches |= secret_bytes_equal(claimed, computed, sizeof(claimed));
	}
	secret_wipe(computed, sizeof(computed));
	return matches;
}

/* The signature header, at first byte's choice damaged or raw: only the one right text is accepted. */
#include "fuzz.h"

#include "crypto/digest.h"
#include "crypto/webhook_signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct str secret = STR("a secret"), body = STR("{\"action\":\"opened\"}");
	struct str header = { (const char *)data, size };
	uint8_t mac[SHA256_SIZE];
	char right[7 + SHA256_HEX_SIZE] = "sha256=";

	hmac_sha256(secret, &body, 1, mac);
	hex_encode(mac, sizeof(mac), right + 7);
	MUST(webhook_signature_ok(str_of(right), body, &secret, 1));
	MUST(webhook_signature_ok(header, body, &secret, 1) == str_eq(header, str_of(right)));
	/* One byte of the right one replaced. */
	if (size >= 2 && right[data[0] % 71] != (char)data[1]) {
		right[data[0] % 71] = (char)data[1];
		MUST(!webhook_signature_ok((struct str){ right, 71 }, body, &secret, 1));
	}
	return 0;
}

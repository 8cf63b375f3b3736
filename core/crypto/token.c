/* Makes API tokens and recognizes their form.
 *
 *   oph_ | 43 digits of base 62: 256 random bits | 6 digits of base 62: CRC-32 of all before
 *
 * Easy to break: the checksum is no secret; only a look-up of the hash says that a token is good. */
#include "crypto/token.h"

#include "base/id.h"

#include <string.h>

#define RANDOM_SIZE   32
#define RANDOM_DIGITS 43 /* 62^43 is just above 2^256 */
#define CHECK_DIGITS  6  /* 62^6 is above 2^32 */
_Static_assert(sizeof(TOKEN_PREFIX) - 1 + RANDOM_DIGITS + CHECK_DIGITS == TOKEN_LENGTH, "the layout in token.h");

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* The bytes as one big-endian number in base 62, n_digits long. Uses the bytes up. */
static void base62(uint8_t *bytes, size_t n, char *ret, size_t n_digits)
{
	for (size_t d = n_digits; d > 0; d--) {
		unsigned rest = 0;

		for (size_t i = 0; i < n; i++) {
			rest = rest << 8 | bytes[i];
			bytes[i] = (uint8_t)(rest / 62);
			rest %= 62;
		}
		ret[d - 1] = digits[rest];
	}
}

/* CRC-32 as in zip and PNG. Not a defence, only a filter for typing errors. */
static uint32_t crc32_of(const char *p, size_t n)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < n; i++) {
		crc ^= (uint8_t)p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void checksum(const char *token, char ret[CHECK_DIGITS])
{
	uint32_t crc = crc32_of(token, TOKEN_LENGTH - CHECK_DIGITS);
	uint8_t bytes[] = { (uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc };

	base62(bytes, sizeof(bytes), ret, CHECK_DIGITS);
}

void token_new(char ret_token[TOKEN_LENGTH + 1])
{
	uint8_t bytes[RANDOM_SIZE];

	random_bytes(bytes, sizeof(bytes));
	memcpy(ret_token, TOKEN_PREFIX, sizeof(TOKEN_PREFIX) - 1);
	base62(bytes, sizeof(bytes), ret_token + sizeof(TOKEN_PREFIX) - 1, RANDOM_DIGITS);
	checksum(ret_token, ret_token + TOKEN_LENGTH - CHECK_DIGITS);
	ret_token[TOKEN_LENGTH] = '\0';
	secret_wipe(bytes, sizeof(bytes));
}

bool token_well_formed(struct str token)
{
	char check[CHECK_DIGITS];

	if (token.n != TOKEN_LENGTH || !str_starts(token, STR(TOKEN_PREFIX)))
		return false;
	for (size_t i = sizeof(TOKEN_PREFIX) - 1; i < token.n; i++)
		if (token.p[i] == '\0' || !strchr(digits, token.p[i]))
			return false;
	checksum(token.p, check);
	return secret_bytes_equal(check, token.p + TOKEN_LENGTH - CHECK_DIGITS, CHECK_DIGITS);
}

void token_hash(struct str token, uint8_t ret_hash[SHA256_SIZE])
{
	sha256(&token, 1, ret_hash);
}

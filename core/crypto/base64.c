/* Both alphabets by one encoder and one decoder.
 *
 * Easy to break: the check of the bits behind the last byte. Without it four texts decode to the same bytes. */
#include "crypto/base64.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t encode(const char *alphabet, bool padded, const uint8_t *in, size_t n, char *out)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t group = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
				 (left > 2 ? in[i + 2] : 0);

		out[at++] = alphabet[group >> 18];
		out[at++] = alphabet[group >> 12 & 63];
		if (left > 1 || padded)
			out[at++] = left > 1 ? alphabet[group >> 6 & 63] : '=';
		if (left > 2 || padded)
			out[at++] = left > 2 ? alphabet[group & 63] : '=';
	}
	out[at] = '\0';
	return at;
}

static int value_of(const char *alphabet, char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == alphabet[62])
		return 62;
	return c == alphabet[63] ? 63 : -1;
}

/* text without its padding */
static bool decode(const char *alphabet, struct str text, uint8_t *out, size_t max, size_t *ret_n)
{
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t at = 0;

	/* One character left over carries 6 bits: no byte. */
	if (text.n % 4 == 1)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		int value = value_of(alphabet, text.p[i]);

		if (value < 0)
			return false;
		bits = (bits << 6 | (uint32_t)value) & 0xffff;
		n_bits += 6;
		if (n_bits < 8)
			continue;
		n_bits -= 8;
		if (at == max)
			return false;
		out[at++] = (uint8_t)(bits >> n_bits);
	}
	if (bits & ((1u << n_bits) - 1))
		return false;
	*ret_n = at;
	return true;
}

size_t base64_encode(const void *bytes, size_t n, char *ret)
{
	return encode(standard, true, bytes, n, ret);
}

size_t base64url_encode(const void *bytes, size_t n, char *ret)
{
	return encode(url_safe, false, bytes, n, ret);
}

bool base64_decode(struct str text, void *ret, size_t max, size_t *ret_n)
{
	if (text.n % 4 != 0)
		return false;
	/* At most two: a third '=' stays in the text and is no character of the alphabet. */
	for (int i = 0; i < 2 && text.n > 0 && text.p[text.n - 1] == '='; i++)
		text.n--;
	return decode(standard, text, ret, max, ret_n);
}

bool base64url_decode(struct str text, void *ret, size_t max, size_t *ret_n)
{
	return decode(url_safe, text, ret, max, ret_n);
}

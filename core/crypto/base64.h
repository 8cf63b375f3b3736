/* Base64 in its two alphabets, strict: one byte sequence has one text and one text has one byte sequence.
 * Refused are white space, missing or superfluous padding, the other alphabet's characters, and bits behind the last
 * byte that are not zero ("QR==" for "QQ=="), so a text can be compared, signed or used as a key as it stands. */
#ifndef CRYPTO_BASE64_H
#define CRYPTO_BASE64_H

#include "base/str.h"

#define BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1) /* text of n bytes with its NUL, either alphabet */

/* Return the length without the NUL. base64url has no padding. */
size_t base64_encode(const void *bytes, size_t n, char *ret);
size_t base64url_encode(const void *bytes, size_t n, char *ret);
/* False when the text is not canonical or decodes to more than `max` bytes; ret may then hold part of it, ret_n is
 * untouched. */
bool base64_decode(struct str text, void *ret, size_t max, size_t *ret_n);
bool base64url_decode(struct str text, void *ret, size_t max, size_t *ret_n);

#endif

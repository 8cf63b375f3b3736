/* Text inside a request: the path, query parameters, cookies. */
#ifndef HTTP_QUERY_H
#define HTTP_QUERY_H

#include "http/http.h"

/* Percent-decoding into `to`, which has room for raw.n + 1 bytes; a NUL is put behind. With `plus` a '+' is a space.
 * False, with `to` undefined, on a bad escape or when the result is not text (UTF-8 without NUL). */
bool percent_decode(struct str raw, bool plus, char *to, size_t *ret_n);
/* Everything but letters, digits and "-._~" is escaped: for a value in a query or a form. */
void percent_encode(struct str raw, struct buf *ret);
/* The decoded path of a target, or NULL and the reason: encoded slashes, "." and ".." segments and control characters
 * are refused, because a proxy in front may have read them another way. `to` as above. */
bool path_decode(struct str raw, char *to, struct str *ret, const char **ret_why);
/* The value of a parameter in "a=1&b=2", decoded into the arena. .p == NULL when absent or not decodable. */
struct str query_find(struct str query, struct str name, struct arena *arena);
/* The value of a cookie in one Cookie header. .p == NULL when absent. */
struct str cookie_find(struct str header, struct str name);

#endif

/* Text as pointer and length. A struct str owns nothing; whoever made the bytes says how long they live.
 * Text that comes out of an arena is also NUL-terminated one past its end, so .p can be given to C functions. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_FMT(s)   (int)(s).n, (s).p /* for "%.*s" */

struct str str_of(const char *text); /* NULL gives the empty text */
bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
struct str str_trim(struct str s); /* spaces and tabs at both ends */
/* The part of *rest before `sep`; *rest moves behind it. Without `sep` it is all of *rest, which becomes empty. */
struct str str_split(struct str *rest, char sep);
/* Decimal, optional '-', nothing else around it, within [min, max]. */
bool str_to_int(struct str s, int64_t min, int64_t max, int64_t *ret);
/* The value of a hexadecimal digit, of either case; -1 for any other character. */
int hex_digit(char c);
#define INT_TEXT_MAX 20                                    /* bytes of the longest one */
size_t str_from_int(int64_t value, char to[INT_TEXT_MAX]); /* without a NUL; the length */
void text_to_lower(char *text, size_t n);                  /* ASCII letters, in place */
/* Strict UTF-8 (no overlong forms, surrogates or values past U+10FFFF) without NUL. */
bool str_is_text(struct str s);
uint64_t str_hash(struct str s); /* FNV-1a: for tables, not against people who choose their keys */

#endif

/* Takes secrets out of texts: as they are, percent-encoded in any way, and as base64 at any place in what was encoded,
 * in both alphabets. Pure. The log sink and the stored build logs use the same engine.
 *
 * Each form is found by a hash of its first bytes and compared by one of all its bytes, so the time is that of the
 * text, whatever its writer chose: as many secrets of one head as would make it longer are not taken. Two texts of one
 * hash would take out too much, never too little.
 *
 * A secret of several lines is also looked for line by line. Secrets and lines that are too short for that are left
 * alone: they would blacken ordinary words, and the holes would tell them. */
#ifndef BASE_REDACT_H
#define BASE_REDACT_H

#include "base/buf.h"

#define REDACT_SHORTEST 6  /* bytes of a secret that is looked for */
#define REDACT_LINE     12 /* bytes of one line of a longer one */

struct redactor;

/* max: bytes of all forms together, at most twelve times their secrets. */
struct redactor *redactor_new(size_t max);
struct redactor *redactor_free(struct redactor *redactor); /* wipes; accepts NULL, returns NULL */
/* `mark` stands where the secret stood; both are copied. True also when there is nothing to look for. False: it is
 * past the maximum, or one of 32,768 forms in all or 512 that begin with the same bytes, and a text may still hold it.
 */
bool redactor_add(struct redactor *redactor, struct str mark, struct str secret);

/* The text without the secrets of all redactors (NULL ones are skipped). `cut`: it may begin and end inside a secret,
 * as the part of a longer text does; then what may be the end of one at its start, or the beginning of one at its end,
 * is taken out too, if it has REDACT_SHORTEST bytes, and its lines may break in the middle of one. */
void redact(const struct redactor *const *redactors, size_t n, struct str text, bool cut, struct buf *ret);

#endif

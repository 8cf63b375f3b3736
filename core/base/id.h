/* Ids as users see them: a prefix that says what it is, then 26 characters of Crockford base 32 in lower case:
 * 48 bits of Unix milliseconds (ids sort by time) and 80 random bits (ids cannot be guessed).
 *   deploy_01hf3v9y7m8k4q2r6s0t5w1x3z */
#ifndef BASE_ID_H
#define BASE_ID_H

#include "base/arena.h"

#define ID_MAX 40 /* longest id with its NUL */

void id_new(char ret_id[ID_MAX], const char *prefix); /* prefix with its underscore: "deploy_" */
struct str id_text(struct arena *arena, const char *prefix);
int64_t id_time_ms(struct str id); /* when it was made; 0 for what is not an id */
bool id_valid(struct str id, const char *prefix);
void random_bytes(void *ret, size_t n); /* from the kernel; aborts when it has none */

#endif

/* Patterns that people give us: which variables a policy means, by their keys, and what a check expects in an answer.
 *
 * A subset of JavaScript's regular expressions that means the same there: literals, ".", "\d" "\w" "\D" "\W", classes,
 * "*" "+" "?", groups, "|", "^" and "$"; found anywhere in the key unless anchored. It is matched by following all
 * states of an automaton at once, so that a key of n bytes takes at most n times as many steps as there are states:
 * no pattern is catastrophic. What is not in the subset is refused with the place of it. Pure. */
#ifndef MODEL_KEY_PATTERN_H
#define MODEL_KEY_PATTERN_H

#include "base/arena.h"

#define KEY_PATTERN_MAX   256 /* bytes */
#define KEY_PATTERN_DEPTH 32  /* groups in groups */

struct key_pattern;

/* NULL when it is refused; *ret_why is then the end of a sentence ("must not ... (at character 3)"), in the arena. */
struct key_pattern *key_pattern_new(struct arena *arena, struct str text, const char **ret_why);
/* Not by two at once: the pattern holds the states. */
bool key_pattern_matches(struct key_pattern *pattern, struct str key);
/* The same for a longer text, of any bytes: "." and classes that are negated mean those beyond ASCII, too, one by one.
 * After so many steps it gives up: false, and *ret_gave_up is true. */
bool key_pattern_matches_within(struct key_pattern *pattern, struct str text, size_t most_steps, bool *ret_gave_up);
/* Steps of the last match, for tests of what it costs. */
size_t key_pattern_steps(const struct key_pattern *pattern);
size_t key_pattern_size(const struct key_pattern *pattern); /* states */

#endif

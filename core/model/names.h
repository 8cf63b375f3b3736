/* What may be called what: organizations' slugs, GitHub's repositories and logins, git's branches, variables. Pure.
 * Each ..._why returns NULL, or what is wrong as the end of a sentence that begins with the field: "must have 2 to 40
 * characters".
 */
#ifndef MODEL_NAMES_H
#define MODEL_NAMES_H

#include "base/arena.h"

#define EMAIL_MAX        254
#define SLUG_MAX         40
#define REPO_MAX         140 /* owner 39, slash, name 100 */
#define BRANCH_MAX       255
#define VARIABLE_KEY_MAX 128

/* 2 to 40 lower case letters, digits and single hyphens, not at the ends, and no word that the API or the dashboard
 * uses for itself. */
const char *slug_why(struct str slug);
/* Letters in lower case, everything else one hyphen. It may be too short or reserved: ask slug_why. */
struct str slug_from_name(struct arena *arena, struct str name);
/* "owner/repository", as GitHub has them. */
const char *repo_why(struct str full_name);
const char *github_login_why(struct str login);
/* As git check-ref-format --branch. */
const char *branch_why(struct str branch);
const char *email_why(struct str email);
/* ^[A-Z_][A-Z0-9_]*$ */
const char *variable_key_why(struct str key);

#endif

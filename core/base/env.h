/* Environment variables of the operator, and secrets that stand in files instead: for a secret NAME, NAME_FILE may hold
 * a path, as container secrets and systemd's LoadCredential= hand them out. */
#ifndef BASE_ENV_H
#define BASE_ENV_H

#include <stdbool.h>

/* A variable that is set to nothing counts as not set: that is what an empty line in an env file means. */
const char *env_get(const char *name); /* NULL when it is not set */

/* What is in the file of NAME_FILE, without its line breaks: a key in PEM form becomes one line. The caller wipes and
 * frees it (env_secret_free). NULL when NAME_FILE is not set, or, with *ret_failed, when the file cannot be read, is
 * empty or has more than 16 KiB. Reads from the disk. */
char *env_secret_file(const char *name, bool *ret_failed);
void env_secret_free(char *text);         /* NULL is fine */
bool env_secret_is_set(const char *name); /* NAME or NAME_FILE */

#endif

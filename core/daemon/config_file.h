/* An ini file as a list of values. Refused with file and line: a line too long, an unknown section or key, a key twice,
 * what is not ini. */
#ifndef DAEMON_CONFIG_FILE_H
#define DAEMON_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct config_file;

bool config_file_read(const char *path, struct config_file **ret, char *ret_why, size_t why_size);
const char *config_file_get(const struct config_file *file, const char *section,
			    const char *key);                   /* NULL = not there */
struct config_file *config_file_free(struct config_file *file); /* accepts NULL, returns NULL */

#endif

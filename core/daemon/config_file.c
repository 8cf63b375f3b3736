/* Reading the ini file with inih.
 *
 * inih as packaged reads lines of 200 bytes and takes the rest of a longer one as a new line, so that part of a value
 * can become a key. The reader given to it here therefore reports such a line instead of cutting it. Its other
 * surprises (a line that begins with a space continues the previous value, " ;" begins a comment, a NUL ends the line)
 * are refused the same way. */
#include "daemon/config_file.h"

#include "daemon/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_VALUES 200

struct config_file {
	char *sections[MOST_VALUES], *keys[MOST_VALUES], *values[MOST_VALUES];
	size_t n;
};

struct reading {
	FILE *stream;
	struct config_file *file;
	const char *path;
	int line;
	char why[256];
};

static int refuse(struct reading *r, const char *what)
{
	if (!r->why[0])
		snprintf(r->why, sizeof(r->why), "%s:%d: %s", r->path, r->line, what);
	return 0;
}

/* What inih would take for something else, or NULL. `line` is one line with its end. */
static const char *surprise(const char *line)
{
	size_t blank = strspn(line, " \t");

	if (blank > 0 && !strchr("\r\n", line[blank]))
		return "a line must not begin with a space";
	for (const char *p = strchr(line, ';'); p && *line != ';' && *line != '#'; p = strchr(p + 1, ';'))
		if (p > line && (p[-1] == ' ' || p[-1] == '\t'))
			return "\" ;\" would begin a comment: put comments on lines of their own, or the value into "
			       "the "
			       "environment";
	return NULL;
}

/* fgets for inih: whole lines or nothing. */
static char *read_line(char *ret, int size, void *arg)
{
	struct reading *r = arg;
	const char *wrong;
	int n = 0, c = 0;

	if (r->why[0])
		return NULL;
	r->line++;
	while (c != '\n' && (c = getc(r->stream)) != EOF) {
		if (c == '\0' || n + 1 == size) {
			refuse(r, c ? "the line is too long (198 bytes at most): set the environment variable instead"
				    : "the line holds a NUL character: this is not a text file");
			return NULL;
		}
		ret[n++] = (char)c;
	}
	if (n == 0)
		return NULL;
	ret[n] = '\0';
	wrong = surprise(ret);
	if (wrong)
		refuse(r, wrong);
	return wrong ? NULL : ret;
}

static bool is_known(const char *section, const char *key)
{
	for (size_t i = 0; i < config_table_size; i++)
		if (strcmp(config_table[i].section, section) == 0 && strcmp(config_table[i].key, key) == 0)
			return true;
	return false;
}

static int on_value(void *arg, const char *section, const char *key, const char *value)
{
	struct reading *r = arg;
	struct config_file *file = r->file;

	if (!is_known(section, key))
		return refuse(r, "this section has no such key; `opshubd config ini` prints all there are");
	if (config_file_get(file, section, key))
		return refuse(r, "the key is there twice");
	if (file->n == MOST_VALUES)
		return refuse(r, "too many keys");
	file->sections[file->n] = strdup(section);
	file->keys[file->n] = strdup(key);
	file->values[file->n++] = strdup(value);
	return 1;
}

bool config_file_read(const char *path, struct config_file **ret, char *ret_why, size_t why_size)
{
	struct reading r = { .path = path };
	int bad_line;

	r.stream = fopen(path, "re");
	if (!r.stream) {
		snprintf(ret_why, why_size, "the configuration file %s cannot be read: %s", path, strerror(errno));
		return false;
	}
	r.file = calloc(1, sizeof(*r.file));
	if (!r.file)
		abort();
	errno = 0;
	bad_line = ini_parse_stream(read_line, &r, on_value, &r);
	if (ferror(r.stream) && !r.why[0]) { /* a folder can be opened, and fails here */
		snprintf(r.why, sizeof(r.why), "the configuration file %s cannot be read: %s", path, strerror(errno));
	} else if (bad_line > 0 && (!r.why[0] || bad_line < r.line)) { /* inih goes on behind what it cannot read */
		r.why[0] = '\0';
		r.line = bad_line;
		refuse(&r, "this is neither a section nor key = value");
	}
	fclose(r.stream);
	if (r.why[0]) {
		snprintf(ret_why, why_size, "%s", r.why);
		config_file_free(r.file);
		return false;
	}
	*ret = r.file;
	return true;
}

const char *config_file_get(const struct config_file *file, const char *section, const char *key)
{
	for (size_t i = 0; file && i < file->n; i++)
		if (strcmp(file->sections[i], section) == 0 && strcmp(file->keys[i], key) == 0)
			return file->values[i];
	return NULL;
}

struct config_file *config_file_free(struct config_file *file)
{
	if (!file)
		return NULL;
	for (size_t i = 0; i < file->n; i++) {
		free(file->sections[i]);
		free(file->keys[i]);
		explicit_bzero(file->values[i], strlen(file->values[i]));
		free(file->values[i]);
	}
	free(file);
	return NULL;
}

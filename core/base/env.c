/* Variables, and files that stand for them. */
#include "base/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 96
#define FILE_MOST      16384

const char *env_get(const char *name)
{
	const char *text = getenv(name);

	return text && *text ? text : NULL;
}

static const char *file_of(const char *name)
{
	char variable[NAME_MAX_BYTES];

	snprintf(variable, sizeof(variable), "%s_FILE", name);
	return env_get(variable);
}

static void drop_line_breaks(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++)
		if (*from != '\n' && *from != '\r')
			*to++ = *from;
	memset(to, 0, strlen(to));
}

char *env_secret_file(const char *name, bool *ret_failed)
{
	const char *path = file_of(name);
	FILE *file;
	char *text;
	size_t n;

	*ret_failed = false;
	if (!path)
		return NULL;
	file = fopen(path, "re");
	text = calloc(1, FILE_MOST + 1);
	if (!text)
		abort();
	if (file)
		setvbuf(file, NULL, _IONBF, 0); /* no copy stays behind */
	n = file ? fread(text, 1, FILE_MOST + 1, file) : 0;
	if (file)
		fclose(file);
	if (n <= FILE_MOST)
		drop_line_breaks(text);
	*ret_failed = n > FILE_MOST || !*text;
	if (!*ret_failed)
		return text;
	explicit_bzero(text, FILE_MOST + 1);
	free(text);
	return NULL;
}

void env_secret_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

bool env_secret_is_set(const char *name)
{
	return env_get(name) || file_of(name);
}

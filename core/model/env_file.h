/* Files of variables, .env: read and written. Pure.
 *
 *   # a comment
 *   export HOST=db.example   # export, and a comment behind a space, are left out
 *   EMPTY=
 *   LITERAL='as it is: \n $HOME "x" #'
 *   SHELL=`the same between backticks`
 *   KEY="-----BEGIN-----\nlines, also written as such\t\"\\\$\`\r"
 *
 * It reads what the npm package dotenv reads, to the same values, but for what dotenv guesses: where it takes half a
 * line, or the last of two, this refuses the file and names the line. Between double quotes it knows \t \" \\ \$ \` as
 * well, which dotenv leaves as they are. Nothing is expanded. */
#ifndef MODEL_ENV_FILE_H
#define MODEL_ENV_FILE_H

#include "base/arena.h"
#include "base/buf.h"

struct env_entry {
	struct str key, value;
	unsigned line; /* on which it begins, from 1 */
};

struct env_fault {
	unsigned line;
	const char *why; /* "is not KEY=value"; never holds a part of a value */
};

/* At most `most` entries, with values of at most `longest` bytes. False with the first fault, and nothing is read. The
 * texts are the arena's. */
bool env_file_read(struct arena *arena, struct str text, size_t most, size_t longest, struct env_entry **ret,
		   size_t *ret_n, struct env_fault *ret_fault);
/* One entry as a line, or as several when the value has line breaks. env_file_read() gives back the same value, and so
 * does a POSIX shell, if there is no carriage return in it. */
void env_file_write(struct buf *buf, struct str key, struct str value);

#endif

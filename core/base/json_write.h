/* JSON out, into a capped buffer. Commas are put by the writer. Text that is not UTF-8 is written with U+FFFD in
 * place of the bad bytes, so the output is always valid. '<' and '/' after '<' are escaped for use in HTML. */
#ifndef BASE_JSON_WRITE_H
#define BASE_JSON_WRITE_H

#include "base/buf.h"

struct json_out {
	struct buf *buf;
	bool comma;
};

#define JSON_OUT(b) ((struct json_out){ .buf = (b) })

void json_open(struct json_out *out, char bracket);  /* '{' or '[' */
void json_close(struct json_out *out, char bracket); /* '}' or ']' */
void json_key(struct json_out *out, const char *key);
void json_add_text(struct json_out *out, struct str text);
void json_add_int(struct json_out *out, int64_t value);
void json_add_bool(struct json_out *out, bool value);
void json_add_null(struct json_out *out);
void json_add_raw(struct json_out *out, struct str json); /* already JSON */

/* json_key + value */
void json_put_text(struct json_out *out, const char *key, struct str text);
void json_put_int(struct json_out *out, const char *key, int64_t value);
void json_put_bool(struct json_out *out, const char *key, bool value);
/* The escaped text without quotes. */
void json_escape(struct buf *buf, struct str text);

#endif

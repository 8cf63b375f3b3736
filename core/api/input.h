/* A JSON body, read field by field. Every fault is collected, fields that nobody asked for are faults too, and one
 * answer names them all:
 *
 *	struct input in;
 *	struct str name = { 0 };
 *	int r = input_open(x, &in);
 *	if (r == OK) {
 *		input_text(&in, "name", INPUT_REQUIRED, 1, 80, &name);
 *		r = input_close(&in);
 *	}
 *
 * A value that is absent or faulty leaves *ret as it was. The texts are the call's. */
#ifndef API_INPUT_H
#define API_INPUT_H

#include "api/api.h"
#include "base/json_read.h"

#define INPUT_FIELDS_MAX 136 /* 64 settings of a provider, some under two names */

#define INPUT_REQUIRED 1u
#define INPUT_NULLABLE 2u /* null counts as absent: ask input_is_null */

struct input {
	struct exchange *x;
	const char *prefix; /* of the fields' names in faults: "settings."; NULL = none */
	const struct json *body;
	unsigned n_faults;
	const char *known[INPUT_FIELDS_MAX];
	size_t n_known;
};

/* 400 when the body is no JSON object, 415 when it is not sent as one. No body and no Content-Type counts as {}. */
int input_open(struct exchange *x, struct input *in);
/* Each returns whether a value was taken. Lengths are of bytes in UTF-8; control characters are refused. */
bool input_text(struct input *in, const char *field, unsigned flags, size_t min, size_t max, struct str *ret);
/* A name: a text without the spaces around it, of at least one byte. */
bool input_name(struct input *in, const char *field, unsigned flags, size_t max, struct str *ret);
bool input_int(struct input *in, const char *field, unsigned flags, int64_t min, int64_t max, int64_t *ret);
bool input_bool(struct input *in, const char *field, unsigned flags, bool *ret);
/* One of the words, which end with NULL. */
bool input_word(struct input *in, const char *field, unsigned flags, const char *const *words, struct str *ret);
/* Any value; the caller looks into it. NULL when absent. */
const struct json *input_value(struct input *in, const char *field, unsigned flags);
bool input_is_null(const struct input *in, const char *field);
/* A fault that the caller has found: "must be ...", without the field's name in front. */
void input_fault(struct input *in, const char *field, const char *why);
/* OK, or 422 with all faults. */
int input_close(struct input *in);

#endif

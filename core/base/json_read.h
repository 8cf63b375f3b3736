/* JSON in, on yajl's event parser, as a tree in an arena.
 *
 * Refused with a sentence that names the place: nesting deeper than 32, more than 100,000 tokens, a text over 1 MiB,
 * text that is not strict UTF-8 or holds NUL, half a surrogate pair, integers beyond 64 bits, other numbers that
 * overflow a double or have more than 127 characters, a key twice in one object, anything after the value, comments.
 * Does not recurse: the depth of the input never reaches the stack. */
#ifndef BASE_JSON_READ_H
#define BASE_JSON_READ_H

#include "base/arena.h"

enum json_kind { JSON_NULL, JSON_BOOL, JSON_INT, JSON_DOUBLE, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_kind kind;
	uint32_t n; /* children of an array or object */
	union {
		bool truth;
		int64_t integer;
		double number;
		struct str text;
	};
	struct str key;           /* of a member of an object */
	const struct json *child; /* first child */
	const struct json *next;  /* sibling */
};

struct json_limits {
	size_t max_text;     /* bytes of one text, default 1 MiB */
	unsigned max_depth;  /* default 32 */
	unsigned max_tokens; /* default 100,000 */
	/* Texts and keys without escapes point into the input, which must live as long as the tree, and are not
	 * followed by NUL. For large inputs: nothing is copied. */
	bool borrow;
};

/* NULL on failure, with *ret_why set to a sentence in the arena ("byte 312: ..."). limits may be NULL. */
const struct json *json_parse(struct arena *arena, struct str text, const struct json_limits *limits,
			      const char **ret_why);

/* NULL-safe steps: json_get(json_get(root, "head"), "sha"). */
const struct json *json_get(const struct json *object, const char *key);
const struct json *json_at(const struct json *array, uint32_t index);
/* The value when it has that kind, else the given default. */
struct str json_text(const struct json *value, struct str otherwise);
int64_t json_int(const struct json *value, int64_t otherwise);
bool json_bool(const struct json *value, bool otherwise);

#endif

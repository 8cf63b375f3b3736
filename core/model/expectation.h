/* What a check expects of an answer. Pure. */
#ifndef MODEL_EXPECTATION_H
#define MODEL_EXPECTATION_H

#include "base/arena.h"
#include "base/str.h"

#define JSON_PATH_MAX 256

struct expectation {
	int status_min, status_max;
	struct str contains;    /* empty = nothing */
	struct str matches;     /* a pattern of model/key_pattern.h, in the first 64 KiB, by bytes; empty = none */
	struct str json_path;   /* "$.a.b[0]['c d']"; empty = none */
	struct str json_equals; /* JSON text */
	int64_t latency_max_ms; /* 0 = no bound */
	bool is_costly;         /* `matches` took too long a short while ago: PATTERN_COST without trying */
};

/* NULL, or what is wrong with it: the end of a sentence. */
const char *json_path_check(struct str path);

/* NULL = as expected. Else a code: "STATUS", "BODY", "PATTERN", "PATTERN_COST" (it takes too long to find out), "JSON",
 * "LATENCY", "LOGIN_REQUIRED" (401 or 403 when it is not expected; a redirect to a login unless all that is expected
 * are redirects and errors). `body` is what was read of it. */
const char *expectation_judge(struct arena *arena, const struct expectation *e, int status, bool login_redirect,
			      struct str body, int64_t latency_ms);
bool expectation_wants_body(const struct expectation *e);

#endif

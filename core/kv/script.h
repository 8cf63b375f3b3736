/* A Lua script in Redis, sent once and then called by its digest. What it does to its key it does as one step. */
#ifndef KV_SCRIPT_H
#define KV_SCRIPT_H

#include "kv/kv.h"

#define KV_SCRIPT_ARGS 8

struct kv_script {
	struct str text; /* lives as long as the script is used */
	char digest[41]; /* as Redis named it; "" at the start */
};

/* Runs it with one key and at most KV_SCRIPT_ARGS arguments. Fails as kv_command does; what the script itself fails
 * with is E_UPSTREAM. timeout_ms is for each round trip: one, and two where Redis does not have the script (any more).
 * A script that fails with an error may have been run twice: it must not write before it can fail. */
AWAITS int kv_run(struct call *call, struct kv *kv, int64_t timeout_ms, struct kv_script *script, struct kv_reply *ret,
		  struct str key, const struct str *args, size_t n_args);

#endif

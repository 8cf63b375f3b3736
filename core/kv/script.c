/* EVALSHA, and EVAL when Redis has lost the script: it was restarted, flushed, or is another one. */
#include "kv/script.h"

#include <string.h>

/* Redis names the script by its SHA-1, which this folder need not be able to compute. */
static int load(struct call *call, struct kv *kv, int64_t timeout_ms, struct kv_script *script)
{
	struct kv_reply reply;
	int r = kv_do(call, kv, timeout_ms, &reply, STR("SCRIPT"), STR("LOAD"), script->text);

	if (r != OK)
		return r;
	if (reply.kind != KV_TEXT || reply.text.n + 1 != sizeof(script->digest))
		return call_fail(call, E_UPSTREAM, "Redis gave no digest for a script: check that it is Redis 7");
	memcpy(script->digest, reply.text.p, sizeof(script->digest));
	return OK;
}

int kv_run(struct call *call, struct kv *kv, int64_t timeout_ms, struct kv_script *script, struct kv_reply *ret,
	   struct str key, const struct str *args, size_t n_args)
{
	struct str words[4 + KV_SCRIPT_ARGS] = { STR("EVALSHA"), { 0 }, STR("1"), key };
	int r;

	if (n_args > KV_SCRIPT_ARGS)
		return call_fail(call, E_INTERNAL, "a script has %zu arguments: at most %d work", n_args,
				 KV_SCRIPT_ARGS);
	if (!script->digest[0]) {
		r = load(call, kv, timeout_ms, script);
		if (r != OK)
			return r;
	}
	words[1] = (struct str){ script->digest, sizeof(script->digest) - 1 };
	for (size_t i = 0; i < n_args; i++)
		words[4 + i] = args[i];
	r = kv_command(call, kv, timeout_ms, ret, words, 4 + n_args);
	if (r != E_UPSTREAM)
		return r;
	words[0] = STR("EVAL");
	words[1] = script->text;
	return kv_command(call, kv, timeout_ms, ret, words, 4 + n_args);
}

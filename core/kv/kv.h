/* Redis, awaited, on hiredis. Redis only makes things fast: every use has an answer for "away".
 *
 * A kv is one connection: commands of all fibers are pipelined on it. Something that blocks in Redis (BLMPOP) needs a
 * kv of its own. Reconnects by itself with backoff (100 ms to 5 s, jitter), with AUTH and SELECT again. While away,
 * commands fail at once with E_NETWORK. A command that gets no answer in time closes the connection (hiredis 0.14
 * cannot time out alone) and fails with E_TIMEOUT.
 * Easy to break: error replies (OOM, READONLY, LOADING, MISCONF) are replies; they come back as E_UPSTREAM. */
#ifndef KV_KV_H
#define KV_KV_H

#include "fiber/fiber.h"

struct kv;

/* url: redis://[user:password@]host[:port][/db]. rediss:// is refused by kv_url_check (hiredis 0.14 has no TLS).
 * Starts connecting and returns. Name look-up never blocks the loop. */
struct kv *kv_open(struct loop *loop, const char *url, const char *name);
struct kv *kv_close(struct kv *kv); /* accepts NULL, returns NULL; waiting commands fail with E_NETWORK */
bool kv_is_up(const struct kv *kv);
/* NULL when the url is good, else a sentence that says what is wrong, without its password. */
const char *kv_url_check(const char *url);
/* Wait for a first connection. */
AWAITS int kv_ready(struct call *call, struct kv *kv, int64_t timeout_ms);

enum kv_kind { KV_NIL, KV_TEXT, KV_INT, KV_ARRAY };
struct kv_reply {
	enum kv_kind kind;
	struct str text;
	int64_t integer;
	uint32_t n;
	const struct kv_reply *items; /* KV_ARRAY */
};

/* One command; arguments are binary safe. The reply is copied into the call's arena; ret may be NULL.
 * timeout_ms 0 = 500. */
#define kv_do(call, kv, timeout_ms, ret, ...)                                                                          \
	kv_command(call, kv, timeout_ms, ret, (const struct str[]){ __VA_ARGS__ },                                     \
		   sizeof((const struct str[]){ __VA_ARGS__ }) / sizeof(struct str))
AWAITS int kv_command(struct call *call, struct kv *kv, int64_t timeout_ms, struct kv_reply *ret,
		      const struct str *args, size_t n_args);
/* Send and forget: what Redis answers is only counted. False when there is no connection. */
bool kv_post(struct kv *kv, const struct str *args, size_t n_args);

#endif

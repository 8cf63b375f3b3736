/* What the files of this folder share. Nobody else includes it. */
#ifndef KV_INNER_H
#define KV_INNER_H

#include "base/buf.h"
#include "kv/kv.h"

#include <hiredis/async.h>

/* url.c */
struct kv_url {
	char host[256], user[256], password[512];
	int port, db;
};
/* NULL, or what is wrong as a sentence. */
const char *kv_url_parse(const char *url, struct kv_url *ret);

/* link.c: hiredis on the loop. All calls of hiredis come from the loop's stack, each followed by link_apply. */
struct link;
struct link *link_new(redisAsyncContext *context, uv_loop_t *loop); /* freed with the context; NULL on failure */
void link_apply(struct link *link);

/* reply.c */
void reply_copy(struct arena *arena, const redisReply *from, struct kv_reply *to);

/* command.c */
struct command {
	struct wait wait;
	struct command *next;
	struct call *call; /* who waits; NULL = nobody: the reply is dropped */
	bool left;         /* given up: not sent any more */
	bool sent;
	int64_t expires_ms;
	struct buf text; /* as it goes to Redis */
	struct kv_reply reply;
	char error[24]; /* first word of an error reply: its code. The rest may repeat arguments */
};
struct command *command_new(struct call *call, const struct str *args, size_t n_args);
void command_reply(struct command *command, const redisReply *reply); /* NULL: the connection was lost */

enum kv_state { KV_DOWN, KV_RESOLVING, KV_CONNECTING, KV_GREETING, KV_UP };

struct kv {
	struct loop *loop;
	struct loop_hook sink;
	uv_timer_t timer; /* when down: the next attempt; while connecting: its end. Closing it frees the kv */
	struct kv_url url;
	char name[64];
	enum kv_state state;
	struct resolver *resolver;
	redisAsyncContext *context;
	struct link *link;
	const char *broken;           /* why the connection must go, at the end of this turn; NULL = it is fine */
	unsigned failures;            /* in a row */
	bool inspected;               /* version and eviction policy were looked at */
	struct command *first, **end; /* not sent yet */
	unsigned n_pending;           /* not answered yet */
	struct event changed;
};

/* connect.c */
void kv_connect(struct kv *kv);
void kv_lost(struct kv *kv, const char *why);
void kv_drop(struct kv *kv); /* the connection and the look-up, without trying again */

#endif

/* Opening, closing, and the end of each turn, when what fibers have queued leaves in one write. */
#include "kv/inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_reply(redisAsyncContext *context, void *reply, void *arg)
{
	struct kv *kv = context->data;

	kv->n_pending--;
	command_reply(arg, reply);
}

static void send_queued(struct kv *kv)
{
	while (kv->first) {
		struct command *command = kv->first;

		kv->first = command->next;
		if (!kv->first)
			kv->end = &kv->first;
		if (command->left) {
			kv->n_pending--;
			wait_complete(&command->wait, E_CANCELLED);
			continue;
		}
		command->sent = true;
		redisAsyncFormattedCommand(kv->context, on_reply, command, command->text.p, command->text.n);
		buf_done(&command->text);
	}
}

static void on_sink(void *arg)
{
	struct kv *kv = arg;
	struct link *link = kv->link;

	if (kv->broken)
		kv_lost(kv, kv->broken);
	if (!kv->context || kv->state < KV_GREETING)
		return;
	if (kv->state == KV_UP && kv->first) {
		send_queued(kv);
		redisAsyncHandleWrite(kv->context); /* may lose the connection, and the context with it */
	}
	if (kv->context)
		link_apply(link);
}

struct kv *kv_open(struct loop *loop, const char *url, const char *name)
{
	struct kv *kv = calloc(1, sizeof(*kv));
	const char *why;

	if (!kv)
		abort();
	kv->loop = loop;
	kv->end = &kv->first;
	snprintf(kv->name, sizeof(kv->name), "%s", name);
	uv_timer_init(loop_uv(loop), &kv->timer);
	kv->timer.data = kv;
	kv->sink = (struct loop_hook){ .fn = on_sink, .arg = kv };
	loop_hook_add(loop, LOOP_SINK, &kv->sink);
	why = kv_url_parse(url, &kv->url);
	if (why) {
		log_error("Redis", "Redis is not used", F_TEXT("connection", kv->name), F_TEXT("reason", why));
		return kv;
	}
	if (kv->url.password[0])
		log_secret(str_of(kv->url.password));
	kv_connect(kv);
	return kv;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct kv *kv_close(struct kv *kv)
{
	if (!kv)
		return NULL;
	loop_hook_remove(kv->loop, LOOP_SINK, &kv->sink);
	kv_drop(kv);
	uv_close((uv_handle_t *)&kv->timer, on_closed);
	return NULL;
}

bool kv_is_up(const struct kv *kv)
{
	return kv->state == KV_UP && !kv->broken;
}

int kv_ready(struct call *call, struct kv *kv, int64_t timeout_ms)
{
	int64_t until = (int64_t)uv_now(loop_uv(kv->loop)) + timeout_ms, left;
	int r;

	while (!kv_is_up(kv)) {
		left = until - (int64_t)uv_now(loop_uv(kv->loop));
		r = event_wait(call, &kv->changed, left > 0 ? left : 0);
		if (r == E_CANCELLED)
			return r;
		if (r < 0)
			return call_fail(call, E_NETWORK,
					 "Redis cannot be reached: check that it runs and that its url is right");
	}
	return OK;
}

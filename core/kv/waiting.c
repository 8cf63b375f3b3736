/* The Redis list of a queue. */
#include "kv/waiting.h"

#include <stdio.h>

#define PUSH_AT_ONCE 128

struct str waiting_key(char ret_key[WAITING_KEY_MAX], struct str queue)
{
	int n = snprintf(ret_key, WAITING_KEY_MAX, "bull:%.*s:waiting", STR_FMT(queue));

	return (struct str){ ret_key, (size_t)n < WAITING_KEY_MAX ? (size_t)n : WAITING_KEY_MAX - 1 };
}

void waiting_push(struct kv *kv, struct str queue, const struct str *ids, size_t n)
{
	struct str args[PUSH_AT_ONCE + 2] = { STR("RPUSH") };
	char key[WAITING_KEY_MAX];

	args[1] = waiting_key(key, queue);
	for (size_t i = 0; i < n; i += PUSH_AT_ONCE) {
		size_t some = n - i < PUSH_AT_ONCE ? n - i : PUSH_AT_ONCE;

		for (size_t k = 0; k < some; k++)
			args[2 + k] = ids[i + k];
		kv_post(kv, args, some + 2);
	}
}

static struct str number(struct call *call, int64_t value)
{
	return arena_printf(call->arena, "%lld", (long long)value);
}

static void read_texts(struct call *call, const struct kv_reply *array, const struct str **ret, size_t *ret_n)
{
	struct str *texts = arena_alloc(call->arena, (array->n + 1) * sizeof(*texts));

	for (uint32_t i = 0; i < array->n; i++)
		texts[i] = array->items[i].text;
	*ret = texts;
	*ret_n = array->n;
}

int waiting_pop(struct call *call, struct kv *kv, struct str queue, int64_t most, int64_t wait_ms,
		const struct str **ret, size_t *ret_n)
{
	struct kv_reply reply;
	char key[WAITING_KEY_MAX];
	int r = kv_do(call, kv, wait_ms + 2000, &reply, STR("BLMPOP"),
		      arena_printf(call->arena, "%.3f", (double)wait_ms / 1000.0), STR("1"), waiting_key(key, queue),
		      STR("LEFT"), STR("COUNT"), number(call, most));

	if (r != OK)
		return r;
	if (reply.kind == KV_ARRAY && reply.n == 2 && reply.items[1].kind == KV_ARRAY) {
		read_texts(call, &reply.items[1], ret, ret_n);
	} else {
		*ret = NULL;
		*ret_n = 0;
	}
	return OK;
}

int waiting_list(struct call *call, struct kv *kv, struct str queue, int64_t most, const struct str **ret,
		 size_t *ret_n)
{
	struct kv_reply reply;
	char key[WAITING_KEY_MAX];
	int r = kv_do(call, kv, 0, &reply, STR("LRANGE"), waiting_key(key, queue), STR("0"), number(call, most - 1));

	if (r != OK)
		return r;
	if (reply.kind != KV_ARRAY)
		return call_fail(call, E_UPSTREAM, "Redis did not answer with a list");
	read_texts(call, &reply, ret, ret_n);
	return OK;
}

/* Replies, copied out of hiredis into the call's arena. They nest at most seven deep, which hiredis enforces. */
#include "kv/inner.h"

void reply_copy(struct arena *arena, const redisReply *from, struct kv_reply *to)
{
	struct kv_reply *items;

	*to = (struct kv_reply){ .kind = KV_NIL };
	switch (from->type) {
	case REDIS_REPLY_STRING:
	case REDIS_REPLY_STATUS:
	case REDIS_REPLY_ERROR: /* inside an array: of EXEC, say */
		to->kind = KV_TEXT;
		to->text = arena_str(arena, (struct str){ from->str, (size_t)from->len });
		break;
	case REDIS_REPLY_INTEGER:
		to->kind = KV_INT;
		to->integer = from->integer;
		break;
	case REDIS_REPLY_ARRAY:
		items = arena_alloc(arena, from->elements * sizeof(*items));
		for (size_t i = 0; i < from->elements; i++)
			reply_copy(arena, from->element[i], &items[i]);
		to->kind = KV_ARRAY;
		to->n = (uint32_t)from->elements;
		to->items = items;
		break;
	default:
		break;
	}
}

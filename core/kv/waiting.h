/* The Redis list of a queue: "bull:<queue>:waiting" holds the ids of jobs that wait, one element a job, so that
 * `redis-cli llen bull:preview-queue:waiting` tells the truth. It is a hint for speed: PostgreSQL has the jobs. */
#ifndef KV_WAITING_H
#define KV_WAITING_H

#include "kv/kv.h"

#define WAITING_KEY_MAX 64
struct str waiting_key(char ret_key[WAITING_KEY_MAX], struct str queue);
/* Append and forget. Nothing happens while Redis is away: workers poll PostgreSQL then. */
void waiting_push(struct kv *kv, struct str queue, const struct str *ids, size_t n);
/* Up to `most` ids from the front; waits up to wait_ms for a first one. */
AWAITS int waiting_pop(struct call *call, struct kv *kv, struct str queue, int64_t most, int64_t wait_ms,
		       const struct str **ret, size_t *ret_n);
/* The first `most` ids, without taking them. */
AWAITS int waiting_list(struct call *call, struct kv *kv, struct str queue, int64_t most, const struct str **ret,
			size_t *ret_n);

#endif

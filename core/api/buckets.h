/* Token buckets as one process knows them: arithmetic and a table, no I/O. Times are microseconds of the monotonic
 * clock, given by the caller.
 *
 * A bucket holds `limit` tokens, a request takes one, and one comes back every cost_us. It is written as one number:
 * when it is full again. The bucket that counts is in Redis (limits.c). From it a process takes a lease, a few tokens
 * at once, and spends them without asking; what it last heard of the rest is kept beside them.
 *
 *   full_us - now = 3.4 * cost_us:   [ooooooo...]   limit 10, 6 tokens are there, the next one comes in 0.4 * cost_us
 *
 * Easy to break: the limit holds for all processes together. What lies in leases and what is in Redis must never be
 * more than a full bucket, though Redis fills its own up to the limit. So a lease shrinks as the bucket fills: no more
 * of it is left than was missing in the bucket when it was taken, less what has come back since. What shrinks away is
 * lost to nobody: the bucket has as many tokens more. */
#ifndef API_BUCKETS_H
#define API_BUCKETS_H

#include "base/str.h"

#define BUCKET_KEY_MAX 95

struct limit_rule {
	int64_t limit; /* tokens of a full bucket, at most 1,000,000; 0 = no limit */
	int64_t window_ms;
};
/* Of one token, 1 or more. Rounded up, so that the limit is kept rather than passed. */
int64_t rule_cost_us(const struct limit_rule *rule);

struct bucket {
	int64_t full_us;       /* of the bucket in Redis as last heard: it cannot be fuller than this says */
	int64_t lease_full_us; /* the same when the lease was taken */
	int64_t left;          /* of the lease */
	int64_t spent;         /* since the lease was taken */
	bool asking;           /* somebody is taking the next lease */
	uint8_t key_n;
	char key[BUCKET_KEY_MAX];
};

/* 4,096 buckets, at most 600 KiB. A new one that finds no place takes that of a bucket that is nearly full: the least
 * is forgotten with it. */
struct buckets;
struct buckets *buckets_new(void);
struct buckets *buckets_free(struct buckets *buckets); /* accepts NULL, returns NULL */
/* The bucket of this key, a full one if it is new. Good until the next call. Keys are told apart by their first
 * BUCKET_KEY_MAX bytes. */
struct bucket *buckets_at(struct buckets *buckets, struct str key);

enum bucket_verdict { BUCKET_TAKEN, BUCKET_EMPTY, BUCKET_ASK };
/* Takes a token of the lease. EMPTY: Redis cannot have one either. ASK: it may. */
enum bucket_verdict bucket_take(struct bucket *bucket, const struct limit_rule *rule, int64_t now_us);
/* How many tokens to ask for: as many as shall last for some requests, by what the last lease was used for. While
 * somebody else asks, one. Sets asking; *ret_leasing says whether the caller is the one who must clear it. */
int64_t bucket_ask(struct bucket *bucket, bool *ret_leasing);
/* Redis gave n tokens, one of which is for the request that asked, and missing_us were missing then. asked_us is when
 * it was asked, not when it answered: a lease that is thought older than it is breaks nothing. */
void bucket_told(struct bucket *bucket, bool leasing, int64_t n, int64_t missing_us, int64_t asked_us);
/* Without Redis: takes a token of the bucket as this process knows it. */
bool bucket_take_alone(struct bucket *bucket, const struct limit_rule *rule, int64_t now_us);

/* For the headers: tokens there, lease included; time until one is there; time until all are. */
int64_t bucket_remaining(const struct bucket *bucket, const struct limit_rule *rule, int64_t now_us);
int64_t bucket_wait_us(const struct bucket *bucket, const struct limit_rule *rule, int64_t now_us);
int64_t bucket_reset_us(const struct bucket *bucket, const struct limit_rule *rule, int64_t now_us);

#endif

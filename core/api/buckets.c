/* Arithmetic and table of the token buckets. The table is a hash of small sets; the hash has a seed of this process, so
 * that nobody can choose addresses which push a certain bucket out. */
#include "api/buckets.h"

#include "base/id.h"

#include <stdlib.h>
#include <string.h>

#define SETS 512
#define WAYS 8
/* A lease is asked to last for this many times what the last one was used for: who asks now and then takes single
 * tokens and leaves the rest to other processes, who is busy gets leases that grow. */
#define GROWTH 16

struct buckets {
	uint64_t seed;
	struct bucket sets[SETS][WAYS];
};

struct buckets *buckets_new(void)
{
	struct buckets *buckets = calloc(1, sizeof(*buckets)); /* pages that are never used are never touched */

	if (!buckets)
		abort();
	random_bytes(&buckets->seed, sizeof(buckets->seed));
	return buckets;
}

struct buckets *buckets_free(struct buckets *buckets)
{
	free(buckets);
	return NULL;
}

static struct bucket *set_of(struct buckets *buckets, struct str key)
{
	uint64_t hash = buckets->seed;

	for (size_t i = 0; i < key.n; i++)
		hash = (hash ^ (unsigned char)key.p[i]) * 1099511628211u;
	return buckets->sets[(hash ^ hash >> 32) % SETS];
}

struct bucket *buckets_at(struct buckets *buckets, struct str key)
{
	struct bucket *set, *fullest;

	if (key.n > BUCKET_KEY_MAX)
		key.n = BUCKET_KEY_MAX;
	set = fullest = set_of(buckets, key);
	for (struct bucket *b = set; b < set + WAYS; b++) {
		if (str_eq((struct str){ b->key, b->key_n }, key))
			return b;
		if (b->full_us < fullest->full_us)
			fullest = b;
	}
	*fullest = (struct bucket){ .key_n = (uint8_t)key.n };
	memcpy(fullest->key, key.p, key.n);
	return fullest;
}

/* ---- arithmetic ---- */

int64_t rule_cost_us(const struct limit_rule *rule)
{
	return rule->limit ? (rule->window_ms * 1000 + rule->limit - 1) / rule->limit : 1;
}

static int64_t missing_us(const struct bucket *b, int64_t now_us)
{
	return b->full_us > now_us ? b->full_us - now_us : 0;
}

/* Whole tokens in a bucket that misses so much. */
static int64_t tokens(const struct limit_rule *rule, int64_t missing)
{
	int64_t cost = rule_cost_us(rule);
	int64_t there = rule->limit * cost - missing;

	return there > 0 ? there / cost : 0;
}

static int64_t lease_left(const struct bucket *b, const struct limit_rule *rule, int64_t now_us)
{
	int64_t still = b->lease_full_us > now_us ? (b->lease_full_us - now_us) / rule_cost_us(rule) : 0;

	return b->left < still ? b->left : still;
}

enum bucket_verdict bucket_take(struct bucket *b, const struct limit_rule *rule, int64_t now_us)
{
	b->left = lease_left(b, rule, now_us);
	if (b->left > 0) {
		b->left--;
		b->spent++;
		return BUCKET_TAKEN;
	}
	return tokens(rule, missing_us(b, now_us)) ? BUCKET_ASK : BUCKET_EMPTY;
}

int64_t bucket_ask(struct bucket *b, bool *ret_leasing)
{
	bool leasing = !b->asking;

	b->asking = true;
	*ret_leasing = leasing;
	return leasing && b->spent ? b->spent * GROWTH : 1;
}

void bucket_told(struct bucket *b, bool leasing, int64_t n, int64_t missing, int64_t asked_us)
{
	b->full_us = asked_us + missing;
	if (leasing) {
		b->asking = false;
		b->lease_full_us = b->full_us;
		b->left = n > 0 ? n - 1 : 0;
		b->spent = 0;
	}
	if (n > 0)
		b->spent++;
}

bool bucket_take_alone(struct bucket *b, const struct limit_rule *rule, int64_t now_us)
{
	int64_t missing = missing_us(b, now_us);

	b->left = lease_left(b, rule, now_us);
	if (b->left > 0) {
		b->left--;
		return true;
	}
	if (!tokens(rule, missing))
		return false;
	b->full_us = now_us + missing + rule_cost_us(rule);
	return true;
}

/* ---- what is said about it ---- */

/* Tokens of the lease are still there for whoever the bucket belongs to. */
int64_t bucket_reset_us(const struct bucket *b, const struct limit_rule *rule, int64_t now_us)
{
	int64_t missing = missing_us(b, now_us) - lease_left(b, rule, now_us) * rule_cost_us(rule);

	return missing > 0 ? missing : 0;
}

int64_t bucket_remaining(const struct bucket *b, const struct limit_rule *rule, int64_t now_us)
{
	return tokens(rule, bucket_reset_us(b, rule, now_us));
}

int64_t bucket_wait_us(const struct bucket *b, const struct limit_rule *rule, int64_t now_us)
{
	int64_t wait = bucket_reset_us(b, rule, now_us) - (rule->limit - 1) * rule_cost_us(rule);

	return wait > 0 ? wait : 0;
}

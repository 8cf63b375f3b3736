/* Inside redact.c and redactor.c: what is looked for, and how it is found by its first bytes. */
#ifndef BASE_REDACT_INNER_H
#define BASE_REDACT_INNER_H

#include "base/redact.h"

#include <stdlib.h>
#include <string.h>

#define FILTER_BITS  15
#define FILTER_WORDS ((1 << FILTER_BITS) / 64)
#define HASH_BASE    UINT64_C(0x9E3779B97F4A7C15)

/* One way to write one secret. */
struct form {
	const char *p; /* in a block */
	size_t n;
	uint64_t hash, power; /* of all its bytes; HASH_BASE to the n */
	uint32_t mark;        /* index into marks */
	uint32_t next;        /* of the same bucket, index + 1 */
	uint32_t head, tail;  /* filter bits of its first bytes and of its last */
	bool is_decoded;      /* looked for in texts whose percent signs are resolved */
	bool is_whole;        /* a secret, not only a line or a code of one */
	bool before, after;   /* base64: the character there holds a few bits of the secret too */
};

struct redactor {
	struct block *blocks;
	struct form *forms;
	uint32_t *buckets; /* index + 1 */
	struct str *marks; /* in blocks */
	size_t n_forms, room, n_buckets, n_marks, used, max, longest;
	uint64_t filter[FILTER_WORDS];
};

static inline void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static inline uint32_t filter_bit(const char *p)
{
	uint32_t four;

	memcpy(&four, p, sizeof(four));
	return four * 0x9E3779B1u >> (32 - FILTER_BITS);
}

static inline uint64_t head_hash(const char *p)
{
	uint64_t head = 0;

	memcpy(&head, p, REDACT_SHORTEST);
	head *= HASH_BASE;
	return head ^ head >> 29;
}

static inline uint32_t short_bit(const char *p)
{
	return (uint32_t)(head_hash(p) & ((1 << FILTER_BITS) - 1));
}

static inline void set_bit(uint64_t *filter, uint32_t bit)
{
	filter[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static inline bool has_bit(const uint64_t *filter, uint32_t bit)
{
	return filter[bit / 64] >> (bit % 64) & 1;
}

static inline uint32_t *bucket_of(const struct redactor *r, const char *head, bool is_decoded)
{
	return &r->buckets[(head_hash(head) + is_decoded) & (r->n_buckets - 1)];
}

/* A plus is a space in forms of web pages, and a plus elsewhere: for both sides it is a space. */
static inline char redact_resolved(char c)
{
	return c == '+' ? ' ' : c;
}

#endif

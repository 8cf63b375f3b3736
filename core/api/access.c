/* A small cache: a fixed table of slots, each with a key, some texts and the time until which they hold. Two keys that
 * fall on one slot push each other out, which costs a query and nothing else. A bearer's text is kept as its SHA-256
 * only. */
#include "api/access.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS       4096
#define KEY_BYTES   96
#define VALUE_BYTES 600

struct slot {
	int64_t until_ms;
	uint64_t age;
	uint16_t key_n, value_n;
	uint8_t level; /* role or scope */
	char key[KEY_BYTES];
	char value[VALUE_BYTES];
};

struct access_cache {
	uint64_t age;
	struct slot slots[SLOTS];
};

struct access_cache *access_cache_new(void)
{
	struct access_cache *cache = calloc(1, sizeof(*cache)); /* pages that are never used are never touched */

	if (!cache)
		abort();
	return cache;
}

struct access_cache *access_cache_free(struct access_cache *cache)
{
	free(cache);
	return NULL;
}

void access_forget(void *cache)
{
	((struct access_cache *)cache)->age++;
}

uint64_t access_age(const struct access_cache *cache)
{
	return cache->age;
}

/* ---- slots ---- */

static struct slot *slot_of(struct access_cache *cache, struct str key)
{
	return &cache->slots[str_hash(key) % SLOTS];
}

/* The texts as they were remembered, in the call's memory; NULL when nothing is known. */
static const struct slot *find(struct call *call, struct access_cache *cache, struct str key, struct str *texts,
			       size_t n)
{
	struct slot *slot = slot_of(cache, key);
	const char *at;

	if (slot->until_ms <= clock_mono_ms() || slot->age != cache->age ||
	    !str_eq((struct str){ slot->key, slot->key_n }, key))
		return NULL;
	at = arena_copy(call->arena, slot->value, slot->value_n);
	for (size_t i = 0; i < n; i++) {
		uint16_t size;

		memcpy(&size, at, sizeof(size));
		texts[i] = (struct str){ at + sizeof(size), size };
		at += sizeof(size) + size;
	}
	return slot;
}

static void remember(struct access_cache *cache, uint64_t age, struct str key, const struct str *texts, size_t n,
		     uint8_t level)
{
	struct slot *slot = slot_of(cache, key);
	size_t size = 0;

	for (size_t i = 0; i < n; i++)
		size += sizeof(uint16_t) + texts[i].n;
	if (key.n > KEY_BYTES || size > VALUE_BYTES || age != cache->age)
		return;
	slot->until_ms = clock_mono_ms() + ACCESS_TTL_MS;
	slot->age = age;
	slot->key_n = (uint16_t)key.n;
	slot->value_n = (uint16_t)size;
	slot->level = level;
	memcpy(slot->key, key.p, key.n);
	size = 0;
	for (size_t i = 0; i < n; i++) {
		memcpy(slot->value + size, &(uint16_t){ (uint16_t)texts[i].n }, sizeof(uint16_t));
		if (texts[i].n)
			memcpy(slot->value + size + sizeof(uint16_t), texts[i].p, texts[i].n);
		size += sizeof(uint16_t) + texts[i].n;
	}
}

/* ---- what is kept in them ---- */

#define IDENTITY_TEXTS 7

bool access_known_identity(struct call *call, struct access_cache *cache, struct str bearer, struct identity *ret)
{
	struct str texts[IDENTITY_TEXTS];
	uint8_t key[SHA256_SIZE];
	const struct slot *slot;

	sha256(&bearer, 1, key);
	slot = find(call, cache, (struct str){ (const char *)key, sizeof(key) }, texts, IDENTITY_TEXTS);
	if (!slot)
		return false;
	*ret = (struct identity){ .person = { texts[0], texts[1], texts[2], texts[3] },
				  .session = texts[4],
				  .token = texts[5],
				  .only_project = texts[6],
				  .scope = (enum scope)slot->level };
	return true;
}

void access_remember_identity(struct access_cache *cache, uint64_t age, struct str bearer,
			      const struct identity *identity)
{
	const struct person *p = &identity->person;
	const struct str texts[IDENTITY_TEXTS] = {
		p->id, p->email, p->name, p->avatar_url, identity->session, identity->token, identity->only_project
	};
	uint8_t key[SHA256_SIZE];

	sha256(&bearer, 1, key);
	remember(cache, age, (struct str){ (const char *)key, sizeof(key) }, texts, IDENTITY_TEXTS,
		 (uint8_t)identity->scope);
}

#define STANDING_TEXTS 2

static struct str standing_key(struct call *call, struct str user_id, const struct target *target)
{
	struct str id = target->org.n       ? target->org
			: target->project.n ? target->project
			: target->preview.n ? target->preview
			: target->check.n   ? target->check
					    : target->environment;

	return arena_printf(call->arena, "%.*s %.*s", STR_FMT(user_id), STR_FMT(id));
}

bool access_known_standing(struct call *call, struct access_cache *cache, struct str user_id,
			   const struct target *target, struct standing *ret)
{
	struct str texts[STANDING_TEXTS];
	const struct slot *slot = find(call, cache, standing_key(call, user_id, target), texts, STANDING_TEXTS);

	if (!slot)
		return false;
	*ret = (struct standing){ (enum role)slot->level, texts[0], texts[1] };
	return true;
}

void access_remember_standing(struct call *call, struct access_cache *cache, uint64_t age, struct str user_id,
			      const struct target *target, const struct standing *standing)
{
	const struct str texts[STANDING_TEXTS] = { standing->org, standing->project };

	if (standing->role != ROLE_NONE) /* so that who was just let in does not have to wait */
		remember(cache, age, standing_key(call, user_id, target), texts, STANDING_TEXTS,
			 (uint8_t)standing->role);
}

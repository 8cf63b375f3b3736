/* A small cache: a fixed table of slots, each with a key, a value and the time until which it holds. Two keys that fall
 * on one slot push each other out, which costs a query and nothing else. */
#include "api/access.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS       4096
#define KEY_BYTES   96
#define VALUE_BYTES 400

struct slot {
	int64_t until_ms;
	uint16_t key_n, value_n;
	enum role role;
	char key[KEY_BYTES];
	char value[VALUE_BYTES];
};

struct access_cache {
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

static struct slot *slot_of(struct access_cache *cache, struct str key)
{
	return &cache->slots[str_hash(key) % SLOTS];
}

static struct slot *find(struct access_cache *cache, struct str key)
{
	struct slot *slot = slot_of(cache, key);

	if (slot->until_ms <= clock_mono_ms() || !str_eq((struct str){ slot->key, slot->key_n }, key))
		return NULL;
	return slot;
}

static void remember(struct access_cache *cache, struct str key, struct str value, enum role role)
{
	struct slot *slot = slot_of(cache, key);

	if (key.n > KEY_BYTES || value.n > VALUE_BYTES)
		return;
	slot->until_ms = clock_mono_ms() + ACCESS_TTL_MS;
	slot->key_n = (uint16_t)key.n;
	slot->value_n = (uint16_t)value.n;
	slot->role = role;
	memcpy(slot->key, key.p, key.n);
	memcpy(slot->value, value.p, value.n);
}

/* A person in one text, separated by what none of its parts can hold. */
static struct str pack(struct call *call, const struct person *p)
{
	return arena_printf(call->arena, "%.*s\n%.*s\n%.*s\n%.*s", STR_FMT(p->id), STR_FMT(p->email), STR_FMT(p->name),
			    STR_FMT(p->avatar_url));
}

static struct person unpack(struct call *call, struct str packed)
{
	struct str rest = arena_str(call->arena, packed);
	struct person p = { .id = str_split(&rest, '\n') };

	p.email = str_split(&rest, '\n');
	p.name = str_split(&rest, '\n');
	p.avatar_url = rest;
	return p;
}

int access_session(struct call *call, struct access_cache *cache, struct db *db, struct str session_id,
		   struct person *ret)
{
	const struct slot *known = find(cache, session_id);
	int r;

	if (known) {
		*ret = unpack(call, (struct str){ known->value, known->value_n });
		return OK;
	}
	r = session_find(call, db, session_id, ret);
	if (r == E_NOT_FOUND)
		return call_fail(call, E_AUTH, "this session is over: log in again");
	if (r == OK)
		remember(cache, session_id, pack(call, ret), ROLE_NONE);
	return r;
}

int access_role_in_project(struct call *call, struct access_cache *cache, struct db *db, struct str user_id,
			   struct str project_id, enum role *ret)
{
	struct str key = arena_printf(call->arena, "%.*s %.*s", STR_FMT(user_id), STR_FMT(project_id));
	const struct slot *known = find(cache, key);
	int r;

	if (known) {
		*ret = known->role;
		return OK;
	}
	r = access_project(call, db, project_id, user_id, ret);
	if (r == OK && *ret != ROLE_NONE)
		remember(cache, key, (struct str){ "", 0 }, *ret);
	return r;
}

int access_role_in_preview(struct call *call, struct access_cache *cache, struct db *db, struct str user_id,
			   struct str preview_id, enum role *ret, struct str *ret_project_id)
{
	struct str key = arena_printf(call->arena, "%.*s %.*s", STR_FMT(user_id), STR_FMT(preview_id));
	const struct slot *known = find(cache, key);
	int r;

	if (known) {
		*ret = known->role;
		*ret_project_id = arena_str(call->arena, (struct str){ known->value, known->value_n });
		return OK;
	}
	r = access_preview(call, db, preview_id, user_id, ret, ret_project_id);
	if (r == OK && *ret != ROLE_NONE)
		remember(cache, key, *ret_project_id, *ret);
	return r;
}

void access_forget(struct access_cache *cache, struct str session_id)
{
	struct slot *known = find(cache, session_id);

	if (known)
		known->until_ms = 0;
}

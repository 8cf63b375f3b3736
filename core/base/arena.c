/* Memory that dies together: a chain of chunks, filled from the front. The first chunk is small and part of the
 * arena's own allocation, so a call that needs little costs one malloc. */
#include "base/arena.h"

#include "base/secret_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CHUNK 3968 /* with its header it stays within one page */
#define NEXT_CHUNK  (16 * 1024)
#define OWN_CHUNK   (NEXT_CHUNK / 4) /* larger blocks than this get a chunk to themselves */
#define KEPT_CHUNKS 128              /* of each size, for the next arena: 2.5 MiB at most */

struct chunk {
	struct chunk *next;
	size_t size, used;
	char bytes[] __attribute__((aligned(16)));
};

struct deferred {
	void (*fn)(void *arg);
	void *arg;
	struct deferred *next;
};

struct arena {
	struct chunk *chunk; /* newest */
	struct deferred *deferred;
	bool is_secret, is_wiped;
};

/* Chunks of the two usual sizes that wait for the next arena. Not with sanitizers: they want to see each free. */
struct kept {
	struct chunk *first;
	unsigned n;
};

static struct kept *kept_of(size_t size)
{
#ifdef OPSHUB_SANITIZED
	(void)size;
	return NULL;
#else
	static _Thread_local struct kept kept[2];

	return size == FIRST_CHUNK ? &kept[0] : size == NEXT_CHUNK ? &kept[1] : NULL;
#endif
}

static struct chunk *chunk_new(size_t size, bool is_secret)
{
	struct kept *list = is_secret ? NULL : kept_of(size);
	struct chunk *chunk = list ? list->first : NULL;

	if (is_secret) {
		chunk = secret_alloc(sizeof(*chunk) + size);
	} else if (chunk) {
		list->first = chunk->next;
		list->n--;
	} else {
		chunk = malloc(sizeof(*chunk) + size);
	}
	if (!chunk) {
		fprintf(stderr, "out of memory: %zu bytes\n", size);
		abort();
	}
	chunk->next = NULL;
	chunk->size = size;
	chunk->used = 0;
	return chunk;
}

static void chunk_free(struct chunk *chunk)
{
	struct kept *list = kept_of(chunk->size);

	if (!list || list->n == KEPT_CHUNKS) {
		free(chunk);
		return;
	}
	chunk->next = list->first;
	list->first = chunk;
	list->n++;
}

static struct arena *make(bool is_secret)
{
	struct chunk *first = chunk_new(FIRST_CHUNK, is_secret);
	struct arena *arena = (struct arena *)(void *)first->bytes;

	first->used = (sizeof(*arena) + 15) & ~(size_t)15;
	*arena = (struct arena){ .chunk = first, .is_secret = is_secret };
	return arena;
}

struct arena *arena_new(void)
{
	return make(false);
}

struct arena *arena_new_secret(void)
{
	return make(true);
}

struct arena *arena_free(struct arena *arena)
{
	bool is_secret, is_wiped;
	struct chunk *chunk;

	if (!arena)
		return NULL;
	while (arena->deferred) {
		struct deferred *d = arena->deferred;

		arena->deferred = d->next;
		d->fn(d->arg);
	}
	is_secret = arena->is_secret;
	is_wiped = arena->is_wiped;
	chunk = arena->chunk; /* the arena itself lives in the last chunk of the chain */
	while (chunk) {
		struct chunk *next = chunk->next;

		if (is_wiped && !is_secret)
			explicit_bzero(chunk->bytes, chunk->used);
		if (is_secret)
			secret_free(chunk);
		else
			chunk_free(chunk);
		chunk = next;
	}
	return NULL;
}

static void *take(struct arena *arena, size_t size, size_t align)
{
	struct chunk *chunk = arena->chunk;
	size_t at = (chunk->used + align - 1) & ~(align - 1);

	if (at > chunk->size || size > chunk->size - at) {
		if (size > OWN_CHUNK) { /* behind the current one, which still has room for small blocks */
			struct chunk *own = chunk_new(size, arena->is_secret);

			own->used = size;
			own->next = chunk->next;
			chunk->next = own;
			return own->bytes;
		}
		chunk = chunk_new(NEXT_CHUNK, arena->is_secret);
		chunk->next = arena->chunk;
		arena->chunk = chunk;
		at = 0;
	}
	chunk->used = at + size;
	return chunk->bytes + at;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	return memset(take(arena, size, 16), 0, size);
}

void *arena_raw(struct arena *arena, size_t size)
{
	return take(arena, size, 1);
}

char *arena_copy(struct arena *arena, const void *bytes, size_t size)
{
	char *copy = take(arena, size + 1, 1);

	if (size)
		memcpy(copy, bytes, size);
	copy[size] = '\0';
	return copy;
}

struct str arena_str(struct arena *arena, struct str s)
{
	return (struct str){ arena_copy(arena, s.p, s.n), s.n };
}

char *arena_text(struct arena *arena, struct str s)
{
	return arena_copy(arena, s.p, s.n);
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
	char small[256], *text;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	if (n < 0)
		return (struct str){ "", 0 };
	if ((size_t)n < sizeof(small))
		return arena_str(arena, (struct str){ small, (size_t)n });
	text = take(arena, (size_t)n + 1, 1);
	va_start(args, format);
	vsnprintf(text, (size_t)n + 1, format, args);
	va_end(args);
	return (struct str){ text, (size_t)n };
}

void arena_defer(struct arena *arena, void (*fn)(void *arg), void *arg)
{
	struct deferred *d = arena_alloc(arena, sizeof(*d));

	*d = (struct deferred){ fn, arg, arena->deferred };
	arena->deferred = d;
}

void *arena_secret(struct arena *arena, size_t size)
{
	void *p = secret_alloc(size);

	arena_defer(arena, secret_free, p);
	arena->is_wiped = true;
	return p;
}

void arena_wipe(struct arena *arena)
{
	arena->is_wiped = true;
}

bool arena_is_wiped(const struct arena *arena)
{
	return arena->is_wiped;
}

bool arena_holds(const struct arena *arena, const void *address)
{
	const char *at = address;

	for (const struct chunk *chunk = arena->chunk; chunk; chunk = chunk->next)
		if (at >= chunk->bytes && at < chunk->bytes + chunk->used)
			return true;
	return false;
}

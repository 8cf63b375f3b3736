/* Small blocks lie in slabs of their size, which are kept for the next ones; a large one has pages of its own.
 *
 *   slab   [ block | block | block ... ]     block: head(16) | bytes
 *
 * Owns: all slabs, to the end of the process.
 * Easy to break: a block on a free list is all zeros but for its head: secret_free wipes, secret_alloc relies on it. */
#include "base/secret_memory.h"

#include "base/log.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SMALLEST  64 /* of a block, its head included */
#define SIZES     10 /* each twice the one before it: to 32 KiB */
#define SLAB      (64 * 1024)
#define PAGE      4096
#define HEAD_SIZE sizeof(struct head)

struct head {
	size_t size; /* of the whole block */
	struct head *next;
} __attribute__((aligned(16)));

static struct {
	pthread_mutex_t mutex;
	struct head *free[SIZES];
	size_t mapped;
	size_t used;  /* blocks that are out */
	bool refused; /* to lock; it was logged */
	int error;    /* why */
} memory = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void give_up(const char *what, size_t size)
{
	fprintf(stderr, "opshub: out of memory for secrets: %zu bytes %s\n", size, what);
	abort();
}

/* True when it could not be locked and nobody was told so. */
static bool map_pages(size_t size, void **ret)
{
	void *p;
	bool first;

	if (memory.mapped + size > SECRET_MEMORY_MAX)
		give_up("are more than SECRET_MEMORY_MAX allows", size);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		give_up("more were refused", size);
	madvise(p, size, MADV_DONTDUMP);
	madvise(p, size, MADV_WIPEONFORK);
	first = mlock(p, size) < 0 && !memory.refused;
	if (first) {
		memory.error = errno;
		memory.refused = true;
	}
	memory.mapped += size;
	*ret = p;
	return first;
}

static bool fill(unsigned index, size_t size)
{
	char *slab;
	bool refused = map_pages(SLAB, (void **)&slab);

	for (size_t at = 0; at < SLAB; at += size) {
		struct head *block = (struct head *)(void *)(slab + at);

		*block = (struct head){ size, memory.free[index] };
		memory.free[index] = block;
	}
	return refused;
}

static bool take_small(size_t whole, struct head **ret)
{
	unsigned index = 0;
	size_t size = SMALLEST;
	bool refused = false;

	for (; size < whole; size *= 2)
		index++;
	if (!memory.free[index])
		refused = fill(index, size);
	*ret = memory.free[index];
	memory.free[index] = (*ret)->next;
	return refused;
}

void *secret_alloc(size_t size)
{
	size_t whole = size + HEAD_SIZE;
	struct head *block;
	bool refused;

	if (size > SECRET_MEMORY_MAX)
		give_up("are more than SECRET_MEMORY_MAX allows", size);
	pthread_mutex_lock(&memory.mutex);
	if (whole <= (size_t)SMALLEST << (SIZES - 1)) {
		refused = take_small(whole, &block);
	} else {
		whole = (whole + PAGE - 1) & ~(size_t)(PAGE - 1);
		refused = map_pages(whole, (void **)&block);
		block->size = whole;
	}
	memory.used += block->size;
	pthread_mutex_unlock(&memory.mutex);
	if (refused)
		log_warn("Secrets",
			 "Secrets may be swapped out: the system does not let memory be locked. Raise "
			 "RLIMIT_MEMLOCK (LimitMEMLOCK= of a systemd unit), or use encrypted swap",
			 F_TEXT("error", strerror(memory.error)));
	return block + 1;
}

bool secret_memory_is_short(void)
{
	bool is_short;

	pthread_mutex_lock(&memory.mutex);
	is_short = memory.used > SECRET_MEMORY_MAX / 4 * 3;
	pthread_mutex_unlock(&memory.mutex);
	return is_short;
}

void secret_free(void *p)
{
	struct head *block = p;
	unsigned index = 0;

	if (!p)
		return;
	block--;
	explicit_bzero(p, block->size - HEAD_SIZE);
	pthread_mutex_lock(&memory.mutex);
	memory.used -= block->size;
	if (block->size > (size_t)SMALLEST << (SIZES - 1)) {
		memory.mapped -= block->size;
		munmap(block, block->size);
	} else {
		for (size_t size = SMALLEST; size < block->size; size *= 2)
			index++;
		block->next = memory.free[index];
		memory.free[index] = block;
	}
	pthread_mutex_unlock(&memory.mutex);
}

/* ---- for libraries ---- */

void wiped_free(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

void *wiped_realloc(void *p, size_t size)
{
	size_t before = p ? malloc_usable_size(p) : 0;
	void *moved;

	if (size <= before && size > before / 2)
		return p;
	moved = malloc(size ? size : 1);
	if (!moved)
		return NULL;
	memcpy(moved, p ? p : moved, before < size ? before : size);
	wiped_free(p);
	return moved;
}

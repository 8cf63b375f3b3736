/* Stacks: 256 KiB with a guard page below, so that an overflow is a crash with a name and not a corruption. */
#include "fiber/inner.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end) 0
#define VALGRIND_STACK_DEREGISTER(id)       ((void)(id))
#endif

#if defined(__SANITIZE_ADDRESS__)
#define WITH_LSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_LSAN 1
#endif
#endif
#ifdef WITH_LSAN
#include <sanitizer/lsan_interface.h>
#endif

struct stack *stack_new(void)
{
	size_t guard = (size_t)sysconf(_SC_PAGESIZE);
	struct stack *stack = malloc(sizeof(*stack));
	char *map = mmap(NULL, guard + FIBER_STACK_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

	if (!stack || map == MAP_FAILED || mprotect(map, guard, PROT_NONE) != 0) {
		if (map != MAP_FAILED)
			munmap(map, guard + FIBER_STACK_SIZE);
		free(stack);
		return NULL;
	}
	*stack = (struct stack){ .base = map + guard, .size = FIBER_STACK_SIZE };
	stack->valgrind_id = VALGRIND_STACK_REGISTER(stack->base, stack->base + stack->size);
#ifdef WITH_LSAN
	__lsan_register_root_region(stack->base, stack->size);
#endif
	return stack;
}

void stack_free(struct stack *stack)
{
	size_t guard = (size_t)sysconf(_SC_PAGESIZE);

#ifdef WITH_LSAN
	__lsan_unregister_root_region(stack->base, stack->size);
#endif
	VALGRIND_STACK_DEREGISTER(stack->valgrind_id);
	munmap(stack->base - guard, guard + stack->size);
	free(stack);
}

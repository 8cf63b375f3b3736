/* Switching stacks, with what AddressSanitizer and ThreadSanitizer must be told about it.
 *
 * swapcontext and not sigsetjmp: the latter is 20 times cheaper and aborts under _FORTIFY_SOURCE. */
#include "fiber/inner.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif

#ifdef WITH_TSAN /* first: it includes the header whose names are replaced below */
#include <sanitizer/tsan_interface.h>
#else
#define __tsan_create_fiber(flags)           NULL
#define __tsan_destroy_fiber(fiber)          ((void)(fiber))
#define __tsan_switch_to_fiber(fiber, flags) ((void)(fiber))
#define __tsan_get_current_fiber()           NULL
#define __tsan_set_fiber_name(fiber, name)   ((void)(fiber), (void)(name))
#endif
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define __sanitizer_start_switch_fiber(save, bottom, size)   ((void)(save), (void)(bottom), (void)(size))
#define __sanitizer_finish_switch_fiber(saved, bottom, size) ((void)(saved), (void)(bottom), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(p, n)                    ((void)(p), (void)(n))
#endif

void switch_prepare(struct fiber *fiber, void (*entry)(void))
{
	ASAN_UNPOISON_MEMORY_REGION(fiber->stack->base, fiber->stack->size);
	getcontext(&fiber->context);
	fiber->context.uc_stack.ss_sp = fiber->stack->base;
	fiber->context.uc_stack.ss_size = fiber->stack->size;
	fiber->context.uc_link = NULL;
	makecontext(&fiber->context, entry, 0);
	fiber->tsan = __tsan_create_fiber(0);
	__tsan_set_fiber_name(fiber->tsan, fiber->name);
}

void switch_to_fiber(struct loop *loop, struct fiber *fiber)
{
	loop->tsan = __tsan_get_current_fiber();
	__sanitizer_start_switch_fiber(&loop->sanitizer_stack, fiber->stack->base, fiber->stack->size);
	__tsan_switch_to_fiber(fiber->tsan, 0);
	swapcontext(&loop->context, &fiber->context);
	__sanitizer_finish_switch_fiber(loop->sanitizer_stack, NULL, NULL);
}

void switch_to_loop(struct loop *loop, struct fiber *fiber, bool for_ever)
{
	/* a stack that is left for ever gives its fake stack back: NULL says so */
	__sanitizer_start_switch_fiber(for_ever ? NULL : &fiber->sanitizer_stack, loop->loop_stack_base,
				       loop->loop_stack_size);
	__tsan_switch_to_fiber(loop->tsan, 0);
	swapcontext(&fiber->context, &loop->context);
	__sanitizer_finish_switch_fiber(fiber->sanitizer_stack, NULL, NULL);
}

void switch_arrived(struct loop *loop)
{
	__sanitizer_finish_switch_fiber(NULL, &loop->loop_stack_base, &loop->loop_stack_size);
}

void switch_discard(struct fiber *fiber)
{
	__tsan_destroy_fiber(fiber->tsan);
}

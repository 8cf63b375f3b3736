/* What the files of this folder share: the loop, the fiber and the scheduler's view of them. Nobody else includes it.
 */
#ifndef FIBER_INNER_H
#define FIBER_INNER_H

#include "fiber/fiber.h"

#include <ucontext.h>

struct stack {
	char *base; /* lowest usable byte; the guard page is below */
	size_t size;
	unsigned valgrind_id;
	struct stack *next;
};

enum fiber_state { FIBER_READY, FIBER_RUNNING, FIBER_WAITING, FIBER_DONE };

struct fiber {
	struct call call;
	struct loop *loop;
	fiber_fn *fn;
	void *arg;
	const char *name;
	void (*on_done)(struct call *call, void *arg);
	struct stack *stack;
	ucontext_t context;
	void *sanitizer_stack; /* ASan: the fake stack while switched away */
	void *tsan;
	enum fiber_state state;
	unsigned refs;
	bool cancelled, timed_out;
	unsigned shielded;
	uv_timer_t timer;     /* deadline of the current await */
	struct wait *waiting; /* what it is suspended on */
	struct event joined;  /* set when it has returned */
	int64_t since_ms;     /* when it entered its state: for the debugger */
	struct fiber *next_ready;
	struct fiber *prev, *next; /* all fibers of the loop */
};

struct loop {
	uv_loop_t uv;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_idle_t idle;
	struct loop_hook *hooks[2];
	struct fiber *ready_first, *ready_last;
	struct fiber *all;
	struct fiber *running;
	unsigned n_fibers, max_fibers;
	struct stack *spare;
	unsigned n_spare;
	ucontext_t context; /* the loop's own stack */
	void *sanitizer_stack;
	const void *loop_stack_base;
	size_t loop_stack_size;
	void *tsan;
	int watchdog_ms;
	int64_t stalls;
	bool stopping;
	struct event next_round; /* fibers that yielded */
};

struct stack *stack_new(void);
void stack_free(struct stack *stack);

/* switch.c: the only two places where a stack changes */
void switch_prepare(struct fiber *fiber, void (*entry)(void));
void switch_to_fiber(struct loop *loop, struct fiber *fiber);
void switch_to_loop(struct loop *loop, struct fiber *fiber, bool for_ever);
void switch_arrived(struct loop *loop); /* first thing on a fiber's own stack */
void switch_discard(struct fiber *fiber);

/* schedule.c */
void schedule(struct fiber *fiber); /* put into the ready queue; aborts when it is there already */

#endif

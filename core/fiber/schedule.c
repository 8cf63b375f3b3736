/* The scheduler: the ready queue, the turn of the loop, and the life of a fiber.
 *
 *   one turn:  timers -> prepare -> sleep in epoll -> check
 *              prepare and check: sources -> ready fibers -> sinks, again until nothing is ready */
#include "fiber/inner.h"

#include "base/clock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_FIBERS 1024
#define SPARE_STACKS   64
#define ROUNDS         16 /* in one turn, before I/O gets its chance again */

/* For crash handlers and the log, which have no call in hand. Fibers never change threads, so a thread-local is read
 * on the thread that wrote it; noinline keeps the compiler from caching its address across a switch. */
static _Thread_local struct fiber *current;

__attribute__((noinline)) const char *fiber_current_name(void)
{
	return current ? current->name : NULL;
}
__attribute__((noinline)) struct call *fiber_current_call(void)
{
	return current ? &current->call : NULL;
}
__attribute__((noinline)) static void set_current(struct fiber *fiber)
{
	current = fiber;
}

void schedule(struct fiber *fiber)
{
	struct loop *loop = fiber->loop;

	if (fiber->state == FIBER_READY || fiber->state == FIBER_DONE) {
		fprintf(stderr, "fiber \"%s\" is woken twice\n", fiber->name);
		abort();
	}
	fiber->state = FIBER_READY;
	fiber->next_ready = NULL;
	if (loop->ready_last)
		loop->ready_last->next_ready = fiber;
	else
		loop->ready_first = fiber;
	loop->ready_last = fiber;
}

static struct fiber *next_ready(struct loop *loop)
{
	struct fiber *fiber = loop->ready_first;

	loop->ready_first = fiber->next_ready;
	if (!loop->ready_first)
		loop->ready_last = NULL;
	return fiber;
}

/* ---- life of a fiber ---- */

static void give_stack_back(struct loop *loop, struct stack *stack)
{
	if (loop->n_spare >= SPARE_STACKS) {
		stack_free(stack);
		return;
	}
	stack->next = loop->spare;
	loop->spare = stack;
	loop->n_spare++;
}

static struct stack *take_stack(struct loop *loop)
{
	struct stack *stack = loop->spare;

	if (!stack)
		return stack_new();
	loop->spare = stack->next;
	loop->n_spare--;
	return stack;
}

static void fiber_main(void)
{
	struct fiber *fiber = current;

	switch_arrived(fiber->loop);
	fiber->fn(&fiber->call, fiber->arg);
	fiber->state = FIBER_DONE;
	switch_to_loop(fiber->loop, fiber, true);
	abort(); /* nobody resumes a fiber that has returned */
}

struct fiber *fiber_unref(struct fiber *fiber)
{
	if (fiber && --fiber->refs == 0)
		free(fiber);
	return NULL;
}

static void on_timer_closed(uv_handle_t *handle)
{
	fiber_unref(handle->data);
}

static void finish(struct loop *loop, struct fiber *fiber)
{
	if (fiber->on_done)
		fiber->on_done(&fiber->call, fiber->arg);
	switch_discard(fiber);
	give_stack_back(loop, fiber->stack);
	fiber->stack = NULL;
	fiber->call.arena = arena_free(fiber->call.arena);
	fiber->call.why = "";
	fiber->call.log = (struct log_scope){ 0 };
	if (fiber->prev)
		fiber->prev->next = fiber->next;
	else
		loop->all = fiber->next;
	if (fiber->next)
		fiber->next->prev = fiber->prev;
	loop->n_fibers--;
	event_set(&fiber->joined);
	uv_close((uv_handle_t *)&fiber->timer, on_timer_closed);
}

int fiber_start(struct loop *loop, const struct fiber_options *options, fiber_fn *fn, void *arg, struct fiber **ret)
{
	struct fiber *fiber;
	struct stack *stack;

	if (loop->n_fibers >= loop->max_fibers)
		return E_LIMITED;
	stack = take_stack(loop);
	if (!stack)
		return E_LIMITED;
	fiber = calloc(1, sizeof(*fiber));
	if (!fiber) {
		give_stack_back(loop, stack);
		return E_LIMITED;
	}
	fiber->loop = loop;
	fiber->fn = fn;
	fiber->arg = arg;
	fiber->name = options->name;
	fiber->on_done = options->on_done;
	fiber->stack = stack;
	fiber->state = FIBER_WAITING;
	fiber->refs = ret ? 2 : 1; /* the scheduler's, dropped when the timer has closed, and the caller's */
	fiber->call = (struct call){ .loop = loop,
				     .fiber = fiber,
				     .arena = arena_new(),
				     .why = "",
				     .log = options->log,
				     .deadline_ms = INT64_MAX };
	if (options->timeout_ms > 0)
		fiber->call.deadline_ms = clock_mono_ms() + options->timeout_ms;
	uv_timer_init(&loop->uv, &fiber->timer);
	fiber->timer.data = fiber;
	switch_prepare(fiber, fiber_main);
	fiber->next = loop->all;
	if (loop->all)
		loop->all->prev = fiber;
	loop->all = fiber;
	loop->n_fibers++;
	schedule(fiber);
	if (ret)
		*ret = fiber;
	return OK;
}

bool fiber_finished(const struct fiber *fiber)
{
	return fiber->state == FIBER_DONE;
}

/* ---- the turn ---- */

static void report_stall(struct loop *loop, const char *name, int64_t us)
{
	loop->stalls++;
	log_warn("Loop", "The event loop was held too long", F_TEXT("fiber", name), F_INT("duration", us / 1000));
}

static void resume(struct loop *loop, struct fiber *fiber)
{
	struct log_scope *before = log_scope_swap(&fiber->call.log);
	const char *name = fiber->name;
	int64_t start = clock_mono_us(), took;

	fiber->state = FIBER_RUNNING;
	loop->running = fiber;
	set_current(fiber);
	switch_to_fiber(loop, fiber);
	set_current(NULL);
	loop->running = NULL;
	if (fiber->state == FIBER_DONE)
		finish(loop, fiber);
	log_scope_swap(before);
	took = clock_mono_us() - start;
	if (loop->watchdog_ms > 0 && took > (int64_t)loop->watchdog_ms * 1000)
		report_stall(loop, name, took);
}

/* Runs the fibers that are ready now; those they wake come in the next round. */
static bool run_ready(struct loop *loop)
{
	struct fiber *last = loop->ready_last, *fiber;

	if (!last)
		return false;
	do {
		fiber = next_ready(loop);
		resume(loop, fiber);
	} while (fiber != last);
	return true;
}

static void run_hooks(struct loop *loop, enum loop_phase phase)
{
	struct loop_hook *hook = loop->hooks[phase];
	int64_t start = clock_mono_us(), took;

	while (hook) {
		struct loop_hook *next = hook->next;

		hook->fn(hook->arg);
		hook = next;
	}
	took = clock_mono_us() - start;
	if (loop->watchdog_ms > 0 && took > (int64_t)loop->watchdog_ms * 1000)
		report_stall(loop, phase == LOOP_SOURCE ? "h2o" : "libpq", took);
}

static void on_idle(uv_idle_t *idle)
{
	(void)idle;
}

static void turn(struct loop *loop)
{
	for (int round = 0; round < ROUNDS; round++) {
		bool ran;

		run_hooks(loop, LOOP_SOURCE);
		if (loop->next_round.first)
			event_set(&loop->next_round);
		ran = run_ready(loop);
		run_hooks(loop, LOOP_SINK);
		if (!ran)
			break;
	}
	if (loop->ready_first || loop->next_round.first) /* do not sleep while somebody is ready */
		uv_idle_start(&loop->idle, on_idle);
	else
		uv_idle_stop(&loop->idle);
}

static void on_prepare(uv_prepare_t *prepare)
{
	turn(prepare->data);
}

static void on_check(uv_check_t *check)
{
	struct loop *loop = check->data;

	if (loop->ready_first)
		turn(loop);
}

/* ---- the loop ---- */

struct loop *loop_new(unsigned max_fibers)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop || uv_loop_init(&loop->uv) != 0) {
		fprintf(stderr, "the event loop cannot be made\n");
		abort();
	}
	loop->uv.data = loop;
	loop->max_fibers = max_fibers ? max_fibers : DEFAULT_FIBERS;
	loop->watchdog_ms = 50;
	uv_prepare_init(&loop->uv, &loop->prepare);
	uv_check_init(&loop->uv, &loop->check);
	uv_idle_init(&loop->uv, &loop->idle);
	loop->prepare.data = loop->check.data = loop;
	uv_prepare_start(&loop->prepare, on_prepare);
	uv_check_start(&loop->check, on_check);
	return loop;
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	assert(loop->n_fibers == 0);
	uv_close((uv_handle_t *)&loop->prepare, NULL);
	uv_close((uv_handle_t *)&loop->check, NULL);
	uv_close((uv_handle_t *)&loop->idle, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	if (uv_loop_close(&loop->uv) != 0) {
		fprintf(stderr, "the event loop is freed while handles are open\n");
		abort();
	}
	while (loop->spare) {
		struct stack *next = loop->spare->next;

		stack_free(loop->spare);
		loop->spare = next;
	}
	free(loop);
	return NULL;
}

uv_loop_t *loop_uv(struct loop *loop)
{
	return &loop->uv;
}
unsigned loop_fibers(const struct loop *loop)
{
	return loop->n_fibers;
}
int64_t loop_stalls(const struct loop *loop)
{
	return loop->stalls;
}
void loop_watchdog(struct loop *loop, int limit_ms)
{
	loop->watchdog_ms = limit_ms;
}

void loop_run(struct loop *loop)
{
	loop->stopping = false;
	while (!loop->stopping)
		uv_run(&loop->uv, UV_RUN_ONCE);
}

void loop_stop(struct loop *loop)
{
	loop->stopping = true;
	uv_stop(&loop->uv);
}

void loop_cancel_all(struct loop *loop)
{
	for (struct fiber *fiber = loop->all; fiber; fiber = fiber->next)
		fiber_cancel(fiber);
}

void loop_hook_add(struct loop *loop, enum loop_phase phase, struct loop_hook *hook)
{
	hook->next = loop->hooks[phase];
	loop->hooks[phase] = hook;
}

void loop_hook_remove(struct loop *loop, enum loop_phase phase, struct loop_hook *hook)
{
	for (struct loop_hook **at = &loop->hooks[phase]; *at; at = &(*at)->next) {
		if (*at == hook) {
			*at = hook->next;
			return;
		}
	}
}

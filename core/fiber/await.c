/* await(): the only function that suspends; and the records it suspends on. */
#include "fiber/inner.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

static void fatal(const char *what, const struct fiber *fiber)
{
	fprintf(stderr, "fiber \"%s\": %s\n", fiber ? fiber->name : "none", what);
	abort();
}

void wait_init(struct wait *wait, void (*free_record)(struct wait *wait))
{
	*wait = (struct wait){ .free = free_record, .refs = 2 };
}

void wait_unref(struct wait *wait)
{
	if (wait->refs == 0)
		fatal("a wait record is released twice", NULL);
	if (--wait->refs == 0 && wait->free)
		wait->free(wait);
}

void wait_complete(struct wait *wait, int result)
{
	struct fiber *fiber = wait->call ? wait->call->fiber : NULL;

	if (wait->done)
		fatal("a wait record is completed twice", fiber);
	wait->done = true;
	wait->result = result;
	if (fiber) {
		wait->call = NULL;
		schedule(fiber);
	}
	wait_unref(wait);
}

static void on_time(uv_timer_t *timer)
{
	struct fiber *fiber = timer->data;

	/* The record may have completed in this turn: then the fiber is ready already and the first result stands. */
	if (!fiber->waiting || !fiber->waiting->call)
		return;
	fiber->waiting->call = NULL;
	fiber->timed_out = true;
	schedule(fiber);
}

void fiber_cancel(struct fiber *fiber)
{
	if (fiber->state == FIBER_DONE || fiber->cancelled)
		return;
	fiber->cancelled = true;
	if (fiber->shielded || fiber->state != FIBER_WAITING || !fiber->waiting->call)
		return;
	fiber->waiting->call = NULL;
	schedule(fiber);
}

/* A constant for a text: a fiber that sleeps for ever would fill its arena with copies. */
static int leave(struct call *call, struct wait *wait, int code, const char *why)
{
	if (wait->on_leave)
		wait->on_leave(wait);
	call->code = code;
	call->why = why;
	return code;
}

int await(struct call *call, struct wait *wait, int64_t timeout_ms)
{
	struct fiber *fiber = call->fiber;
	struct loop *loop = call->loop;
	int64_t left = call_left_ms(call);

	if (!fiber || loop->running != fiber)
		fatal("await outside its own fiber", fiber);
	if (timeout_ms < 0 || timeout_ms > left)
		timeout_ms = left;
	fiber->timed_out = false;
	if (!wait->done && !(fiber->cancelled && !fiber->shielded)) {
		if (timeout_ms <= 0) {
			fiber->timed_out = true;
		} else {
			wait->call = call;
			fiber->waiting = wait;
			fiber->state = FIBER_WAITING;
			fiber->since_ms = clock_mono_ms();
			if (timeout_ms != INT64_MAX) {
				uv_update_time(&loop->uv);
				uv_timer_start(&fiber->timer, on_time, (uint64_t)timeout_ms, 0);
			}
			switch_to_loop(loop, fiber, false);
			if (timeout_ms != INT64_MAX)
				uv_timer_stop(&fiber->timer);
			fiber->waiting = NULL;
		}
	}
	if (fiber->cancelled && !fiber->shielded) {
		return leave(call, wait, E_CANCELLED, "cancelled");
	}
	if (fiber->timed_out && !wait->done) {
		return leave(call, wait, E_TIMEOUT, "no answer in time");
	}
	return wait->result;
}

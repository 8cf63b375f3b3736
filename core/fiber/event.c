/* Waiting for each other: events, join, sleep, yield. */
#include "fiber/inner.h"

#include <stdlib.h>

struct event_waiter {
	struct wait wait;
	struct event *event;
	struct event_waiter *prev, *next;
};

static void free_waiter(struct wait *wait)
{
	free((struct event_waiter *)wait);
}

/* The fiber gave up: off the list, and the driver's reference with it. */
static void on_leave(struct wait *wait)
{
	struct event_waiter *waiter = (struct event_waiter *)wait;

	if (wait->done)
		return;
	if (waiter->prev)
		waiter->prev->next = waiter->next;
	else
		waiter->event->first = waiter->next;
	if (waiter->next)
		waiter->next->prev = waiter->prev;
	else
		waiter->event->last = waiter->prev;
	wait_complete(wait, E_CANCELLED);
}

void event_set(struct event *event)
{
	struct event_waiter *waiter = event->first;

	event->set = waiter == NULL;
	event->first = event->last = NULL;
	while (waiter) {
		struct event_waiter *next = waiter->next;

		wait_complete(&waiter->wait, OK);
		waiter = next;
	}
}

int event_wait(struct call *call, struct event *event, int64_t timeout_ms)
{
	struct event_waiter *waiter;
	int r;

	if (event->set && !call_cancelled(call)) {
		event->set = false;
		return OK;
	}
	waiter = calloc(1, sizeof(*waiter));
	if (!waiter)
		abort();
	wait_init(&waiter->wait, free_waiter);
	waiter->wait.on_leave = on_leave;
	waiter->event = event;
	waiter->prev = event->last;
	if (event->last)
		event->last->next = waiter;
	else
		event->first = waiter;
	event->last = waiter;
	r = await(call, &waiter->wait, timeout_ms);
	wait_unref(&waiter->wait);
	return r;
}

int fiber_join(struct call *call, struct fiber *fiber)
{
	int r = OK;

	while (r == OK && !fiber_finished(fiber))
		r = event_wait(call, &fiber->joined, -1);
	return r;
}

int fiber_run(struct call *call, const struct fiber_options *options, fiber_fn *fn, void *arg)
{
	struct fiber *fiber = NULL;
	int r = fiber_start(call->loop, options, fn, arg, &fiber);

	if (r != OK)
		return call_fail(call, r, "too much is going on at once");
	r = fiber_join(call, fiber);
	if (r != OK)
		fiber_cancel(fiber);
	fiber_unref(fiber);
	return r;
}

int fiber_sleep(struct call *call, int64_t ms)
{
	struct event never = { 0 };
	int64_t end = ms < INT64_MAX / 2 ? ms : INT64_MAX / 2;
	int r;

	if (end > call_left_ms(call))
		return event_wait(call, &never, -1);
	r = event_wait(call, &never, end);
	if (r != E_TIMEOUT)
		return r;
	call->code = OK;
	call->why = "";
	return OK;
}

int fiber_yield(struct call *call)
{
	return event_wait(call, &call->loop->next_round, -1);
}

/* Fibers: stackful coroutines on one libuv loop, so that code which waits reads like code which blocks.
 *
 * Owns: the loop of the process, its fibers and their stacks (256 KiB, guard page below, pooled).
 * Nine invariants, each with a test in tests/unit/fiber:
 *  1. Library callbacks run on the loop's stack and may only complete a wait record.
 *  2. await() is the only function that suspends.
 *  3. Completing a record enqueues its fiber; only the scheduler resumes.
 *  4. Every await has a deadline, inherited from the call.
 *  5. Cancellation is sticky: every later await returns E_CANCELLED at once, except between call_shield and
 * call_unshield.
 *  6. A started fiber always runs to its return.
 *  7. A fiber stays on the thread that made it; a plugin instance belongs to one loop.
 *  8. Nothing that outlives the call points into the call's arena; nothing in the arena is h2o_*, PG*, redis*, CURL*.
 *  9. No lock is held across an await.
 *
 *      driver (loop stack)                     fiber (own stack)
 *      record = new, wait_init()      <-----   submit(...)
 *                                              await(call, &record->wait, ms)   -- suspended --
 *      ... library calls back ...
 *      wait_complete(&record->wait, r) ----->  returns r, reads record, wait_unref(&record->wait)
 *
 * A fiber that times out or is cancelled leaves the record behind: the driver completes it later, nobody is woken,
 * and the second unref frees it. A cancel outranks everything; a time-out never throws away a result that is there. */
#ifndef FIBER_FIBER_H
#define FIBER_FIBER_H

#include "fiber/call.h"

#include <uv.h>

#define FIBER_STACK_SIZE (256 * 1024)

/* ---- the loop ---- */
struct loop *loop_new(unsigned max_fibers); /* 0 = 1024 */
struct loop *loop_free(struct loop *loop);  /* asserts that no fiber is left */
uv_loop_t *loop_uv(struct loop *loop);
void loop_run(struct loop *loop); /* until loop_stop */
void loop_stop(struct loop *loop);
unsigned loop_fibers(const struct loop *loop);       /* alive now */
int64_t loop_stalls(const struct loop *loop);        /* times something held the loop above the watchdog's limit */
void loop_watchdog(struct loop *loop, int limit_ms); /* default 50; names the fiber in a warning */

/* A hook runs in each turn of the loop before it sleeps: LOOP_SOURCE before the fibers that are ready (something that
 * may start or wake fibers: h2o's own loop), LOOP_SINK after them (something that sends what they queued: libpq's
 * flush). Turns repeat until nothing is ready. The hook must be removed before its owner dies. */
enum loop_phase { LOOP_SOURCE, LOOP_SINK };
struct loop_hook {
	void (*fn)(void *arg);
	void *arg;
	struct loop_hook *next;
};
void loop_hook_add(struct loop *loop, enum loop_phase phase, struct loop_hook *hook);
void loop_hook_remove(struct loop *loop, enum loop_phase phase, struct loop_hook *hook);

/* ---- fibers ---- */
typedef void fiber_fn(struct call *call, void *arg);

struct fiber_options {
	const char *name;   /* static text: names the kind of work in logs, watchdog and debugger */
	int64_t timeout_ms; /* the call's deadline from now; 0 = none */
	/* Called on the loop's stack after the fiber returned and before its arena is freed. May be NULL. */
	void (*on_done)(struct call *call, void *arg);
	struct log_scope log; /* copied into the call */
};

/* Makes a fiber and puts it in the ready queue; it runs when the scheduler comes to it, never inside this call.
 * E_LIMITED past the loop's maximum. *ret (may be NULL) is a reference the caller must fiber_unref. */
int fiber_start(struct loop *loop, const struct fiber_options *options, fiber_fn *fn, void *arg, struct fiber **ret);
struct fiber *fiber_unref(struct fiber *fiber); /* accepts NULL, returns NULL */
void fiber_cancel(struct fiber *fiber);         /* sticky; harmless when it has finished */
bool fiber_finished(const struct fiber *fiber);
/* Wait until `fiber` has returned. Takes no reference away. */
AWAITS int fiber_join(struct call *call, struct fiber *fiber);
/* Run fn on a fiber of its own and wait for it: what it allocates goes with it. For loops that live long, whose own
 * arena must not grow. When the caller is cancelled so is fn, which may then still be running on return. */
AWAITS int fiber_run(struct call *call, const struct fiber_options *options, fiber_fn *fn, void *arg);
void loop_cancel_all(struct loop *loop); /* cancel every fiber that is alive */

AWAITS int fiber_sleep(struct call *call, int64_t ms); /* OK, E_CANCELLED or E_TIMEOUT (the call's deadline) */
AWAITS int fiber_yield(struct call *call);             /* let others run: for loops over more than 1,000 items */

bool call_cancelled(const struct call *call);
void call_shield(
	struct call *call); /* awaits work again although cancelled: for cleanup, with its own short time-outs */
void call_unshield(struct call *call);

/* For the crash handler and the watchdog: the fiber that runs now, or NULL on the loop's stack. */
const char *fiber_current_name(void);
struct call *fiber_current_call(void); /* for signal handlers and the log only, never for control flow */

/* ---- waiting ---- */
struct wait {
	struct call *call;               /* who is suspended on it, NULL when nobody is */
	void (*free)(struct wait *wait); /* frees the record that contains it; both sides have let go */
	/* The fiber leaves without its result, on the fiber's stack; may be NULL. With wait->done the result is there
	 * and nobody will take it: whatever it holds (a connection, memory) goes back now. */
	void (*on_leave)(struct wait *wait);
	int result;
	uint8_t refs;
	bool done;
};

/* Two references: the driver's, dropped by wait_complete, and the fiber's, dropped by wait_unref. */
void wait_init(struct wait *wait, void (*free)(struct wait *wait));
/* Driver: the result is there. Exactly once per record. The record may be freed inside. */
void wait_complete(struct wait *wait, int result);
/* Fiber: done with the record. After it `wait` must not be touched. */
void wait_unref(struct wait *wait);
/* Suspend until complete. timeout_ms < 0: only the call's deadline. Returns the driver's result, E_TIMEOUT, or
 * E_CANCELLED. On the latter two the record is abandoned: unref it and touch nothing in it. Sets call->why for both. */
AWAITS int await(struct call *call, struct wait *wait, int64_t timeout_ms);

/* ---- an event that fibers can wait for ---- */
struct event_waiter;
struct event {
	struct event_waiter *first, *last; /* woken in the order in which they came */
	bool set;
};
/* Wakes every waiter; when nobody waits the next event_wait returns at once. */
void event_set(struct event *event);
AWAITS int event_wait(struct call *call, struct event *event, int64_t timeout_ms); /* OK, E_TIMEOUT, E_CANCELLED */

/* ---- work that must block, on libuv's thread pool ---- */
/* fn(arg) on another thread; the fiber waits. On E_TIMEOUT or E_CANCELLED fn may still be running: arg must be
 * memory that survives, and `drop` (may be NULL) is called on the loop's stack when fn has ended. */
AWAITS int offload(struct call *call, void (*fn)(void *arg), void *arg, void (*drop)(void *arg));

#endif

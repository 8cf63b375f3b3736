/* A call: what every function that may wait is given first. It carries the memory, the deadline, the failure message
 * and the log fields of one piece of work (a request, a job, a plugin call), and the fiber it runs on. */
#ifndef FIBER_CALL_H
#define FIBER_CALL_H

#include "base/arena.h"
#include "base/log.h"
#include "base/status.h"

/* Marks a prototype that can suspend the fiber. State read before it must be read again after it. */
#define AWAITS

struct loop;
struct fiber;

struct call {
	struct loop *loop;
	struct fiber *fiber;
	struct arena *arena;    /* dies with the fiber */
	int64_t deadline_ms;    /* clock_mono_ms(); INT64_MAX = none */
	int64_t retry_after_ms; /* goes with E_LIMITED, E_QUOTA, E_NETWORK; 0 = unknown */
	int code;               /* of the last call_fail */
	const char *why;        /* one sentence for people, set if and only if a function failed; "" at the start */
	struct log_scope log;
};

/* Set the message and return the code: `return call_fail(call, E_NOT_FOUND, "no deployment %s", id);` */
int call_fail(struct call *call, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Milliseconds left until the deadline, 0 when it has passed, INT64_MAX without one. */
int64_t call_left_ms(const struct call *call);
/* Never let this text reach a log line of this call, nor what log_redact() is asked about while it runs. The bytes are
 * copied, and all memory of the call's arena is wiped when it ends. */
void call_secret(struct call *call, struct str secret);
/* The same; where it stood, "[name]" stands. */
void call_secret_named(struct call *call, struct str name, struct str secret);

#endif

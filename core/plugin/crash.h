/* When a plugin takes the process down: who was it? A signal handler on its own stack writes one log line and one
 * record that the supervisor reads, then lets the process die as it would have.
 *
 * Owns: the handlers of SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT and of the timer signal, the alternate stack, the
 * record of what runs now.
 * Easy to break: the handler may call async-signal-safe functions only, and the context must be right at each moment a
 * plugin's code can run: set when it is entered and after each service that suspended, cleared before those.
 *
 *   crash_enter(plugin, operation, job)      plugin code      crash_leave()
 *            |________________ a timer of CRASH_HOLD_MS runs ______|
 *   code that neither returns nor suspends in that time is ended with the signal number SIGALRM in the record */
#ifndef PLUGIN_CRASH_H
#define PLUGIN_CRASH_H

#include <stdbool.h>
#include <stdint.h>

#define CRASH_MAGIC   0x4f504352u
#define CRASH_HOLD_MS 10000

/* Written with one write(2), smaller than PIPE_BUF, so records of several workers on one pipe do not mix. Texts are
 * NUL-terminated, cut when longer, empty when unknown. */
struct crash_record {
	uint32_t magic; /* CRASH_MAGIC */
	int32_t signal; /* SIGALRM: the plugin held the worker for longer than CRASH_HOLD_MS */
	int32_t pid;
	uint32_t in_plugin; /* 1: a plugin's code was running */
	char plugin[40];
	char operation[24];
	char job_id[48];
	char fiber[48];
};
_Static_assert(sizeof(struct crash_record) == 176, "the supervisor reads records of this size");

/* Once per process, on the loop's thread. record_fd < 0: log line only. The line goes to stderr. */
void crash_install(int record_fd);

/* Plugin code starts or goes on; texts are copied. Each thread has a context of its own; the timer watches the loop's
 * thread only, because a BLOCKING plugin may take its time. */
void crash_enter(const char *plugin, const char *operation, const char *job_id);
void crash_leave(void);

#endif

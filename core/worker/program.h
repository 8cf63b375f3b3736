/* A program of the operator: a text on its standard input, its exit status as the answer. */
#ifndef WORKER_PROGRAM_H
#define WORKER_PROGRAM_H

#include "fiber/fiber.h"

/* What it prints goes nowhere: it was given a secret. It gets PATH, HOME and LANG of ours and nothing else, no
 * argument, a process group of its own, and is killed with it after timeout_ms. OK with its exit status (128 + n for
 * signal n); E_INVALID: it is no program that may be run; E_TIMEOUT; E_UPSTREAM: it cannot be started. */
AWAITS int program_run(struct call *call, const char *path, struct str input, int64_t timeout_ms, int *ret_status);
/* NULL, or why it must not be run, as the end of a sentence. */
const char *program_why_not(const char *path);

#endif

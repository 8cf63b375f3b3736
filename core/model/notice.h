/* What a notification that could not be sent means, and when it is tried again. Pure. */
#ifndef MODEL_NOTICE_H
#define MODEL_NOTICE_H

#include "base/status.h"
#include "base/str.h"

#define NOTICE_INTERRUPTED_MAX 3 /* tries whose end nobody wrote down, then it is dead: it might kill the worker */
#define NOTICE_BUG_TRIES       5 /* a plugin that breaks the interface's rules */

enum notice_fate {
	NOTICE_DEAD,   /* never sent; the next one of its thread goes on */
	NOTICE_THREAD, /* its thread waits, others go on */
	NOTICE_PAUSE,  /* everything for this notifier waits */
};

struct notice_failure {
	const char *code; /* for people and programs: "TOKEN_REFUSED" ... */
	enum notice_fate fate;
	int64_t delay_ms; /* of the thread, or of all; 0 when dead */
	int64_t pause_ms; /* of everything for this notifier; 0 = others go on at once */
};

/* status: of send or update, < 0. tries: of this row, this one included. failures: of the notifier in a row, this one
 * included. retry_after_ms: as the target said, 0 = nothing. random: any number. */
struct notice_failure notice_failure(int status, int64_t tries, int64_t failures, int64_t retry_after_ms,
				     uint32_t random);
/* An instance that cannot be opened: its plugin is not loaded, or its settings are not complete. */
struct notice_failure notice_not_open(const char *code, int64_t failures, uint32_t random);
/* The code alone, for tests of a connection: "UNREACHABLE" ... */
const char *notice_code(int status);

#endif

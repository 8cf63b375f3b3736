/* Failed logins and refused credentials: who calls tells us here, and within a second or two they stand in the audit of
 * the installation as login.failed, with the address and a reason, never with what was sent.
 *
 * Whoever guesses must not make us work for it: a failure adds to a small table in memory, a fiber writes it once a
 * second, and of one address only the first few in a window are listed one by one; the others are counted. When an
 * address reaches the threshold there is one login.threshold and a line in the log, whichever processes it came by. */
#ifndef API_FAILURES_H
#define API_FAILURES_H

#include "store/failures.h"

struct exchange;
struct failures;

#define FAILURES_LISTED    5    /* of an address in a window */
#define FAILURES_ADDRESSES 1000 /* told apart in a window */

struct failures *failures_open(struct loop *loop, struct db *db, int64_t threshold, int64_t window_ms);
struct failures *failures_close(struct failures *failures); /* its fiber has ended; accepts NULL, returns NULL */

/* `reason`: a word in capitals that lives for ever: "TOKEN_UNKNOWN". Costs no I/O. */
void credential_failed(struct exchange *x, const char *reason);

/* A login at GitHub that was refused: written at once with its account, and counted like the others. */
AWAITS int login_failed(struct exchange *x, const char *reason, struct str github_login);

#endif

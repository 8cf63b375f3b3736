/* `opshubd users list|deactivate|activate`. */
#ifndef DAEMON_USERS_H
#define DAEMON_USERS_H

#include "fiber/call.h"

/* words[0] is "users", words[1] the verb. False when the rest is not what the verb takes. */
bool users_words_ok(char **words, int n);
/* The words have passed users_words_ok. */
AWAITS int users_command(struct call *call, const char *database_url, char **words, int n, struct buf *report);

#endif

/* Between asking and who asks. */
#ifndef GITHUB_INNER_H
#define GITHUB_INNER_H

#include "github/github.h"

/* GitHub has refused the installation's token: a new one, in place. */
AWAITS int github_session_renew(struct call *call, struct github_session *session);
/* The next session gets a new token: what it may do could have changed. Nothing when it is not an installation's. */
void github_session_forget(const struct github_session *session);

#endif

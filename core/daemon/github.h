/* From the configuration to who asks GitHub. */
#ifndef DAEMON_GITHUB_H
#define DAEMON_GITHUB_H

#include "daemon/config.h"
#include "worker/github_sweep.h"

/* Fills in what a sweeper takes from the configuration; the rest is the caller's. False with *ret_why when the App's
 * key cannot be read. */
bool github_configure(const struct config *config, struct net *net, struct github_sweeper *ret, const char **ret_why);
void github_configure_done(struct github_sweeper *sweeper); /* forgets the key; zeros are fine */

#endif

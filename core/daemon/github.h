/* From the configuration to who asks GitHub. */
#ifndef DAEMON_GITHUB_H
#define DAEMON_GITHUB_H

#include "daemon/config.h"
#include "worker/github_sweep.h"

/* The configuration must outlive it. */
struct github github_from(const struct config *config, struct net *net);
/* Fills in what a sweeper takes from the configuration, which must outlive it; the rest is the caller's. */
void github_sweeper_configure(const struct config *config, struct github *github, struct github_sweeper *ret);
void github_sweeper_done(struct github_sweeper *sweeper); /* zeros are fine */

#endif

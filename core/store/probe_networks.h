/* Which private networks the operator opened for probes: kept to notice when that changes, for the audit. What is in
 * force is the configuration of each process. */
#ifndef STORE_PROBE_NETWORKS_H
#define STORE_PROBE_NETWORKS_H

#include "db/db.h"

/* A change since the last start is written down, and into the audit of every organization and of the installation. */
AWAITS int probe_networks_save(struct call *call, struct db *db, const struct str *cidrs, size_t n, bool *ret_changed);

#endif

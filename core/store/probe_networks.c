/* The networks that probes may reach. */
#include "store/probe_networks.h"

#include "base/id.h"

int probe_networks_save(struct call *call, struct db *db, const struct str *cidrs, size_t n, bool *ret_changed)
{
	struct str who[] = { STR("system"), STR(""), STR("opshubd"), STR(""), STR(""), STR("") };
	struct db_rows rows;
	int r = db_query(call, db, Q_PROBE_NETWORKS_SAVE, &rows, A_TEXTS(cidrs, n),
			 A_STR(id_text(call->arena, "audit_")), A_TEXTS(who, 6));

	if (r == OK)
		*ret_changed = db_bool(&rows, 0, "is_one");
	return r;
}

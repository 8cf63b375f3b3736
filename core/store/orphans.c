/* The ledger of orphans. */
#include "store/orphans.h"

#include "base/id.h"

int orphan_put(struct call *call, struct db *db, const struct orphan *o)
{
	char id[ID_MAX];

	id_new(id, "orph_");
	return db_query(call, db, Q_ORPHAN_PUT, NULL, A_TEXT(id), A_STR(o->found_by), A_STR(o->provider),
			A_STR(o->provider_id), A_STR(o->attempt_id), A_TEXT(o->kind), A_TEXT(o->action),
			A_STR_OR_NULL(o->url), A_STR_OR_NULL(o->project_id));
}

int orphans_resolve(struct call *call, struct db *db, struct str found_by, struct str provider, int64_t since_ms)
{
	return db_query(call, db, Q_ORPHANS_RESOLVE, NULL, A_STR(found_by), A_STR(provider), A_TIME(since_ms));
}

int orphans_ready(struct call *call, struct db *db, struct str found_by, struct str provider, int64_t since_ms,
		  const struct str *listed, size_t n, int64_t most, struct db_rows *ret)
{
	return db_query(call, db, Q_ORPHANS_READY, ret, A_STR(found_by), A_STR(provider), A_TIME(since_ms),
			A_TEXTS(listed, n), A_INT(most));
}

int orphans_list(struct call *call, struct db *db, struct str project_id, struct str before, int64_t limit,
		 bool settled, struct db_rows *ret)
{
	return db_query(call, db, Q_ORPHANS_LIST, ret, A_STR(project_id), A_STR(before.n ? before : STR("~")),
			A_INT(limit), A_BOOL(settled));
}

int orphans_all(struct call *call, struct db *db, int64_t most, struct db_rows *ret)
{
	return db_query(call, db, Q_ORPHANS_ALL, ret, A_INT(most));
}

/* ---- whose turn it is ---- */

int inventory_claim(struct call *call, struct db *db, const struct inventory *i, int64_t lease_ms, int64_t every_ms,
		    bool *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_INVENTORY_CLAIM, &rows, A_STR(i->project_id), A_STR(i->provider), A_STR(i->worker),
			 A_INT(lease_ms), A_INT(every_ms));

	if (r == OK)
		*ret = rows.n_rows > 0;
	return r;
}

int inventory_extend(struct call *call, struct db *db, const struct inventory *i, int64_t lease_ms)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_INVENTORY_EXTEND, &rows, A_STR(i->project_id), A_STR(i->provider),
			 A_STR(i->worker), A_INT(lease_ms));

	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_CONFLICT, "another worker asks the provider by now");
	return r;
}

int inventory_release(struct call *call, struct db *db, const struct inventory *i, bool again)
{
	return db_query(call, db, Q_INVENTORY_RELEASE, NULL, A_STR(i->worker), A_STR_OR_NULL(i->project_id),
			A_STR_OR_NULL(i->provider), A_BOOL(again));
}

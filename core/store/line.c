/* The line of previews that wait, and the end of those that stand. */
#include "store/line.h"

#include "base/id.h"

int line_wake(struct call *call, struct db *db, int64_t account_builds, struct push_list *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_BUILD_LINE_WAKE, &rows, A_INT(account_builds));

	if (r == OK)
		*ret = push_list_read(call, &rows);
	return r;
}

int line_expire(struct call *call, struct db *db, struct push_list *ret, size_t *ret_n)
{
	struct str *ids = arena_alloc(call->arena, EXPIRY_BATCH * sizeof(*ids));
	struct db_rows rows;
	int r;

	for (size_t i = 0; i < EXPIRY_BATCH; i++)
		ids[i] = id_text(call->arena, "evt_");
	r = db_query(call, db, Q_PREVIEWS_EXPIRE, &rows, A_TEXTS(ids, EXPIRY_BATCH));
	if (r != OK)
		return r;
	*ret = push_list_read_waiting(call, &rows);
	*ret_n = (size_t)rows.n_rows;
	return OK;
}

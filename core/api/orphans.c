/* What a provider has of a project and nobody wants, and what it has lost: the ledger that the workers write. */
#include "store/orphans.h"

#include "api/api.h"

int orphans_index(struct exchange *x)
{
	struct str resolved = http_query(x, "resolved"), cursor;
	struct db_rows rows;
	int64_t limit;
	int r = page_read(x, &limit, &cursor, "orph_");

	if (r != OK)
		return r;
	if (resolved.p && !str_eq(resolved, STR("true")) && !str_eq(resolved, STR("false")))
		return answer_field(x, 422, "resolved", "must be true or false");
	r = orphans_list(x->call, api_of(x)->db, x->params[0], cursor, limit, str_eq(resolved, STR("true")), &rows);
	if (r != OK)
		return r;
	page_link(x, &rows, limit, "id");
	return answer_rows(x, &rows);
}

/* Organizations. */
#include "store/organizations.h"

#include "base/id.h"

#define NEWEST STR("~") /* behind every id */

static struct db_arg before(const struct list_page *page)
{
	return A_STR(page->before.n ? page->before : NEWEST);
}

static struct db_arg or_as_it_is(struct str text)
{
	return text.p ? A_STR(text) : A_NULL;
}

int organizations_list(struct call *call, struct db *db, struct str user_id, struct str only_project,
		       const struct list_page *page, struct db_rows *ret)
{
	return db_query(call, db, Q_ORGANIZATIONS_LIST, ret, A_STR(user_id), before(page), A_INT(page->limit),
			A_STR_OR_NULL(only_project));
}

int organization_get(struct call *call, struct db *db, struct str id, struct str user_id, struct db_rows *ret)
{
	int r = db_query(call, db, Q_ORGANIZATION_GET, ret, A_STR(id), A_STR(user_id));

	if (r == OK && ret->n_rows == 0)
		r = call_fail(call, E_NOT_FOUND, "the organization %.*s is gone", STR_FMT(id));
	return r;
}

/* The only unique key besides the id is the slug. */
static int slug_taken(struct call *call, struct str slug)
{
	return call_fail(call, E_CONFLICT, "the slug \"%.*s\" is taken by another organization: send another one",
			 STR_FMT(slug));
}

int organization_create(struct call *call, struct db *db, struct str user_id, const struct organization_change *fields,
			const struct audit *audit, struct db_rows *ret)
{
	char id[ID_MAX];
	int r;

	id_new(id, "org_");
	r = db_query(call, db, Q_ORGANIZATION_CREATE, ret, A_TEXT(id), A_STR(fields->name), A_STR(fields->slug),
		     A_STR(fields->description), A_STR(user_id), A_INT(MOST_OWNED_ORGANIZATIONS), audit->id,
		     audit->who);
	if (r == E_CONFLICT)
		return slug_taken(call, fields->slug);
	if (r == OK && ret->n_rows == 0)
		r = call_fail(call, E_CONFLICT, "you own %d organizations, which is the most there can be",
			      MOST_OWNED_ORGANIZATIONS);
	return r;
}

int organization_update(struct call *call, struct db *db, struct str id, const struct organization_change *change,
			const struct audit *audit)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_ORGANIZATION_UPDATE, &rows, A_STR(id), or_as_it_is(change->name),
			 or_as_it_is(change->slug), or_as_it_is(change->description), audit->id, audit->who);

	if (r == E_CONFLICT && change->slug.p)
		return slug_taken(call, change->slug);
	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_CONFLICT, "this organization is being deleted: it cannot be changed any more");
	return r;
}

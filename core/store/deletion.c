/* Taking projects and organizations down. */
#include "store/deletion.h"

#include "base/id.h"

int project_delete(struct call *call, struct db *db, struct str id, const struct audit *audit)
{
	return db_query(call, db, Q_PROJECT_DELETE, NULL, A_STR(id), audit->id, audit->who);
}

int organization_delete(struct call *call, struct db *db, struct str id, const struct audit *audit)
{
	return db_query(call, db, Q_ORGANIZATION_DELETE, NULL, A_STR(id), audit->id, audit->who);
}

int deletion_take_down(struct call *call, struct db *db, struct str project_id, struct str org_id,
		       struct push_list *ret, size_t *ret_told)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_DELETION_TAKE_DOWN, &rows, A_STR_OR_NULL(project_id), A_STR_OR_NULL(org_id),
			 A_INT(DELETION_BATCH));

	if (r != OK)
		return r;
	*ret = push_list_read_waiting(call, &rows);
	*ret_told = (size_t)rows.n_rows;
	return OK;
}

int deletion_previews(struct call *call, struct db *db, size_t *ret_gone)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_DELETION_PREVIEWS, &rows, A_INT(DELETION_BATCH));

	if (r == OK)
		*ret_gone = (size_t)rows.n_rows;
	return r;
}

static int one(struct call *call, struct db *db, enum query query, struct str *ret_id)
{
	struct str who[] = { STR("system"), STR(""), STR("opshubd"), STR(""), STR(""), STR("") };
	struct db_rows rows;
	char id[ID_MAX];
	int r;

	id_new(id, "audit_");
	r = db_query(call, db, query, &rows, A_TEXT(id), A_TEXTS(who, sizeof(who) / sizeof(who[0])));
	if (r == OK)
		*ret_id = rows.n_rows ? db_text(&rows, 0, "id") : (struct str){ 0 };
	return r;
}

int deletion_project(struct call *call, struct db *db, struct str *ret_id)
{
	return one(call, db, Q_DELETION_PROJECT, ret_id);
}

int deletion_organization(struct call *call, struct db *db, struct str *ret_id)
{
	return one(call, db, Q_DELETION_ORGANIZATION, ret_id);
}

int deletion_invitations(struct call *call, struct db *db)
{
	return db_query(call, db, Q_DELETION_INVITATIONS, NULL, A_INT(DELETION_BATCH));
}

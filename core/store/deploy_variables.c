/* Variables of deployments. */
#include "store/deploy_variables.h"

#include "base/secret_memory.h"
#include "store/project_keys.h"
#include "store/variable_secrets.h"

#define OPENED_AT_ONCE 100 /* then others run */
#define SHORT          "too many secrets are in use at this moment; it is tried again"

/* Rows of deploy_variables and attempt_variables have the same columns for this. */
static int open_row(struct call *call, const struct key_ring *ring, const struct db_rows *rows, int row,
		    struct str *ret)
{
	const struct variable_place place = {
		.org_id = db_text(rows, row, "org_id"),
		.project_id = db_text(rows, row, "project_id"),
		.environment_id = db_text(rows, row, "environment_id"),
		.key = db_text(rows, row, "key"),
		.version = db_int(rows, row, "version"),
	};

	if (db_is_null(rows, row, "sealed"))
		return call_fail(call, E_INVALID, "the variable %.*s has no value: set it again, or delete it",
				 STR_FMT(place.key));
	return variable_open(call, ring, &place, db_bytes(call, rows, row, "sealed"), ret);
}

static int ring_of(struct call *call, const struct key_ring *master, const struct db_rows *rows,
		   const struct key_ring **ret)
{
	return project_ring_open(call, master, db_text(rows, 0, "project_id"), db_text(rows, 0, "wrapped"), ret);
}

int deploy_variables(struct call *call, struct db *db, const struct key_ring *master, struct str preview_id,
		     struct deploy_variables *ret)
{
	struct deploy_variable *items;
	const struct key_ring *ring;
	struct db_rows rows;
	int r = db_query(call, db, Q_DEPLOY_VARIABLES, &rows, A_STR(preview_id));

	if (r == OK && rows.n_rows > DEPLOY_VARIABLES_MAX)
		return call_fail(call, E_INVALID, "the preview environment has more than %d variables: delete some",
				 DEPLOY_VARIABLES_MAX);
	if (r == OK && rows.n_rows == 0)
		*ret = (struct deploy_variables){ 0 };
	if (r != OK || rows.n_rows == 0)
		return r;
	if (secret_memory_is_short())
		return call_fail(call, E_UPSTREAM, SHORT);
	r = ring_of(call, master, &rows, &ring);
	items = arena_alloc(call->arena, (size_t)rows.n_rows * sizeof(*items));
	for (int i = 0; i < rows.n_rows && r == OK; i++) {
		items[i] = (struct deploy_variable){
			.id = db_text(&rows, i, "id"),
			.key = db_text(&rows, i, "key"),
			.fingerprint = db_text(&rows, i, "fingerprint"),
			.version = db_int(&rows, i, "version"),
			.build_only = db_bool(&rows, i, "build_only"),
		};
		r = open_row(call, ring, &rows, i, &items[i].value);
		if (r == OK && i % OPENED_AT_ONCE == OPENED_AT_ONCE - 1)
			r = fiber_yield(call);
	}
	if (r == OK)
		*ret = (struct deploy_variables){ items, (size_t)rows.n_rows };
	return r;
}

int attempt_variables_hide(struct call *call, struct db *db, const struct key_ring *master, struct str attempt_id)
{
	const struct key_ring *ring;
	struct db_rows rows;
	struct str value;
	int r = db_query(call, db, Q_ATTEMPT_VARIABLES, &rows, A_STR(attempt_id)), opened = OK;

	if (r != OK || rows.n_rows == 0)
		return r;
	if (secret_memory_is_short())
		return call_fail(call, E_UPSTREAM, SHORT);
	r = ring_of(call, master, &rows, &ring);
	for (int i = 0; i < rows.n_rows && r == OK; i++) {
		if (open_row(call, ring, &rows, i, &value) != OK)
			opened = call->code;
		if (i % OPENED_AT_ONCE == OPENED_AT_ONCE - 1)
			r = fiber_yield(call);
	}
	return r == OK ? opened : r;
}

int variable_usage(struct call *call, struct db *db, struct str environment_id, struct str key, struct db_rows *ret)
{
	return db_query(call, db, Q_VARIABLE_USAGE, ret, A_STR(environment_id), A_STR(key));
}

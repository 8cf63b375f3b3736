/* What each step of a rotation writes. */
#include "base/id.h"
#include "store/rotations.h"

int rotation_load(struct call *call, struct db *db, struct str id, struct db_rows *ret)
{
	return db_query(call, db, Q_ROTATION_LOAD, ret, A_STR(id));
}

static int look_again(struct call *call)
{
	return call_fail(call, E_CONFLICT, "the rotation was changed meanwhile, or is another worker's");
}

static int done_of(struct call *call, int r, const struct db_rows *rows)
{
	return r == OK && !db_bool(rows, 0, "done") ? look_again(call) : r;
}

int rotation_pend(struct call *call, struct db *db, const struct job *job, int64_t version,
		  const struct sealed_variable *sealed, struct str public_key, int64_t wait_ms)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_ROTATION_PEND, &rows, A_STR(job->id), A_INT(job->fence), A_INT(version),
			 A_BYTES(sealed->sealed), A_STR(sealed->key_id), A_STR(sealed->mask),
			 A_STR(sealed->fingerprint), A_STR_OR_NULL(public_key), A_INT(wait_ms));

	return done_of(call, r, &rows);
}

int rotation_try(struct call *call, struct db *db, const struct job *job, int64_t wait_ms, struct str *ret_came)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_ROTATION_TRY, &rows, A_STR(job->id), A_INT(job->fence), A_INT(wait_ms));

	if (r == OK && str_eq(db_text(&rows, 0, "came"), STR("lost")))
		r = look_again(call);
	if (r == OK)
		*ret_came = db_text(&rows, 0, "came");
	return r;
}

int rotation_verify(struct call *call, struct db *db, const struct job *job, struct str why, int64_t wait_ms)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_ROTATION_VERIFY, &rows, A_STR(job->id), A_INT(job->fence), A_STR(why),
			 A_INT(wait_ms));

	return done_of(call, r, &rows);
}

int rotation_promote(struct call *call, struct db *db, const struct job *job, struct str why)
{
	struct db_rows rows;
	char audit[ID_MAX];
	int r;

	id_new(audit, "audit_");
	r = db_query(call, db, Q_ROTATION_PROMOTE, &rows, A_STR(job->id), A_INT(job->fence), A_STR(why), A_TEXT(audit));
	return done_of(call, r, &rows);
}

int rotation_fail(struct call *call, struct db *db, const struct job *job, const char *ending, struct str why,
		  int64_t retry_ms)
{
	struct db_rows rows;
	char audit[ID_MAX];
	int r;

	id_new(audit, "audit_");
	r = db_query(call, db, Q_ROTATION_FAIL, &rows, A_STR(job->id), A_INT(job->fence), A_TEXT(ending), A_STR(why),
		     retry_ms < 0 ? A_NULL : A_INT(retry_ms), A_TEXT(audit));
	return done_of(call, r, &rows);
}

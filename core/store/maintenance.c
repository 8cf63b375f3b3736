/* Windows of maintenance. */
#include "store/maintenance.h"

#include "base/id.h"

static int not_there(struct call *call, struct str id)
{
	return call_fail(call, E_NOT_FOUND, "there is no window of maintenance %.*s in this project", STR_FMT(id));
}

int windows_of(struct call *call, struct db *db, struct str project_id, struct str id, struct db_rows *ret)
{
	int r = db_query(call, db, Q_MAINTENANCE_OF, ret, A_STR(project_id), A_STR_OR_NULL(id));

	return r == OK && id.n && ret->n_rows == 0 ? not_there(call, id) : r;
}

int window_judge(struct call *call, struct db *db, struct str project_id, const struct window_change *c,
		 struct str *ret_missing, bool *ret_zone_known)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_MAINTENANCE_JUDGE, &rows, A_STR(project_id), A_TEXTS(c->check_ids, c->n_check_ids),
			 A_STR_OR_NULL(c->zone));

	if (r == OK) {
		*ret_missing = db_text(&rows, 0, "missing");
		*ret_zone_known = db_bool(&rows, 0, "zone_known");
	}
	return r;
}

/* The seven columns behind the name, as the statements take them. */
struct columns {
	struct db_arg checks, starts, ends, weekdays, start_time, duration, zone;
};

static struct columns columns_of(const struct window_change *c)
{
	bool weekly = c->n_weekdays > 0;

	return (struct columns){
		.checks = c->is_for_all ? A_NULL : A_TEXTS(c->check_ids, c->n_check_ids),
		.starts = c->has_times && !weekly ? A_TIME(c->starts_ms) : A_NULL,
		.ends = c->has_times && !weekly ? A_TIME(c->ends_ms) : A_NULL,
		.weekdays = weekly ? A_INTS(c->weekdays, c->n_weekdays) : A_NULL,
		.start_time = weekly ? A_STR(c->start_time) : A_NULL,
		.duration = weekly ? A_INT(c->duration_min) : A_NULL,
		.zone = weekly ? A_STR(c->zone) : A_NULL,
	};
}

int window_add(struct call *call, struct db *db, struct str project_id, const struct window_change *f,
	       const struct audit *audit, struct str *ret_id)
{
	struct columns c = columns_of(f);
	struct str id = id_text(call->arena, "window_");
	struct db_rows rows;
	int r = db_query(call, db, Q_MAINTENANCE_ADD, &rows, A_STR(project_id), A_STR(id), A_STR(f->name), c.checks,
			 c.starts, c.ends, c.weekdays, c.start_time, c.duration, c.zone, audit->id, audit->who,
			 A_INT(MOST_WINDOWS));

	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_CONFLICT,
			      "this project is being deleted, or has %d windows of maintenance, which is the most "
			      "there can be",
			      MOST_WINDOWS);
	if (r == OK)
		*ret_id = id;
	return r;
}

int window_change(struct call *call, struct db *db, struct str project_id, struct str id,
		  const struct window_change *change, const struct audit *audit)
{
	struct columns c = columns_of(change);
	struct db_rows rows;
	int r = db_query(call, db, Q_MAINTENANCE_CHANGE, &rows, A_STR(project_id), A_STR(id),
			 A_STR_OR_NULL(change->name), A_BOOL(change->has_checks), c.checks, A_BOOL(change->has_times),
			 c.starts, c.ends, c.weekdays, c.start_time, c.duration, c.zone, audit->id, audit->who);

	return r == OK && rows.n_rows == 0 ? not_there(call, id) : r;
}

int window_remove(struct call *call, struct db *db, struct str project_id, struct str id, const struct audit *audit)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_MAINTENANCE_DELETE, &rows, A_STR(project_id), A_STR(id), audit->id, audit->who);

	return r == OK && rows.n_rows == 0 ? not_there(call, id) : r;
}

/* The status page of a project. */
#include "store/status_pages.h"

int status_page_settings(struct call *call, struct db *db, struct str project, struct str base, struct db_rows *ret)
{
	return db_query(call, db, Q_STATUS_PAGE_SETTINGS, ret, A_STR(project), A_STR(base));
}

int status_page_save(struct call *call, struct db *db, struct str project, const struct status_page_change *change,
		     const struct audit *audit, struct str *ret_unknown)
{
	struct db_arg checks = change->checks ? A_TEXTS(change->checks, change->n_checks) : A_NULL;
	struct db_rows rows = { 0 };
	int r = OK;

	if (change->n_checks)
		r = db_query(call, db, Q_STATUS_PAGE_UNKNOWN, &rows, A_STR(project), checks);
	if (r == OK && rows.n_rows) {
		*ret_unknown = db_text(&rows, 0, "id");
		return call_fail(call, E_INVALID, "it is no check of this project");
	}
	if (r == OK)
		r = db_query(call, db, Q_STATUS_PAGE_SAVE, &rows, A_STR(project), A_BOOL(change->enabled),
			     A_STR(change->slug), A_STR_OR_NULL(change->title), checks, audit->id, audit->who);
	if (r == E_CONFLICT)
		return call_fail(call, r, "another status page has the address \"%.*s\": send another slug",
				 STR_FMT(change->slug));
	if (r == OK && rows.n_rows == 0)
		return call_fail(call, E_CONFLICT, "this project is being deleted");
	return r;
}

/* ---- facts ---- */

static const char *const words[] = {
	[STATUS_OPERATIONAL] = "OPERATIONAL", [STATUS_DEGRADED] = "DEGRADED", [STATUS_FLAPPING] = "FLAPPING",
	[STATUS_MAINTENANCE] = "MAINTENANCE", [STATUS_PAUSED] = "PAUSED",     [STATUS_UNKNOWN] = "UNKNOWN",
};

const char *status_state_word(enum status_state state)
{
	return words[state];
}

static enum status_state read_state(struct str word)
{
	for (enum status_state s = STATUS_OPERATIONAL; s < STATUS_UNKNOWN; s++)
		if (str_eq(word, str_of(words[s])))
			return s;
	return STATUS_UNKNOWN;
}

static enum status_state state_of_all(const struct status_check *checks, size_t n)
{
	size_t count[STATUS_UNKNOWN + 1] = { 0 };

	for (size_t i = 0; i < n; i++)
		count[checks[i].state]++;
	if (count[STATUS_DEGRADED] || count[STATUS_FLAPPING])
		return STATUS_DEGRADED;
	if (count[STATUS_UNKNOWN])
		return STATUS_UNKNOWN;
	if (count[STATUS_OPERATIONAL])
		return STATUS_OPERATIONAL;
	if (count[STATUS_MAINTENANCE])
		return STATUS_MAINTENANCE;
	return count[STATUS_PAUSED] ? STATUS_PAUSED : STATUS_UNKNOWN;
}

static void read_checks(struct call *call, const struct db_rows *rows, struct status_facts *ret)
{
	static const char *const columns[UPTIMES] = { "u24h", "u7d", "u30d", "u90d" };
	bool empty = db_is_null(rows, 0, "id");

	*ret = (struct status_facts){ .title = db_text(rows, 0, "title"),
				      .as_of_ms = db_time(rows, 0, "now"),
				      .n_checks = empty ? 0 : (size_t)rows->n_rows };
	ret->n_hidden = empty ? 0 : (size_t)db_int(rows, 0, "total") - ret->n_checks;
	ret->checks = arena_alloc(call->arena, (ret->n_checks + 1) * sizeof(*ret->checks));
	for (size_t i = 0; i < ret->n_checks; i++) {
		struct status_check *check = &ret->checks[i];

		check->id = db_text(rows, (int)i, "id");
		check->name = db_text(rows, (int)i, "name");
		check->state = read_state(db_text(rows, (int)i, "state"));
		for (int u = 0; u < UPTIMES; u++)
			check->uptime[u] = db_text(rows, (int)i, columns[u]);
	}
	ret->state = state_of_all(ret->checks, ret->n_checks);
}

static struct status_check *find_check(struct status_facts *facts, struct str id)
{
	for (size_t i = 0; i < facts->n_checks; i++)
		if (str_eq(facts->checks[i].id, id))
			return &facts->checks[i];
	return NULL;
}

static void read_days(const struct db_rows *rows, struct status_facts *facts)
{
	struct status_check *check = NULL;

	for (int i = 0; i < rows->n_rows; i++) {
		struct str id = db_text(rows, i, "check_id");

		if (!check || !str_eq(check->id, id))
			check = find_check(facts, id);
		if (check)
			check->days[STATUS_DAYS - 1 - db_int(rows, i, "ago")] =
				(struct status_day){ db_int(rows, i, "ok"), db_int(rows, i, "failed") };
	}
}

static void read_incidents(struct call *call, const struct db_rows *rows, struct status_facts *facts)
{
	facts->incidents = arena_alloc(call->arena, ((size_t)rows->n_rows + 1) * sizeof(*facts->incidents));
	for (int i = 0; i < rows->n_rows; i++) {
		const struct status_check *check = find_check(facts, db_text(rows, i, "check_id"));

		if (check)
			facts->incidents[facts->n_incidents++] =
				(struct status_incident){ .check = check->name,
							  .began_ms = db_time(rows, i, "began_at"),
							  .ended_ms = db_time(rows, i, "ended_at"),
							  .flapping = db_bool(rows, i, "flapping") };
	}
}

int status_facts(struct call *call, struct db *db, struct str slug, struct status_facts *ret)
{
	struct status_facts facts;
	struct db_rows rows;
	struct str *ids;
	int r = db_query(call, db, Q_STATUS_PAGE_CHECKS, &rows, A_STR(slug), A_INT(STATUS_CHECKS_MAX));

	if (r == OK && rows.n_rows == 0)
		return call_fail(call, E_NOT_FOUND, "there is no status page of this name");
	if (r != OK)
		return r;
	read_checks(call, &rows, &facts);
	ids = arena_alloc(call->arena, (facts.n_checks + 1) * sizeof(*ids));
	for (size_t i = 0; i < facts.n_checks; i++)
		ids[i] = facts.checks[i].id;
	r = db_query(call, db, Q_STATUS_PAGE_DAYS, &rows, A_TEXTS(ids, facts.n_checks));
	if (r != OK)
		return r;
	read_days(&rows, &facts);
	r = db_query(call, db, Q_STATUS_PAGE_INCIDENTS, &rows, A_TEXTS(ids, facts.n_checks),
		     A_INT(STATUS_INCIDENTS_MAX));
	if (r != OK)
		return r;
	read_incidents(call, &rows, &facts);
	*ret = facts;
	return OK;
}

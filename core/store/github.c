/* Repositories that are swept. */
#include "store/github.h"

static struct github_repo read_repo(const struct db_rows *rows, int i)
{
	return (struct github_repo){ .repo = db_text(rows, i, "repo"),
				     .spelled = db_text(rows, i, "spelled"),
				     .etags = db_text(rows, i, "etags"),
				     .projects = db_text(rows, i, "projects"),
				     .compared = db_text(rows, i, "compared"),
				     .hook_id = db_int(rows, i, "hook_id"),
				     .deliveries_since_ms = db_time(rows, i, "deliveries_since") };
}

int github_repos_sync(struct call *call, struct db *db, bool has_app)
{
	return db_query(call, db, Q_GITHUB_REPOS_SYNC, NULL, A_BOOL(has_app));
}

int github_repo_claim(struct call *call, struct db *db, struct str worker, int64_t lease_ms, struct str only,
		      struct github_repo *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_GITHUB_REPO_CLAIM, &rows, A_STR(worker), A_INT(lease_ms), A_STR_OR_NULL(only));

	if (r != OK)
		return r;
	if (rows.n_rows == 0)
		return call_fail(call, E_NOT_FOUND, "no repository is due");
	*ret = read_repo(&rows, 0);
	return OK;
}

int github_repos_list(struct call *call, struct db *db, struct str after, const struct github_repo **ret, size_t *ret_n)
{
	struct github_repo *items;
	struct db_rows rows;
	int r = db_query(call, db, Q_GITHUB_REPOS_LIST, &rows, A_STR(after), A_INT(GITHUB_REPOS_PAGE));

	if (r != OK)
		return r;
	items = arena_alloc(call->arena, (size_t)rows.n_rows * sizeof(*items) + 1);
	for (int i = 0; i < rows.n_rows; i++)
		items[i] = read_repo(&rows, i);
	*ret = items;
	*ret_n = (size_t)rows.n_rows;
	return OK;
}

int github_repo_release(struct call *call, struct db *db, struct str repo, struct str worker,
			const struct github_swept *s)
{
	struct db_arg etags = s->etags.p ? A_STR(s->etags) : A_NULL;
	struct db_arg compared = s->compared.p ? A_STR(s->compared) : A_NULL;
	struct db_arg hook = s->hook_id >= 0 ? A_INT(s->hook_id) : A_NULL;
	struct db_arg since = s->deliveries_since_ms > 0 ? A_TIME(s->deliveries_since_ms) : A_NULL;

	return db_query(call, db, Q_GITHUB_REPO_RELEASE, NULL, A_STR(repo), A_STR(worker), A_INT(s->next_ms),
			A_STR_OR_NULL(s->error), etags, compared, hook, since);
}

int github_pause(struct call *call, struct db *db, int64_t until_ms, struct str account)
{
	return db_query(call, db, Q_GITHUB_PAUSE, NULL, A_TIME(until_ms), A_STR(account));
}

int github_known(struct call *call, struct db *db, struct str repo, const int64_t *numbers, size_t n,
		 const struct known_pull **ret, size_t *ret_n)
{
	struct known_pull *items;
	struct db_rows rows;
	int r = db_query(call, db, Q_GITHUB_KNOWN, &rows, A_STR(repo), A_INTS(numbers, n));

	if (r != OK)
		return r;
	items = arena_alloc(call->arena, (size_t)rows.n_rows * sizeof(*items) + 1);
	for (int i = 0; i < rows.n_rows; i++)
		items[i] = (struct known_pull){ .number = db_int(&rows, i, "pr_number"),
						.updated_at_ms = db_time(&rows, i, "pr_updated_at"),
						.project_id = db_text(&rows, i, "project_id"),
						.sha = db_text(&rows, i, "sha"),
						.open = db_bool(&rows, i, "pr_open"),
						.live = db_bool(&rows, i, "live"),
						.by_sweep = db_bool(&rows, i, "by_sweep"),
						.generation = db_int(&rows, i, "generation") };
	*ret = items;
	*ret_n = (size_t)rows.n_rows;
	return OK;
}

int github_absent(struct call *call, struct db *db, struct str repo, const int64_t *numbers, size_t n, int64_t most,
		  const int64_t **ret, size_t *ret_n)
{
	struct db_rows rows;
	int64_t *items;
	int r = db_query(call, db, Q_GITHUB_ABSENT, &rows, A_STR(repo), A_INTS(numbers, n), A_INT(most));

	if (r != OK)
		return r;
	items = arena_alloc(call->arena, (size_t)rows.n_rows * sizeof(*items) + 1);
	for (int i = 0; i < rows.n_rows; i++)
		items[i] = db_int(&rows, i, "pr_number");
	*ret = items;
	*ret_n = (size_t)rows.n_rows;
	return OK;
}

int github_live(struct call *call, struct db *db, struct str repo, size_t *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_GITHUB_LIVE, &rows, A_STR(repo));

	if (r == OK)
		*ret = (size_t)db_int(&rows, 0, "live");
	return r;
}

int github_last_facts(struct call *call, struct db *db, struct str repo, int64_t number, struct db_rows *ret)
{
	return db_query(call, db, Q_GITHUB_LAST_FACTS, ret, A_STR(repo), A_INT(number));
}

/* ---- what a sweep is unsure about ---- */

int github_closings(struct call *call, struct db *db, struct str repo, const struct github_closing **ret, size_t *ret_n)
{
	struct github_closing *items;
	struct db_rows rows;
	int r = db_query(call, db, Q_GITHUB_CLOSINGS, &rows, A_STR(repo), A_INT(GITHUB_CLOSINGS));

	if (r != OK)
		return r;
	items = arena_alloc(call->arena, (size_t)rows.n_rows * sizeof(*items) + 1);
	for (int i = 0; i < rows.n_rows; i++)
		items[i] = (struct github_closing){ .number = db_int(&rows, i, "pr_number"),
						    .why = db_text(&rows, i, "why"),
						    .held = db_bool(&rows, i, "held"),
						    .confirmed = db_bool(&rows, i, "confirmed"),
						    .old = db_bool(&rows, i, "old") };
	*ret = items;
	*ret_n = (size_t)rows.n_rows;
	return OK;
}

int github_closing_put(struct call *call, struct db *db, struct str repo, int64_t number, const char *why, bool held)
{
	return db_query(call, db, Q_GITHUB_CLOSING_PUT, NULL, A_STR(repo), A_INT(number), A_TEXT(why), A_BOOL(held));
}

int github_closings_drop(struct call *call, struct db *db, struct str repo, const int64_t *numbers, size_t n)
{
	return db_query(call, db, Q_GITHUB_CLOSINGS_DROP, NULL, A_STR(repo), A_INTS(numbers, n));
}

/* ---- deliveries ---- */

int github_deliveries_known(struct call *call, struct db *db, const struct hook_attempt *attempts, size_t n,
			    bool *ret_arrived)
{
	struct str *ids = arena_alloc(call->arena, (n + 1) * sizeof(*ids));
	struct db_rows rows;
	int r;

	for (size_t i = 0; i < n; i++)
		ids[i] = arena_printf(call->arena, "hook_%.*s", STR_FMT(attempts[i].guid));
	r = db_query(call, db, Q_GITHUB_DELIVERIES_KNOWN, &rows, A_TEXTS(ids, n));
	for (size_t i = 0; r == OK && i < n; i++) {
		ret_arrived[i] = false;
		for (int k = 0; k < rows.n_rows && !ret_arrived[i]; k++)
			ret_arrived[i] = str_eq(db_text(&rows, k, "id"), ids[i]);
	}
	return r;
}

/* ---- for the administrator ---- */

int github_held(struct call *call, struct db *db, struct str repo, int64_t most, struct db_rows *ret)
{
	return db_query(call, db, Q_GITHUB_HELD, ret, A_STR_OR_NULL(repo), A_INT(most));
}

int github_confirm(struct call *call, struct db *db, struct str repo, int64_t number, struct str project,
		   struct str org, struct db_arg audit_id, struct db_arg audit_who)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_GITHUB_CONFIRM, &rows, A_STR(repo), A_INT(number), A_STR(project), A_STR(org),
			 audit_id, audit_who);

	if (r == OK && rows.n_rows == 0)
		r = call_fail(call, E_NOT_FOUND, "pull request %lld of %.*s is not held any more", (long long)number,
			      STR_FMT(repo));
	return r;
}

/* Which variables are due, and beginning to rotate them. */
#include "store/rotations.h"

#include "base/id.h"
#include "model/key_pattern.h"

#define NEWEST      STR("~") /* behind every id */
#define DAY_MS      (24ll * 60 * 60 * 1000)
#define YIELD_AFTER 200 /* keys, between two looks at what else there is to do */

int rotation_candidates(struct call *call, struct db *db, struct str project_id, const struct candidate **ret,
			size_t *ret_n, int64_t *ret_now_ms)
{
	struct candidate *all;
	struct db_rows rows;
	int r = db_query(call, db, Q_ROTATION_CANDIDATES, &rows, A_STR(project_id));

	if (r != OK)
		return r;
	all = arena_alloc(call->arena, ((size_t)rows.n_rows + 1) * sizeof(*all));
	for (int i = 0; i < rows.n_rows; i++)
		all[i] = (struct candidate){
			.var_id = db_text(&rows, i, "id"),
			.key = db_text(&rows, i, "key"),
			.environment = db_text(&rows, i, "environment"),
			.version = db_int(&rows, i, "version"),
			.since_ms = db_time(&rows, i, "since"),
			.reminded_ms = db_is_null(&rows, i, "reminded") ? 0 : db_time(&rows, i, "reminded"),
			.rotation = db_text(&rows, i, "rotation"),
		};
	*ret = all;
	*ret_n = (size_t)rows.n_rows;
	*ret_now_ms = rows.n_rows ? db_time(&rows, 0, "now") : 0;
	return OK;
}

void policy_read(struct call *call, const struct db_rows *rows, int row, struct policy *ret)
{
	const char *why = "";

	*ret = (struct policy){
		.id = db_text(rows, row, "id"),
		.project_id = db_text(rows, row, "_project"),
		.name = db_text(rows, row, "name"),
		.environment = db_text(rows, row, "environment"),
		.key_pattern = db_text(rows, row, "keyPattern"),
		.generator_json = db_text(rows, row, "generator"),
		.days = db_int(rows, row, "rotateEveryDays"),
		.notify = db_bool(rows, row, "notify"),
		.verify = db_bool(rows, row, "verify"),
		.enabled = db_bool(rows, row, "enabled"),
	};
	/* one that cannot be read makes nothing: it reminds */
	if (generator_read(json_parse(call->arena, ret->generator_json, NULL, &why), &ret->generator))
		ret->generator.type = GENERATOR_REMIND;
}

int policy_matches(struct call *call, const struct policy *policy, const struct candidate *all, size_t n, size_t **ret,
		   size_t *ret_n)
{
	const char *why = "";
	struct key_pattern *pattern = key_pattern_new(call->arena, policy->key_pattern, &why);
	size_t *found = arena_alloc(call->arena, (n + 1) * sizeof(*found)), n_found = 0;
	int r = OK;

	if (!pattern)
		return call_fail(call, E_INVALID, "the keyPattern of the policy %.*s %s", STR_FMT(policy->name), why);
	for (size_t i = 0; i < n && r == OK; i++) {
		if (str_eq(all[i].environment, policy->environment) && key_pattern_matches(pattern, all[i].key))
			found[n_found++] = i;
		if (i % YIELD_AFTER == YIELD_AFTER - 1)
			r = fiber_yield(call);
	}
	*ret = found;
	*ret_n = n_found;
	return r;
}

static int64_t period_began_ms(const struct policy *policy, const struct candidate *candidate)
{
	bool counts = policy->generator.type == GENERATOR_REMIND && candidate->reminded_ms > candidate->since_ms;

	return counts ? candidate->reminded_ms : candidate->since_ms;
}

int64_t policy_due_ms(const struct policy *policy, const struct candidate *candidate)
{
	return period_began_ms(policy, candidate) + policy->days * DAY_MS;
}

static struct rotation_outcome *outcome_of(struct rotation_outcome *outcomes, size_t n, struct str var_id)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(outcomes[i].candidate->var_id, var_id))
			return &outcomes[i];
	return NULL;
}

static void read_started(struct call *call, const struct db_rows *rows, enum rotation_begun begun,
			 struct rotation_outcome *outcomes, size_t n, struct push_list *ret_push)
{
	struct job_push *push = arena_alloc(call->arena, ((size_t)rows->n_rows + 1) * sizeof(*push));
	size_t n_push = 0;

	for (int i = 0; i < rows->n_rows; i++) {
		struct rotation_outcome *o = outcome_of(outcomes, n, db_text(rows, i, "var_id"));

		if (!o)
			continue;
		o->begun = begun;
		o->rotation = db_text(rows, i, "id");
		if (db_text(rows, i, "job").n)
			push[n_push++] = (struct job_push){ db_text(rows, i, "job"), STR("preview-queue") };
	}
	*ret_push = (struct push_list){ push, n_push };
}

/* Those that were not begun after all: somebody was faster. What became of each is read again. */
static int read_lost(struct call *call, struct db *db, const struct policy *policy, struct rotation_outcome *outcomes,
		     size_t n)
{
	const struct candidate *all;
	size_t n_all;
	int64_t now_ms;
	int r = rotation_candidates(call, db, policy->project_id, &all, &n_all, &now_ms);

	for (size_t i = 0; r == OK && i < n_all; i++) {
		struct rotation_outcome *o = outcome_of(outcomes, n, all[i].var_id);

		if (!o || o->begun != ROTATION_NOT_THERE)
			continue;
		o->begun = all[i].rotation.n ? ROTATION_JOINED : ROTATION_NOT_DUE;
		o->rotation = all[i].rotation;
		if (o->begun == ROTATION_NOT_DUE && policy->days)
			o->due_ms = policy_due_ms(policy, &all[i]);
	}
	return r;
}

int rotations_start(struct call *call, struct db *db, const struct policy *policy, struct db_arg who,
		    struct rotation_outcome *outcomes, size_t n, struct push_list *ret_push)
{
	bool reminds = policy->generator.type == GENERATOR_REMIND;
	struct str *ids = arena_alloc(call->arena, (n + 1) * sizeof(*ids));
	struct str *vars = arena_alloc(call->arena, (n + 1) * sizeof(*vars));
	struct str *audits = arena_alloc(call->arena, (n + 1) * sizeof(*audits));
	int64_t *versions = arena_alloc(call->arena, (n + 1) * sizeof(*versions));
	int64_t *since = arena_alloc(call->arena, (n + 1) * sizeof(*since));
	size_t n_fresh = 0;
	struct db_rows rows;
	int r;

	*ret_push = (struct push_list){ 0 };
	for (size_t i = 0; i < n; i++) {
		outcomes[i].rotation = outcomes[i].candidate->rotation;
		outcomes[i].begun = outcomes[i].rotation.n ? ROTATION_JOINED : ROTATION_NOT_THERE;
		if (outcomes[i].rotation.n)
			continue;
		ids[n_fresh] = id_text(call->arena, "rot_");
		audits[n_fresh] = id_text(call->arena, "audit_");
		versions[n_fresh] = outcomes[i].candidate->version;
		since[n_fresh] = period_began_ms(policy, outcomes[i].candidate);
		vars[n_fresh++] = outcomes[i].candidate->var_id;
	}
	if (n_fresh == 0)
		return OK;
	r = db_query(call, db, Q_ROTATIONS_START, &rows, A_STR(policy->project_id), A_STR_OR_NULL(policy->id),
		     A_STR(policy->generator_json), A_BOOL(policy->notify), A_BOOL(policy->verify),
		     A_TEXT(reminds ? "REMINDED" : "WAITING"), A_TEXTS(ids, n_fresh), A_TEXTS(vars, n_fresh),
		     A_TEXTS(audits, n_fresh), who, A_INTS(versions, n_fresh), A_INTS(since, n_fresh));
	if (r != OK)
		return r;
	read_started(call, &rows, reminds ? ROTATION_TOLD : ROTATION_STARTED, outcomes, n, ret_push);
	return (size_t)rows.n_rows < n_fresh ? read_lost(call, db, policy, outcomes, n) : OK;
}

int policy_evaluate(struct call *call, struct db *db, const struct policy *policy, struct db_arg who,
		    struct rotation_outcome **ret, size_t *ret_n, struct push_list *ret_push)
{
	struct rotation_outcome *due, *others;
	const struct candidate *all;
	size_t n, *found, n_found, n_due = 0, n_others = 0;
	int64_t now_ms;
	int r = rotation_candidates(call, db, policy->project_id, &all, &n, &now_ms);

	if (r == OK)
		r = policy_matches(call, policy, all, n, &found, &n_found);
	if (r != OK)
		return r;
	due = arena_alloc(call->arena, (n_found + 1) * sizeof(*due));
	others = arena_alloc(call->arena, (n_found + 1) * sizeof(*others));
	for (size_t i = 0; i < n_found; i++) {
		const struct candidate *c = &all[found[i]];
		int64_t due_ms = policy_due_ms(policy, c);

		if (c->rotation.n || due_ms <= now_ms)
			due[n_due++] = (struct rotation_outcome){ .candidate = c };
		else
			others[n_others++] = (struct rotation_outcome){ c, ROTATION_NOT_DUE, { 0 }, due_ms };
	}
	r = rotations_start(call, db, policy, who, due, n_due, ret_push);
	for (size_t i = 0; i < n_others; i++)
		due[n_due++] = others[i];
	*ret = due;
	*ret_n = n_due;
	return r;
}

int rotations_list(struct call *call, struct db *db, struct str project_id, struct str key,
		   const struct list_page *page, struct db_rows *ret)
{
	return db_query(call, db, Q_ROTATIONS_LIST, ret, A_STR(project_id),
			A_STR(page->before.n ? page->before : NEWEST), A_INT(page->limit), A_STR_OR_NULL(key));
}

int rotations_heal(struct call *call, struct db *db, struct push_list *ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_ROTATIONS_HEAL, &rows, );

	if (r == OK)
		*ret = push_list_read(call, &rows);
	return r;
}

int versions_retire(struct call *call, struct db *db, int *ret_n)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_VERSIONS_RETIRE, &rows, );

	if (r == OK)
		*ret_n = rows.n_rows;
	return r;
}

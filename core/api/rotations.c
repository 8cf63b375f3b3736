/* Rotating by hand, and the list of rotations. The API begins them; the workers do the rest. */
#include "api/rotations.h"

#include "kv/waiting.h"
#include "model/names.h"
#include "store/policies.h"

#define MOST_KEYS 200 /* in one request */
#define KEY_BYTES 128

void push_rotations(struct exchange *x, const struct push_list *push)
{
	for (size_t i = 0; i < push->n; i++)
		waiting_push(api_of(x)->kv, push->items[i].queue, &push->items[i].id, 1);
}

void put_outcomes(const struct rotation_outcome *outcomes, size_t n, struct json_out *out)
{
	static const char *const words[] = { "started", "joined", "reminded", "notDue", "gone" };

	json_open(out, '[');
	for (size_t i = 0; i < n; i++) {
		json_open(out, '{');
		json_put_text(out, "key", outcomes[i].candidate->key);
		json_put_text(out, "result", str_of(words[outcomes[i].begun]));
		if (outcomes[i].rotation.n) {
			json_put_text(out, "rotationId", outcomes[i].rotation);
		} else {
			json_key(out, "rotationId");
			json_add_null(out);
		}
		put_time_or_null(out, "dueAt", outcomes[i].due_ms);
		json_close(out, '}');
	}
	json_close(out, ']');
}

/* ---- what is asked for ---- */

struct wish {
	struct input in;
	const struct json *keys; /* NULL = all that policies mean */
	struct str environment;
	struct policy own; /* with the generator of the body; generator_json empty = the policies' */
	/* what there is */
	const struct candidate *all;
	size_t n;
	struct policy *policies;
	size_t n_policies;
	/* what is begun: outcomes[i] under by[i], -1 = own */
	struct rotation_outcome *outcomes;
	int *by;
	size_t n_outcomes;
};

static int read_wish(struct exchange *x, struct wish *w)
{
	static const char *const environments[] = { "PREVIEW", "STAGING", "PRODUCTION", NULL };
	int r = input_open(x, &w->in);

	if (r != OK)
		return r;
	w->environment = STR("PREVIEW");
	w->own.verify = w->own.notify = true;
	w->own.project_id = x->params[0];
	input_word(&w->in, "environment", 0, environments, &w->environment);
	w->own.generator_json = input_generator(&w->in, "generator", 0, &w->own.generator);
	input_bool(&w->in, "verify", 0, &w->own.verify);
	w->keys = input_value(&w->in, "keys", 0);
	if (w->keys && (w->keys->kind != JSON_ARRAY || w->keys->n == 0 || w->keys->n > MOST_KEYS))
		input_fault(&w->in, "keys", "must be a list of 1 to 200 keys");
	else
		for (const struct json *k = w->keys ? w->keys->child : NULL; k; k = k->next)
			if (k->kind != JSON_TEXT || k->text.n == 0 || k->text.n > KEY_BYTES) {
				input_fault(&w->in, "keys", "must hold keys of variables only");
				break;
			}
	if (w->own.generator_json.n && w->own.generator.type == GENERATOR_REMIND)
		input_fault(&w->in, "generator", "must make a value: remind is for policies");
	if (w->own.generator_json.n && !w->keys)
		input_fault(&w->in, "generator", "is for the variables in keys: name them");
	return input_close(&w->in);
}

static int read_state(struct exchange *x, struct wish *w)
{
	struct db_rows rows;
	int64_t now_ms;
	int r = rotation_candidates(x->call, api_of(x)->db, x->params[0], &w->all, &w->n, &now_ms);

	if (r == OK)
		r = policies_of(x->call, api_of(x)->db, x->params[0], (struct str){ 0 }, &rows);
	if (r != OK)
		return r;
	w->policies = arena_alloc(x->call->arena, ((size_t)rows.n_rows + 1) * sizeof(*w->policies));
	for (int i = 0; i < rows.n_rows; i++) {
		struct policy *p = &w->policies[w->n_policies];

		policy_read(x->call, &rows, i, p);
		w->n_policies += p->enabled && str_eq(p->environment, w->environment);
	}
	w->outcomes = arena_alloc(x->call->arena, (w->n + 1) * sizeof(*w->outcomes));
	w->by = arena_alloc(x->call->arena, (w->n + 1) * sizeof(*w->by));
	return OK;
}

static bool is_chosen(const struct wish *w, const struct candidate *candidate)
{
	for (size_t i = 0; i < w->n_outcomes; i++)
		if (w->outcomes[i].candidate == candidate)
			return true;
	return false;
}

static void choose(struct wish *w, const struct candidate *candidate, int by)
{
	if (is_chosen(w, candidate))
		return;
	w->by[w->n_outcomes] = by;
	w->outcomes[w->n_outcomes++] = (struct rotation_outcome){ .candidate = candidate };
}

/* Which policy rotates each: the newest that makes values. by[i] of all candidates: -1 = none, -2 = one that reminds.
 */
static int apply_policies(struct exchange *x, struct wish *w, int *by)
{
	size_t *found, n;
	int r = OK;

	for (size_t i = 0; i < w->n; i++)
		by[i] = -1;
	for (size_t p = 0; p < w->n_policies && r == OK; p++) {
		bool reminds = w->policies[p].generator.type == GENERATOR_REMIND;

		r = policy_matches(x->call, &w->policies[p], w->all, w->n, &found, &n);
		for (size_t i = 0; r == OK && i < n; i++)
			if (by[found[i]] < 0)
				by[found[i]] = reminds ? -2 : (int)p;
	}
	return r;
}

static size_t find(const struct wish *w, struct str key)
{
	size_t i = 0;

	while (i < w->n && !(str_eq(w->all[i].key, key) && str_eq(w->all[i].environment, w->environment)))
		i++;
	return i;
}

/* All of the keys, or none: one that cannot be rotated is named, and nothing is begun. */
static int choose_keys(struct exchange *x, struct wish *w, const int *by)
{
	struct arena *arena = x->call->arena;

	for (const struct json *k = w->keys->child; k; k = k->next) {
		size_t i = find(w, k->text);

		if (i == w->n)
			return call_fail(x->call, E_NOT_FOUND, "there is no variable %.*s in %.*s: nothing was begun",
					 STR_FMT(k->text), STR_FMT(w->environment));
		if (w->own.generator_json.n)
			choose(w, &w->all[i], -1);
		else if (by[i] >= 0)
			choose(w, &w->all[i], by[i]);
		else
			return answer_field(
				x, 422, "generator",
				arena_printf(arena, "is required: %.*s has no policy that %s", STR_FMT(k->text),
					     by[i] == -2 ? "makes values, only one that reminds" : "is switched on")
					.p);
	}
	return OK;
}

static int start_those_of(struct exchange *x, struct wish *w, int p)
{
	struct rotation_outcome *some = arena_alloc(x->call->arena, (w->n_outcomes + 1) * sizeof(*some));
	struct push_list push = { 0 };
	size_t n = 0;
	int r = OK;

	for (size_t i = 0; i < w->n_outcomes; i++)
		if (w->by[i] == p)
			some[n++] = w->outcomes[i];
	if (n)
		r = rotations_start(x->call, api_of(x)->db, p < 0 ? &w->own : &w->policies[p], audit_who(x), some, n,
				    &push);
	push_rotations(x, &push);
	n = 0;
	for (size_t i = 0; i < w->n_outcomes && r == OK; i++)
		if (w->by[i] == p)
			w->outcomes[i] = some[n++];
	return r;
}

int project_rotate(struct exchange *x)
{
	struct wish *w = arena_alloc(x->call->arena, sizeof(*w));
	struct json_out out;
	int *by, r = read_wish(x, w);

	if (r == OK)
		r = read_state(x, w);
	if (r != OK)
		return r;
	by = arena_alloc(x->call->arena, (w->n + 1) * sizeof(*by));
	r = apply_policies(x, w, by);
	if (r == OK && w->keys)
		r = choose_keys(x, w, by);
	for (size_t i = 0; r == OK && !w->keys && i < w->n; i++)
		if (by[i] >= 0)
			choose(w, &w->all[i], by[i]);
	for (int p = -1; r == OK && p < (int)w->n_policies; p++)
		r = start_those_of(x, w, p);
	if (r != OK)
		return r;
	out = http_answer_json(x, 202);
	json_open(&out, '{');
	json_put_text(&out, "environment", w->environment);
	json_key(&out, "keys");
	put_outcomes(w->outcomes, w->n_outcomes, &out);
	json_close(&out, '}');
	return OK;
}

int rotations_index(struct exchange *x)
{
	struct str key = http_query(x, "key");
	struct list_page page;
	struct db_rows rows;
	int r = page_read(x, &page.limit, &page.before, "rot_");

	if (r == OK && key.p && (key.n == 0 || key.n > KEY_BYTES))
		r = answer_field(x, 422, "key", "is no variable's key");
	if (r == OK)
		r = rotations_list(x->call, api_of(x)->db, x->params[0], key, &page, &rows);
	if (r != OK)
		return r;
	page_link(x, &rows, page.limit, "id");
	return answer_rows(x, &rows);
}

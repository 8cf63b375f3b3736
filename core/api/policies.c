/* Policies of rotation: what they mean, how they are changed, and their evaluation by hand. The workers evaluate them
 * by the clock (core/worker/rotate_schedule.c) with the same function of the store. */
#include "store/policies.h"

#include "api/input.h"
#include "api/rotations.h"
#include "base/clock.h"
#include "model/key_pattern.h"
#include "model/names.h"

#define NAME_MAX_BYTES 80
#define DAYS_MAX       3650
#define SHOWN_KEYS     200 /* of a policy; how many there are is shown as well */

static const char *const environments[] = { "PREVIEW", "STAGING", "PRODUCTION", NULL };

/* ---- answers ---- */

struct candidates {
	const struct candidate *all;
	size_t n;
	int64_t now_ms;
};

void put_time_or_null(struct json_out *out, const char *key, int64_t ms)
{
	char text[TIME_TEXT_MAX];

	json_key(out, key);
	if (ms)
		json_add_text(out, (struct str){ text, time_format(ms, text) });
	else
		json_add_null(out);
}

static int write_policy(struct exchange *x, const struct db_rows *rows, int row, const struct candidates *c,
			struct json_out *out)
{
	struct policy policy;
	int64_t next_ms = 0;
	size_t *found, n;
	int r;

	policy_read(x->call, rows, row, &policy);
	r = policy_matches(x->call, &policy, c->all, c->n, &found, &n);
	if (r != OK)
		return r;
	json_open(out, '{');
	db_row_members(rows, row, out);
	json_put_int(out, "matchingCount", (int64_t)n);
	json_key(out, "matchingKeys");
	json_open(out, '[');
	for (size_t i = 0; i < n; i++) {
		int64_t due_ms = policy_due_ms(&policy, &c->all[found[i]]);

		if (next_ms == 0 || due_ms < next_ms)
			next_ms = due_ms;
		if (i < SHOWN_KEYS)
			json_add_text(out, c->all[found[i]].key);
	}
	json_close(out, ']');
	put_time_or_null(out, "nextDueAt", policy.enabled ? next_ms : 0);
	json_close(out, '}');
	return OK;
}

static int candidates_of(struct exchange *x, struct candidates *ret)
{
	return rotation_candidates(x->call, api_of(x)->db, x->params[0], &ret->all, &ret->n, &ret->now_ms);
}

int policies_index(struct exchange *x)
{
	struct candidates c;
	struct json_out out;
	struct db_rows rows;
	int r = policies_of(x->call, api_of(x)->db, x->params[0], (struct str){ 0 }, &rows);

	if (r == OK)
		r = candidates_of(x, &c);
	if (r != OK)
		return r;
	out = http_answer_json(x, 200);
	json_open(&out, '[');
	for (int i = 0; r == OK && i < rows.n_rows; i++)
		r = write_policy(x, &rows, i, &c, &out);
	json_close(&out, ']');
	return r;
}

static int answer_policy(struct exchange *x, struct str id, int status)
{
	struct candidates c;
	struct json_out out;
	struct db_rows rows;
	int r = policies_of(x->call, api_of(x)->db, x->params[0], id, &rows);

	if (r == OK)
		r = candidates_of(x, &c);
	if (r != OK)
		return r;
	if (status == 201)
		http_answer_header(x, "location",
				   arena_printf(x->call->arena, "%.*s/projects/%.*s/secret-policies/%.*s",
						STR_FMT(api_of(x)->o.base_url), STR_FMT(x->params[0]), STR_FMT(id)));
	out = http_answer_json(x, status);
	return write_policy(x, &rows, 0, &c, &out);
}

int policy_show(struct exchange *x)
{
	return answer_policy(x, x->params[1], 200);
}

/* ---- changes ---- */

struct str input_generator(struct input *in, const char *field, unsigned flags, struct generator *ret)
{
	const struct json *value = input_value(in, field, flags);
	struct generator generator;
	struct str text = { 0 };
	struct json_out out;
	const char *why;
	struct buf buf;

	if (!value)
		return text;
	why = generator_read(value, &generator);
	if (why) {
		input_fault(in, field, why);
		return text;
	}
	buf_init(&buf, GENERATOR_TEXT_MAX);
	out = JSON_OUT(&buf);
	generator_write(&generator, &out);
	text = arena_str(in->x->call->arena, buf_str(&buf));
	buf_done(&buf);
	if (ret)
		*ret = generator;
	return text;
}

static void read_flag(struct input *in, const char *field, int *ret)
{
	bool value = false;

	if (input_bool(in, field, 0, &value))
		*ret = value;
}

/* `needs`: INPUT_REQUIRED for a new one. */
static int read_fields(struct exchange *x, unsigned needs, struct policy_change *c)
{
	struct input *in = arena_alloc(x->call->arena, sizeof(*in));
	const char *why = NULL;
	int r = input_open(x, in);

	if (r != OK)
		return r;
	input_name(in, "name", needs, NAME_MAX_BYTES, &c->name);
	input_word(in, "environment", 0, environments, &c->environment);
	if (input_text(in, "keyPattern", needs, 1, KEY_PATTERN_MAX, &c->key_pattern) &&
	    !key_pattern_new(x->call->arena, c->key_pattern, &why))
		input_fault(in, "keyPattern", why);
	input_int(in, "rotateEveryDays", needs, 1, DAYS_MAX, &c->days);
	c->generator_json = input_generator(in, "generator", needs, NULL);
	read_flag(in, "notify", &c->notify);
	read_flag(in, "verify", &c->verify);
	read_flag(in, "enabled", &c->enabled);
	return input_close(in);
}

int policy_create(struct exchange *x)
{
	struct policy_change fields = { .environment = STR("PREVIEW"), .notify = 1, .verify = 1, .enabled = 1 };
	struct audit audit = audit_of(x);
	struct str id;
	int r = read_fields(x, INPUT_REQUIRED, &fields);

	if (r == OK)
		r = policy_add(x->call, api_of(x)->db, x->params[0], &fields, &audit, &id);
	return r == OK ? answer_policy(x, id, 201) : r;
}

int policy_patch(struct exchange *x)
{
	struct policy_change change = { .notify = -1, .verify = -1, .enabled = -1 };
	struct audit audit = audit_of(x);
	int r = read_fields(x, 0, &change);

	if (r == OK)
		r = policy_change(x->call, api_of(x)->db, x->params[0], x->params[1], &change, &audit);
	return r == OK ? answer_policy(x, x->params[1], 200) : r;
}

int policy_delete(struct exchange *x)
{
	struct audit audit = audit_of(x);
	int r = policy_remove(x->call, api_of(x)->db, x->params[0], x->params[1], &audit);

	return r == OK ? answer_deleted(x) : r;
}

/* ---- evaluation ---- */

static int evaluate_one(struct exchange *x, const struct policy *policy, struct json_out *out)
{
	struct rotation_outcome *outcomes;
	struct push_list push = { 0 };
	size_t n;
	int r = policy_evaluate(x->call, api_of(x)->db, policy, audit_who(x), &outcomes, &n, &push);

	push_rotations(x, &push);
	if (r == OK)
		r = policy_evaluated(x->call, api_of(x)->db, policy->id, (struct str){ 0 }, 0);
	if (r != OK)
		return r;
	json_open(out, '{');
	json_put_text(out, "id", policy->id);
	json_put_text(out, "name", policy->name);
	json_key(out, "keys");
	put_outcomes(outcomes, n, out);
	json_close(out, '}');
	return OK;
}

int policies_evaluate(struct exchange *x)
{
	struct input *in = arena_alloc(x->call->arena, sizeof(*in));
	bool all = x->params[1].n == 0;
	struct policy policy;
	struct json_out out;
	struct db_rows rows;
	int r = input_open(x, in);

	if (r == OK)
		r = input_close(in);
	if (r == OK)
		r = policies_of(x->call, api_of(x)->db, x->params[0], x->params[1], &rows);
	if (r != OK)
		return r;
	if (!all && !db_bool(&rows, 0, "enabled"))
		return call_fail(x->call, E_CONFLICT, "this policy is switched off: set enabled to true first");
	out = http_answer_json(x, 200);
	json_open(&out, '{');
	json_key(&out, "policies");
	json_open(&out, '[');
	for (int i = 0; r == OK && i < rows.n_rows; i++) {
		policy_read(x->call, &rows, i, &policy);
		if (policy.enabled)
			r = evaluate_one(x, &policy, &out);
	}
	json_close(&out, ']');
	json_close(&out, '}');
	return r;
}

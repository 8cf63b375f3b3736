/* Environments and their variables.
 *
 * Easy to break: a value leaves in the answer to variable_reveal and to variables_export (variable_files.c), after it
 * is on record who asked and why, and nowhere else: everything else shows masks. */
#include "api/variables.h"

#include "store/deploy_variables.h"

#include "model/names.h"
#include "store/plugin_secrets.h"

#define REASON_MIN 3
#define REASON_MAX 500

struct variable_owner variable_owner_of(const struct exchange *x)
{
	const struct standing *standing = &caller_of(x)->standing;

	return (struct variable_owner){ standing->org, standing->project, x->params[0], api_of(x)->o.keys };
}

struct variable_change variable_change_of(struct exchange *x, const char *source, struct variable_wish *wishes,
					  size_t n)
{
	return (struct variable_change){ .source = source,
					 .by = caller_of(x)->identity.person.email,
					 .who = audit_who(x),
					 .wishes = wishes,
					 .n = n };
}

const char *variable_outcome_word(enum variable_outcome outcome)
{
	static const char *const words[] = { "unchanged", "created", "updated" };

	return words[outcome];
}

const char *variable_value_why(struct exchange *x, struct str value)
{
	return str_eq(value, secret_mask(x->call->arena, value))
		       ? "is a mask, which stands for a value: send the value itself"
		       : NULL;
}

/* A key that cannot be one is not asked for. */
static int check_key(struct exchange *x)
{
	struct str key = x->params[1];

	return variable_key_why(key)
		       ? call_fail(x->call, E_NOT_FOUND, "there is no variable %.*s in this environment: a key %s",
				   (int)(key.n < 64 ? key.n : 64), key.p, variable_key_why(key))
		       : OK;
}

static int not_there(struct exchange *x)
{
	return call_fail(x->call, E_NOT_FOUND, "there is no variable %.*s in this environment", STR_FMT(x->params[1]));
}

/* ---- lists ---- */

int environments_index(struct exchange *x)
{
	struct db_rows rows;
	int r = environments_of(x->call, api_of(x)->db, x->params[0], &rows);

	return r == OK ? answer_rows(x, &rows) : r;
}

int variables_index(struct exchange *x)
{
	struct db_rows rows;
	int r = variables_of(x->call, api_of(x)->db, x->params[0], (struct str){ 0 }, &rows);

	return r == OK ? answer_rows(x, &rows) : r;
}

int variable_show(struct exchange *x)
{
	struct db_rows rows;
	int r = check_key(x);

	if (r == OK)
		r = variables_of(x->call, api_of(x)->db, x->params[0], x->params[1], &rows);
	if (r != OK)
		return r;
	return rows.n_rows ? answer_row(x, &rows) : not_there(x);
}

int variable_versions_index(struct exchange *x)
{
	int64_t limit, before = 0;
	struct str cursor;
	struct db_rows rows;
	int r = check_key(x);

	if (r == OK)
		r = page_read(x, &limit, &cursor, "");
	if (r == OK && cursor.n && !str_to_int(cursor, 1, INT32_MAX, &before))
		r = answer_field(x, 422, "cursor", "is not one of this list's");
	if (r == OK)
		r = variable_versions(x->call, api_of(x)->db, x->params[0], x->params[1], before, limit, &rows);
	if (r != OK)
		return r;
	if (rows.n_rows == 0 && !before)
		return not_there(x);
	page_link(x, &rows, limit, "version");
	return answer_rows(x, &rows);
}

int variable_usage_show(struct exchange *x)
{
	struct db_rows rows;
	int r = check_key(x);

	if (r == OK)
		r = variable_usage(x->call, api_of(x)->db, x->params[0], x->params[1], &rows);
	if (r != OK)
		return r;
	return rows.n_rows ? answer_rows(x, &rows) : not_there(x);
}

/* ---- changes ---- */

static void read_value(struct input *in, unsigned flags, struct str *ret)
{
	const struct json *value = input_value(in, "value", flags);
	struct arena *arena = in->x->call->arena;
	const char *why;

	if (!value)
		return;
	if (value->kind != JSON_TEXT) {
		input_fault(in, "value", "must be a text");
		return;
	}
	why = variable_value_why(in->x, value->text);
	if (value->text.n > VARIABLE_VALUE_MAX)
		why = arena_printf(arena, "must have at most %d bytes", VARIABLE_VALUE_MAX).p;
	if (why)
		input_fault(in, "value", why);
	else
		*ret = value->text.n ? value->text : STR("");
}

static void read_flags(struct input *in, struct variable_wish *wish)
{
	bool fork_safe, build_only;

	if (input_bool(in, "forkSafe", 0, &fork_safe))
		wish->fork_safe = fork_safe;
	if (input_bool(in, "buildOnly", 0, &build_only))
		wish->build_only = build_only;
}

/* The variable as it is now, and what became of the request. */
static int answer_changed(struct exchange *x, const struct variable_wish *wish)
{
	struct db_rows rows;
	struct json_out out;
	int r = variables_of(x->call, api_of(x)->db, x->params[0], wish->key, &rows);

	if (r == OK && rows.n_rows == 0)
		return call_fail(x->call, E_CONFLICT, "the variable %.*s was deleted meanwhile", STR_FMT(wish->key));
	if (r != OK)
		return r;
	out = http_answer_json(x, 200);
	json_open(&out, '{');
	db_row_members(&rows, 0, &out);
	json_put_text(&out, "outcome", str_of(variable_outcome_word(wish->outcome)));
	json_close(&out, '}');
	return OK;
}

static int change_one(struct exchange *x, const char *source, struct variable_wish *wish)
{
	const struct variable_owner owner = variable_owner_of(x);
	const struct variable_change change = variable_change_of(x, source, wish, 1);
	int r = variables_change(x->call, api_of(x)->db, &owner, &change);

	if (r == E_CONFLICT && wish->conflicts) {
		http_answer_error(x, 409, str_of(x->call->why));
		http_answer_detail(x, "version",
				   wish->version ? arena_printf(x->call->arena, "is %lld now", (long long)wish->version)
						 : STR("is none now"));
	}
	return r == OK ? answer_changed(x, wish) : r;
}

int variable_create(struct exchange *x)
{
	struct input *in = arena_alloc(x->call->arena, sizeof(*in));
	struct variable_wish wish = { .fork_safe = -1, .build_only = -1 };
	const char *why;
	int r = input_open(x, in);

	if (r != OK)
		return r;
	if (input_text(in, "key", INPUT_REQUIRED, 1, VARIABLE_KEY_MAX, &wish.key)) {
		why = variable_key_why(wish.key);
		if (why)
			input_fault(in, "key", why);
	}
	read_value(in, INPUT_REQUIRED, &wish.value);
	read_flags(in, &wish);
	r = input_close(in);
	if (r == OK)
		r = change_one(x, "SET", &wish);
	if (r != OK)
		return r;
	http_answer_header(x, "location",
			   arena_printf(x->call->arena, "%.*s/environments/%.*s/envvars/%.*s",
					STR_FMT(api_of(x)->o.base_url), STR_FMT(x->params[0]), STR_FMT(wish.key)));
	x->answer.status = 201;
	return OK;
}

int variable_put(struct exchange *x)
{
	struct input *in = arena_alloc(x->call->arena, sizeof(*in));
	struct variable_wish wish = { .key = x->params[1], .fork_safe = -1, .build_only = -1, .seen = VERSION_ANY };
	struct db_rows rows;
	int r = check_key(x);

	if (r == OK)
		r = variables_of(x->call, api_of(x)->db, x->params[0], wish.key, &rows);
	if (r == OK && rows.n_rows == 0)
		r = not_there(x);
	if (r == OK)
		r = input_open(x, in);
	if (r != OK)
		return r;
	wish.seen = db_int(&rows, 0, "version");
	input_int(in, "version", 0, 1, INT32_MAX, &wish.seen);
	read_value(in, 0, &wish.value);
	read_flags(in, &wish);
	if (!in->n_faults && !wish.value.p && wish.fork_safe < 0 && wish.build_only < 0)
		input_fault(in, "value", "is missing, and so are forkSafe and buildOnly: send what shall change");
	r = input_close(in);
	return r == OK ? change_one(x, "SET", &wish) : r;
}

int variable_delete(struct exchange *x)
{
	const struct audit audit = audit_of(x);
	int r = check_key(x);

	if (r == OK)
		r = variable_remove(x->call, api_of(x)->db, x->params[0], x->params[1], &audit);
	return r == OK ? answer_deleted(x) : r;
}

int variable_rollback(struct exchange *x)
{
	const struct variable_owner owner = variable_owner_of(x);
	struct input *in = arena_alloc(x->call->arena, sizeof(*in));
	struct variable_wish wish = { .key = x->params[1], .fork_safe = -1, .build_only = -1, .seen = VERSION_ANY };
	struct variable_value old;
	int64_t version = 0;
	int r = check_key(x);

	if (r == OK)
		r = input_open(x, in);
	if (r != OK)
		return r;
	input_int(in, "version", INPUT_REQUIRED, 1, INT32_MAX, &version);
	r = input_close(in);
	if (r == OK)
		r = variable_read(x->call, api_of(x)->db, &owner, wish.key, version, &old);
	if (r != OK)
		return r;
	if (str_eq(old.state, STR("PENDING")))
		return call_fail(x->call, E_CONFLICT, "version %lld of the variable %.*s is being tried by a rotation",
				 (long long)version, STR_FMT(wish.key));
	wish.value = old.value;
	return change_one(x, "ROLLBACK", &wish);
}

/* ---- values in clear ---- */

void variable_input_reason(struct input *in, struct str *ret)
{
	if (input_name(in, "reason", INPUT_REQUIRED, REASON_MAX, ret) && ret->n < REASON_MIN)
		input_fault(in, "reason", "must have at least 3 characters: it stays on record");
}

int variable_reveal_begin(struct exchange *x)
{
	http_answer_header(x, "cache-control", STR("no-store"));
	return limits_check(x, LIMIT_REVEAL, caller_id(x));
}

int variable_reveal(struct exchange *x)
{
	const struct variable_owner owner = variable_owner_of(x);
	const struct audit audit = audit_of(x);
	struct input *in = arena_alloc(x->call->arena, sizeof(*in));
	struct str reason = { 0 };
	struct variable_value value;
	struct json_out out;
	int64_t version = 0;
	int r = check_key(x);

	if (r == OK)
		r = input_open(x, in);
	if (r != OK)
		return r;
	variable_input_reason(in, &reason);
	input_int(in, "version", 0, 1, INT32_MAX, &version);
	r = input_close(in);
	if (r == OK)
		r = variable_reveal_begin(x);
	if (r == OK)
		r = variable_read(x->call, api_of(x)->db, &owner, x->params[1], version, &value);
	if (r == OK)
		r = variable_revealed(x->call, api_of(x)->db, x->params[0], &value, reason, &audit);
	if (r != OK)
		return r;
	out = http_answer_json(x, 200);
	json_open(&out, '{');
	json_put_text(&out, "key", x->params[1]);
	json_put_int(&out, "version", value.version);
	json_put_text(&out, "value", value.value);
	json_close(&out, '}');
	return OK;
}

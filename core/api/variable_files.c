/* Variables as .env files: a whole one in, all or nothing, and out. */
#include "api/variables.h"

#include "model/env_file.h"

struct import {
	struct str text;
	bool dry_run;
};

static int read_json(struct exchange *x, struct import *ret)
{
	struct input *in = arena_alloc(x->call->arena, sizeof(*in));
	const struct json *text;
	bool dry_run = false;
	int r = input_open(x, in);

	if (r != OK)
		return r;
	text = input_value(in, "text", INPUT_REQUIRED);
	if (text && text->kind != JSON_TEXT)
		input_fault(in, "text", "must be a text");
	input_bool(in, "dryRun", 0, &dry_run);
	r = input_close(in);
	if (r != OK)
		return r;
	ret->text = text->text;
	ret->dry_run |= dry_run;
	return OK;
}

static int read_import(struct exchange *x, struct import *ret)
{
	struct str type = http_request_header(x, "content-type"), dry = http_query(x, "dryRun");

	arena_wipe(x->call->arena); /* a file as text is not opened by input_open(), which does */
	*ret = (struct import){ x->body, str_eq(dry, STR("true")) };
	if (dry.p && !ret->dry_run && !str_eq(dry, STR("false")))
		return answer_field(x, 422, "dryRun", "must be true or false");
	return str_eq_nocase(str_trim(str_split(&type, ';')), STR("text/plain")) ? OK : read_json(x, ret);
}

static int bad_line(struct exchange *x, unsigned line, const char *why)
{
	return answer_field(x, 422, arena_printf(x->call->arena, "line %u", line).p, why);
}

/* The file's entries as wishes. */
static int read_wishes(struct exchange *x, struct str text, struct variable_wish **ret, size_t *ret_n)
{
	struct env_entry *entries;
	struct env_fault fault;
	struct variable_wish *wishes;
	size_t n;

	if (!env_file_read(x->call->arena, text, VARIABLES_MAX, VARIABLE_VALUE_MAX, &entries, &n, &fault))
		return bad_line(x, fault.line, fault.why);
	wishes = arena_alloc(x->call->arena, (n + 1) * sizeof(*wishes));
	for (size_t i = 0; i < n; i++) {
		const char *why = variable_value_why(x, entries[i].value);

		if (why)
			return bad_line(x, entries[i].line, why);
		wishes[i] = (struct variable_wish){ .key = entries[i].key,
						    .value = entries[i].value,
						    .fork_safe = -1,
						    .build_only = -1,
						    .seen = VERSION_ANY };
	}
	*ret = wishes;
	*ret_n = n;
	return OK;
}

static void answer_import(struct exchange *x, const struct variable_change *change)
{
	struct json_out out = http_answer_json(x, 200);
	int64_t counts[3] = { 0 };

	json_open(&out, '{');
	json_put_bool(&out, "dryRun", change->dry_run);
	json_key(&out, "variables");
	json_open(&out, '[');
	for (size_t i = 0; i < change->n; i++) {
		const struct variable_wish *wish = &change->wishes[i];

		counts[wish->outcome]++;
		json_open(&out, '{');
		json_put_text(&out, "key", wish->key);
		json_put_text(&out, "outcome", str_of(variable_outcome_word(wish->outcome)));
		json_put_int(&out, "version", wish->version);
		json_close(&out, '}');
	}
	json_close(&out, ']');
	for (int i = VARIABLE_UNCHANGED; i <= VARIABLE_UPDATED; i++)
		json_put_int(&out, variable_outcome_word((enum variable_outcome)i), counts[i]);
	json_close(&out, '}');
}

int variables_import(struct exchange *x)
{
	const struct variable_owner owner = variable_owner_of(x);
	struct variable_change change;
	struct variable_wish *wishes = NULL;
	struct import import;
	size_t n = 0;
	int r = read_import(x, &import);

	if (r == OK)
		r = read_wishes(x, import.text, &wishes, &n);
	if (r != OK)
		return r;
	change = variable_change_of(x, "IMPORT", wishes, n);
	change.dry_run = import.dry_run;
	r = variables_change(x->call, api_of(x)->db, &owner, &change);
	if (r == OK)
		answer_import(x, &change);
	return r;
}

/* ---- out ---- */

static struct buf *answer_file(struct exchange *x)
{
	struct json_out out = http_answer_json(x, 200);

	x->answer.type = "text/plain; charset=utf-8";
	http_answer_header(x, "content-disposition", STR("attachment; filename=\"variables.env\""));
	return out.buf;
}

/* Masks are comments, so that nobody imports them as values. */
int variables_export_masked(struct exchange *x)
{
	struct db_rows rows;
	struct buf *text;
	int r = variables_of(x->call, api_of(x)->db, x->params[0], (struct str){ 0 }, &rows);

	if (r != OK)
		return r;
	text = answer_file(x);
	buf_add_str(text, STR("# Values are masked: POST this path with a reason, and they are shown.\n"));
	for (int i = 0; i < rows.n_rows; i++)
		buf_printf(text, "# %.*s=%.*s\n", STR_FMT(db_text(&rows, i, "key")),
			   STR_FMT(db_text(&rows, i, "mask")));
	return OK;
}

int variables_export(struct exchange *x)
{
	const struct variable_owner owner = variable_owner_of(x);
	const struct audit audit = audit_of(x);
	struct input *in = arena_alloc(x->call->arena, sizeof(*in));
	struct str reason = { 0 };
	struct variable_file file;
	struct buf *text;
	int r = input_open(x, in);

	if (r != OK)
		return r;
	variable_input_reason(in, &reason);
	r = input_close(in);
	if (r == OK)
		r = variable_reveal_begin(x);
	if (r == OK)
		r = variables_read_all(x->call, api_of(x)->db, &owner, reason, &audit, &file);
	if (r != OK)
		return r;
	text = answer_file(x);
	for (size_t i = 0; i < file.n; i++)
		env_file_write(text, file.keys[i], file.values[i]);
	return OK;
}

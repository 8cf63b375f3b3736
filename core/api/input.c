/* Bodies of requests. */
#include "api/input.h"

#include <string.h>

int input_open(struct exchange *x, struct input *in)
{
	struct str type = http_request_header(x, "content-type");
	const char *why = "";

	*in = (struct input){ .x = x };
	arena_wipe(x->call->arena); /* many a body holds a secret */
	if (x->body.n == 0 && type.n == 0) {
		in->body = json_parse(x->call->arena, STR("{}"), NULL, &why);
		return OK;
	}
	type = str_trim(str_split(&type, ';'));
	if (!str_eq_nocase(type, STR("application/json")))
		return http_answer_error(x, 415, STR("send the body as JSON, with Content-Type: application/json"));
	in->body = json_parse(x->call->arena, x->body, NULL, &why);
	if (!in->body)
		return answer_field(x, 400, "body", why);
	if (in->body->kind != JSON_OBJECT)
		return answer_field(x, 400, "body", "must be a JSON object");
	return OK;
}

void input_fault(struct input *in, const char *field, const char *why)
{
	if (in->prefix)
		field = arena_printf(in->x->call->arena, "%s%s", in->prefix, field).p;
	if (in->n_faults++ == 0)
		http_answer_error(in->x, 422,
				  arena_printf(in->x->call->arena,
					       "the request has faults, the first is: %s %s; details lists all", field,
					       why));
	http_answer_detail(in->x, field, str_of(why));
}

const struct json *input_value(struct input *in, const char *field, unsigned flags)
{
	const struct json *value = json_get(in->body, field);

	if (in->n_known < INPUT_FIELDS_MAX)
		in->known[in->n_known++] = field;
	if (value && value->kind == JSON_NULL && flags & INPUT_NULLABLE)
		value = NULL;
	else if (!value && flags & INPUT_REQUIRED)
		input_fault(in, field, "is required");
	return value;
}

bool input_is_null(const struct input *in, const char *field)
{
	const struct json *value = json_get(in->body, field);

	return value && value->kind == JSON_NULL;
}

static bool has_control(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
			return true;
	return false;
}

bool input_text(struct input *in, const char *field, unsigned flags, size_t min, size_t max, struct str *ret)
{
	const struct json *value = input_value(in, field, flags);
	struct arena *arena = in->x->call->arena;

	if (!value)
		return false;
	if (value->kind != JSON_TEXT)
		input_fault(in, field, "must be a text");
	else if (value->text.n < min || value->text.n > max)
		input_fault(in, field, arena_printf(arena, "must have %zu to %zu bytes", min, max).p);
	else if (has_control(value->text))
		input_fault(in, field, "must not hold control characters");
	else {
		*ret = value->text;
		return true;
	}
	return false;
}

bool input_name(struct input *in, const char *field, unsigned flags, size_t max, struct str *ret)
{
	struct str name;

	if (!input_text(in, field, flags, 1, max, &name))
		return false;
	name = str_trim(name);
	if (name.n == 0) {
		input_fault(in, field, "must not be blank");
		return false;
	}
	*ret = name;
	return true;
}

bool input_int(struct input *in, const char *field, unsigned flags, int64_t min, int64_t max, int64_t *ret)
{
	const struct json *value = input_value(in, field, flags);

	if (!value)
		return false;
	if (value->kind != JSON_INT || value->integer < min || value->integer > max) {
		input_fault(in, field,
			    arena_printf(in->x->call->arena, "must be a whole number from %lld to %lld", (long long)min,
					 (long long)max)
				    .p);
		return false;
	}
	*ret = value->integer;
	return true;
}

bool input_bool(struct input *in, const char *field, unsigned flags, bool *ret)
{
	const struct json *value = input_value(in, field, flags);

	if (!value)
		return false;
	if (value->kind != JSON_BOOL) {
		input_fault(in, field, "must be true or false");
		return false;
	}
	*ret = value->truth;
	return true;
}

bool input_word(struct input *in, const char *field, unsigned flags, const char *const *words, struct str *ret)
{
	const struct json *value = input_value(in, field, flags);
	struct str all = STR("");

	if (!value)
		return false;
	for (size_t i = 0; words[i]; i++) {
		if (value->kind == JSON_TEXT && str_eq(value->text, str_of(words[i]))) {
			*ret = value->text;
			return true;
		}
		all = arena_printf(in->x->call->arena, "%.*s%s%s", STR_FMT(all), all.n ? ", " : "", words[i]);
	}
	input_fault(in, field, arena_printf(in->x->call->arena, "must be one of %.*s", STR_FMT(all)).p);
	return false;
}

/* At most this many are named: the body may hold thousands. */
#define UNKNOWN_NAMED 20

static void fault_unknown(struct input *in)
{
	unsigned named = 0;

	for (const struct json *member = in->body->child; member && named < UNKNOWN_NAMED; member = member->next) {
		size_t i = 0;

		while (i < in->n_known && !str_eq(member->key, str_of(in->known[i])))
			i++;
		if (i < in->n_known)
			continue;
		named++;
		input_fault(in,
			    arena_text(in->x->call->arena,
				       (struct str){ member->key.p, member->key.n < 64 ? member->key.n : 64 }),
			    "is not a field of this request");
	}
}

int input_close(struct input *in)
{
	fault_unknown(in);
	return in->n_faults ? E_INVALID : OK;
}

/* What a check expects of an answer. See expectation.h. */
#include "model/expectation.h"

#include "base/json_read.h"
#include "model/key_pattern.h"

#include <string.h>

#define PATTERN_BODY_MAX  (64 * 1024)
#define PATTERN_STEPS_MAX 1000000 /* 3 to 10 ms: an alternative of words takes half of it in a body of 64 KiB */

/* ---- a path ---- */

/* One step of it: a key or an index. */
struct step {
	bool is_index;
	struct str key; /* in the arena when it had escapes */
	int64_t index;
};

static bool is_plain(char c)
{
	return c > ' ' && c != '.' && c != '[' && c != ']' && c != '\'' && c != '"' && c != 127;
}

static const char *read_name(struct str path, size_t *at, struct step *ret)
{
	size_t from = *at;

	while (*at < path.n && (is_plain(path.p[*at]) || path.p[*at] & 0x80))
		++*at;
	if (*at == from)
		return "must have a name behind each dot";
	*ret = (struct step){ .key = { path.p + from, *at - from } };
	return NULL;
}

static const char *read_quoted(struct str path, size_t *at, char *to, struct step *ret)
{
	char quote = path.p[(*at)++];
	size_t n = 0;

	for (; *at < path.n && path.p[*at] != quote; ++*at) {
		if (path.p[*at] == '\\' && ++*at == path.n)
			break;
		to[n++] = path.p[*at];
	}
	if (*at >= path.n)
		return "has a quotation mark without its other one";
	++*at;
	*ret = (struct step){ .key = { to, n } };
	return NULL;
}

static const char *read_index(struct str path, size_t *at, struct step *ret)
{
	size_t from = *at;

	while (*at < path.n && path.p[*at] >= '0' && path.p[*at] <= '9')
		++*at;
	*ret = (struct step){ .is_index = true };
	if (!str_to_int((struct str){ path.p + from, *at - from }, 0, 1000000, &ret->index))
		return "must have a number or a quoted name in brackets";
	return NULL;
}

static const char *read_brackets(struct str path, size_t *at, char *to, struct step *ret)
{
	const char *why;

	++*at;
	if (*at < path.n && (path.p[*at] == '\'' || path.p[*at] == '"'))
		why = read_quoted(path, at, to, ret);
	else
		why = read_index(path, at, ret);
	if (why)
		return why;
	if (*at >= path.n || path.p[*at] != ']')
		return "has a \"[\" without its \"]\"";
	++*at;
	return NULL;
}

/* The step at *at, which moves behind it. `to` has room for as many bytes as the path. */
static const char *read_step(struct str path, size_t *at, char *to, struct step *ret)
{
	if (path.p[*at] == '[')
		return read_brackets(path, at, to, ret);
	if (path.p[*at] != '.')
		return "must go on with a dot or a bracket behind each step";
	++*at;
	return read_name(path, at, ret);
}

const char *json_path_check(struct str path)
{
	char key[JSON_PATH_MAX];
	const char *why = NULL;
	struct step step;

	if (path.n == 0 || path.n > JSON_PATH_MAX)
		return "must have 1 to 256 bytes";
	if (path.p[0] != '$')
		return "must start with $, the whole answer";
	if (!str_is_text(path))
		return "must be UTF-8";
	for (size_t at = 1; at < path.n && !why;)
		why = read_step(path, &at, key, &step);
	return why;
}

static const struct json *member(const struct json *object, struct str key)
{
	const struct json *found = object && object->kind == JSON_OBJECT ? object->child : NULL;

	while (found && !str_eq(found->key, key))
		found = found->next;
	return found;
}

/* NULL when there is nothing. */
static const struct json *follow(const struct json *value, struct str path)
{
	char key[JSON_PATH_MAX];
	struct step step;

	for (size_t at = 1; at < path.n && value;) {
		if (read_step(path, &at, key, &step))
			return NULL;
		if (!step.is_index)
			value = member(value, step.key);
		else
			value = value->kind == JSON_ARRAY ? json_at(value, (uint32_t)step.index) : NULL;
	}
	return value;
}

/* ---- values ---- */

static bool json_same(const struct json *a, const struct json *b);

static bool same_elements(const struct json *a, const struct json *b)
{
	const struct json *x = a->child, *y = b->child;

	while (x && y && json_same(x, y)) {
		x = x->next;
		y = y->next;
	}
	return !x && !y;
}

/* Keys are different from one another: as many that are found are all. */
static bool same_members(const struct json *a, const struct json *b)
{
	const struct json *x = a->child, *y;

	while (x && (y = member(b, x->key)) && json_same(x, y))
		x = x->next;
	return !x;
}

static bool same_numbers(const struct json *a, const struct json *b)
{
	if (a->kind == b->kind)
		return a->kind == JSON_INT ? a->integer == b->integer : a->number == b->number;
	if (a->kind == JSON_INT)
		return (double)a->integer == b->number;
	return a->number == (double)b->integer;
}

static bool is_number(const struct json *v)
{
	return v->kind == JSON_INT || v->kind == JSON_DOUBLE;
}

/* As deep as json_parse() lets values be. */
static bool json_same(const struct json *a, const struct json *b)
{
	if (is_number(a) && is_number(b))
		return same_numbers(a, b);
	if (a->kind != b->kind || a->n != b->n)
		return false;
	switch (a->kind) {
	case JSON_BOOL:
		return a->truth == b->truth;
	case JSON_TEXT:
		return str_eq(a->text, b->text);
	case JSON_ARRAY:
		return same_elements(a, b);
	case JSON_OBJECT:
		return same_members(a, b);
	default:
		return true;
	}
}

/* ---- an answer ---- */

static bool contains(struct str body, struct str text)
{
	return text.n == 0 || (body.n && memmem(body.p, body.n, text.p, text.n));
}

static const char *judge_pattern(struct arena *arena, struct str text, struct str body)
{
	const char *why;
	struct key_pattern *pattern = key_pattern_new(arena, text, &why);
	bool gave_up = false;

	if (body.n > PATTERN_BODY_MAX)
		body.n = PATTERN_BODY_MAX;
	if (pattern && key_pattern_matches_within(pattern, body, PATTERN_STEPS_MAX, &gave_up))
		return NULL;
	return gave_up ? "PATTERN_COST" : "PATTERN";
}

static bool json_is(struct arena *arena, const struct expectation *e, struct str body)
{
	const struct json_limits limits = { .borrow = true };
	const char *why;
	const struct json *wanted = json_parse(arena, e->json_equals, &limits, &why);
	const struct json *found = wanted ? json_parse(arena, body, &limits, &why) : NULL;

	found = follow(found, e->json_path);
	return found && json_same(wanted, found);
}

const char *expectation_judge(struct arena *arena, const struct expectation *e, int status, bool login_redirect,
			      struct str body, int64_t latency_ms)
{
	const char *why = NULL;

	/* The usual range of good ones has 302. Whoever expects nothing but redirects means this one, too. */
	if (login_redirect && status >= 300 && status <= 399 && e->status_min < 300)
		return "LOGIN_REQUIRED";
	if (status < e->status_min || status > e->status_max)
		return login_redirect || status == 401 || status == 403 ? "LOGIN_REQUIRED" : "STATUS";
	if (!contains(body, e->contains))
		return "BODY";
	if (e->matches.n)
		why = e->is_costly ? "PATTERN_COST" : judge_pattern(arena, e->matches, body);
	if (why)
		return why;
	if (e->json_path.n && !json_is(arena, e, body))
		return "JSON";
	return e->latency_max_ms > 0 && latency_ms > e->latency_max_ms ? "LATENCY" : NULL;
}

bool expectation_wants_body(const struct expectation *e)
{
	return e->contains.n || e->matches.n || e->json_path.n;
}

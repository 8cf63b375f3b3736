/* What people set of a health check: read over what is stored, so that fields are judged as they will stand together.
 *
 * Easy to break: a fault is told of a field that was sent, when there is one; and the mask of a secret header that is
 * sent back means the value that is stored. */
#include "api/health_checks.h"

#include "base/id.h"
#include "base/json_write.h"
#include "model/expectation.h"
#include "model/key_pattern.h"
#include "probe/rules.h"

#include <stddef.h>
#include <stdio.h>

#define NAME_MAX_BYTES     80
#define CONTAINS_MAX_BYTES 1000
#define EQUALS_MAX_BYTES   4096
#define URL_READ_MAX       (16 * 1024) /* a longer one is refused for its length, by what knows how long it may be */

const struct check_fields check_defaults = {
	.method = { "GET", 3 },
	.http_version = { "auto", 4 },
	.expected_min = 200,
	.expected_max = 399,
	.interval_ms = 60000,
	.timeout_ms = 5000,
	.failure_threshold = 3,
	.recovery_threshold = 2,
	.cooldown_min = 30,
	.reminder_min = 240,
	.flap_changes = 6,
	.flap_window_min = 60,
	.verify_tls = true,
	.enabled = true,
};

static const char *const methods[] = { "GET", "HEAD", "OPTIONS", "POST", NULL };
static const char *const versions[] = { "auto", "1.1", "2", NULL };

#define MINUTES_A_WEEK (7 * 24 * 60)
#define AT(member)     offsetof(struct check_fields, member)
static const struct {
	const char *field;
	size_t at;
	int64_t min, max;
} numbers[] = {
	{ "expectedMin", AT(expected_min), 100, 599 },
	{ "expectedMax", AT(expected_max), 100, 599 },
	{ "timeoutMs", AT(timeout_ms), 1000, 30000 },
	{ "redirects", AT(redirects), 0, 3 },
	{ "failureThreshold", AT(failure_threshold), 1, 20 },
	{ "recoveryThreshold", AT(recovery_threshold), 1, 20 },
	{ "alertCooldownMin", AT(cooldown_min), 0, MINUTES_A_WEEK },
	{ "reminderMin", AT(reminder_min), 0, MINUTES_A_WEEK },
	{ "flapChanges", AT(flap_changes), 0, 16 },
	{ "flapWindowMin", AT(flap_window_min), 1, MINUTES_A_WEEK },
};
#define N_NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static int64_t *number_at(struct check_fields *f, size_t i)
{
	return (int64_t *)((char *)f + numbers[i].at);
}

/* Of two fields that contradict each other: the one that was sent, the first when both were; NULL = neither was, and
 * the contradiction is not this request's. */
static const char *sent_of(const struct input *in, const char *first, const char *second)
{
	return json_get(in->body, first) ? first : json_get(in->body, second) ? second : NULL;
}

/* ---- what is stored ---- */

static void stored_headers(struct exchange *x, const struct db_rows *rows, struct check_fields *ret)
{
	const char *why;
	const struct json *all = json_parse(x->call->arena, db_text(rows, 0, "headers"), NULL, &why);

	for (const struct json *h = all ? all->child : NULL; h && ret->n_headers < CHECK_HEADERS_MAX; h = h->next) {
		bool secret = json_bool(json_get(h, "secret"), true);

		ret->headers[ret->n_headers++] = (struct check_field_header){
			.header = { json_text(json_get(h, "name"), STR("")), json_text(json_get(h, "value"), STR("")) },
			.secret = secret,
			.keep = secret
		};
	}
}

void check_fields_of(struct exchange *x, const struct db_rows *rows, struct check_fields *ret)
{
	const char *why;
	const struct json *parents = json_parse(x->call->arena, db_text(rows, 0, "dependsOn"), NULL, &why);

	*ret = (struct check_fields){
		.name = db_text(rows, 0, "name"),
		.url = db_text(rows, 0, "url"),
		.method = db_text(rows, 0, "method"),
		.http_version = db_text(rows, 0, "httpVersion"),
		.contains = db_text(rows, 0, "responseContains"),
		.matches = db_text(rows, 0, "responseMatches"),
		.json_path = db_text(rows, 0, "jsonPath"),
		.json_equals = db_text(rows, 0, "_json_equals"),
		.latency_max_ms = db_int(rows, 0, "maxLatencyMs"),
		.interval_ms = db_int(rows, 0, "_interval_ms"),
		.verify_tls = db_bool(rows, 0, "verifyTls"),
		.enabled = db_bool(rows, 0, "enabled"),
	};
	for (size_t i = 0; i < N_NUMBERS; i++)
		*number_at(ret, i) = db_int(rows, 0, numbers[i].field);
	for (const struct json *p = parents ? parents->child : NULL; p && ret->n_depends_on < CHECK_PARENTS_MAX;
	     p = p->next)
		ret->depends_on[ret->n_depends_on++] = json_text(p, STR(""));
	stored_headers(x, rows, ret);
}

/* ---- texts ---- */

/* One that may be taken away with null. */
static void read_text(struct input *in, const char *field, size_t max, struct str *ret)
{
	if (input_is_null(in, field))
		*ret = (struct str){ 0 };
	input_text(in, field, INPUT_NULLABLE, 1, max, ret);
}

static void read_name_and_url(struct input *in, const struct db_rows *rows, struct check_fields *f)
{
	unsigned needs = rows ? 0 : INPUT_REQUIRED;
	bool of_preview = rows && !db_is_null(rows, 0, "previewId");
	static const char made[] = "is made from the preview that this check belongs to, and cannot be changed";
	struct str name = f->name, url = f->url;
	const char *why;

	if (input_name(in, "name", needs, NAME_MAX_BYTES, &name) && of_preview && !str_eq(name, f->name))
		input_fault(in, "name", made);
	else
		f->name = name;
	if (!input_text(in, "url", needs, 1, URL_READ_MAX, &url) || (rows && str_eq(url, f->url)))
		return;
	why = of_preview ? made
			 : probe_url_check(in->x->call->arena, api_of(in->x)->o.probe_rules, url, false, &f->url);
	if (why)
		input_fault(in, "url", why);
}

/* Any JSON value, as text. */
static void write_value(struct json_out *out, const struct json *value)
{
	char number[32];

	switch (value->kind) {
	case JSON_NULL:
		json_add_null(out);
		break;
	case JSON_BOOL:
		json_add_bool(out, value->truth);
		break;
	case JSON_INT:
		json_add_int(out, value->integer);
		break;
	case JSON_DOUBLE:
		json_add_raw(out,
			     (struct str){ number, (size_t)snprintf(number, sizeof(number), "%.17g", value->number) });
		break;
	case JSON_TEXT:
		json_add_text(out, value->text);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		json_open(out, value->kind == JSON_ARRAY ? '[' : '{');
		for (const struct json *child = value->child; child; child = child->next) {
			if (value->kind == JSON_OBJECT)
				json_key(out, child->key.p); /* followed by NUL, as all texts of a tree */
			write_value(out, child);
		}
		json_close(out, value->kind == JSON_ARRAY ? ']' : '}');
		break;
	}
}

static struct str value_text(struct input *in, const struct json *value)
{
	struct buf buf;
	struct json_out out = JSON_OUT(&buf);
	struct str text;

	buf_init(&buf, EQUALS_MAX_BYTES);
	write_value(&out, value);
	text = arena_str(in->x->call->arena, buf_str(&buf));
	if (buf.overflow)
		input_fault(in, "jsonEquals", "must have at most 4096 bytes");
	buf_done(&buf);
	return text;
}

static void read_expectations(struct input *in, struct check_fields *f)
{
	const struct json *equals;
	const char *why = NULL;

	read_text(in, "responseContains", CONTAINS_MAX_BYTES, &f->contains);
	read_text(in, "responseMatches", KEY_PATTERN_MAX, &f->matches);
	if (f->matches.n && !key_pattern_new(in->x->call->arena, f->matches, &why))
		input_fault(in, "responseMatches", why);
	read_text(in, "jsonPath", JSON_PATH_MAX, &f->json_path);
	if (f->json_path.n && (why = json_path_check(f->json_path)))
		input_fault(in, "jsonPath", why);
	equals = input_value(in, "jsonEquals", 0);
	if (!f->json_path.n)
		f->json_equals = (struct str){ 0 };
	if (equals && f->json_path.n)
		f->json_equals = value_text(in, equals);
	else if (equals && equals->kind != JSON_NULL)
		input_fault(in, "jsonEquals", "needs jsonPath beside it: where in the answer the value is looked for");
	else if (f->json_path.n && !f->json_equals.n)
		input_fault(in, "jsonEquals", "is required with jsonPath: what is found there has to be equal to it");
}

/* ---- headers ---- */

static const struct check_field_header *header_named(const struct check_fields *f, struct str name)
{
	for (size_t i = 0; i < f->n_headers; i++)
		if (str_eq_nocase(f->headers[i].header.name, name))
			return &f->headers[i];
	return NULL;
}

/* What is wrong with one, as the end of a sentence; else it is added to `to`. */
static const char *read_header(const struct json *value, const struct check_fields *was, struct check_fields *to)
{
	const struct json *name = json_get(value, "name"), *text = json_get(value, "value"),
			  *is_secret = json_get(value, "secret");
	struct check_field_header h = { .secret = json_bool(is_secret, true) };
	const struct check_field_header *stored;
	const char *why;

	if (!name || name->kind != JSON_TEXT || !text || text->kind != JSON_TEXT ||
	    (is_secret && is_secret->kind != JSON_BOOL) || value->n != (is_secret ? 3u : 2u))
		return "must be objects of name, value and secret (true when absent)";
	h.header = (struct check_header){ name->text, text->text };
	if (name->text.n > CHECK_HEADER_NAME_MAX || text->text.n > CHECK_HEADER_VALUE_MAX)
		return "must have names of at most 128 and values of at most 4096 bytes";
	why = probe_header_check(name->text, text->text);
	if (why)
		return why;
	if (header_named(to, name->text))
		return "names one twice";
	stored = header_named(was, name->text);
	if (stored && stored->secret && str_eq(stored->header.value, text->text)) {
		if (!h.secret)
			return "shows a secret one from now on: send its value, not its mask";
		h = *stored;
	}
	to->headers[to->n_headers++] = h;
	return NULL;
}

static void read_headers(struct input *in, struct check_fields *f)
{
	const struct json *all = input_value(in, "headers", 0);
	struct arena *arena = in->x->call->arena;
	struct check_fields *fresh;
	uint32_t i = 0;

	if (!all)
		return;
	if (all->kind != JSON_ARRAY || all->n > CHECK_HEADERS_MAX) {
		input_fault(in, "headers", "must be a list of at most 16 headers");
		return;
	}
	fresh = arena_alloc(arena, sizeof(*fresh));
	*fresh = (struct check_fields){ 0 };
	for (const struct json *h = all->child; h; h = h->next, i++) {
		const char *why = read_header(h, f, fresh);

		if (why)
			input_fault(in, arena_printf(arena, "headers[%u]", i).p, why);
	}
	for (size_t k = 0; k < fresh->n_headers; k++)
		f->headers[k] = fresh->headers[k];
	f->n_headers = fresh->n_headers;
}

/* Who may change a check may not read its secrets: one that is stored goes where, and as safely as, it was meant to. */
static void guard_secrets(struct input *in, const struct db_rows *rows, const struct check_fields *f)
{
	bool has_secret = false, has_kept = false;
	const char *field;

	for (size_t i = 0; i < f->n_headers; i++) {
		has_secret |= f->headers[i].secret;
		has_kept |= f->headers[i].keep;
	}
	if (has_kept && ((db_bool(rows, 0, "verifyTls") && !f->verify_tls) ||
			 (!str_eq(f->url, db_text(rows, 0, "url")) &&
			  !probe_same_origin(in->x->call->arena, f->url, db_text(rows, 0, "url")))))
		input_fault(in, "headers",
			    "must be sent with it, the secret ones with their values or left out: what is stored is "
			    "not sent to another scheme, host or port, nor without looking at the certificate");
	field = sent_of(in, "url", "headers");
	if (has_secret && field && probe_is_in_clear(api_of(in->x)->o.probe_rules, f->url))
		input_fault(in, field,
			    "would send a secret header where anybody can read it: use https://, or leave it out");
}

/* ---- all of it ---- */

static void read_parents(struct input *in, struct check_fields *f)
{
	const struct json *all = input_value(in, "dependsOn", 0);
	size_t n = 0;

	if (!all)
		return;
	if (all->kind != JSON_ARRAY || all->n > CHECK_PARENTS_MAX) {
		input_fault(in, "dependsOn", "must be a list of at most 5 ids of health checks");
		return;
	}
	for (const struct json *one = all->child; one; one = one->next) {
		bool is_double = false;

		if (!id_valid(json_text(one, STR("")), "check_")) {
			input_fault(in, "dependsOn", "must hold ids of health checks, check_...");
			return;
		}
		for (size_t i = 0; i < n; i++)
			is_double |= str_eq(f->depends_on[i], one->text);
		if (!is_double)
			f->depends_on[n++] = one->text;
	}
	f->n_depends_on = n;
}

static void read_numbers(struct input *in, struct check_fields *f)
{
	int64_t interval_sec;

	for (size_t i = 0; i < N_NUMBERS; i++)
		input_int(in, numbers[i].field, 0, numbers[i].min, numbers[i].max, number_at(f, i));
	if (input_int(in, "intervalSec", 0, 10, 86400, &interval_sec))
		f->interval_ms = interval_sec * 1000;
	if (input_is_null(in, "maxLatencyMs"))
		f->latency_max_ms = 0;
	input_int(in, "maxLatencyMs", INPUT_NULLABLE, 1, 30000, &f->latency_max_ms);
}

static void check_together(struct input *in, const struct check_fields *f)
{
	const struct {
		bool is_wrong;
		const char *first, *second, *why;
	} rules[] = {
		{ f->expected_min > f->expected_max, "expectedMax", "expectedMin",
		  "contradicts: expectedMin must not be above expectedMax" },
		{ f->timeout_ms > f->interval_ms, "timeoutMs", "intervalSec",
		  "contradicts: timeoutMs must not be longer than the interval" },
		{ f->latency_max_ms > f->timeout_ms, "maxLatencyMs", "timeoutMs",
		  "contradicts: maxLatencyMs must not be above timeoutMs" },
		{ f->flap_changes == 1, "flapChanges", "flapChanges", "must be 0 (never flapping) or from 2 to 16" },
		{ str_eq(f->method, STR("HEAD")) && f->contains.n, "responseContains", "method",
		  "contradicts: HEAD answers no body that responseContains could be looked for in" },
		{ str_eq(f->method, STR("HEAD")) && f->matches.n, "responseMatches", "method",
		  "contradicts: HEAD answers no body that responseMatches could be looked for in" },
		{ str_eq(f->method, STR("HEAD")) && f->json_path.n, "jsonPath", "method",
		  "contradicts: HEAD answers no body that jsonPath could be looked for in" },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const char *field = rules[i].is_wrong ? sent_of(in, rules[i].first, rules[i].second) : NULL;

		if (field)
			input_fault(in, field, rules[i].why);
	}
}

int check_body_read(struct exchange *x, const struct db_rows *rows, struct check_fields *f)
{
	struct input *in = arena_alloc(x->call->arena, sizeof(*in));
	int r = input_open(x, in);

	if (r != OK)
		return r;
	read_name_and_url(in, rows, f);
	input_word(in, "method", 0, methods, &f->method);
	read_headers(in, f);
	read_numbers(in, f);
	input_bool(in, "verifyTls", 0, &f->verify_tls);
	input_word(in, "httpVersion", 0, versions, &f->http_version);
	read_expectations(in, f);
	read_parents(in, f);
	input_bool(in, "enabled", 0, &f->enabled);
	check_together(in, f);
	guard_secrets(in, rows, f);
	return input_close(in);
}

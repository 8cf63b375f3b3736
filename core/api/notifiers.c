/* Whom a project tells: notifiers of any plugin, the names that clients know for Slack, and trying them. Which settings
 * there are says the plugin, as it does for providers (provider.c). The API runs no plugin: a test is a job, and the
 * request waits for what a worker writes down. */
#include "api/settings_body.h"

#include "base/clock.h"
#include "base/id.h"
#include "kv/waiting.h"
#include "store/notifiers.h"

#define SETTINGS_MAX   (256 * 1024)
#define NAME_MAX_BYTES 80
#define TEST_WAIT_MS   12000
#define TEST_LOOK_MS   150

/* What /slack takes while slack.so is not loaded here: its settings are kept, nothing is sent. */
static const char slack_schema[] = "[{\"key\":\"botToken\",\"type\":\"secret\",\"secret\":true},"
				   "{\"key\":\"channel\",\"type\":\"string\",\"max\":255}]";

static int not_there(struct exchange *x, struct str id)
{
	return call_fail(x->call, E_NOT_FOUND, "there is no notifier %.*s in this project", STR_FMT(id));
}

int project_notifiers_index(struct exchange *x)
{
	struct db_rows rows;
	int r = notifiers_of(x->call, api_of(x)->db, x->params[0], (struct str){ 0 }, (struct str){ 0 }, &rows);

	return r == OK ? answer_rows(x, &rows) : r;
}

static int answer_one(struct exchange *x, struct str id, bool is_new)
{
	struct str project = x->params[0];
	struct db_rows rows;
	int r = notifiers_of(x->call, api_of(x)->db, project, id, (struct str){ 0 }, &rows);

	if (r != OK)
		return r;
	if (rows.n_rows == 0)
		return not_there(x, id);
	if (!is_new)
		return answer_row(x, &rows);
	return answer_created(x, arena_printf(x->call->arena, "/projects/%.*s/notifications", STR_FMT(project)).p,
			      &rows);
}

int project_notifier_show(struct exchange *x)
{
	return answer_one(x, x->params[1], false);
}

/* ---- settings ---- */

static void check_plugin(struct input *in, const struct db_rows *rows)
{
	struct arena *arena = in->x->call->arena;
	struct str state = db_text(rows, 0, "state");

	if (db_text(rows, 0, "wanted").n == 0)
		return; /* it is missing, which has been said */
	if (state.n == 0)
		input_fault(in, "notifier", "is no notifier that is installed here; GET /notifiers lists them");
	else if (!str_eq(state, STR("loaded")))
		input_fault(in, "notifier",
			    arena_printf(arena, "is not loaded: %.*s", STR_FMT(db_text(rows, 0, "reason"))).p);
}

static int save(struct exchange *x, struct notifier_change *change, const struct settings_reading *r,
		const struct buf *settings)
{
	struct audit audit = audit_of(x);

	change->settings = r->change;
	change->settings.provider = r->provider;
	change->settings.settings_json = arena_str(x->call->arena, buf_str(settings));
	return notifier_save(x->call, api_of(x)->db, api_of(x)->o.keys, x->params[0], change, &audit);
}

struct notifier_body {
	struct input in;
	struct str notifier;
	struct notifier_change change;
	const struct json *settings;
};

static int read_body(struct exchange *x, unsigned needs, struct notifier_body *b)
{
	const char *why = "";
	bool enabled = false;
	char *name;
	int r = input_open(x, &b->in);

	if (r != OK)
		return r;
	b->change.enabled = -1;
	if (input_text(&b->in, "notifier", needs, 1, 64, &b->notifier)) {
		name = arena_text(x->call->arena, b->notifier);
		text_to_lower(name, b->notifier.n);
		b->notifier.p = name;
	}
	input_name(&b->in, "name", 0, NAME_MAX_BYTES, &b->change.name);
	if (input_bool(&b->in, "enabled", 0, &enabled))
		b->change.enabled = enabled;
	b->settings = input_value(&b->in, "settings", 0);
	if (b->settings && b->settings->kind != JSON_OBJECT)
		input_fault(&b->in, "settings", "must be an object");
	if (!b->settings || b->settings->kind != JSON_OBJECT)
		b->settings = json_parse(x->call->arena, STR("{}"), NULL, &why);
	return OK;
}

/* The faults of both levels together. */
static int read_nested(struct notifier_body *b, const struct db_rows *rows, struct settings_reading *r,
		       struct buf *settings)
{
	struct exchange *x = b->in.x;

	r->in = (struct input){ .x = x, .prefix = "settings.", .body = b->settings, .n_faults = b->in.n_faults };
	settings_read(r, db_text(rows, 0, "wanted"), settings_schema_of(x, rows), rows, settings);
	b->in.n_faults = r->in.n_faults;
	return input_close(&b->in);
}

static int write_notifier(struct exchange *x, struct str id, bool is_new)
{
	struct settings_reading *r = arena_alloc(x->call->arena, sizeof(*r));
	struct notifier_body *b = arena_alloc(x->call->arena, sizeof(*b));
	struct str none = { 0 };
	struct buf settings;
	struct db_rows rows;
	int result = OK;

	buf_init(&settings, SETTINGS_MAX);
	if (!is_new)
		result = notifier_form(x->call, api_of(x)->db, x->params[0], id, none, &rows);
	if (result == OK && !is_new && db_is_null(&rows, 0, "wanted"))
		result = not_there(x, id);
	if (result == OK)
		result = read_body(x, is_new ? INPUT_REQUIRED : 0, b);
	if (result == OK && is_new)
		result = notifier_form(x->call, api_of(x)->db, x->params[0], none, b->notifier, &rows);
	if (result != OK)
		goto out;
	if (!is_new && b->notifier.n && !str_eq(b->notifier, db_text(&rows, 0, "wanted")))
		input_fault(&b->in, "notifier", "cannot be changed: delete this one and add another");
	check_plugin(&b->in, &rows);
	result = read_nested(b, &rows, r, &settings);
	b->change.id = id;
	if (result == OK)
		result = save(x, &b->change, r, &settings);
	if (result == OK)
		result = answer_one(x, id, is_new);
out:
	buf_done(&settings);
	return result;
}

int project_notifier_create(struct exchange *x)
{
	return write_notifier(x, id_text(x->call->arena, "ntf_"), true);
}

int project_notifier_put(struct exchange *x)
{
	return write_notifier(x, x->params[1], false);
}

int project_notifier_change(struct exchange *x)
{
	struct notifier_change *change = arena_alloc(x->call->arena, sizeof(*change));
	struct audit audit = audit_of(x);
	bool enabled = false;
	struct input *in = arena_alloc(x->call->arena, sizeof(*in));
	int r = input_open(x, in);

	if (r != OK)
		return r;
	*change = (struct notifier_change){ .id = x->params[1], .enabled = -1 };
	input_name(in, "name", 0, NAME_MAX_BYTES, &change->name);
	if (input_bool(in, "enabled", 0, &enabled))
		change->enabled = enabled;
	r = input_close(in);
	if (r == OK)
		r = notifier_change(x->call, api_of(x)->db, x->params[0], change, &audit);
	return r == OK ? answer_one(x, change->id, false) : r;
}

int project_notifier_delete(struct exchange *x)
{
	struct audit audit = audit_of(x);
	int r = notifier_delete(x->call, api_of(x)->db, x->params[0], x->params[1], &audit);

	return r == OK ? answer_deleted(x) : r;
}

/* ---- Slack, by the names that clients know ---- */

int slack_show(struct exchange *x)
{
	struct db_rows rows;
	int r = notifier_slack(x->call, api_of(x)->db, x->params[0], &rows);

	return r == OK ? answer_row(x, &rows) : r;
}

static const struct json *schema_of_slack(struct exchange *x, const struct db_rows *rows)
{
	const char *why = "";

	if (str_eq(db_text(rows, 0, "state"), STR("loaded")))
		return settings_schema_of(x, rows);
	return json_parse(x->call->arena, str_of(slack_schema), NULL, &why);
}

/* Settings in general may be numbers; these two are texts. */
static void check_slack_texts(struct input *in)
{
	static const char *const names[] = { "botToken", "slackBotToken", "channel", "slackChannel" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct json *value = json_get(in->body, names[i]);

		if (value && value->kind != JSON_TEXT && value->kind != JSON_NULL)
			input_fault(in, names[i], "must be a text");
	}
}

int slack_put(struct exchange *x)
{
	struct settings_reading *r = arena_alloc(x->call->arena, sizeof(*r));
	struct notifier_change *change = arena_alloc(x->call->arena, sizeof(*change));
	struct db_rows found, form;
	bool enabled = false;
	struct buf settings;
	int result;

	change->enabled = -1;
	buf_init(&settings, SETTINGS_MAX);
	result = input_open(x, &r->in);
	if (result == OK)
		result = notifier_slack(x->call, api_of(x)->db, x->params[0], &found);
	if (result != OK)
		goto out;
	change->id = db_text(&found, 0, "id");
	result = notifier_form(x->call, api_of(x)->db, x->params[0], change->id, STR("slack"), &form);
	if (result != OK)
		goto out;
	if (change->id.n == 0)
		change->id = id_text(x->call->arena, "ntf_");
	if (input_bool(&r->in, "enabled", 0, &enabled))
		change->enabled = enabled;
	check_slack_texts(&r->in);
	result = settings_read(r, STR("slack"), schema_of_slack(x, &form), &form, &settings);
	if (result == OK)
		result = save(x, change, r, &settings);
	if (result == OK)
		result = slack_show(x);
out:
	buf_done(&settings);
	return result;
}

/* ---- tests ---- */

static void push_jobs(struct exchange *x, struct str jobs)
{
	while (jobs.n) {
		struct str job = str_split(&jobs, ',');

		waiting_push(api_of(x)->kv, STR("notify-queue"), &job, 1);
	}
}

static bool all_there(const struct db_rows *rows)
{
	for (int i = 0; i < rows->n_rows; i++)
		if (db_is_null(rows, i, "test"))
			return false;
	return true;
}

static int await_results(struct exchange *x, struct str id, struct db_rows *ret)
{
	int64_t end = clock_mono_ms() + TEST_WAIT_MS;
	int r;

	for (;;) {
		r = notifiers_tested(x->call, api_of(x)->db, x->params[0], id, ret);
		if (r != OK || all_there(ret) || clock_mono_ms() >= end)
			return r;
		r = fiber_sleep(x->call, TEST_LOOK_MS);
		if (r != OK)
			return r;
	}
}

static void write_result(struct exchange *x, const struct db_rows *rows, int i, struct json_out *out, bool *ret_ok)
{
	const char *why = "";
	struct str test = db_is_null(rows, i, "test")
				  ? STR("{\"ok\":false,\"sent\":false,\"code\":\"PENDING\",\"error\":\"no worker has "
					"answered yet: is one running? What comes of it will be in test of this "
					"notifier\",\"account\":\"\",\"lines\":[]}")
				  : db_text(rows, i, "test");

	if (!json_bool(json_get(json_parse(x->call->arena, test, NULL, &why), "ok"), false))
		*ret_ok = false;
	json_open(out, '{');
	json_put_text(out, "id", db_text(rows, i, "id"));
	json_put_text(out, "name", db_text(rows, i, "name"));
	json_put_text(out, "notifier", db_text(rows, i, "notifier"));
	json_key(out, "test");
	json_add_raw(out, test);
	json_close(out, '}');
}

int project_notifiers_test(struct exchange *x)
{
	struct audit audit = audit_of(x);
	struct json_out out;
	struct db_rows rows;
	struct str jobs;
	bool ok = true;
	int r = notifiers_test(x->call, api_of(x)->db, x->params[0], x->params[1], &audit, &jobs);

	if (r != OK)
		return r;
	push_jobs(x, jobs);
	r = await_results(x, x->params[1], &rows);
	if (r != OK)
		return r;
	out = http_answer_json(x, 200);
	json_open(&out, '{');
	json_key(&out, "notifiers");
	json_open(&out, '[');
	for (int i = 0; i < rows.n_rows; i++)
		write_result(x, &rows, i, &out, &ok);
	json_close(&out, ']');
	json_put_bool(&out, "ok", ok);
	json_close(&out, '}');
	return OK;
}

/* What a provider says of a project's settings, as a report for people.
 *
 * Easy to break: that the provider could not be asked is an answer too, and the most useful one. */
#include "worker/verify.h"

#include "base/clock.h"
#include "base/json_write.h"
#include "store/provider_checks.h"

#define REPORT_MAX (256 * 1024)

static int ask(struct call *call, const struct reconciler *rec, const struct provider_check *check, struct str name,
	       struct report *ret)
{
	int64_t deadline = call->deadline_ms, limit = clock_mono_ms() + rec->call_ms;
	struct instance *instance = NULL;
	int r = provider_open(call, rec->providers, name, check->project_id, check->settings_json,
			      check->settings_version, &instance);

	if (r != OK)
		return r;
	if (limit < deadline)
		call->deadline_ms = limit;
	r = provider_verify(call, instance, ret);
	call->deadline_ms = deadline;
	instance_release(instance);
	return r;
}

/* The one line of a report that the provider did not give. */
static struct report failure(struct call *call, int code)
{
	struct report_line *line = arena_alloc(call->arena, sizeof(*line));

	*line = (struct report_line){ .label = code == E_INVALID       ? STR("Settings")
					       : code == E_UNSUPPORTED ? STR("Check")
								       : STR("Connection"),
				      .text = str_of(call->why),
				      .state = code == E_UNSUPPORTED ? OPSHUB_REPORT_WARN : OPSHUB_REPORT_FAIL };
	return (struct report){ .account = STR(""), .lines = line, .n_lines = 1 };
}

static struct str report_json(struct call *call, struct str provider, const struct report *report)
{
	static const char *const states[] = { "ok", "warn", "fail" };
	struct json_out out;
	struct str json;
	struct buf text;
	bool ok = true;

	buf_init(&text, REPORT_MAX);
	out = JSON_OUT(&text);
	json_open(&out, '{');
	if (provider.n)
		json_put_text(&out, "provider", provider);
	else
		json_key(&out, "provider"), json_add_null(&out);
	json_put_text(&out, "account", report->account);
	json_key(&out, "lines");
	json_open(&out, '[');
	for (size_t i = 0; i < report->n_lines; i++) {
		const struct report_line *line = &report->lines[i];

		ok &= line->state != OPSHUB_REPORT_FAIL;
		json_open(&out, '{');
		json_put_text(&out, "label", line->label);
		json_put_text(&out, "text", line->text);
		json_put_text(&out, "state", str_of(states[line->state]));
		json_close(&out, '}');
	}
	json_close(&out, ']');
	json_put_bool(&out, "ok", ok);
	json_close(&out, '}');
	json = arena_str(call->arena, buf_str(&text));
	buf_done(&text);
	return json;
}

struct outcome verify_provider(struct call *call, void *reconciler, const struct job *job)
{
	const struct reconciler *rec = reconciler;
	struct provider_check check = { 0 };
	struct report report = { 0 };
	struct str name;
	char *shown;
	int r = provider_check_begin(call, rec->db, job, &check);

	if (r == E_NOT_FOUND)
		return OUTCOME_DONE;
	if (r != OK)
		return (struct outcome){ .delay_ms = 1000, .error = str_of(call->why) };
	name = provider_name(rec->providers, check.provider);
	if (name.n == 0)
		r = call_fail(call, E_INVALID, "this project has no provider: choose one in its settings");
	else
		r = ask(call, rec, &check, name, &report);
	if (r == E_CANCELLED)
		return OUTCOME_LATER(0);
	if (r != OK)
		report = failure(call, r);
	shown = arena_text(call->arena, name);
	for (char *c = shown; *c; c++)
		*c = (char)(*c >= 'a' && *c <= 'z' ? *c ^ 0x20 : *c);
	r = provider_check_end(call, rec->db, job, check.asked, report_json(call, str_of(shown), &report));
	return r == OK ? OUTCOME_DONE : (struct outcome){ .delay_ms = 1000, .error = str_of(call->why) };
}

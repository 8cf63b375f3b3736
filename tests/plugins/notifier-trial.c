/* Runs operations of a notifier as the worker does, for tests that stand on a fake of its service.
 *
 *   notifier-trial FOLDER PLUGIN [KEY=VALUE]... <STEPS
 *
 * STEPS is a JSON list: [{"op": "verify"}, {"op": "send", "event": {…}}, {"op": "update", "receipt": "…", "event":
 * {…}}]; an update without a receipt takes that of the last send. Writes one line of JSON for each step that was run,
 * with what came of it. A step may have "timeoutMs". Loopback may be reached. */
#include "plugin/plugin.h"

#include "base/clock.h"
#include "base/json_read.h"
#include "base/json_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX    (4 * 1024 * 1024)
#define SETTINGS_MAX 16
#define FIELDS_MAX   100
#define TRIAL_MS     90000

struct trial {
	struct instance_spec spec;
	struct plugins *plugins;
	const struct json *steps;
};

struct result {
	int code;
	struct str receipt;
	struct report report;
};

static const char *text_of(struct call *call, const struct json *object, const char *key)
{
	return arena_text(call->arena, json_text(json_get(object, key), STR("")));
}

static struct opshub_event event_of(struct call *call, const struct json *from)
{
	const struct json *list = json_get(from, "fields");
	struct opshub_event_field *fields = arena_alloc(call->arena, FIELDS_MAX * sizeof(*fields));
	struct opshub_event event = {
		.struct_size = sizeof(event),
		.severity = (uint32_t)json_int(json_get(from, "severity"), OPSHUB_SEVERITY_INFO),
		.id = text_of(call, from, "id"),
		.kind = text_of(call, from, "kind"),
		.at_ms = json_int(json_get(from, "at"), 0),
		.title = text_of(call, from, "title"),
		.text = text_of(call, from, "text"),
		.url = text_of(call, from, "url"),
		.org = text_of(call, from, "org"),
		.project = text_of(call, from, "project"),
		.repo = text_of(call, from, "repo"),
		.sha = text_of(call, from, "sha"),
		.pr_number = json_int(json_get(from, "pr"), 0),
		.thread_key = text_of(call, from, "threadKey"),
		.thread = text_of(call, from, "thread"),
		.fields = fields,
		.field_size = sizeof(*fields),
	};

	for (const struct json *f = list ? list->child : NULL; f && event.n_fields < FIELDS_MAX; f = f->next)
		fields[event.n_fields++] = (struct opshub_event_field){ text_of(call, f, "label"),
									text_of(call, f, "value") };
	return event;
}

static void print(const struct call *call, const struct result *result)
{
	struct buf buf;
	struct json_out out = JSON_OUT(&buf);

	buf_init(&buf, 1024 * 1024);
	json_open(&out, '{');
	json_put_text(&out, "code", str_of(result->code < 0 ? status_name(result->code) : "OK"));
	json_put_text(&out, "why", str_of(call->why));
	json_put_int(&out, "retryAfterMs", result->code < 0 ? call->retry_after_ms : 0);
	json_put_text(&out, "receipt", result->receipt);
	json_put_text(&out, "account", result->report.account);
	json_key(&out, "lines");
	json_open(&out, '[');
	for (size_t i = 0; i < result->report.n_lines; i++) {
		json_open(&out, '{');
		json_put_text(&out, "label", result->report.lines[i].label);
		json_put_text(&out, "text", result->report.lines[i].text);
		json_put_int(&out, "state", result->report.lines[i].state);
		json_close(&out, '}');
	}
	json_close(&out, ']');
	json_close(&out, '}');
	printf("%.*s\n", STR_FMT(buf_str(&buf)));
	buf_done(&buf);
}

static void run(struct call *call, void *arg)
{
	const struct trial *trial = arg;
	struct instance *instance = NULL;
	struct str last = STR("");
	struct result opened = { .code = plugins_instance(call, trial->plugins, &trial->spec, &instance) };

	if (opened.code < 0) {
		print(call, &opened);
		return;
	}
	for (const struct json *step = trial->steps->child; step; step = step->next) {
		struct str op = json_text(json_get(step, "op"), STR(""));
		struct opshub_event event = event_of(call, json_get(step, "event"));
		int64_t timeout_ms = json_int(json_get(step, "timeoutMs"), 0), before = call->deadline_ms;
		struct result result = { 0 };

		if (timeout_ms > 0)
			call->deadline_ms = clock_mono_ms() + timeout_ms;
		if (str_eq(op, STR("verify"))) {
			result.code = notifier_verify(call, instance, &result.report);
		} else if (str_eq(op, STR("send"))) {
			result.code = notifier_send(call, instance, &event, &result.receipt);
			last = result.code == OK ? result.receipt : last;
		} else {
			struct str receipt = json_text(json_get(step, "receipt"), last);
			result.code = notifier_update(call, instance, arena_text(call->arena, receipt), &event);
		}
		call->deadline_ms = before;
		print(call, &result);
	}
	instance_release(instance);
}

static void on_done(struct call *call, void *arg)
{
	(void)arg;
	loop_stop(call->loop);
}

static const struct json *read_steps(struct arena *arena, const char **ret_why)
{
	char *text = arena_raw(arena, STEPS_MAX);

	return json_parse(arena, (struct str){ text, fread(text, 1, STEPS_MAX, stdin) }, NULL, ret_why);
}

int main(int argc, char **argv)
{
	const struct fiber_options options = { .name = "trial", .timeout_ms = TRIAL_MS, .on_done = on_done };
	struct setting_value values[SETTINGS_MAX];
	struct trial trial = { .spec = {
				       .scope = STR("trial"), .version = 1, .values = values, .allow_private = true } };
	struct arena *arena = arena_new();
	struct catalog *catalog = NULL;
	struct loop *loop;
	struct net *net;
	const char *why = "FOLDER PLUGIN [KEY=VALUE]...";
	int r = 1;

	log_open(STDERR_FILENO, LOG_INFO);
	if (argc < 3)
		goto out;
	for (int i = 3; i < argc && trial.spec.n_values < SETTINGS_MAX; i++) {
		struct str rest = str_of(argv[i]), key = str_split(&rest, '=');
		values[trial.spec.n_values++] = (struct setting_value){ key, rest };
	}
	catalog = catalog_open(&(struct catalog_options){ .folder = argv[1], .enabled = str_of(argv[2]) });
	trial.spec.plugin = catalog_find(catalog, str_of(argv[2]), &why);
	if (!trial.spec.plugin)
		goto out;
	trial.steps = read_steps(arena, &why);
	if (!trial.steps)
		goto out;
	loop = loop_new(0);
	net = net_open(loop);
	trial.plugins = plugins_open(loop, net);
	if (fiber_start(loop, &options, run, &trial, NULL) == OK)
		loop_run(loop);
	plugins_close(trial.plugins);
	net_close(net);
	loop_free(loop);
	r = 0;
out:
	if (r)
		fprintf(stderr, "notifier-trial: %s\n", why);
	catalog_close(catalog);
	arena_free(arena);
	return r;
}

/* Trying a notifier because somebody asked: does it like its settings, and does a message arrive? What came of it is
 * written down for the one who waits for it. */
#include "worker/notify_inner.h"

#include "base/id.h"

#define RESULT_MAX (64 * 1024)

struct trial {
	struct report report;
	const char *code; /* NULL = all is well */
	struct str why;
	bool was_sent;
};

static void fail(struct call *call, struct trial *t, const char *code)
{
	t->code = code;
	t->why = arena_str(call->arena, str_of(call->why));
}

/* Without verify() only the message says whether it works. */
static void verify(struct call *call, struct instance *instance, struct trial *t)
{
	int r = notifier_verify(call, instance, &t->report);

	if (r != OK && r != E_UNSUPPORTED) {
		fail(call, t, notice_code(r));
		return;
	}
	for (size_t i = 0; i < t->report.n_lines && !t->code; i++)
		if (t->report.lines[i].state == OPSHUB_REPORT_FAIL) {
			t->code = "VERIFY_FAILED";
			t->why = arena_printf(call->arena, "%.*s: %.*s", STR_FMT(t->report.lines[i].label),
					      STR_FMT(t->report.lines[i].text));
		}
}

static void send_one(struct call *call, struct instance *instance, const struct outbox_target *target, struct trial *t)
{
	struct event_text text = event_text(call->arena, STR("test"), NULL);
	struct str receipt;
	struct opshub_event event;
	char id[ID_MAX];
	int r;

	id_new(id, "note_");
	event = notify_event(call, target, STR("test"), str_of(id), &text);
	event.at_ms = id_time_ms(str_of(id));
	r = notifier_send(call, instance, &event, &receipt);
	t->was_sent = r == OK;
	if (r != OK)
		fail(call, t, notice_code(r));
}

static void run_trial(struct call *call, const struct notify *notify, const struct outbox_target *target,
		      struct trial *t)
{
	int64_t before = notify_deadline(call, notify);
	struct instance *instance = NULL;
	const char *code;

	if (notify->slack_is_disabled && str_eq(target->notifier, STR("slack"))) {
		t->code = "DISABLED";
		t->why = STR("Slack is switched off on this server by DISABLE_SLACK=1");
		log_info("Slack", "Slack notification skipped", F_TEXT("kind", "test"));
	} else if (notify_open(call, notify, target, &instance, &code) != OK) {
		fail(call, t, code);
	} else {
		verify(call, instance, t);
		if (!t->code)
			send_one(call, instance, target, t);
	}
	instance_release(instance);
	call->deadline_ms = before;
}

static void write_lines(struct json_out *out, const struct report *report)
{
	static const char *const states[] = { "ok", "warn", "fail" };

	json_key(out, "lines");
	json_open(out, '[');
	for (size_t i = 0; i < report->n_lines; i++) {
		uint32_t state = report->lines[i].state;

		json_open(out, '{');
		json_put_text(out, "label", report->lines[i].label);
		json_put_text(out, "text", report->lines[i].text);
		json_put_text(out, "state", str_of(states[state <= OPSHUB_REPORT_FAIL ? state : OPSHUB_REPORT_FAIL]));
		json_close(out, '}');
	}
	json_close(out, ']');
}

/* The members that an answer to POST .../test has besides the notifier's own. */
static struct str result_json(struct call *call, const struct trial *t)
{
	struct json_out out;
	struct buf text;
	struct str json;

	buf_init(&text, RESULT_MAX);
	out = JSON_OUT(&text);
	json_open(&out, '{');
	json_put_bool(&out, "ok", t->code == NULL);
	json_put_bool(&out, "sent", t->was_sent);
	if (t->code) {
		json_put_text(&out, "code", str_of(t->code));
		json_put_text(&out, "error", t->why);
	}
	json_put_text(&out, "account", t->report.account);
	write_lines(&out, &t->report);
	json_close(&out, '}');
	json = text.overflow ? STR("{\"ok\":false,\"sent\":false,\"code\":\"PLUGIN_ERROR\",\"error\":\"the plugin's "
				   "report is too long\",\"account\":\"\",\"lines\":[]}")
			     : arena_str(call->arena, buf_str(&text));
	buf_done(&text);
	return json;
}

struct outcome notify_test_run(struct call *call, void *arg, const struct job *job)
{
	const struct notify *notify = arg;
	struct outbox_target target;
	struct trial trial = { 0 };
	int r = outbox_test_take(call, notify->db, job, &target);

	if (r == E_NOT_FOUND)
		return OUTCOME_DONE;
	if (r != OK)
		return (struct outcome){ .delay_ms = 1000, .error = str_of(call->why) };
	log_scope_set(&call->log, F_STR("projectId", target.project_id));
	log_scope_set(&call->log, F_STR("notifierId", target.id));
	run_trial(call, notify, &target, &trial);
	if (call_cancelled(call))
		return OUTCOME_LATER(0);
	if (trial.code)
		log_warn("Notifier", notify_line(call, target.notifier, "test failed"), F_TEXT("code", trial.code),
			 F_STR("error", trial.why));
	r = outbox_test_save(call, notify->db, target.id, trial.code, trial.why, result_json(call, &trial));
	return r == OK ? OUTCOME_DONE : OUTCOME_LATER(1000);
}

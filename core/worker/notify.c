/* Sending what the outbox holds for one notifier. */
#include "worker/notify_inner.h"

#include "base/clock.h"
#include "base/id.h"

#define ROWS_AT_ONCE   50 /* then the job goes to the back of the queue */
#define RECORD_TRIES   5
#define RECORD_WAIT_MS 200
#define MARGIN_MS      200

static uint32_t random_number(void)
{
	uint32_t number;

	random_bytes(&number, sizeof(number));
	return number;
}

const char *notify_line(struct call *call, struct str notifier, const char *what)
{
	char *line = arena_text(call->arena,
				arena_printf(call->arena, "%.*s notification %s", STR_FMT(notifier), what));

	if (line[0] >= 'a' && line[0] <= 'z')
		line[0] ^= 0x20;
	return line;
}

int64_t notify_deadline(struct call *call, const struct notify *notify)
{
	int64_t before = call->deadline_ms, limit = clock_mono_ms() + notify->call_ms;

	if (limit < before)
		call->deadline_ms = limit;
	return before;
}

/* ---- the plugin ---- */

static const struct plugin *find_plugin(struct call *call, const struct notify *notify, struct str name)
{
	const char *why = "that plugin is not a notifier";
	const struct plugin *plugin = catalog_find(notify->providers->catalog, name, &why);

	if (plugin && plugin->about.kind == OPSHUB_KIND_NOTIFIER)
		return plugin;
	call_fail(call, E_INVALID, "the notifier plugin \"%.*s\" is not loaded: %s", STR_FMT(name), why);
	return NULL;
}

int notify_open(struct call *call, const struct notify *notify, const struct outbox_target *t, struct instance **ret,
		const char **ret_code)
{
	const struct plugin *plugin = find_plugin(call, notify, t->notifier);
	const char *why = "";
	struct plugin_settings settings = { .place = { "notifier_secrets", t->id, t->notifier, "notifier" },
					    .settings = json_parse(call->arena, t->settings_json, NULL, &why),
					    .secrets = json_parse(call->arena, t->secrets_json, NULL, &why),
					    .project_id = t->project_id,
					    .wrapped = t->wrapped,
					    .version = t->settings_version };
	int r;

	*ret_code = "NOT_LOADED";
	if (!plugin)
		return E_INVALID;
	r = plugin_open(call, notify->providers, plugin, &settings, ret);
	*ret_code = r == E_INVALID ? "SETTINGS" : notice_code(r);
	return r;
}

/* ---- the event ---- */

static const char *text_of(struct call *call, struct str s)
{
	return arena_text(call->arena, s);
}

struct opshub_event notify_event(struct call *call, const struct outbox_target *t, struct str kind, struct str id,
				 const struct event_text *text)
{
	struct opshub_event_field *fields = arena_alloc(call->arena, (EVENT_FIELDS_MAX + 1) * sizeof(*fields));

	for (unsigned i = 0; i < text->n_lines; i++)
		fields[i] = (struct opshub_event_field){ text->lines[i].label, text_of(call, text->lines[i].value) };
	return (struct opshub_event){
		.struct_size = sizeof(struct opshub_event),
		.severity = (uint32_t)text->severity,
		.id = text_of(call, id),
		.kind = text_of(call, kind),
		.title = text_of(call, text->title),
		.text = text_of(call, text->text),
		.url = text_of(call, text->url),
		.org = text_of(call, t->org),
		.project = text_of(call, t->project),
		.repo = text_of(call, t->repo),
		.sha = text_of(call, text->sha),
		.pr_number = text->pr_number,
		.thread_key = "",
		.thread = "",
		.fields = fields,
		.n_fields = text->n_lines,
		.field_size = sizeof(struct opshub_event_field),
	};
}

static struct event_text text_of_row(struct call *call, const struct outbox_row *row)
{
	const char *why = "";

	return event_text(call->arena, row->kind, json_parse(call->arena, row->facts_json, NULL, &why));
}

/* ---- one row ---- */

/* *ret_receipt: of a message that is the thread's first; empty when its first is the one we know. */
static int deliver(struct call *call, struct instance *instance, const struct outbox_row *row,
		   struct opshub_event *event, struct str *ret_receipt)
{
	const char *receipt = text_of(call, row->receipt);
	bool is_first = row->receipt.n == 0;
	struct str fresh = { 0 };
	int r;

	if (!is_first && instance_plugin(instance)->notifier.update) {
		r = notifier_update(call, instance, receipt, event);
		if (r != E_NOT_FOUND && r != E_UNSUPPORTED)
			return r;
		is_first = true; /* somebody has deleted it */
		event->thread = "";
	}
	r = notifier_send(call, instance, event, &fresh);
	if (r == OK)
		*ret_receipt = is_first ? fresh : (struct str){ 0 };
	return r;
}

static int try_row(struct call *call, const struct notify *notify, const struct outbox_row *row,
		   struct str *ret_receipt, const char **ret_not_open)
{
	struct event_text text = text_of_row(call, row);
	struct opshub_event event = notify_event(call, &row->target, row->kind, row->id, &text);
	struct instance *instance = NULL;
	int64_t before = notify_deadline(call, notify);
	int r;

	event.at_ms = row->at_ms;
	event.thread_key = text_of(call, row->thread_key);
	event.thread = text_of(call, row->receipt);
	call->retry_after_ms = 0;
	r = notify_open(call, notify, &row->target, &instance, ret_not_open);
	if (r == OK) {
		*ret_not_open = NULL;
		r = deliver(call, instance, row, &event, ret_receipt);
	}
	instance_release(instance);
	call->deadline_ms = before;
	return r;
}

/* It is out: whatever happens to us now, the record should say so. When it cannot, it is sent once more. */
static void record_sent(struct call *call, const struct notify *notify, const struct outbox_row *row,
			struct str receipt)
{
	call_shield(call);
	for (int n = 0; n < RECORD_TRIES; n++) {
		if (outbox_sent(call, notify->db, row, receipt) == OK)
			break;
		fiber_sleep(call, RECORD_WAIT_MS);
	}
	call_unshield(call);
	log_info("Notifier", notify_line(call, row->target.notifier, "sent"), F_STR("kind", row->kind),
		 F_STR("eventId", row->id));
}

static void record_failure(struct call *call, const struct notify *notify, const struct outbox_row *row,
			   const struct notice_failure *f, struct str why)
{
	struct outbox_failure failure = { .is_dead = f->fate == NOTICE_DEAD,
					  .delay_ms = f->delay_ms,
					  .pause_ms = f->pause_ms,
					  .code = f->code,
					  .why = why };

	log_warn("Notifier",
		 notify_line(call, row->target.notifier,
			     failure.is_dead ? "failed and is not tried again" : "failed; it is tried again"),
		 F_STR("kind", row->kind), F_TEXT("code", f->code), F_STR("error", why), F_INT("tries", row->tries),
		 F_INT("delay", f->delay_ms));
	outbox_failed(call, notify->db, row, &failure);
}

static int send_row(struct call *call, const struct notify *notify, const struct outbox_row *row)
{
	const char *not_open = NULL;
	struct notice_failure failure;
	struct str receipt = { 0 }, why;
	int r = try_row(call, notify, row, &receipt, &not_open);

	if (r == OK) {
		record_sent(call, notify, row, receipt);
		return OK;
	}
	why = arena_str(call->arena, str_of(call->why));
	if (r == E_CANCELLED) { /* the worker stops */
		call_shield(call);
		outbox_put_back(call, notify->db, row);
		call_unshield(call);
		return r;
	}
	if (not_open)
		failure = notice_not_open(not_open, row->target.failures + 1, random_number());
	else
		failure = notice_failure(r, row->tries, row->target.failures + 1, call->retry_after_ms,
					 random_number());
	record_failure(call, notify, row, &failure, why);
	return OK;
}

static void give_up(struct call *call, const struct notify *notify, const struct outbox_row *row)
{
	const struct notice_failure failure = { .code = "INTERRUPTED", .fate = NOTICE_DEAD };

	record_failure(call, notify, row, &failure,
		       STR("the worker ended three times while it was being sent: it may have arrived, or it is what "
			   "ends the worker"));
}

static void skip(struct call *call, const struct notify *notify, const struct outbox_row *row)
{
	log_info("Slack", "Slack notification skipped", F_STR("kind", row->kind),
		 F_STR("title", text_of_row(call, row).title), F_TEXT("reason", "DISABLE_SLACK=1"));
	outbox_skip(call, notify->db, row);
}

struct outcome notify_run(struct call *call, void *arg, const struct job *job)
{
	const struct notify *notify = arg;

	for (int n = 0; n < ROWS_AT_ONCE && !queue_is_draining(notify->queue); n++) {
		struct outbox_row row;
		int r = outbox_take(call, notify->db, job, notify->call_ms + MARGIN_MS, &row);

		if (r == E_NOT_FOUND)
			return OUTCOME_DONE;
		if (r != OK)
			return (struct outcome){ .delay_ms = 1000, .error = str_of(call->why) };
		log_scope_set(&call->log, F_STR("projectId", row.target.project_id));
		log_scope_set(&call->log, F_STR("notifierId", row.target.id));
		if (notify->slack_is_disabled && str_eq(row.target.notifier, STR("slack")))
			skip(call, notify, &row);
		else if (row.interrupted >= NOTICE_INTERRUPTED_MAX)
			give_up(call, notify, &row);
		else if (send_row(call, notify, &row) == E_CANCELLED)
			break;
	}
	return OUTCOME_LATER(0);
}

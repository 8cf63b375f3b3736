/* What goes by the clock: jobs for what is due, and the end of what waited or lies there for too long. Each worker runs
 * it; two at once do each other no harm. */
#include "worker/notify_inner.h"

#include "base/clock.h"
#include "base/env.h"

#define CLEAN_MS     60000
#define MOST_BATCHES 50

static void warn_expired(struct call *call, const struct db_rows *rows, int row)
{
	log_warn("Notifier", notify_line(call, db_text(rows, row, "notifier"), "failed for too long; rows are dead"),
		 F_STR("notifierId", db_text(rows, row, "id")), F_STR("projectId", db_text(rows, row, "project_id")),
		 F_INT("rows", db_int(rows, row, "rows")));
}

static void clean(struct call *call, void *arg)
{
	const struct notify *notify = arg;
	struct db_rows rows = { 0 };
	int r = OK;

	for (int n = 0; r == OK && n < MOST_BATCHES && (n == 0 || rows.n_rows > 0); n++) {
		r = outbox_expire(call, notify->db, notify->most_age_ms, &rows);
		for (int i = 0; r == OK && i < rows.n_rows; i++)
			warn_expired(call, &rows, i);
	}
	if (r == OK)
		r = outbox_clean(call, notify->db);
	if (r != OK && r != E_CANCELLED)
		log_warn("Notifier", "Old notifications could not be cleared away; it is tried again",
			 F_TEXT("error", call->why));
}

static void schedule(struct call *call, void *arg)
{
	const struct notify *notify = arg;
	struct push_list jobs = { 0 };

	if (outbox_schedule(call, notify->db, &jobs) == OK)
		queue_push(notify->queue, &jobs);
}

/* Slack alone is everybody's when the server's environment has a token and a channel for it. */
static void save_defaults(struct call *call, void *arg)
{
	const struct notify *notify = arg;
	const struct str slack = STR("slack");
	size_t n = env_secret_is_set("SLACK_BOT_TOKEN") && env_get("SLACK_CHANNEL");

	while (outbox_defaults(call, notify->db, &slack, n) != OK && fiber_sleep(call, 1000) == OK)
		;
}

static void notify_loop(struct call *call, void *arg)
{
	struct notify *notify = arg;
	struct fiber_options options = { .name = "notify-schedule", .timeout_ms = 10000 };
	int64_t clean_ms = notify->most_age_ms / 4 < CLEAN_MS ? notify->most_age_ms / 4 : CLEAN_MS;
	int64_t cleaned_ms = clock_mono_ms();

	fiber_run(call, &options, save_defaults, notify);
	while (fiber_sleep(call, notify->every_ms) == OK) {
		if (queue_is_draining(notify->queue))
			continue;
		fiber_run(call, &options, schedule, notify);
		if (clock_mono_ms() - cleaned_ms < clean_ms)
			continue;
		cleaned_ms = clock_mono_ms();
		fiber_run(call, &options, clean, notify);
	}
}

void notify_start(struct loop *loop, struct notify *notify)
{
	struct fiber_options options = { .name = "notifier" };

	fiber_start(loop, &options, notify_loop, notify, NULL);
}

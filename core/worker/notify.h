/* Telling people: takes rows out of the outbox (sql/migrations/0011_notifications.sql) and gives them to notifier
 * plugins.
 *
 *   a preview changes -> row of `notifications`, in the same commit, for each of its project's notifiers
 *   scheduler (each worker): notifiers with something due -> job "notify" in notify-queue, one for each notifier
 *   job: take the next row (began_at, commit) -> plugin's send or update -> delete the row, keep the receipt (commit)
 *
 * One job for each notifier, so it sends one message at a time, and the rows of a thread in the order in which they
 * were written: one that fails holds back its own thread only. The first message of a thread gives a receipt; later
 * events of it edit that message, where the plugin can.
 *
 * Easy to break: a worker that dies between the plugin's answer and our commit leaves began_at, and the row is sent
 * again, with the same id: at least once, rarely twice. One that was interrupted so often is dead: it might be what
 * kills the worker. Redis is only a waker; what it loses the scheduler and the sweep find. */
#ifndef WORKER_NOTIFY_H
#define WORKER_NOTIFY_H

#include "worker/providers.h"
#include "worker/queue.h"

struct notify {
	struct db *db;
	struct queue *queue; /* notify-queue */
	const struct providers *providers;
	bool slack_is_disabled; /* DISABLE_SLACK=1: what is for it is dropped, with a line in the log */
	int64_t call_ms;        /* longest call of a plugin; less than half a lease */
	int64_t every_ms;       /* how often is looked for what is due */
	int64_t most_age_ms;    /* what could not be sent for so long is dead */
};

/* Handlers of jobs: "notify" (key: a notifier's id) and "notify-test" (the same). */
AWAITS struct outcome notify_run(struct call *call, void *notify, const struct job *job);
AWAITS struct outcome notify_test_run(struct call *call, void *notify, const struct job *job);
/* The scheduler; `notify` must live as long as the loop. */
void notify_start(struct loop *loop, struct notify *notify);

#endif

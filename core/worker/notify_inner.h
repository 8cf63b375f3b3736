/* What the files of the notifier's worker side share. */
#ifndef WORKER_NOTIFY_INNER_H
#define WORKER_NOTIFY_INNER_H

#include "model/event.h"
#include "model/notice.h"
#include "store/outbox.h"
#include "worker/notify.h"

/* notify.c: the target's plugin with its settings. On failure *ret_code says why in one word, call->why in a sentence.
 */
AWAITS int notify_open(struct call *call, const struct notify *notify, const struct outbox_target *target,
		       struct instance **ret, const char **ret_code);
/* The event as a plugin is given it, in the call's arena. */
struct opshub_event notify_event(struct call *call, const struct outbox_target *target, struct str kind, struct str id,
				 const struct event_text *text);
/* "Slack notification was sent": the plugin's name with a capital letter, then what. For the log. */
const char *notify_line(struct call *call, struct str notifier, const char *what);
/* Shortens the call's deadline to one call of a plugin; returns the one before. */
int64_t notify_deadline(struct call *call, const struct notify *notify);

#endif

/* Whom a project tells: notifiers and their settings. Each change writes its audit row in its own statement. */
#ifndef STORE_NOTIFIERS_H
#define STORE_NOTIFIERS_H

#include "store/provider_settings.h"

#define MOST_NOTIFIERS 50 /* of one project */

/* As people see them, secrets masked. Empty filters let all pass. */
AWAITS int notifiers_of(struct call *call, struct db *db, struct str project_id, struct str id, struct str notifier,
			struct db_rows *ret);
/* One row: id, slackBotToken, slackChannel, enabled of the project's oldest one for Slack; nulls when it has none. */
AWAITS int notifier_slack(struct call *call, struct db *db, struct str project_id, struct db_rows *ret);
/* Columns: wanted (plugin, null = there is no such notifier), settings, masks, and of its plugin schema (null =
 * unknown), state, reason. `id` empty: a new one. `notifier` empty: the one that it has. */
AWAITS int notifier_form(struct call *call, struct db *db, struct str project_id, struct str id, struct str notifier,
			 struct db_rows *ret);

struct notifier_change {
	struct str id;                   /* "ntf_..." */
	struct str name;                 /* .p == NULL: as it is, or the plugin's */
	int enabled;                     /* -1 = as it is, or on */
	struct provider_change settings; /* its provider is the plugin's name */
};
/* E_CONFLICT when the name is taken, the project has MOST_NOTIFIERS, or is being deleted. */
AWAITS int notifier_save(struct call *call, struct db *db, const struct key_ring *master, struct str project_id,
			 const struct notifier_change *change, const struct audit *audit);
/* The name and whether it is on alone. E_NOT_FOUND, E_CONFLICT. */
AWAITS int notifier_change(struct call *call, struct db *db, struct str project_id,
			   const struct notifier_change *change, const struct audit *audit);
AWAITS int notifier_delete(struct call *call, struct db *db, struct str project_id, struct str id,
			   const struct audit *audit);

/* Ask a worker to try them; `id` empty: all. *ret_jobs: ids for notify-queue, separated by commas. E_NOT_FOUND when
 * there is none. */
AWAITS int notifiers_test(struct call *call, struct db *db, struct str project_id, struct str id,
			  const struct audit *audit, struct str *ret_jobs);
/* Columns id, name, notifier, test: null while it is under way. */
AWAITS int notifiers_tested(struct call *call, struct db *db, struct str project_id, struct str id,
			    struct db_rows *ret);

#endif

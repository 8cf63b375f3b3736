/* Commands for incidents and investigations: the audit's chains, lockdown, and a change of the master key. Each
 * connects by itself, writes its lines to standard output as they come, and fails with one sentence in call->why. */
#ifndef DAEMON_ADMIN_H
#define DAEMON_ADMIN_H

#include "db/db.h"

#define EXPECTS_MAX 64

/* What follows the command's name. */
struct admin_words {
	const char *org, *reason, *from, *to;
	const char *repo;
	bool all, installation, dry_run, confirm;
	const char *expects[EXPECTS_MAX]; /* "ORG:SEQ:HASH" */
	unsigned n_expects;
};

/* `options` lists those that the command has, e.g. "--org --reason". False for others, and for one without its value.
 */
bool admin_words_read(char **words, int n, const char *options, struct admin_words *ret);
/* Which of the words make sense together. */
bool audit_verify_fits(const struct admin_words *words);
bool audit_export_fits(const struct admin_words *words);
bool lockdown_fits(const struct admin_words *words);
bool unlock_fits(const struct admin_words *words);
bool reconcile_fits(const struct admin_words *words);

AWAITS int audit_verify(struct call *call, const char *database_url, const struct admin_words *words);
AWAITS int audit_export(struct call *call, const char *database_url, const struct admin_words *words);
AWAITS int admin_lockdown(struct call *call, const char *database_url, const struct admin_words *words);
AWAITS int admin_unlock(struct call *call, const char *database_url, const struct admin_words *words);

struct config;
/* What a sweep of GitHub, and the providers' inventories, would change; or a yes to what was held back. */
AWAITS int admin_reconcile(struct call *call, const struct config *config, const struct admin_words *words);

/* *ret_wrong_key: they fail because the keys are not those of the database. */
AWAITS int keys_status(struct call *call, const struct config *config, bool *ret_wrong_key);
AWAITS int keys_rotate(struct call *call, const struct config *config, bool *ret_wrong_key);

/* Who runs the command, and an id for his audit row: what audit_add takes. */
struct db_arg admin_audit_who(struct call *call);
struct db_arg admin_audit_id(struct call *call);

/* A connection for such a command; ready. *ret is to be closed with db_close, also when this fails. */
AWAITS int admin_db(struct call *call, const char *database_url, struct db **ret);

#endif

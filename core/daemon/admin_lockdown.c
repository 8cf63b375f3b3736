/* opshubd lockdown and unlock: what the routes do, for who has the machine and no login. With --all what works is done
 * although something else fails: half a lockdown is better than none, and it can be run again. */
#include "daemon/admin.h"

#include "store/lockdown.h"

#include <stdio.h>

#define ORGANIZATIONS_AT_ONCE 500

static struct lockdown_by by_me(struct call *call)
{
	return (struct lockdown_by){ admin_audit_id(call), admin_audit_who(call), { 0 } };
}

static int lock_one(struct call *call, struct db *db, struct str org, struct str reason)
{
	struct lockdown_by by = by_me(call);
	struct db_rows rows;
	int r = lockdown_start(call, db, org, reason, &by, &rows);

	if (r == OK)
		printf("%.*s is locked down: %lld sessions and %lld tokens were revoked\n", STR_FMT(org),
		       (long long)db_int(&rows, 0, "revokedSessions"), (long long)db_int(&rows, 0, "revokedTokens"));
	return r;
}

static int unlock_one(struct call *call, struct db *db, struct str org, struct str reason)
{
	struct lockdown_by by = by_me(call);
	struct db_rows rows;
	int r = lockdown_end(call, db, org, reason, &by, &rows);

	if (r == OK)
		printf("%.*s is open again: %lld previews are worked on\n", STR_FMT(org),
		       (long long)db_int(&rows, 0, "previews"));
	return r;
}

static int lock_everybody(struct call *call, struct db *db, struct str reason)
{
	struct lockdown_by by = by_me(call);
	struct db_rows rows;
	int r = lockdown_everybody(call, db, reason, &by, &rows);

	if (r == OK)
		printf("every session and token of the installation was revoked: %lld and %lld\n",
		       (long long)db_int(&rows, 0, "revokedSessions"), (long long)db_int(&rows, 0, "revokedTokens"));
	return r;
}

/* All organizations, or those that are locked; the number that failed goes into the sentence. */
static int each(struct call *call, struct db *db, bool locked_only, struct str reason,
		int (*one)(struct call *call, struct db *db, struct str org, struct str reason))
{
	struct str after = STR("");
	struct db_rows rows;
	int failed = 0, r;

	do {
		r = lockdown_organizations(call, db, after, ORGANIZATIONS_AT_ONCE, &rows);
		for (int i = 0; r == OK && i < rows.n_rows; i++) {
			after = db_text(&rows, i, "id");
			if ((!locked_only || db_bool(&rows, i, "locked")) && one(call, db, after, reason) != OK) {
				fprintf(stderr, "opshubd: %.*s: %s\n", STR_FMT(after), call->why);
				failed++;
			}
		}
	} while (r == OK && rows.n_rows == ORGANIZATIONS_AT_ONCE);
	if (r == OK && failed)
		r = call_fail(call, E_CONFLICT, "%d organizations could not be changed: run it again", failed);
	return r;
}

int admin_lockdown(struct call *call, const char *database_url, const struct admin_words *words)
{
	struct str reason = str_of(words->reason);
	struct db *db;
	int r = admin_db(call, database_url, &db), everybody = OK;

	if (r == OK && (reason.n > REASON_MAX || !str_is_text(reason)))
		r = call_fail(call, E_INVALID, "the reason must be text of at most %d bytes", REASON_MAX);
	if (r == OK && words->all) {
		everybody = lock_everybody(call, db, reason);
		r = each(call, db, false, reason, lock_one);
		r = r == OK ? everybody : r;
	} else if (r == OK) {
		r = lock_one(call, db, str_of(words->org), reason);
	}
	db_close(db);
	return r;
}

int admin_unlock(struct call *call, const char *database_url, const struct admin_words *words)
{
	struct str reason = str_of(words->reason);
	struct db *db;
	int r = admin_db(call, database_url, &db);

	if (r == OK && (reason.n > REASON_MAX || !str_is_text(reason)))
		r = call_fail(call, E_INVALID, "the reason must be text of at most %d bytes", REASON_MAX);
	if (r == OK)
		r = words->all ? each(call, db, true, reason, unlock_one)
			       : unlock_one(call, db, str_of(words->org), reason);
	db_close(db);
	return r;
}

/* Variables of environments: each value a version, and one of them ACTIVE.
 *
 * Every change locks its environment first (environment_lock in sql/queries/variables.sql), so that what is decided
 * from what was read stays right until it is written. Each writes its audit rows in its own transaction: keys,
 * versions, flags and masks, never a value. */
#ifndef STORE_VARIABLES_H
#define STORE_VARIABLES_H

#include "store/access.h"
#include "store/variable_secrets.h"

#define VARIABLES_MAX       1000          /* of one environment */
#define VARIABLES_BYTES_MAX (1024 * 1024) /* of their values: a deployment holds all of them */

/* Where variables belong, and what seals them. */
struct variable_owner {
	struct str org_id, project_id, environment_id;
	const struct key_ring *keys; /* the master's */
};

/* As people see them: masks, no values. `key` empty: all. */
AWAITS int variables_of(struct call *call, struct db *db, struct str environment_id, struct str key,
			struct db_rows *ret);
AWAITS int environments_of(struct call *call, struct db *db, struct str project_id, struct db_rows *ret);
/* Newest first, those below `before` (0 = from the newest); also of a variable that was deleted. */
AWAITS int variable_versions(struct call *call, struct db *db, struct str environment_id, struct str key,
			     int64_t before, int64_t limit, struct db_rows *ret);

/* ---- changes ---- */
enum variable_outcome { VARIABLE_UNCHANGED, VARIABLE_CREATED, VARIABLE_UPDATED };
#define VERSION_ANY (-1)

struct variable_wish {
	struct str key, value;         /* value.p == NULL: as it is, which only one that is there can be */
	int fork_safe, build_only;     /* -1 = as it is, or off */
	int64_t seen;                  /* which version must be the ACTIVE one, 0 = there must be none; VERSION_ANY */
	enum variable_outcome outcome; /* out */
	int64_t version;               /* out: which one is ACTIVE now; with E_CONFLICT at `seen` as well, 0 = none */
	bool conflicts;                /* out, with E_CONFLICT: this one was not as it was seen */
};

struct variable_change {
	const char *source;           /* "SET", "IMPORT", "ROLLBACK" */
	struct str by;                /* who set it, for people */
	struct db_arg who;            /* as of struct audit */
	bool dry_run;                 /* say what would come of it */
	struct variable_wish *wishes; /* no key twice */
	size_t n;                     /* at most VARIABLES_MAX */
};
/* All or none, in one transaction. A value that is the ACTIVE one's already makes no version. A PENDING version has
 * FAILED by it. E_CONFLICT: a `seen` does not hold; E_INVALID: there would be more than VARIABLES_MAX or
 * VARIABLES_BYTES_MAX; E_NOT_FOUND: the
 * environment is gone. */
AWAITS int variables_change(struct call *call, struct db *db, const struct variable_owner *owner,
			    const struct variable_change *change);
/* Its versions stay. E_NOT_FOUND. */
AWAITS int variable_remove(struct call *call, struct db *db, struct str environment_id, struct str key,
			   const struct audit *audit);

/* ---- values in clear ---- */
struct variable_value {
	struct str id, value, state;
	int64_t version;
	bool deleted;
};
/* `version` 0: the ACTIVE one. Writes nothing: who shows it to a person says so with variable_revealed() before.
 * E_NOT_FOUND; E_CONFLICT: it does not open, or was forgotten. */
AWAITS int variable_read(struct call *call, struct db *db, const struct variable_owner *owner, struct str key,
			 int64_t version, struct variable_value *ret);
AWAITS int variable_revealed(struct call *call, struct db *db, struct str environment_id,
			     const struct variable_value *value, struct str reason, const struct audit *audit);

struct variable_file {
	struct str *keys, *values;
	int64_t *versions;
	size_t n;
};
/* All of them, with an audit row that says so: to be shown. */
AWAITS int variables_read_all(struct call *call, struct db *db, const struct variable_owner *owner, struct str reason,
			      const struct audit *audit, struct variable_file *ret);

#endif

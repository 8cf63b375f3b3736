/* Variables, read and changed. */
#include "store/variables.h"

#include "base/id.h"
#include "base/secret_memory.h"
#include "crypto/digest.h"
#include "store/project_keys.h"

int variables_of(struct call *call, struct db *db, struct str environment_id, struct str key, struct db_rows *ret)
{
	return db_query(call, db, Q_VARIABLES_OF, ret, A_STR(environment_id), A_STR_OR_NULL(key));
}

int environments_of(struct call *call, struct db *db, struct str project_id, struct db_rows *ret)
{
	return db_query(call, db, Q_ENVIRONMENTS_OF_PROJECT, ret, A_STR(project_id));
}

int variable_versions(struct call *call, struct db *db, struct str environment_id, struct str key, int64_t before,
		      int64_t limit, struct db_rows *ret)
{
	return db_query(call, db, Q_VARIABLE_VERSIONS, ret, A_STR(environment_id), A_STR(key),
			before ? A_INT(before) : A_NULL, A_INT(limit));
}

static int none(struct call *call, struct str key)
{
	return call_fail(call, E_NOT_FOUND, "there is no variable %.*s in this environment", STR_FMT(key));
}

/* A key or a value that does not open contradicts what is stored, not what was asked. */
static int as_conflict(int r)
{
	return r == E_INVALID ? E_CONFLICT : r;
}

/* ---- changes ---- */

/* Columns of variables_write. */
struct writing {
	struct str *audits, *ids, *keys, *sealed, *key_ids, *masks, *fingerprints;
	int64_t *versions, *fork_safe, *build_only;
	int64_t bytes; /* by how many what is stored grows */
	size_t n;
};

static struct writing writing_new(struct arena *arena, size_t n)
{
	struct str *texts = arena_alloc(arena, 7 * (n + 1) * sizeof(*texts));
	int64_t *ints = arena_alloc(arena, 3 * (n + 1) * sizeof(*ints));

	return (struct writing){
		.audits = texts,
		.ids = texts + n,
		.keys = texts + 2 * n,
		.sealed = texts + 3 * n,
		.key_ids = texts + 4 * n,
		.masks = texts + 5 * n,
		.fingerprints = texts + 6 * n,
		.versions = ints,
		.fork_safe = ints + n,
		.build_only = ints + 2 * n,
	};
}

static struct variable_place place_of(const struct variable_owner *owner, struct str key, int64_t version)
{
	return (struct variable_place){ owner->org_id, owner->project_id, owner->environment_id, key, version };
}

/* Whether the ACTIVE version is this value. One that does not open any more is not, so that setting it again mends it.
 */
static bool has_value_already(struct call *call, const struct key_ring *ring, const struct variable_owner *owner,
			      const struct variable_wish *wish, const struct db_rows *now, int row)
{
	const struct variable_place place = place_of(owner, wish->key, db_int(now, row, "version"));

	return str_eq(variable_fingerprint(call->arena, ring, wish->value), db_text(now, row, "fingerprint")) &&
	       !db_is_null(now, row, "sealed") &&
	       variable_opens(call, ring, &place, db_bytes(call, now, row, "sealed"));
}

static int seal(struct call *call, const struct key_ring *ring, const struct variable_owner *owner,
		const struct variable_wish *wish, struct writing *w)
{
	const struct variable_place place = place_of(owner, wish->key, w->versions[w->n]);
	struct sealed_variable sealed;
	int r = variable_seal(call, ring, &place, wish->value, &sealed);

	if (r != OK)
		return r;
	w->sealed[w->n] = hex_text(call->arena, sealed.sealed);
	w->key_ids[w->n] = sealed.key_id;
	w->masks[w->n] = sealed.mask;
	w->fingerprints[w->n] = sealed.fingerprint;
	return OK;
}

/* A flag as it shall be. One that is set anew does not inherit what was said of its predecessor; one that is rolled
 * back is as it was. */
static bool flag(int wished, bool was, bool is_new)
{
	return wished >= 0 ? wished : was && !is_new;
}

/* What comes of one wish, and its row of `w` if anything does. */
static int decide(struct call *call, const struct key_ring *ring, const struct variable_owner *owner,
		  const struct variable_change *change, const struct db_rows *now, size_t i, struct writing *w)
{
	struct variable_wish *wish = &change->wishes[i];
	int row = (int)i;
	bool is_there = !db_is_null(now, row, "id") && !db_bool(now, row, "deleted");
	bool is_new = !is_there && !str_eq(str_of(change->source), STR("ROLLBACK"));
	bool was_safe = db_bool(now, row, "fork_safe"), was_only = db_bool(now, row, "build_only");
	bool safe = flag(wish->fork_safe, was_safe, is_new), only = flag(wish->build_only, was_only, is_new);
	int64_t active = is_there ? db_int(now, row, "version") : 0;
	bool has_value = wish->value.p && !(active && has_value_already(call, ring, owner, wish, now, row));

	wish->version = active;
	wish->conflicts = wish->seen != VERSION_ANY && wish->seen != active;
	if (wish->conflicts)
		return OK;
	wish->outcome = !is_there                                           ? VARIABLE_CREATED
			: has_value || safe != was_safe || only != was_only ? VARIABLE_UPDATED
									    : VARIABLE_UNCHANGED;
	if (wish->outcome == VARIABLE_UNCHANGED)
		return OK;
	w->audits[w->n] = id_text(call->arena, "audit_");
	w->ids[w->n] = db_is_null(now, row, "id") ? id_text(call->arena, "var_") : db_text(now, row, "id");
	w->keys[w->n] = wish->key;
	w->versions[w->n] = db_int(now, row, "last_version") + has_value;
	w->fork_safe[w->n] = safe;
	w->build_only[w->n] = only;
	if (has_value) {
		wish->version = w->versions[w->n];
		w->bytes += (int64_t)wish->value.n;
		if (active && !db_is_null(now, row, "sealed"))
			w->bytes -= (int64_t)db_bytes(call, now, row, "sealed").n - ENVELOPE_OVERHEAD;
	}
	if (has_value && seal(call, ring, owner, wish, w) != OK)
		return E_INVALID;
	w->n++;
	return OK;
}

static int conflict(struct call *call, const struct variable_wish *wish)
{
	if (wish->seen == 0)
		return call_fail(call, E_CONFLICT, "there is a variable %.*s already, at version %lld: change it",
				 STR_FMT(wish->key), (long long)wish->version);
	if (wish->version == 0)
		return call_fail(call, E_CONFLICT, "the variable %.*s was deleted meanwhile", STR_FMT(wish->key));
	return call_fail(call, E_CONFLICT, "the variable %.*s is at version %lld, not %lld: look at it again",
			 STR_FMT(wish->key), (long long)wish->version, (long long)wish->seen);
}

static int decide_all(struct call *call, const struct key_ring *ring, const struct variable_owner *owner,
		      const struct variable_change *change, const struct db_rows *now, struct writing *w)
{
	int64_t total = change->n ? db_int(now, 0, "total") : 0;
	int64_t bytes = change->n ? db_int(now, 0, "bytes") - total * ENVELOPE_OVERHEAD : 0;
	int r = OK;

	for (size_t i = 0; r == OK && i < change->n; i++) {
		const struct variable_wish *wish = &change->wishes[i];

		r = decide(call, ring, owner, change, now, i, w);
		if (r == OK && wish->conflicts)
			return conflict(call, wish);
		total += wish->outcome == VARIABLE_CREATED;
	}
	if (r == OK && total > VARIABLES_MAX)
		return call_fail(call, E_INVALID,
				 "an environment has at most %d variables; this one would have %lld: delete some first",
				 VARIABLES_MAX, (long long)total);
	if (r == OK && w->bytes > 0 && bytes + w->bytes > VARIABLES_BYTES_MAX)
		return call_fail(call, E_INVALID,
				 "the values of an environment have at most %d KiB in all: keep large files elsewhere, "
				 "and a variable that says where",
				 VARIABLES_BYTES_MAX / 1024);
	return r;
}

static int write_all(struct call *call, struct db_tx *tx, struct str environment_id,
		     const struct variable_change *change, const struct writing *w)
{
	struct db_rows rows;

	return db_tx_query(call, tx, Q_VARIABLES_WRITE, &rows, A_STR(environment_id), A_TEXT(change->source),
			   A_STR(change->by), change->who, A_TEXTS(w->audits, w->n), A_TEXTS(w->ids, w->n),
			   A_TEXTS(w->keys, w->n), A_INTS(w->versions, w->n), A_INTS(w->fork_safe, w->n),
			   A_INTS(w->build_only, w->n), A_TEXTS(w->sealed, w->n), A_TEXTS(w->key_ids, w->n),
			   A_TEXTS(w->masks, w->n), A_TEXTS(w->fingerprints, w->n));
}

static int lock(struct call *call, struct db_tx *tx, struct str environment_id)
{
	struct db_rows rows;
	int r = db_tx_query(call, tx, Q_ENVIRONMENT_LOCK, &rows, A_STR(environment_id));

	if (r == OK && rows.n_rows == 0)
		return call_fail(call, E_NOT_FOUND, "this environment is gone, or its project is being deleted");
	return r;
}

int variables_change(struct call *call, struct db *db, const struct variable_owner *owner,
		     const struct variable_change *change)
{
	struct writing w = writing_new(call->arena, change->n);
	struct str *keys = arena_alloc(call->arena, (change->n + 1) * sizeof(*keys));
	const struct key_ring *ring;
	struct db_tx *tx = NULL;
	struct db_rows now;
	int r;

	for (size_t i = 0; i < change->n; i++) {
		keys[i] = change->wishes[i].key;
		if (change->wishes[i].value.p)
			call_secret(call, change->wishes[i].value);
	}
	r = as_conflict(project_ring(call, db, owner->keys, owner->project_id, &ring));
	if (r == OK)
		r = db_begin(call, db, &tx);
	if (r == OK)
		r = lock(call, tx, owner->environment_id);
	if (r == OK)
		r = db_tx_query(call, tx, Q_VARIABLES_NOW, &now, A_STR(owner->environment_id),
				A_TEXTS(keys, change->n));
	if (r == OK)
		r = decide_all(call, ring, owner, change, &now, &w);
	if (r == OK && w.n && !change->dry_run)
		r = write_all(call, tx, owner->environment_id, change, &w);
	if (r == OK && w.n && !change->dry_run)
		r = db_commit(call, tx);
	db_rollback(call, tx);
	return r;
}

int variable_remove(struct call *call, struct db *db, struct str environment_id, struct str key,
		    const struct audit *audit)
{
	struct db_tx *tx = NULL;
	struct db_rows rows;
	int r = db_begin(call, db, &tx);

	if (r == OK)
		r = lock(call, tx, environment_id);
	if (r == OK)
		r = db_tx_query(call, tx, Q_VARIABLE_DELETE, &rows, A_STR(environment_id), A_STR(key), audit->id,
				audit->who);
	if (r == OK && rows.n_rows == 0)
		r = none(call, key);
	if (r == OK)
		r = db_commit(call, tx);
	db_rollback(call, tx);
	return r;
}

/* ---- values in clear ---- */

static int open_row(struct call *call, const struct key_ring *ring, const struct variable_owner *owner, struct str key,
		    const struct db_rows *rows, int row, struct str *ret)
{
	const struct variable_place place = place_of(owner, key, db_int(rows, row, "version"));

	if (db_is_null(rows, row, "sealed"))
		return call_fail(call, E_CONFLICT, "version %lld of the variable %.*s is forgotten: set a new value",
				 (long long)place.version, STR_FMT(key));
	return as_conflict(variable_open(call, ring, &place, db_bytes(call, rows, row, "sealed"), ret));
}

int variable_read(struct call *call, struct db *db, const struct variable_owner *owner, struct str key, int64_t version,
		  struct variable_value *ret)
{
	const struct key_ring *ring;
	struct db_rows rows;
	struct str value;
	int r = db_query(call, db, Q_VARIABLE_SEALED, &rows, A_STR(owner->environment_id), A_STR(key),
			 version ? A_INT(version) : A_NULL);

	if (r == OK && (rows.n_rows == 0 || (db_bool(&rows, 0, "deleted") && version == 0)))
		return none(call, key);
	if (r == OK && db_is_null(&rows, 0, "version"))
		return call_fail(call, E_NOT_FOUND, "the variable %.*s has no version %lld", STR_FMT(key),
				 (long long)version);
	if (r == OK)
		r = as_conflict(project_ring(call, db, owner->keys, owner->project_id, &ring));
	if (r == OK)
		r = open_row(call, ring, owner, key, &rows, 0, &value);
	if (r == OK)
		*ret = (struct variable_value){ db_text(&rows, 0, "id"), value, db_text(&rows, 0, "state"),
						db_int(&rows, 0, "version"), db_bool(&rows, 0, "deleted") };
	return r;
}

int variable_revealed(struct call *call, struct db *db, struct str environment_id, const struct variable_value *value,
		      struct str reason, const struct audit *audit)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_VARIABLE_REVEALED, &rows, A_STR(environment_id), A_STR(value->id),
			 A_INT(value->version), A_STR(reason), audit->id, audit->who);

	/* what is not on record is not shown */
	return r == OK && rows.n_rows == 0 ? call_fail(call, E_NOT_FOUND, "this variable is gone") : r;
}

int variables_read_all(struct call *call, struct db *db, const struct variable_owner *owner, struct str reason,
		       const struct audit *audit, struct variable_file *ret)
{
	struct variable_file file = { 0 };
	const struct key_ring *ring;
	struct db_rows rows, done;
	int r = db_query(call, db, Q_VARIABLES_SEALED, &rows, A_STR(owner->environment_id));

	if (r == OK)
		r = as_conflict(project_ring(call, db, owner->keys, owner->project_id, &ring));
	if (r != OK)
		return r;
	if (secret_memory_is_short())
		return call_fail(call, E_UPSTREAM, "too many secrets are in use at this moment: try again");
	file.n = (size_t)rows.n_rows;
	file.keys = arena_alloc(call->arena, 2 * (file.n + 1) * sizeof(*file.keys));
	file.values = file.keys + file.n;
	file.versions = arena_alloc(call->arena, (file.n + 1) * sizeof(*file.versions));
	for (int i = 0; r == OK && i < rows.n_rows; i++) {
		file.keys[i] = db_text(&rows, i, "key");
		file.versions[i] = db_int(&rows, i, "version");
		r = open_row(call, ring, owner, file.keys[i], &rows, i, &file.values[i]);
	}
	if (r == OK)
		r = db_query(call, db, Q_VARIABLES_EXPORTED, &done, A_STR(owner->environment_id),
			     A_TEXTS(file.keys, file.n), A_INTS(file.versions, file.n), A_STR(reason), audit->id,
			     audit->who);
	if (r == OK && done.n_rows == 0)
		r = call_fail(call, E_NOT_FOUND, "this environment is gone");
	if (r == OK)
		*ret = file;
	return r;
}

/* Changing the master key. */
#include "store/master_keys.h"

#include "crypto/digest.h"
#include "store/plugin_secrets.h"
#include "store/project_keys.h"
#include "store/variable_secrets.h"

#include <stdio.h>

int masters_in_use(struct call *call, struct db *db, struct db_rows *ret)
{
	return db_query(call, db, Q_KEYS_IN_USE, ret, );
}

int masters_retire(struct call *call, struct db *db, const struct key_ring *master)
{
	const struct str *ids = key_ring_ids(call, master);

	return db_query(call, db, Q_MASTERS_RETIRE, NULL, A_TEXTS(ids + 1, key_ring_size(master) - 1), A_STR(ids[0]));
}

int masters_audit(struct call *call, struct db *db, const struct key_ring *master, const struct db_arg audit[2],
		  int64_t projects, int64_t secrets, bool others_are_free, struct str canary)
{
	return db_query(call, db, Q_MASTERS_AUDIT, NULL, audit[0], audit[1], A_STR(key_ring_ids(call, master)[0]),
			A_INT(projects), A_INT(secrets), A_BOOL(others_are_free), canary.n ? A_BYTES(canary) : A_NULL);
}

static void passed_over(struct call *call, struct key_walk *walk)
{
	if (walk->failed++ == 0)
		snprintf(walk->why, sizeof(walk->why), "%s", call->why);
}

/* ---- data keys ---- */

int project_keys_rewrap(struct call *call, struct db *db, const struct key_ring *master, struct key_walk *walk)
{
	struct str *ids = arena_alloc(call->arena, 4 * KEYS_A_BATCH * sizeof(*ids));
	struct str *was = ids + KEYS_A_BATCH, *fresh = was + KEYS_A_BATCH, *key_ids = fresh + KEYS_A_BATCH;
	struct str current = key_ring_ids(call, master)[0], bytes;
	struct wrapped_key key;
	struct db_rows rows;
	size_t n = 0;
	int r = db_query(call, db, Q_KEYS_TO_WRAP, &rows, A_STR(current), A_STR(walk->at[0]), A_INT(KEYS_A_BATCH));

	if (r != OK)
		return r;
	for (int i = 0; i < rows.n_rows; i++) {
		ids[n] = db_text(&rows, i, "project_id");
		was[n] = db_text(&rows, i, "wrapped");
		if (project_key_open(call, master, ids[n], was[n], &bytes) != OK) {
			passed_over(call, walk);
			continue;
		}
		project_key_wrap(call, master, ids[n], bytes, &key);
		fresh[n] = hex_text(call->arena, key.wrapped);
		key_ids[n++] = key.key_id;
	}
	walk->ended = rows.n_rows < KEYS_A_BATCH;
	if (rows.n_rows)
		walk->at[0] = db_text(&rows, rows.n_rows - 1, "project_id");
	if (n)
		r = db_query(call, db, Q_KEYS_WRAP, &rows, A_TEXTS(ids, n), A_TEXTS(was, n), A_TEXTS(fresh, n),
			     A_TEXTS(key_ids, n), A_STR(current));
	if (r == OK && n)
		walk->done += db_int(&rows, 0, "n");
	return r;
}

/* ---- secrets that a master key has sealed itself ---- */

static int seal_plugin_secret(struct call *call, struct db *db, const struct key_ring *master,
			      const struct key_ring *ring, const struct db_rows *rows, int i, int *ret_affected)
{
	bool of_provider = str_eq(db_text(rows, i, "place"), STR("provider_secrets"));
	struct str owner = db_text(rows, i, "owner"), plugin = db_text(rows, i, "plugin");
	struct str key = db_text(rows, i, "key"), was = db_text(rows, i, "sealed"), plain;
	const struct secret_place place = { of_provider ? "provider_secrets" : "notifier_secrets", owner, plugin,
					    of_provider ? "provider" : "notifier" };
	struct sealed_secrets s;
	struct db_rows done = { 0 };
	int r = secret_open(call, master, &place, key, was, &plain);

	if (r == OK)
		r = secrets_seal(call, ring, &place, &key, &plain, 1, &s);
	if (r == OK && of_provider)
		r = db_query(call, db, Q_PROVIDER_SECRET_SEAL, &done, A_STR(owner), A_STR(plugin), A_STR(key),
			     A_STR(was), A_STR(s.sealed[0]), A_STR(s.key_ids[0]));
	else if (r == OK)
		r = db_query(call, db, Q_NOTIFIER_SECRET_SEAL, &done, A_STR(owner), A_STR(key), A_STR(was),
			     A_STR(s.sealed[0]), A_STR(s.key_ids[0]));
	*ret_affected = done.n_rows;
	return r;
}

static int seal_variable(struct call *call, struct db *db, const struct key_ring *master, const struct key_ring *ring,
			 const struct db_rows *rows, int i, int *ret_affected)
{
	const struct variable_place place = { .org_id = db_text(rows, i, "org_id"),
					      .project_id = db_text(rows, i, "project_id"),
					      .environment_id = db_text(rows, i, "environment_id"),
					      .key = db_text(rows, i, "key"),
					      .version = db_int(rows, i, "version") };
	struct str was = db_text(rows, i, "sealed"), plain, bytes;
	char *raw = arena_raw(call->arena, was.n / 2 + 1);
	struct sealed_variable s;
	struct db_rows done = { 0 };
	int r = OK;

	bytes = (struct str){ raw, hex_decode(was, raw, was.n / 2) ? was.n / 2 : 0 };
	r = variable_open(call, master, &place, bytes, &plain);
	if (r == OK)
		r = variable_seal(call, ring, &place, plain, &s);
	if (r == OK)
		r = db_query(call, db, Q_VARIABLE_SEAL_ANEW, &done, A_STR(db_text(rows, i, "owner")),
			     A_INT(place.version), A_STR(was), A_BYTES(s.sealed), A_STR(s.key_id),
			     A_STR(s.fingerprint));
	*ret_affected = done.n_rows;
	return r;
}

int secrets_reseal(struct call *call, struct db *db, const struct key_ring *master, struct key_walk *walk)
{
	const struct key_ring *ring = NULL;
	struct str ring_of = { 0 };
	struct db_rows rows;
	int r = db_query(call, db, Q_SECRETS_TO_SEAL, &rows, A_STR(walk->at[0]), A_STR(walk->at[1]), A_STR(walk->at[2]),
			 A_STR(walk->at[3]), A_INT(walk->version), A_INT(KEYS_A_BATCH));

	for (int i = 0; r == OK && i < rows.n_rows; i++) {
		bool of_variable = str_eq(db_text(&rows, i, "place"), STR("env_var_versions"));
		struct str project_id = db_text(&rows, i, "project_id");
		int n = 0;

		if (!ring || !str_eq(ring_of, project_id)) {
			ring = NULL;
			ring_of = project_id;
			r = project_ring(call, db, master, project_id, &ring);
		}
		if (r == OK)
			r = of_variable ? seal_variable(call, db, master, ring, &rows, i, &n)
					: seal_plugin_secret(call, db, master, ring, &rows, i, &n);
		if (r == E_INVALID || r == E_NOT_FOUND || r == E_UPSTREAM) {
			passed_over(call, walk);
			r = OK;
		}
		walk->done += n;
	}
	if (r != OK)
		return r;
	walk->ended = rows.n_rows < KEYS_A_BATCH;
	if (rows.n_rows) {
		static const char *const columns[] = { "place", "owner", "plugin", "key" };

		for (int k = 0; k < 4; k++)
			walk->at[k] = db_text(&rows, rows.n_rows - 1, columns[k]);
		walk->version = db_int(&rows, rows.n_rows - 1, "version");
	}
	return OK;
}

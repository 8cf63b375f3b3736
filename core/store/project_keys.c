/* Data keys, made and opened. */
#include "store/project_keys.h"

#include "base/id.h"
#include "crypto/digest.h"

static struct str place(struct arena *arena, struct str project_id)
{
	const struct str fields[] = { STR("project_keys"), project_id };

	return envelope_context(arena, fields, 2);
}

static void free_ring(void *ring)
{
	key_ring_free(ring);
}

int project_key_open(struct call *call, const struct key_ring *master, struct str project_id, struct str wrapped_hex,
		     struct str *ret)
{
	char *wrapped = arena_raw(call->arena, wrapped_hex.n / 2 + 1), id[KEY_ID_TEXT_SIZE];
	struct str sealed = { wrapped, wrapped_hex.n / 2 }, bytes = { 0 };
	int r = E_INVALID;

	if (hex_decode(wrapped_hex, wrapped, sealed.n))
		r = envelope_open(call->arena, master, place(call->arena, project_id), sealed, &bytes);
	if (r == E_NOT_FOUND && envelope_key_id(sealed, id))
		return call_fail(call, E_UPSTREAM,
				 "the key of the project %.*s is sealed with the master key %s, which this process has "
				 "not: start it with that one as ENCRYPTION_KEY_BASE64 or "
				 "ENCRYPTION_KEY_PREVIOUS_BASE64",
				 STR_FMT(project_id), id);
	if (r != OK || bytes.n != SECRET_KEY_SIZE)
		return call_fail(call, E_INVALID,
				 "the key of the project %.*s does not open: it is damaged, or stands in another "
				 "project's row",
				 STR_FMT(project_id));
	*ret = bytes;
	return OK;
}

int project_ring_open(struct call *call, const struct key_ring *master, struct str project_id, struct str wrapped_hex,
		      const struct key_ring **ret)
{
	struct key_ring *ring;
	struct str bytes;
	int r;

	if (wrapped_hex.n == 0) {
		*ret = master;
		return OK;
	}
	r = project_key_open(call, master, project_id, wrapped_hex, &bytes);
	if (r != OK)
		return r;
	ring = key_ring_with(master, (const uint8_t *)bytes.p);
	arena_defer(call->arena, free_ring, ring);
	*ret = ring;
	return OK;
}

void project_key_wrap(struct call *call, const struct key_ring *master, struct str project_id, struct str bytes,
		      struct wrapped_key *ret)
{
	struct key_ring *ring = key_ring_with(master, (const uint8_t *)bytes.p);
	char key_id[KEY_ID_TEXT_SIZE], master_id[KEY_ID_TEXT_SIZE];

	ret->wrapped = envelope_seal(call->arena, master, place(call->arena, project_id), bytes);
	secret_key_id_text(key_ring_current(ring), key_id);
	secret_key_id_text(key_ring_current(master), master_id);
	ret->key_id = arena_str(call->arena, str_of(key_id));
	ret->master_id = arena_str(call->arena, str_of(master_id));
	key_ring_free(ring);
}

const struct str *key_ring_ids(struct call *call, const struct key_ring *ring)
{
	struct str *ids = arena_alloc(call->arena, KEY_RING_MAX * sizeof(*ids));
	char id[KEY_ID_TEXT_SIZE];

	for (size_t i = 0; i < key_ring_size(ring); i++) {
		secret_key_id_text(key_ring_at(ring, i), id);
		ids[i] = arena_str(call->arena, str_of(id));
	}
	return ids;
}

static int make(struct call *call, struct db *db, const struct key_ring *master, struct str project_id,
		struct db_rows *ret)
{
	char bytes[SECRET_KEY_SIZE];
	struct wrapped_key key;

	random_bytes(bytes, sizeof(bytes));
	project_key_wrap(call, master, project_id, (struct str){ bytes, sizeof(bytes) }, &key);
	secret_wipe(bytes, sizeof(bytes));
	return db_query(call, db, Q_PROJECT_KEY_MAKE, ret, A_STR(project_id), A_BYTES(key.wrapped),
			A_STR(key.master_id), A_TEXTS(key_ring_ids(call, master), key_ring_size(master)),
			A_STR(key.key_id));
}

int project_ring(struct call *call, struct db *db, const struct key_ring *master, struct str project_id,
		 const struct key_ring **ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_PROJECT_KEY, &rows, A_STR(project_id));

	if (r == OK && rows.n_rows && db_is_null(&rows, 0, "wrapped")) {
		r = make(call, db, master, project_id, &rows);
		if (r == OK && rows.n_rows == 0) /* another was first, or it may not */
			r = db_query(call, db, Q_PROJECT_KEY, &rows, A_STR(project_id));
	}
	if (r == OK && rows.n_rows == 0)
		return call_fail(call, E_NOT_FOUND, "the project %.*s is gone", STR_FMT(project_id));
	if (r == OK && db_is_null(&rows, 0, "wrapped"))
		return call_fail(call, E_UPSTREAM,
				 "this process may seal nothing new: its ENCRYPTION_KEY_BASE64 is not the master key "
				 "of the database any more; start it again with the new one");
	return r == OK ? project_ring_open(call, master, project_id, db_text(&rows, 0, "wrapped"), ret) : r;
}

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

int project_ring_open(struct call *call, const struct key_ring *master, struct str project_id, struct str wrapped_hex,
		      const struct key_ring **ret)
{
	char *wrapped = arena_raw(call->arena, wrapped_hex.n / 2 + 1);
	struct key_ring *ring;
	struct str bytes = { 0 };
	int r = E_INVALID;

	if (wrapped_hex.n == 0) {
		*ret = master;
		return OK;
	}
	if (hex_decode(wrapped_hex, wrapped, wrapped_hex.n / 2))
		r = envelope_open(call->arena, master, place(call->arena, project_id),
				  (struct str){ wrapped, wrapped_hex.n / 2 }, &bytes);
	if (r == OK && bytes.n != SECRET_KEY_SIZE)
		r = E_INVALID;
	if (r != OK)
		return call_fail(call, E_INVALID, "the key of the project %.*s does not open: %s", STR_FMT(project_id),
				 r == E_NOT_FOUND ? "another ENCRYPTION_KEY_BASE64 sealed it; give that one as "
						    "ENCRYPTION_KEY_PREVIOUS_BASE64"
						  : "it is damaged, or stands in another project's row");
	ring = key_ring_with(master, (const uint8_t *)bytes.p);
	arena_defer(call->arena, free_ring, ring);
	*ret = ring;
	return OK;
}

static int make(struct call *call, struct db *db, const struct key_ring *master, struct str project_id,
		struct db_rows *ret)
{
	char bytes[SECRET_KEY_SIZE], master_id[KEY_ID_TEXT_SIZE];
	struct str sealed;

	random_bytes(bytes, sizeof(bytes));
	sealed = envelope_seal(call->arena, master, place(call->arena, project_id),
			       (struct str){ bytes, sizeof(bytes) });
	secret_wipe(bytes, sizeof(bytes));
	envelope_key_id(sealed, master_id);
	return db_query(call, db, Q_PROJECT_KEY_MAKE, ret, A_STR(project_id), A_BYTES(sealed), A_TEXT(master_id));
}

int project_ring(struct call *call, struct db *db, const struct key_ring *master, struct str project_id,
		 const struct key_ring **ret)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_PROJECT_KEY, &rows, A_STR(project_id));

	if (r == OK && rows.n_rows == 0)
		return call_fail(call, E_NOT_FOUND, "the project %.*s is gone", STR_FMT(project_id));
	if (r == OK && db_is_null(&rows, 0, "wrapped"))
		r = make(call, db, master, project_id, &rows);
	if (r == OK && (rows.n_rows == 0 || db_is_null(&rows, 0, "wrapped"))) /* another was first */
		r = db_query(call, db, Q_PROJECT_KEY, &rows, A_STR(project_id));
	if (r == OK && rows.n_rows == 0)
		return call_fail(call, E_NOT_FOUND, "the project %.*s is gone", STR_FMT(project_id));
	return r == OK ? project_ring_open(call, master, project_id, db_text(&rows, 0, "wrapped"), ret) : r;
}

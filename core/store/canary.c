/* The canary, in the one row of the table instance. */
#include "store/canary.h"

#include "crypto/digest.h"

#define TEXT STR("opshub/canary/v1")

static struct str place(struct arena *arena)
{
	const struct str fields[] = { STR("instance"), STR("canary") };

	return envelope_context(arena, fields, 2);
}

static const char *current_id(struct call *call, const struct key_ring *master)
{
	char id[KEY_ID_TEXT_SIZE];

	secret_key_id_text(key_ring_current(master), id);
	return arena_text(call->arena, str_of(id));
}

static int wrong_key(struct call *call, const struct key_ring *master, struct str sealed_with)
{
	return call_fail(call, E_INVALID,
			 "wrong key for this database: it was sealed with the key %.*s, ENCRYPTION_KEY_BASE64 is the "
			 "key %s; give the old one as ENCRYPTION_KEY_PREVIOUS_BASE64 and run opshubd keys rotate, or "
			 "restore the right one",
			 STR_FMT(sealed_with), current_id(call, master));
}

static bool has_key(const struct key_ring *master, struct str id)
{
	uint8_t bytes[KEY_ID_SIZE];

	return hex_decode(id, bytes, sizeof(bytes)) && key_ring_find(master, bytes);
}

static int read_canary(struct call *call, struct db *db, const struct key_ring *master, struct db_rows *ret)
{
	int r = db_query(call, db, Q_CANARY, ret, A_TEXT(current_id(call, master)));

	if (r == OK && ret->n_rows == 0)
		r = call_fail(call, E_INVALID, "the table instance has lost its row: restore the database");
	return r;
}

struct str canary_seal(struct arena *arena, const struct key_ring *master)
{
	return envelope_seal(arena, master, place(arena), TEXT);
}

static int open_canary(struct call *call, const struct key_ring *master, const struct db_rows *rows)
{
	struct str hex = db_text(rows, 0, "canary"), plain = { 0 };
	char *bytes = arena_raw(call->arena, hex.n / 2 + 1);
	int r = E_INVALID;

	if (hex_decode(hex, bytes, hex.n / 2))
		r = envelope_open(call->arena, master, place(call->arena), (struct str){ bytes, hex.n / 2 }, &plain);
	if (r == E_NOT_FOUND)
		return wrong_key(call, master, db_text(rows, 0, "canary_master"));
	if (r != OK || !str_eq(plain, TEXT))
		return call_fail(call, E_INVALID,
				 "the canary in the table instance is damaged: restore the row from a backup");
	return OK;
}

static int check(struct call *call, struct db *db, const struct key_ring *master, bool *ret_retired)
{
	struct db_rows rows;
	int r = read_canary(call, db, master, &rows);

	if (r == OK && db_text(&rows, 0, "canary").n == 0) {
		struct str known = db_text(&rows, 0, "secret_master");

		if (known.n && !has_key(master, known))
			return wrong_key(call, master, known);
		r = db_query(call, db, Q_CANARY_MAKE, NULL, A_BYTES(canary_seal(call->arena, master)),
			     A_TEXT(current_id(call, master)));
		if (r == OK) /* another process may have been first, with another key */
			r = read_canary(call, db, master, &rows);
	}
	if (r == OK)
		r = open_canary(call, master, &rows);
	if (r == OK)
		*ret_retired = db_bool(&rows, 0, "retired");
	return r;
}

int canary_check(struct call *call, struct db *db, const struct key_ring *master)
{
	bool retired = false;
	int r = check(call, db, master, &retired);

	if (r == OK && retired)
		r = call_fail(
			call, E_INVALID,
			"ENCRYPTION_KEY_BASE64 is the key %s, which opshubd keys rotate has replaced: put the new "
			"key there, and this one into ENCRYPTION_KEY_PREVIOUS_BASE64 while it is still needed",
			current_id(call, master));
	return r;
}

int canary_check_any(struct call *call, struct db *db, const struct key_ring *master)
{
	bool retired = false;

	return check(call, db, master, &retired);
}

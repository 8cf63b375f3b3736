/* Decoys of forks. */
#include "store/decoys.h"

#include "base/id.h"
#include "crypto/digest.h"

#define TOKEN_BYTES 20

struct str decoy_token(struct arena *arena, const struct key_ring *ring, struct str attempt_id)
{
	const struct secret_key *key = key_ring_current(ring);
	uint8_t own[SHA256_SIZE], digest[SHA256_SIZE];

	hkdf_sha256((struct str){ (const char *)key->bytes, sizeof(key->bytes) }, STR(""), STR("opshub/decoy/v1"), own);
	hmac_sha256((struct str){ (const char *)own, sizeof(own) }, &attempt_id, 1, digest);
	secret_wipe(own, sizeof(own));
	return hex_text(arena, (struct str){ (const char *)digest, TOKEN_BYTES });
}

struct str decoy_hash(struct arena *arena, struct str token)
{
	uint8_t hash[SHA256_SIZE];

	sha256(&token, 1, hash);
	return arena_str(arena, (struct str){ (const char *)hash, sizeof(hash) });
}

int decoy_visit(struct call *call, struct db *db, struct str token, const struct audit *audit, struct db_rows *ret)
{
	return db_query(call, db, Q_DECOY_VISIT, ret, A_BYTES(decoy_hash(call->arena, token)), audit->id, audit->who);
}

int deployment_unfreeze(struct call *call, struct db *db, struct str preview_id, const struct audit *audit,
			struct db_rows *ret, struct str *ret_job)
{
	struct db_rows rows;
	char job[ID_MAX];
	int r;

	id_new(job, "job_");
	r = db_query(call, db, Q_DEPLOYMENT_UNFREEZE, &rows, A_STR(preview_id), A_TEXT(job), audit->id, audit->who);
	if (r != OK)
		return r;
	if (rows.n_rows == 0)
		return call_fail(call, E_CONFLICT, "nothing froze this deployment");
	*ret = rows;
	*ret_job = db_text(&rows, 0, "_job");
	return OK;
}

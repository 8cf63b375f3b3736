/* opshubd keys: what is sealed with which master key, and the change to another one.
 *
 * Owns: the connection and the ring of a command.
 * Easy to break: the order of a rotation. First the old keys are retired, so that nobody seals with them behind its
 * back; then all is sealed anew; the canary last: a database whose canary has changed is one that nothing but the
 * current key is needed for, or the command has said otherwise. */
#include "daemon/admin.h"

#include "base/clock.h"
#include "daemon/config.h"
#include "store/canary.h"
#include "store/master_keys.h"

#include <stdio.h>

#define MOST_ROUNDS 5 /* for what processes that are older than the rotation wrote behind it */

static const char *const variables[] = { "ENCRYPTION_KEY_BASE64", "ENCRYPTION_KEY_PREVIOUS_BASE64" };

struct keys_command {
	struct db *db;
	struct key_ring *master;
};

static int begin(struct call *call, const struct config *config, struct keys_command *ret, bool *ret_wrong_key)
{
	int r;

	*ret = (struct keys_command){ .master = config_key_ring(config) };
	r = admin_db(call, config->database_url, &ret->db);
	if (r != OK)
		return r;
	r = canary_check_any(call, ret->db, ret->master);
	*ret_wrong_key = r == E_INVALID;
	return r;
}

static void end(struct keys_command *k)
{
	db_close(k->db);
	key_ring_free(k->master);
}

/* ---- what is ---- */

/* The variable that holds the key; "" when none does. */
static const char *variable_of(const struct key_ring *master, struct str id)
{
	char text[KEY_ID_TEXT_SIZE];

	for (size_t i = 0; i < key_ring_size(master); i++) {
		secret_key_id_text(key_ring_at(master, i), text);
		if (str_eq(id, str_of(text)))
			return variables[i];
	}
	return "";
}

struct in_use {
	int64_t projects, secrets; /* that are not sealed as they should be */
	int64_t missing;           /* of them sealed with a key that is not here */
	bool canary;               /* is sealed with the current key */
	bool is_needed[2];         /* by variable */
};

/* Prints a line for each master key when `print`. */
static int read_in_use(struct call *call, const struct keys_command *k, bool print, struct in_use *ret)
{
	struct db_rows rows;
	int r = masters_in_use(call, k->db, &rows);

	*ret = (struct in_use){ 0 };
	for (int i = 0; r == OK && i < rows.n_rows; i++) {
		struct str id = db_text(&rows, i, "id");
		const char *variable = variable_of(k->master, id);
		bool current = variable == variables[0], canary = db_bool(&rows, i, "canary");
		int64_t projects = db_int(&rows, i, "projects"), secrets = db_int(&rows, i, "secrets");

		ret->projects += current ? 0 : projects;
		ret->secrets += secrets;
		ret->missing += *variable ? 0 : projects + secrets;
		ret->canary |= current && canary;
		ret->is_needed[current ? 0 : 1] |= *variable && (projects || secrets || canary);
		if (print)
			printf("%.*s  %-30s  keys of projects: %lld, secrets: %lld%s\n", STR_FMT(id),
			       *variable ? variable : "not here", (long long)projects, (long long)secrets,
			       canary ? ", the canary" : "");
	}
	return r;
}

int keys_status(struct call *call, const struct config *config, bool *ret_wrong_key)
{
	struct keys_command k;
	struct in_use use;
	int r = begin(call, config, &k, ret_wrong_key);

	if (r == OK)
		r = read_in_use(call, &k, true, &use);
	if (r != OK)
		goto out;
	if (use.projects || use.secrets || !use.canary)
		printf("opshubd keys rotate would seal with %s: keys of projects: %lld, secrets: %lld%s\n",
		       variables[0], (long long)use.projects, (long long)use.secrets, use.canary ? "" : ", the canary");
	else
		printf("all is sealed with %s: nothing is left for opshubd keys rotate\n", variables[0]);
	if (use.missing)
		printf("%lld of them do not open: their key is not here\n", (long long)use.missing);
	if (key_ring_size(k.master) > 1)
		printf(use.is_needed[1] ? "%s is needed\n" : "%s is not needed any more: take it away\n", variables[1]);
out:
	end(&k);
	return r;
}

/* ---- the change ---- */

typedef int batch_function(struct call *call, struct db *db, const struct key_ring *master, struct key_walk *walk);

/* Every batch has memory of its own: there may be millions of rows. */
static int run_batch(struct call *call, const struct keys_command *k, batch_function *batch, struct key_walk *walk)
{
	struct arena *outer = call->arena;
	const struct log_scope scope = call->log;
	char why[512];
	int r;

	call->arena = arena_new();
	call->log.secrets = NULL;
	r = batch(call, k->db, k->master, walk);
	snprintf(why, sizeof(why), "%s", call->why);
	for (int i = 0; i < 4; i++)
		walk->at[i] = arena_str(outer, walk->at[i]);
	call->log = scope;
	call->arena = arena_free(call->arena);
	call->arena = outer;
	call->why = "";
	return r == OK ? OK : call_fail(call, r, "%s", why);
}

static int walk_all(struct call *call, const struct keys_command *k, batch_function *batch, const char *what,
		    struct key_walk *walk)
{
	int64_t begun_ms = clock_mono_ms(), said_ms = begun_ms;
	int r = OK;

	walk->ended = false;
	walk->failed = 0;
	walk->version = -1;
	for (int i = 0; i < 4; i++)
		walk->at[i] = STR("");
	while (r == OK && !walk->ended) {
		r = run_batch(call, k, batch, walk);
		if (clock_mono_ms() - said_ms < 1000 && !walk->ended)
			continue;
		said_ms = clock_mono_ms();
		if (walk->done)
			printf("%s: %lld in %.1f s\n", what, (long long)walk->done,
			       (double)(said_ms - begun_ms) / 1000);
		fflush(stdout);
	}
	return r;
}

/* Rounds, until one finds nothing that it could do. */
static int seal_all(struct call *call, const struct keys_command *k, struct key_walk *projects,
		    struct key_walk *secrets, struct in_use *ret)
{
	int r = OK;

	for (int round = 0; r == OK && round < MOST_ROUNDS; round++) {
		int64_t before = projects->done + secrets->done;

		r = walk_all(call, k, project_keys_rewrap, "keys of projects", projects);
		if (r == OK)
			r = walk_all(call, k, secrets_reseal, "secrets", secrets);
		if (r == OK)
			r = read_in_use(call, k, false, ret);
		if (projects->done + secrets->done == before || (!ret->projects && !ret->secrets))
			break;
	}
	return r;
}

static int report(struct call *call, const struct keys_command *k, const struct in_use *use,
		  const struct key_walk *projects, const struct key_walk *secrets)
{
	bool has_previous = key_ring_size(k->master) > 1;

	printf("sealed with %s: keys of projects: %lld, secrets: %lld\n", variables[0], (long long)projects->done,
	       (long long)secrets->done);
	if (use->projects || use->secrets)
		return call_fail(
			call, E_CONFLICT,
			"%lld keys of projects and %lld secrets are still sealed otherwise%s%s: keep %s, and run "
			"it again when that is mended",
			(long long)use->projects, (long long)use->secrets, projects->failed ? "; " : "",
			projects->failed  ? projects->why
			: secrets->failed ? secrets->why
					  : "",
			variables[1]);
	if (has_previous)
		printf("%s may be taken away now: nothing needs it. Keep the key itself as long as backups from before "
		       "this day\n",
		       variables[1]);
	else
		printf("all is sealed with %s\n", variables[0]);
	return OK;
}

int keys_rotate(struct call *call, const struct config *config, bool *ret_wrong_key)
{
	struct key_walk projects = { .done = 0 }, secrets = { .done = 0 };
	struct keys_command k;
	struct in_use use;
	int r = begin(call, config, &k, ret_wrong_key);
	bool clean;

	if (r == OK)
		r = masters_retire(call, k.db, k.master);
	if (r == OK)
		r = seal_all(call, &k, &projects, &secrets, &use);
	if (r != OK)
		goto out;
	clean = !use.projects && !use.secrets;
	if (projects.done || secrets.done || !use.canary) {
		const struct db_arg audit[] = { admin_audit_id(call), admin_audit_who(call) };
		struct str canary = { 0 };

		if (!use.canary && clean)
			canary = canary_seal(call->arena, k.master);
		r = masters_audit(call, k.db, k.master, audit, projects.done, secrets.done, clean, canary);
	}
	if (r == OK)
		r = report(call, &k, &use, &projects, &secrets);
out:
	end(&k);
	return r;
}

/* Logins and sessions.
 *
 * Easy to break: two logins of one new person, or two first logins, at the same moment. The unique keys stop the second
 * one, the transaction is rolled back, and its next try finds what the first one has made. */
#include "store/logins.h"

#include "base/id.h"
#include "base/json_write.h"
#include "crypto/digest.h"

#define TRIES 3

struct login {
	struct call *call;
	struct db_tx *tx;
	const struct github_account *account;
	const struct session_start *session;
	bool first_owner;
	/* found out on the way */
	struct db_rows found;
	struct person person;
	const char *changed; /* action for the audit, "" = the user is as he was */
	enum login_outcome outcome;
};

int login_state_use(struct call *call, struct db *db, struct str state, bool *ret_fresh)
{
	uint8_t hash[SHA256_SIZE];
	struct db_rows rows;
	int r;

	sha256(&state, 1, hash);
	r = db_query(call, db, Q_LOGIN_STATE_USE, &rows, A_BYTES(((struct str){ (const char *)hash, sizeof(hash) })));
	if (r == OK)
		*ret_fresh = rows.affected == 1;
	return r;
}

/* ---- for the audit ---- */

static struct db_arg audit_ids(struct call *call, size_t n)
{
	struct str *ids = arena_alloc(call->arena, n * sizeof(*ids));

	for (size_t i = 0; i < n; i++)
		ids[i] = id_text(call->arena, "audit_");
	return A_TEXTS(ids, n);
}

/* The one who logs in is the one who does it. */
static struct db_arg who(const struct login *login)
{
	struct str *texts = arena_alloc(login->call->arena, 6 * sizeof(*texts));

	texts[0] = STR("user");
	texts[1] = login->person.id;
	texts[2] = login->person.email;
	texts[3] = login->session->client;
	texts[4] = login->session->user_agent;
	texts[5] = login->session->request_id;
	return A_TEXTS(texts, 6);
}

static struct db_arg facts(struct call *call, struct str email, struct str github_login)
{
	struct buf text;
	struct json_out out = JSON_OUT(&text);
	struct str json;

	buf_init(&text, 4096);
	json_open(&out, '{');
	json_put_text(&out, "email", email);
	json_put_text(&out, "githubLogin", github_login);
	json_close(&out, '}');
	json = arena_str(call->arena, buf_str(&text));
	buf_done(&text);
	return A_STR(json);
}

/* ---- the steps of a login by GitHub ---- */

static int find(struct login *login)
{
	const struct github_account *account = login->account;
	int r = db_tx_query(login->call, login->tx, Q_LOGIN_FIND, &login->found, A_INT(account->id),
			    A_STR(account->email));

	if (r != OK || db_is_null(&login->found, 0, "id"))
		return r;
	if (!db_bool(&login->found, 0, "active"))
		login->outcome = LOGIN_INACTIVE;
	else if (db_bool(&login->found, 0, "linked") && !db_bool(&login->found, 0, "known"))
		login->outcome = LOGIN_EMAIL_TAKEN;
	return OK;
}

static int write_user(struct login *login)
{
	const struct github_account *account = login->account;
	bool is_new = db_is_null(&login->found, 0, "id");
	struct db_rows rows;
	char made[ID_MAX];
	int r;

	id_new(made, "user_");
	r = db_tx_query(login->call, login->tx, is_new ? Q_LOGIN_CREATE : Q_LOGIN_UPDATE, &rows,
			is_new ? A_TEXT(made) : A_STR(db_text(&login->found, 0, "id")), A_INT(account->id),
			A_STR(account->login), A_STR(account->email), A_STR(account->name), A_STR(account->avatar_url));
	if (r != OK)
		return r;
	if (rows.n_rows == 0) /* linked or deactivated since we looked */
		return call_fail(login->call, E_CONFLICT, "this user was changed by somebody else at the same moment");
	login->person = (struct person){ db_text(&rows, 0, "id"), db_text(&rows, 0, "email"), db_text(&rows, 0, "name"),
					 db_text(&rows, 0, "avatarUrl") };
	if (is_new)
		login->changed = "user.create";
	else if (!db_bool(&login->found, 0, "known"))
		login->changed = "user.link";
	else if (!str_eq(login->person.email, db_text(&login->found, 0, "email")) ||
		 !str_eq(account->login, db_text(&login->found, 0, "github_login")))
		login->changed = "user.update";
	else
		login->changed = "";
	return OK;
}

static int join(struct login *login)
{
	return db_tx_query(login->call, login->tx, Q_LOGIN_JOIN, NULL, A_STR(login->person.id),
			   A_STR(login->account->login), A_STR(login->account->email),
			   audit_ids(login->call, INVITATIONS_AT_ONCE), who(login));
}

/* GitHub's logins have letters, digits and '-', those of managed users also '_'. */
static struct str slug_of(struct call *call, struct str login)
{
	char *slug = arena_text(call->arena, login);

	for (size_t i = 0; i < login.n; i++)
		slug[i] = slug[i] == '_' ? '-' : (char)(slug[i] | (slug[i] >= 'A' && slug[i] <= 'Z' ? 0x20 : 0));
	return (struct str){ slug, login.n };
}

static int own_the_first(struct login *login)
{
	struct db_arg id = audit_ids(login->call, 1);
	char org[ID_MAX];
	int r;

	if (!login->first_owner || !db_bool(&login->found, 0, "empty"))
		return OK;
	id_new(org, "org_");
	r = db_tx_query(login->call, login->tx, Q_LOGIN_FIRST_LOCK, NULL, );
	if (r == OK)
		r = db_tx_query(login->call, login->tx, Q_LOGIN_FIRST, NULL, A_TEXT(org), A_STR(login->account->login),
				A_STR(slug_of(login->call, login->account->login)), A_STR(login->person.id),
				A_STR(id.texts[0]), who(login));
	return r;
}

static int start_session(struct login *login)
{
	const struct session_start *session = login->session;
	struct call *call = login->call;
	bool is_new = db_is_null(&login->found, 0, "id");
	struct db_arg before = A_NULL, after = A_NULL;

	if (*login->changed) {
		after = facts(call, login->person.email, login->account->login);
		if (!is_new)
			before = facts(call, db_text(&login->found, 0, "email"),
				       db_text(&login->found, 0, "github_login"));
	}
	return db_tx_query(call, login->tx, Q_LOGIN_SESSION, NULL, A_STR(session->id), A_STR(login->person.id),
			   A_INT(session->lasts_ms), A_STR(session->client), A_STR(session->user_agent),
			   audit_ids(call, 2), who(login), A_TEXT(login->changed), before, after);
}

static int try_once(struct db *db, struct login *login)
{
	struct call *call = login->call;
	int r;

	login->outcome = LOGIN_DONE;
	r = db_begin(call, db, &login->tx);
	if (r == OK)
		r = find(login);
	if (r != OK || login->outcome != LOGIN_DONE)
		goto out;
	r = write_user(login);
	if (r == OK)
		r = own_the_first(login);
	if (r == OK)
		r = join(login);
	if (r == OK)
		r = start_session(login);
	if (r == OK)
		r = db_commit(call, login->tx);
out:
	login->tx = db_rollback(call, login->tx);
	return r;
}

int login_github(struct call *call, struct db *db, const struct github_account *account,
		 const struct session_start *session, bool first_owner, struct person *ret,
		 enum login_outcome *ret_outcome)
{
	struct login login = { .call = call, .account = account, .session = session, .first_owner = first_owner };
	int r = E_CONFLICT;

	for (int i = 0; i < TRIES && r == E_CONFLICT; i++)
		r = try_once(db, &login);
	if (r != OK)
		return r;
	*ret = login.person;
	*ret_outcome = login.outcome;
	return OK;
}

/* ---- the test login, and what becomes of sessions ---- */

int login_test(struct call *call, struct db *db, struct str email, struct str name, const struct session_start *session,
	       struct db_arg audit_id, struct db_arg audit_who, struct person *ret)
{
	struct db_rows rows;
	char user[ID_MAX];
	int r;

	id_new(user, "user_");
	r = db_query(call, db, Q_SESSION_START, &rows, A_TEXT(user), A_STR(email), A_STR(name), A_STR(session->id),
		     A_INT(session->lasts_ms), A_STR(session->client), A_STR(session->user_agent), audit_id, audit_who);
	if (r != OK)
		return r;
	if (rows.n_rows == 0)
		return call_fail(call, E_AUTH, "this user is inactive: `opshubd users activate` lets him in again");
	*ret = (struct person){ db_text(&rows, 0, "id"), db_text(&rows, 0, "email"), db_text(&rows, 0, "name"),
				db_text(&rows, 0, "avatarUrl") };
	return OK;
}

int session_end(struct call *call, struct db *db, struct str session_id, struct str user_id, struct db_arg audit_id,
		struct db_arg audit_who, const char *action)
{
	struct db_rows rows;
	int r = db_query(call, db, Q_SESSION_REVOKE, &rows, A_STR(session_id), A_STR(user_id), audit_id, audit_who,
			 A_TEXT(action));

	if (r == OK && rows.n_rows == 0)
		return call_fail(call, E_NOT_FOUND, "there is no such session, or it is over");
	return r;
}

int sessions_of(struct call *call, struct db *db, struct str user_id, struct str before, int64_t limit,
		struct str current, struct db_rows *ret)
{
	return db_query(call, db, Q_SESSIONS_OF, ret, A_STR(user_id), A_STR(before.n ? before : STR("~")), A_INT(limit),
			A_STR_OR_NULL(current));
}

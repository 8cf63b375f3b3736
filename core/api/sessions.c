/* Sessions: their cookie, their list, their end.
 *
 * Easy to break: a session that ends must end in every process at once. The row's change is announced by the database;
 * this process forgets what it remembers before it answers. */
#include "api/sessions.h"

#include "api/access.h"
#include "base/clock.h"
#include "base/id.h"
#include "crypto/session_token.h"

#define SESSION_MS (24ll * 60 * 60 * 1000)

void session_prepare(struct exchange *x, struct session_start *ret)
{
	*ret = (struct session_start){ .id = id_text(x->call->arena, SESSION_ID_PREFIX),
				       .lasts_ms = SESSION_MS,
				       .client = x->client,
				       .user_agent = http_request_header(x, "user-agent"),
				       .request_id = x->request_id };
}

struct str session_issue(struct exchange *x, const struct session_start *session, struct str user_id)
{
	int64_t now_s = clock_wall_ms() / 1000;
	struct session_claims claims = { .user = user_id,
					 .session = session->id,
					 .issued_s = now_s,
					 .expires_s = now_s + session->lasts_ms / 1000 };
	struct str token = session_token_sign(x->call->arena, api_of(x)->o.jwt_secrets[0], &claims);

	answer_cookie(x, SESSION_COOKIE, "/", token, session->lasts_ms / 1000);
	return token;
}

/* With an API token there is no session to end; the cookie goes all the same. */
int logout(struct exchange *x)
{
	const struct identity *identity = &caller_of(x)->identity;
	struct json_out out;
	int r = OK;

	if (identity->session.n) {
		r = session_end(x->call, api_of(x)->db, identity->session, identity->person.id, audit_id(x),
				audit_who(x), "session.logout");
		access_forget(api_of(x)->access);
	}
	if (r != OK && r != E_NOT_FOUND) /* ended elsewhere since the guard has seen it */
		return r;
	answer_cookie(x, SESSION_COOKIE, "/", STR(""), 0);
	out = http_answer_json(x, 200);
	json_open(&out, '{');
	json_put_bool(&out, "success", true);
	json_close(&out, '}');
	return OK;
}

int sessions_index(struct exchange *x)
{
	const struct identity *identity = &caller_of(x)->identity;
	struct db_rows rows;
	struct str cursor;
	int64_t limit;
	int r = page_read(x, &limit, &cursor, SESSION_ID_PREFIX);

	if (r == OK)
		r = sessions_of(x->call, api_of(x)->db, identity->person.id, cursor, limit, identity->session, &rows);
	if (r != OK)
		return r;
	page_link(x, &rows, limit, "id");
	return answer_rows(x, &rows);
}

int session_delete(struct exchange *x)
{
	const struct identity *identity = &caller_of(x)->identity;
	struct str id = x->params[0];
	int r;

	if (!id_valid(id, SESSION_ID_PREFIX))
		return call_fail(x->call, E_NOT_FOUND, "there is no such session, or it is over");
	r = session_end(x->call, api_of(x)->db, id, identity->person.id, audit_id(x), audit_who(x), "session.revoke");
	if (r != OK)
		return r;
	access_forget(api_of(x)->access);
	if (str_eq(id, identity->session))
		answer_cookie(x, SESSION_COOKIE, "/", STR(""), 0);
	x->answer.status = 204;
	return OK;
}

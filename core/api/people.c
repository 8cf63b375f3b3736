/* Logging in for tests, logging out, and who am I. */
#include "store/people.h"

#include "api/access.h"
#include "api/failures.h"
#include "api/input.h"
#include "base/clock.h"
#include "base/id.h"
#include "crypto/session_token.h"

#include <string.h>

#define SESSION_MS (24ll * 60 * 60 * 1000)

static void put_person(struct json_out *out, const struct person *p)
{
	json_put_text(out, "id", p->id);
	json_put_text(out, "email", p->email);
	json_put_text(out, "name", p->name);
	json_put_text(out, "avatarUrl", p->avatar_url);
}

static void set_cookie(struct exchange *x, struct str token, int64_t seconds)
{
	http_answer_header(
		x, "set-cookie",
		arena_printf(x->call->arena, "opshub_token=%.*s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%lld%s",
			     STR_FMT(token), (long long)seconds, api_of(x)->o.is_production ? "; Secure" : ""));
}

static bool is_email(struct str s)
{
	const char *at = s.n >= 3 && s.n <= 254 ? memchr(s.p, '@', s.n) : NULL;

	if (!at || at == s.p || at == s.p + s.n - 1)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '<' || s.p[i] == '>')
			return false;
	return true;
}

static int read_email(struct exchange *x, struct str *ret)
{
	struct input in;
	int r = input_open(x, &in);

	if (r != OK)
		return r;
	if (input_text(&in, "email", INPUT_REQUIRED, 1, 254, ret) && !is_email(*ret))
		input_fault(&in, "email", "must be an e-mail address");
	return input_close(&in);
}

int test_login_as(struct exchange *x)
{
	struct api *api = api_of(x);
	struct session_claims claims = { 0 };
	struct person person;
	struct str email, token, name;
	char session[ID_MAX];
	struct json_out out;
	int r;

	if (!api->o.test_login)
		login_failed(x, "TEST_LOGIN_OFF");
	if (!api->o.test_login)
		return call_fail(x->call, E_NOT_FOUND, "the test login is switched off (ALLOW_TEST_LOGIN)");
	r = read_email(x, &email);
	if (r != OK)
		return r;
	name = email;
	name = str_split(&name, '@');
	id_new(session, "sess_");
	r = session_start(x->call, api->db, email, name, str_of(session), SESSION_MS, &person);
	if (r != OK)
		return r;
	claims = (struct session_claims){ .user = person.id,
					  .session = str_of(session),
					  .issued_s = clock_wall_ms() / 1000 };
	claims.expires_s = claims.issued_s + SESSION_MS / 1000;
	token = session_token_sign(x->call->arena, api->o.jwt_secrets[0], &claims);
	set_cookie(x, token, SESSION_MS / 1000);
	out = http_answer_json(x, 200);
	json_open(&out, '{');
	json_put_bool(&out, "success", true);
	json_key(&out, "user");
	json_open(&out, '{');
	put_person(&out, &person);
	json_close(&out, '}');
	json_put_text(&out, "token", token);
	json_close(&out, '}');
	return OK;
}

int logout(struct exchange *x)
{
	struct api *api = api_of(x);
	int r = session_end(x->call, api->db, caller_of(x)->identity.session);
	struct json_out out;

	if (r != OK)
		return r;
	access_forget(api->access); /* the other processes hear of it from the database */
	set_cookie(x, STR(""), 0);
	out = http_answer_json(x, 200);
	json_open(&out, '{');
	json_put_bool(&out, "success", true);
	json_close(&out, '}');
	return OK;
}

int me(struct exchange *x)
{
	struct db_rows rows;
	struct json_out out;
	int r = organizations_of(x->call, api_of(x)->db, caller_of(x)->identity.person.id, &rows);

	if (r != OK)
		return r;
	out = http_answer_json(x, 200);
	json_open(&out, '{');
	put_person(&out, &caller_of(x)->identity.person);
	json_key(&out, "organizations");
	db_rows_json(&rows, &out);
	json_close(&out, '}');
	return OK;
}

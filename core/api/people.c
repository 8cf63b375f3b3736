/* The test login, who am I, and what I may see. */
#include "api/failures.h"
#include "api/input.h"
#include "api/sessions.h"
#include "model/names.h"

static void put_person(struct json_out *out, const struct person *p)
{
	json_put_text(out, "id", p->id);
	json_put_text(out, "email", p->email);
	json_put_text(out, "name", p->name);
	json_put_text(out, "avatarUrl", p->avatar_url);
}

static int read_email(struct exchange *x, struct str *ret)
{
	struct input in;
	int r = input_open(x, &in);

	if (r != OK)
		return r;
	if (input_text(&in, "email", INPUT_REQUIRED, 1, EMAIL_MAX, ret) && email_why(*ret))
		input_fault(&in, "email", "must be an e-mail address");
	return input_close(&in);
}

int test_login_as(struct exchange *x)
{
	struct api *api = api_of(x);
	struct session_start session;
	struct person person;
	struct str email, token, name;
	struct json_out out;
	int r;

	if (!api->o.test_login)
		credential_failed(x, "TEST_LOGIN_OFF");
	if (!api->o.test_login)
		return call_fail(x->call, E_NOT_FOUND, "the test login is switched off (ALLOW_TEST_LOGIN)");
	r = read_email(x, &email);
	if (r != OK)
		return r;
	name = email;
	name = str_split(&name, '@');
	session_prepare(x, &session);
	r = login_test(x->call, api->db, email, name, &session, audit_id(x), audit_who(x), &person);
	if (r != OK)
		return r;
	token = session_issue(x, &session, person.id);
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

int me(struct exchange *x)
{
	struct db_rows rows;
	struct json_out out;
	int r = person_get(x->call, api_of(x)->db, caller_id(x), &rows);

	if (r != OK)
		return r;
	if (rows.n_rows == 0)
		return call_fail(x->call, E_AUTH, "this user was deleted: log in again");
	out = http_answer_json(x, 200);
	db_row_json(&rows, 0, &out);
	return OK;
}

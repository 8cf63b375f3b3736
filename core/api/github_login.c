/* The two steps of a login with GitHub: there, and back.
 *
 *   GET /auth/github            cookie opshub_login (state, PKCE verifier, return path), 302 to GitHub
 *   GET /auth/github/callback   state = cookie's, first use, code -> account -> user -> session, 302 to the dashboard
 *
 * Easy to break: the order in the callback. Nothing is asked of GitHub, and no code is spent, before the state has been
 * found to be this browser's and new. */
#include "api/login.h"

#include "api/sessions.h"
#include "base/clock.h"
#include "crypto/digest.h"
#include "crypto/login_state.h"
#include "http/query.h"

#define COOKIE   "opshub_login"
#define CODE_MAX 256
#define URL_MAX  4096

static bool is_configured(const struct api *api)
{
	return !str_eq(api->o.github.client_id, STR("none"));
}

static int not_configured(struct exchange *x)
{
	return call_fail(x->call, E_NOT_FOUND,
			 "logging in with GitHub is switched off here: GITHUB_CLIENT_ID is \"none\"; set it and "
			 "GITHUB_CLIENT_SECRET to those of an OAuth app");
}

/* What the start page offers. */
int auth_methods(struct exchange *x)
{
	struct json_out out = http_answer_json(x, 200);

	json_open(&out, '{');
	json_put_bool(&out, "github", is_configured(api_of(x)));
	json_put_bool(&out, "testLogin", api_of(x)->o.test_login);
	json_close(&out, '}');
	return OK;
}

static int redirect(struct exchange *x, struct str url)
{
	if (!http_answer_header(x, "location", url))
		return call_fail(x->call, E_INTERNAL, "a redirect could not be written");
	x->answer.status = 302;
	return OK;
}

static struct str redirect_uri(struct exchange *x)
{
	return arena_printf(x->call->arena, "%.*s/auth/github/callback", STR_FMT(api_of(x)->o.base_url));
}

static void add_parameter(struct buf *url, const char *name, struct str value)
{
	buf_printf(url, "&%s=", name);
	percent_encode(value, url);
}

int auth_github(struct exchange *x)
{
	struct api *api = api_of(x);
	struct str back = http_query(x, "return_to"), location;
	char challenge[LOGIN_SECRET_SIZE];
	struct login_state state;
	struct buf url;

	if (!is_configured(api))
		return not_configured(x);
	login_state_new(&state, login_return_path_ok(back) ? back : STR(""));
	login_challenge(state.verifier, challenge);
	buf_init(&url, URL_MAX);
	buf_printf(&url, "%.*s/login/oauth/authorize?response_type=code", STR_FMT(api->o.github.web_base));
	add_parameter(&url, "client_id", api->o.github.client_id);
	add_parameter(&url, "redirect_uri", redirect_uri(x));
	add_parameter(&url, "scope", STR("read:user user:email"));
	add_parameter(&url, "state", str_of(state.state));
	add_parameter(&url, "code_challenge", str_of(challenge));
	add_parameter(&url, "code_challenge_method", STR("S256"));
	location = arena_str(x->call->arena, buf_str(&url));
	buf_done(&url);
	answer_cookie(x, COOKIE, "/auth/github",
		      login_state_seal(x->call->arena, api->o.jwt_secrets[0], &state, clock_wall_ms() / 1000),
		      LOGIN_STATE_LIFE_S);
	return redirect(x, location);
}

/* Is this callback the answer to what this browser has started, and the first one? */
static int check_state(struct exchange *x, struct login_state *ret, enum refusal *ret_refusal)
{
	struct api *api = api_of(x);
	struct str cookie = http_cookie(x, COOKIE), state = http_query(x, "state");
	size_t n_secrets = api->o.jwt_secrets[1].n ? 2 : 1;
	bool fresh = false;
	int r;

	*ret_refusal = REFUSED_STATE;
	if (!login_state_open(x->call->arena, cookie, api->o.jwt_secrets, n_secrets, clock_wall_ms() / 1000, ret))
		return OK;
	if (state.n != LOGIN_SECRET_SIZE - 1 || !secret_bytes_equal(state.p, ret->state, state.n))
		return OK;
	r = login_state_use(x->call, api->db, state, &fresh);
	if (r == OK)
		*ret_refusal = fresh ? REFUSED_NOT : REFUSED_REPLAY;
	return r;
}

static enum refusal ask_github(struct exchange *x, const struct login_state *state, struct github_account *ret)
{
	struct api *api = api_of(x);
	struct str error = http_query(x, "error"), code = http_query(x, "code");
	const struct github_grant grant = { .code = code,
					    .redirect_uri = redirect_uri(x),
					    .verifier = state->verifier };

	if (error.n)
		return github_error(error);
	if (code.n == 0 || code.n > CODE_MAX)
		return REFUSED_CODE;
	return github_account_get(x->call, api->net, &api->o.github, &grant, ret);
}

static int server_failed(struct exchange *x)
{
	log_error("Login", "A login could not be finished", F_TEXT("error", x->call->why));
	return login_refuse(x, REFUSED_SERVER, STR(""));
}

int auth_github_callback(struct exchange *x)
{
	struct api *api = api_of(x);
	enum login_outcome outcome = LOGIN_DONE;
	struct github_account account = { 0 };
	struct session_start session;
	struct login_state state;
	enum refusal refusal;
	struct person person;

	if (!is_configured(api))
		return not_configured(x);
	if (check_state(x, &state, &refusal) != OK)
		return server_failed(x);
	answer_cookie(x, COOKIE, "/auth/github", STR(""), 0);
	if (refusal == REFUSED_NOT)
		refusal = ask_github(x, &state, &account);
	if (refusal != REFUSED_NOT)
		return login_refuse(x, refusal, STR(""));
	session_prepare(x, &session);
	if (login_github(x->call, api->db, &account, &session, api->o.first_login_owner, &person, &outcome) != OK)
		return server_failed(x);
	if (outcome != LOGIN_DONE)
		return login_refuse(x, outcome == LOGIN_INACTIVE ? REFUSED_INACTIVE : REFUSED_EMAIL_TAKEN,
				    account.login);
	session_issue(x, &session, person.id);
	return redirect(x, arena_printf(x->call->arena, "%.*s%.*s", STR_FMT(api->o.web_base_url),
					STR_FMT(state.return_path.n ? state.return_path : STR("/dashboard"))));
}

/* Asks GitHub who somebody is: the code for a token, the token for the account and its e-mail addresses.
 *
 * Easy to break: GitHub answers a refused code with status 200 and an "error" in the body, so a token is there or it is
 * not, whatever the status. And none of code, verifier, secret and token may reach the log: failures name host and
 * status only. */
#include "api/login.h"

#include "base/json_read.h"
#include "http/query.h"
#include "model/names.h"

#define TIMEOUT_MS   8000 /* for each of three requests: below an answer's deadline together */
#define TOKEN_BODY   (64 * 1024)
#define USER_BODY    (256 * 1024)
#define EMAILS_BODY  (256 * 1024)
#define MOST_TOKEN   1024
#define MOST_FORM    8192
#define MOST_LOGIN   100
#define MOST_NAME    200
#define MOST_PICTURE 300
#define MOST_WORD    64

enum refusal github_error(struct str word)
{
	static const struct {
		struct str word;
		enum refusal refusal;
	} errors[] = {
		{ STR("access_denied"), REFUSED_DENIED },
		{ STR("bad_verification_code"), REFUSED_CODE },
		{ STR("incorrect_client_credentials"), REFUSED_APP },
		{ STR("redirect_uri_mismatch"), REFUSED_APP },
		{ STR("application_suspended"), REFUSED_APP },
		{ STR("unverified_user_email"), REFUSED_EMAIL },
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (str_eq(word, errors[i].word))
			return errors[i].refusal;
	return REFUSED_GITHUB;
}

/* ---- one request ---- */

/* The answer's JSON, or NULL with the reason in the log. `what` says what was asked for. */
static const struct json *fetch(struct call *call, struct net *net, const struct net_request *request, const char *what,
				int *ret_status)
{
	struct net_response response;
	const char *why = "";
	const struct json *json;

	*ret_status = 0;
	if (net_fetch(call, net, request, &response) != OK) {
		log_warn("Login", "GitHub was not reached", F_TEXT("request", what), F_TEXT("error", call->why));
		return NULL;
	}
	*ret_status = response.status;
	json = json_parse(call->arena, response.body, NULL, &why);
	if (!json || response.status != 200)
		log_warn("Login", "GitHub gave an unexpected answer", F_TEXT("request", what),
			 F_INT("status", response.status), F_TEXT("json", json ? "yes" : "no"));
	return json;
}

static void add_field(struct buf *form, const char *name, struct str value)
{
	buf_printf(form, "%s%s=", form->n ? "&" : "", name);
	percent_encode(value, form);
}

static struct str grant_form(struct call *call, const struct github_options *github, const struct github_grant *grant)
{
	struct buf form;
	struct str text;

	buf_init(&form, MOST_FORM);
	add_field(&form, "client_id", github->client_id);
	add_field(&form, "client_secret", github->client_secret);
	add_field(&form, "code", grant->code);
	add_field(&form, "redirect_uri", grant->redirect_uri);
	add_field(&form, "code_verifier", str_of(grant->verifier));
	text = arena_str(call->arena, buf_str(&form));
	buf_done(&form);
	return text;
}

/* It goes into a header as it is. */
static bool is_token(struct str token)
{
	for (size_t i = 0; i < token.n; i++)
		if (token.p[i] <= ' ' || token.p[i] == 0x7f)
			return false;
	return token.n > 0 && token.n <= MOST_TOKEN;
}

static enum refusal exchange_code(struct call *call, struct net *net, const struct github_options *github,
				  const struct github_grant *grant, struct str *ret_token)
{
	const struct net_header headers[] = { { STR("accept"), STR("application/json") },
					      { STR("content-type"), STR("application/x-www-form-urlencoded") } };
	struct str url = arena_printf(call->arena, "%.*s/login/oauth/access_token", STR_FMT(github->web_base)), token;
	const struct net_request request = { .method = "POST",
					     .url = url.p,
					     .headers = headers,
					     .n_headers = 2,
					     .body = grant_form(call, github, grant),
					     .max_body = TOKEN_BODY,
					     .timeout_ms = TIMEOUT_MS,
					     .allow_private = true };
	const struct json *json;
	struct str error;
	int status;

	call_secret(call, grant->code);
	json = fetch(call, net, &request, "access token", &status);
	error = json_text(json_get(json, "error"), (struct str){ 0 });
	token = json_text(json_get(json, "access_token"), (struct str){ 0 });
	if (error.n == 0 && is_token(token)) {
		call_secret(call, token);
		*ret_token = token;
		return REFUSED_NOT;
	}
	if (error.n == 0)
		return status == 404 ? REFUSED_APP : REFUSED_GITHUB;
	if (github_error(error) == REFUSED_APP || github_error(error) == REFUSED_GITHUB)
		log_error("Login", "GitHub refused to exchange a login's code",
			  F_STR("error", ((struct str){ error.p, error.n < MOST_WORD ? error.n : MOST_WORD })));
	return github_error(error);
}

static const struct json *get(struct call *call, struct net *net, const struct github_options *github, struct str token,
			      const char *path, size_t max_body, int *ret_status)
{
	const struct net_header headers[] = {
		{ STR("accept"), STR("application/vnd.github+json") },
		{ STR("x-github-api-version"), STR("2022-11-28") },
		{ STR("authorization"), arena_printf(call->arena, "Bearer %.*s", STR_FMT(token)) },
	};
	struct str url = arena_printf(call->arena, "%.*s%s", STR_FMT(github->api_base), path);
	const struct net_request request = { .method = "GET",
					     .url = url.p,
					     .headers = headers,
					     .n_headers = 3,
					     .max_body = max_body,
					     .timeout_ms = TIMEOUT_MS,
					     .allow_private = true };

	return fetch(call, net, &request, path, ret_status);
}

/* ---- who it is ---- */

static bool read_user(const struct json *user, struct github_account *account)
{
	account->id = json_int(json_get(user, "id"), 0);
	account->login = json_text(json_get(user, "login"), (struct str){ 0 });
	account->name = json_text(json_get(user, "name"), STR(""));
	account->avatar_url = json_text(json_get(user, "avatar_url"), STR(""));
	if (account->name.n == 0 || account->name.n > MOST_NAME)
		account->name = account->login;
	if (account->avatar_url.n > MOST_PICTURE || !str_starts(account->avatar_url, STR("https://")))
		account->avatar_url = STR("");
	for (size_t i = 0; i < account->login.n; i++) {
		char c = account->login.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		      c == '_'))
			return false;
	}
	return account->id > 0 && account->login.n > 0 && account->login.n <= MOST_LOGIN;
}

static bool read_email(const struct json *emails, struct github_account *account)
{
	const struct json *email = emails && emails->kind == JSON_ARRAY ? emails->child : NULL;

	for (; email; email = email->next) {
		struct str address = json_text(json_get(email, "email"), (struct str){ 0 });

		if (!json_bool(json_get(email, "primary"), false) || !json_bool(json_get(email, "verified"), false))
			continue;
		account->email = address;
		return !email_why(address);
	}
	return false;
}

enum refusal github_account_get(struct call *call, struct net *net, const struct github_options *github,
				const struct github_grant *grant, struct github_account *ret)
{
	struct github_account account = { 0 };
	const struct json *json;
	struct str token;
	int status;
	enum refusal refusal = exchange_code(call, net, github, grant, &token);

	if (refusal != REFUSED_NOT)
		return refusal;
	json = get(call, net, github, token, "/user", USER_BODY, &status);
	if (status != 200 || !read_user(json, &account))
		return REFUSED_GITHUB;
	json = get(call, net, github, token, "/user/emails?per_page=100", EMAILS_BODY, &status);
	if (status == 403 || status == 404) /* the person was free to grant less than was asked for */
		return REFUSED_EMAIL;
	if (status != 200 || !json)
		return REFUSED_GITHUB;
	if (!read_email(json, &account))
		return REFUSED_EMAIL;
	*ret = account;
	return REFUSED_NOT;
}

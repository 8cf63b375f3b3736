/* The guard: before every handler, who is asking and may he. */
#include "api/access.h"
#include "api/api.h"
#include "api/failures.h"
#include "api/limits.h"

#include "base/clock.h"
#include "base/id.h"
#include "crypto/session_token.h"
#include "crypto/token.h"

/* The token of `Authorization: Bearer`, else of the cookie; empty when there is none. A header that says Bearer is
 * final: a cookie beside it does not count, whatever the header holds. Other schemes are not ours: a proxy's own
 * password check may stand in front. */
static int token_of(struct exchange *x, struct str *ret, bool *ret_from_cookie)
{
	struct str rest = http_request_header(x, "authorization"), scheme = str_split(&rest, ' ');

	if (http_request_header_count(x, "authorization") > 1)
		return http_answer_error(x, 400, STR("there are two Authorization headers: send one"));
	*ret_from_cookie = !str_eq_nocase(scheme, STR("Bearer"));
	if (!*ret_from_cookie) {
		*ret = str_trim(rest);
		return OK;
	}
	*ret = http_cookie(x, SESSION_COOKIE);
	if (token_well_formed(*ret))
		return call_fail(x->call, E_AUTH,
				 "an API token is sent as Authorization: Bearer; the cookie is for logins");
	return OK;
}

/* Whoever sends a token in a URL has shown it to every proxy and log on the way. It is refused even where no login is
 * needed, so that nobody gets used to it. */
static int refuse_token_in_url(struct exchange *x)
{
	static const char *const names[] = { "access_token", SESSION_COOKIE };
	struct str query = x->query;
	bool found = false;

	if (query.n == 0)
		return OK;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		found |= http_query(x, names[i]).p != NULL;
	while (query.n && !found) {
		struct str value = str_split(&query, '&');

		str_split(&value, '=');
		found = token_well_formed(value);
	}
	if (!found)
		return OK;
	return http_answer_error(x, 400,
				 STR("a token does not belong into a URL, where logs and proxies keep it: send it as "
				     "Authorization: Bearer, and revoke the one that was sent"));
}

/* What the token proves, or an answer. An API token's hash is what the database is asked for; a session token is
 * verified here first. */
static int read_credential(struct exchange *x, struct str token, struct credential *ret)
{
	struct api *api = api_of(x);
	size_t n_secrets = api->o.jwt_secrets[1].n ? 2 : 1;
	struct session_claims claims;
	uint8_t hash[SHA256_SIZE];

	if (token_well_formed(token)) {
		token_hash(token, hash);
		*ret = (struct credential){ .token_hash = arena_str(x->call->arena,
								    (struct str){ (const char *)hash, sizeof(hash) }) };
		return OK;
	}
	if (!session_token_verify(x->call->arena, token, api->o.jwt_secrets, n_secrets, clock_wall_ms() / 1000,
				  &claims))
		return call_fail(x->call, E_AUTH, "this token is not valid: log in again");
	*ret = (struct credential){ .session = claims.session, .user = claims.user };
	return OK;
}

static bool has_target(const struct target *target)
{
	return target->org.n || target->project.n || target->preview.n || target->environment.n || target->check.n;
}

/* Who is asking, and what he is in the target: from memory, or in one round trip. */
static int look_up(struct exchange *x, struct str token, const struct target *target, struct caller *caller)
{
	struct api *api = api_of(x);
	struct str user;
	struct credential credential = { 0 };
	uint64_t age = access_age(api->access);
	int r;

	if (!access_known_identity(x->call, api->access, token, &caller->identity)) {
		r = read_credential(x, token, &credential);
		if (r == OK)
			r = access_find(x->call, api->db, &credential, target, &caller->identity, &caller->standing);
		if (r == E_AUTH)
			credential_failed(x, credential.token_hash.n ? "TOKEN_UNKNOWN"
					     : credential.session.n  ? "SESSION_OVER"
								     : "CREDENTIAL_INVALID");
		if (r != OK)
			return r;
		user = caller->identity.person.id;
		access_remember_identity(api->access, age, token, &caller->identity);
	} else {
		user = caller->identity.person.id;
		if (!has_target(target) || access_known_standing(x->call, api->access, user, target, &caller->standing))
			return OK;
		r = access_standing(x->call, api->db, user, target, &caller->standing);
		if (r != OK)
			return r;
	}
	if (has_target(target))
		access_remember_standing(x->call, api->access, age, user, target, &caller->standing);
	return OK;
}

static int not_found(struct exchange *x, const char *what, struct str id)
{
	return call_fail(x->call, E_NOT_FOUND, "there is no %s %.*s, or you may not see it", what,
			 (int)(id.n < 64 ? id.n : 64), id.p);
}

static struct str last_param(const struct exchange *x)
{
	for (int i = HTTP_PARAMS - 1; i > 0; i--)
		if (x->params[i].n)
			return x->params[i];
	return x->params[0];
}

static bool names_project_first(const struct exchange *x)
{
	return str_starts(str_of(x->route->path), STR("/projects/"));
}

struct str check_id_of(const struct exchange *x)
{
	return x->params[names_project_first(x) ? 1 : 0];
}

/* What the path names. An id that cannot be one is not asked for. */
static int read_target(struct exchange *x, struct target *ret)
{
	struct str first = x->params[0], last = last_param(x), check = check_id_of(x);

	switch (ACCESS_NAMES(x->route->access)) {
	case ACCESS_ORG:
		*ret = (struct target){ .org = first };
		return str_starts(first, STR("org_")) && first.n < ID_MAX ? OK : not_found(x, "organization", first);
	case ACCESS_PROJECT:
		*ret = (struct target){ .project = first };
		return str_starts(first, STR("proj_")) && first.n < ID_MAX ? OK : not_found(x, "project", first);
	case ACCESS_PREVIEW:
		*ret = (struct target){ .preview = last };
		return id_valid(last, "deploy_") ? OK : not_found(x, "deployment", last);
	case ACCESS_ENVIRONMENT:
		*ret = (struct target){ .environment = first };
		return str_starts(first, STR("env_")) && first.n < ID_MAX ? OK : not_found(x, "environment", first);
	case ACCESS_CHECK:
		*ret = (struct target){ .check = check };
		return id_valid(check, "check_") ? OK : not_found(x, "health check", check);
	default:
		*ret = (struct target){ 0 };
		return OK;
	}
}

static int hidden(struct exchange *x)
{
	switch (ACCESS_NAMES(x->route->access)) {
	case ACCESS_ORG:
		return not_found(x, "organization", x->params[0]);
	case ACCESS_PROJECT:
		return not_found(x, "project", x->params[0]);
	case ACCESS_ENVIRONMENT:
		return not_found(x, "environment", x->params[0]);
	case ACCESS_CHECK:
		return not_found(x, "health check", check_id_of(x));
	default:
		return not_found(x, "deployment", last_param(x));
	}
}

static int check_standing(struct exchange *x, const struct caller *caller)
{
	const struct standing *standing = &caller->standing;
	struct str only = caller->identity.only_project;
	unsigned names = ACCESS_NAMES((unsigned)x->route->access);
	bool has_own_project = names == ACCESS_PREVIEW || names == ACCESS_CHECK;
	enum role least = ACCESS_ROLE(x->route->access);

	if (standing->role == ROLE_NONE || (only.n && !str_eq(only, standing->project)))
		return hidden(x);
	if (has_own_project && names_project_first(x) && !str_eq(standing->project, x->params[0]))
		return hidden(x); /* the path names another project than its own */
	if (standing->role >= least)
		return OK;
	return http_answer_error(x, 403,
				 arena_printf(x->call->arena, "this needs the role %s; yours is %s", role_word(least),
					      role_word(standing->role)));
}

/* A token may always look at, rotate and revoke itself. */
static bool is_own_token(const struct exchange *x, const struct caller *caller)
{
	return caller->identity.token.n && str_eq(caller->identity.token, x->params[0]);
}

/* A token does no more than it was made for, whoever owns it. */
static int check_scope(struct exchange *x, const struct caller *caller)
{
	bool reads = str_eq(x->method, STR("GET")) || str_eq(x->method, STR("HEAD"));
	unsigned names = ACCESS_NAMES((unsigned)x->route->access);
	bool is_small = names > ACCESS_SELF && ACCESS_ROLE(x->route->access) <= ROLE_DEVELOPER;
	enum scope least = names == ACCESS_SELF ? SCOPE_ADMIN
			   : reads              ? SCOPE_READ
			   : is_small           ? SCOPE_WRITE
						: SCOPE_ADMIN;

	if (names == ACCESS_SELF && is_own_token(x, caller))
		return OK;
	if (caller->identity.scope < least)
		return http_answer_error(x, 403,
					 arena_printf(x->call->arena,
						      "this needs a token with the scope %s; yours has %s",
						      scope_word(least), scope_word(caller->identity.scope)));
	if (least == SCOPE_ADMIN && names <= ACCESS_SELF && caller->identity.only_project.n)
		return http_answer_error(x, 403, STR("this token is for one project; this needs one for all"));
	return OK;
}

static int identify(struct exchange *x, struct caller *caller)
{
	bool from_cookie = false;
	struct str token;
	struct target target;
	int r = token_of(x, &token, &from_cookie);

	if (r != OK)
		return r;
	if (token.n == 0)
		return call_fail(x->call, E_AUTH,
				 "log in first: send a token as Authorization: Bearer, or the cookie opshub_token");
	if (from_cookie && is_cross_site(x))
		return http_answer_error(
			x, 403, STR("a change with the login cookie must come from the dashboard's own origin"));
	r = read_target(x, &target);
	if (r == OK)
		return look_up(x, token, &target, caller);
	/* not an id: still, only who is logged in learns that */
	target = (struct target){ 0 };
	r = look_up(x, token, &target, caller);
	return r == OK ? hidden(x) : r;
}

/* Two readers of one request may not see two requests. */
static int check_query(struct exchange *x)
{
	struct str name = http_query_doubled(x);

	return name.p ? answer_field(x, 400,
				     arena_text(x->call->arena, (struct str){ name.p, name.n < 64 ? name.n : 64 }),
				     "is there twice, or is the 33rd parameter")
		      : OK;
}

int api_guard(struct exchange *x)
{
	struct caller *caller;
	const struct identity *identity;
	int r = refuse_token_in_url(x);

	if (r != OK)
		return r;
	switch (ACCESS_NAMES(x->route->access)) {
	case ACCESS_PUBLIC:
	case ACCESS_SIGNED:
		r = limits_of_address(x);
		return r == OK ? check_query(x) : r;
	case ACCESS_NOBODY:
		return http_answer_error(x, 403, STR("nobody may use this route"));
	default:
		break;
	}
	caller = arena_alloc(x->call->arena, sizeof(*caller));
	x->user = caller;
	identity = &caller->identity;
	r = identify(x, caller);
	r = limits_of_caller(x, r, identity->token.n ? identity->token : identity->person.id);
	if (r == OK && ACCESS_NAMES(x->route->access) > ACCESS_SELF)
		r = check_standing(x, caller);
	if (r == OK)
		r = check_scope(x, caller);
	return r == OK ? check_query(x) : r;
}

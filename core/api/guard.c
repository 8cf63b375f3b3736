/* The guard: before every handler, who is asking and may he. */
#include "api/access.h"
#include "api/api.h"

#include "base/clock.h"
#include "base/id.h"
#include "crypto/session_token.h"

/* The token from `Authorization: Bearer` or the cookie; .p == NULL when there is none. */
static struct str token_of(struct exchange *x, bool *ret_from_cookie)
{
	struct str header = http_request_header(x, "authorization");

	*ret_from_cookie = false;
	if (header.n > 7 && str_eq_nocase((struct str){ header.p, 7 }, STR("Bearer ")))
		return str_trim((struct str){ header.p + 7, header.n - 7 });
	*ret_from_cookie = true;
	return http_cookie(x, "opshub_token");
}

/* A browser sends the cookie with any page's request; only our own origin may change something with it. */
static bool is_cross_site(const struct exchange *x)
{
	struct str origin = http_request_header(x, "origin"), host = http_request_header(x, "host"), rest = origin;
	struct str site = http_request_header(x, "sec-fetch-site");

	if (str_eq(x->method, STR("GET")) || str_eq(x->method, STR("HEAD")))
		return false;
	if (site.n && !str_eq(site, STR("same-origin")) && !str_eq(site, STR("none")))
		return true;
	if (origin.n == 0)
		return false; /* not a browser */
	if (str_starts(origin, STR("https://")))
		rest = (struct str){ origin.p + 8, origin.n - 8 };
	else if (str_starts(origin, STR("http://")))
		rest = (struct str){ origin.p + 7, origin.n - 7 };
	return !str_eq_nocase(rest, host);
}

static int identify(struct exchange *x, struct caller *caller)
{
	struct api *api = api_of(x);
	struct session_claims claims;
	bool from_cookie;
	struct str token = token_of(x, &from_cookie);
	size_t n_secrets = api->o.jwt_secrets[1].n ? 2 : 1;

	if (token.n == 0)
		return call_fail(x->call, E_AUTH,
				 "log in first: send a token as Authorization: Bearer, or the cookie opshub_token");
	if (!session_token_verify(x->call->arena, token, api->o.jwt_secrets, n_secrets, clock_wall_ms() / 1000,
				  &claims))
		return call_fail(x->call, E_AUTH, "this token is not valid: log in again");
	if (from_cookie && is_cross_site(x))
		return http_answer_error(
			x, 403, STR("a change with the login cookie must come from the dashboard's own origin"));
	caller->session = claims.session;
	return access_session(x->call, api->access, api->db, claims.session, &caller->person);
}

static struct str last_param(const struct exchange *x)
{
	for (int i = HTTP_PARAMS - 1; i > 0; i--)
		if (x->params[i].n)
			return x->params[i];
	return x->params[0];
}

static int not_found(struct exchange *x, const char *what, struct str id)
{
	return call_fail(x->call, E_NOT_FOUND, "there is no %s %.*s, or you may not see it", what,
			 (int)(id.n < 64 ? id.n : 64), id.p);
}

static int check_project(struct exchange *x, struct caller *caller)
{
	struct api *api = api_of(x);
	int r;

	if (!str_starts(x->params[0], STR("proj_")) || x->params[0].n > ID_MAX)
		return not_found(x, "project", x->params[0]);
	r = access_role_in_project(x->call, api->access, api->db, caller->person.id, x->params[0], &caller->role);
	return r == OK && caller->role == ROLE_NONE ? not_found(x, "project", x->params[0]) : r;
}

static int check_preview(struct exchange *x, struct caller *caller)
{
	struct api *api = api_of(x);
	struct str id = last_param(x), project;
	int r;

	if (!id_valid(id, "deploy_"))
		return not_found(x, "deployment", id);
	r = access_role_in_preview(x->call, api->access, api->db, caller->person.id, id, &caller->role, &project);
	if (r == OK && (caller->role == ROLE_NONE || (x->params[1].n && !str_eq(project, x->params[0]))))
		return not_found(x, "deployment", id);
	return r;
}

static int need_role(struct exchange *x, const struct caller *caller, enum role least)
{
	if (caller->role >= least)
		return OK;
	return http_answer_error(x, 403,
				 arena_printf(x->call->arena, "this needs the role %s; yours is %s", role_word(least),
					      role_word(caller->role)));
}

static enum role least_role(int access)
{
	switch ((enum access)access) {
	case ACCESS_PROJECT_MAINTAINER:
		return ROLE_MAINTAINER;
	case ACCESS_PROJECT_DEVELOPER:
	case ACCESS_PREVIEW_DEVELOPER:
		return ROLE_DEVELOPER;
	default:
		return ROLE_VIEWER;
	}
}

int api_guard(struct exchange *x)
{
	struct caller *caller;
	int r;

	if (x->route->access == ACCESS_PUBLIC || x->route->access == ACCESS_SIGNED)
		return OK;
	caller = arena_alloc(x->call->arena, sizeof(*caller));
	x->user = caller;
	r = identify(x, caller);
	if (r != OK)
		return r;
	switch ((enum access)x->route->access) {
	case ACCESS_USER:
		return OK;
	case ACCESS_PROJECT_VIEWER:
	case ACCESS_PROJECT_DEVELOPER:
	case ACCESS_PROJECT_MAINTAINER:
		r = check_project(x, caller);
		break;
	case ACCESS_PREVIEW_VIEWER:
	case ACCESS_PREVIEW_DEVELOPER:
		r = check_preview(x, caller);
		break;
	default:
		return http_answer_error(x, 403, STR("nobody may use this route"));
	}
	if (r != OK)
		return r;
	return need_role(x, caller, least_role(x->route->access));
}

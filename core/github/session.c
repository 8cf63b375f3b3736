/* As whom GitHub is asked.
 *
 * Easy to break: what is kept belongs to the process, so a session has its own copy of the token; and between two
 * awaits another fiber may have replaced what is kept. */
#include "github/inner.h"

#include "base/clock.h"
#include "crypto/app_jwt.h"

#include <stdlib.h>
#include <string.h>

#define BEFORE_S    60  /* GitHub's clock may be behind ours */
#define LIFE_S      540 /* GitHub takes ten minutes at most, by its own clock */
#define MOST_BEARER 4096
#define MOST_KEPT   1000               /* as many repositories as one round of sweeps has */
#define MOST_LIFE   (60 * 60 * 1000ll) /* of an installation's token */
#define EARLY_MS    (5 * 60 * 1000ll)  /* a session that begins with it must be able to end with it */

struct installation {
	struct installation *next;
	struct str repo, token; /* behind the struct */
	int64_t until_mono_ms;
};

bool github_is_app(const struct github *github)
{
	return github->token.n == 0 && github->app_id.n > 0;
}

bool github_is_configured(const struct github *github)
{
	return github->token.n > 0 || github_is_app(github);
}

/* ---- what is kept ---- */

static struct installation **find(struct github *github, struct str repo)
{
	struct installation **at = &github->kept;

	while (*at && !str_eq_nocase((*at)->repo, repo))
		at = &(*at)->next;
	return at;
}

static void drop(struct installation **at)
{
	struct installation *gone = *at;

	*at = gone->next;
	free(gone);
}

void github_done(struct github *github)
{
	while (github->kept)
		drop(&github->kept);
}

static void keep(struct github *github, struct str repo, struct str token, int64_t life_ms)
{
	struct installation *new = malloc(sizeof(*new) + repo.n + token.n), **at = find(github, repo);
	char *text = (char *)(new + 1);
	size_t n = 1;

	if (!new)
		abort();
	memcpy(text, repo.p, repo.n);
	memcpy(text + repo.n, token.p, token.n);
	*new = (struct installation){ .repo = { text, repo.n },
				      .token = { text + repo.n, token.n },
				      .until_mono_ms = clock_mono_ms() + life_ms };
	if (*at)
		drop(at);
	new->next = github->kept;
	github->kept = new;
	for (at = &new->next; *at &&n < MOST_KEPT; at = &(*at)->next)
		n++;
	while (*at)
		drop(at);
}

void github_session_forget(const struct github_session *session)
{
	struct installation **at = find(session->github, session->repo);

	if (*at && str_eq((*at)->token, session->bearer))
		drop(at);
}

/* ---- the App ---- */

int github_app_session(struct call *call, struct github *github, struct github_session *ret)
{
	int64_t now_s = clock_wall_ms() / 1000;
	const struct app_claims claims = { .issuer = arena_text(call->arena, github->app_id),
					   .issued_s = now_s - BEFORE_S,
					   .expires_s = now_s + LIFE_S };
	char *token = arena_alloc(call->arena, APP_JWT_SIZE);
	const char *why = "";

	if (!app_jwt_sign(github->app_key, &claims, token, &why))
		return call_fail(call, E_INVALID, "GITHUB_APP_PRIVATE_KEY %s", why);
	*ret = (struct github_session){ .github = github,
					.arena = call->arena,
					.bearer = str_of(token),
					.is_signed = true,
					.reserve = github->reserve };
	return OK;
}

static bool is_bearer(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return s.n > 0 && s.n <= MOST_BEARER;
}

static int find_installation(struct call *call, struct github_session *app, struct str repo, int64_t *ret_id)
{
	const struct github_request request = {
		.method = "GET", .path = arena_printf(call->arena, "/repos/%.*s/installation", STR_FMT(repo))
	};
	struct github_answer answer;
	int r = github_ask(call, app, &request, &answer);

	if (r != OK)
		return r;
	*ret_id = json_int(json_get(answer.json, "id"), 0);
	if (answer.status < 300 && *ret_id > 0)
		return OK;
	return call_fail(call, E_NOT_FOUND, "the GitHub App is not installed for %.*s: install it there",
			 STR_FMT(repo));
}

/* How long a token lasts that GitHub has just made, told by GitHub's clock alone. */
static int64_t life_ms(const struct github_answer *answer)
{
	int64_t until_ms, left_ms;

	if (answer->date_ms == 0 || !time_parse(json_text(json_get(answer->json, "expires_at"), STR("")), &until_ms))
		return 0;
	left_ms = until_ms - answer->date_ms;
	return (left_ms < MOST_LIFE ? left_ms : MOST_LIFE) - EARLY_MS;
}

/* A new token of the App's installation for session->repo. */
static int make_token(struct call *call, struct github_session *session)
{
	struct github_request request = { .method = "POST" };
	struct github_session app;
	struct github_answer answer;
	struct str token;
	int64_t id;
	int r = github_app_session(call, session->github, &app);

	if (r != OK)
		return r;
	app.reserve = 0; /* without these two nothing can be asked */
	r = find_installation(call, &app, session->repo, &id);
	if (r != OK)
		return r;
	request.path = arena_printf(call->arena, "/app/installations/%lld/access_tokens", (long long)id);
	r = github_ask(call, &app, &request, &answer);
	if (r != OK)
		return r;
	token = json_text(json_get(answer.json, "token"), (struct str){ 0 });
	if (!is_bearer(token))
		return call_fail(call, E_UPSTREAM, "GitHub gave the App no token for %.*s", STR_FMT(session->repo));
	session->bearer = arena_str(session->arena, token);
	session->is_kept = false;
	if (life_ms(&answer) > 0)
		keep(session->github, session->repo, token, life_ms(&answer));
	return OK;
}

int github_session_renew(struct call *call, struct github_session *session)
{
	github_session_forget(session);
	return make_token(call, session);
}

int github_session_open(struct call *call, struct github *github, struct str repo, struct github_session *ret)
{
	struct github_session session = {
		.github = github, .arena = call->arena, .bearer = github->token, .reserve = github->reserve
	};
	const struct installation *kept;
	int r;

	if (!github_is_app(github)) {
		*ret = session;
		return OK;
	}
	session.repo = repo;
	kept = *find(github, repo);
	if (kept && kept->until_mono_ms > clock_mono_ms()) {
		session.bearer = arena_str(call->arena, kept->token);
		session.is_kept = true;
		*ret = session;
		return OK;
	}
	r = make_token(call, &session);
	if (r == OK)
		*ret = session;
	return r;
}

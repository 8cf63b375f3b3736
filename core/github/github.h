/* Asking GitHub's REST API, with the manners it asks for: its limits are read from each answer, and when the allowance
 * runs low nothing more is asked. As whom: with a token, as the installation of a GitHub App, or as nobody.
 *
 * An installation's token lasts an hour. It is kept for the next session of its repository until shortly before its
 * end; when GitHub refuses it earlier, a new one is got and the request made again. */
#ifndef GITHUB_GITHUB_H
#define GITHUB_GITHUB_H

#include "base/json_read.h"
#include "net/net.h"

struct installation;

/* One for a process and its loop. It owns the tokens that are kept, nothing else. */
struct github {
	struct net *net;
	struct str base;    /* "https://api.github.com", without a slash at its end */
	int64_t reserve;    /* requests that are left to others who share the token */
	int64_t timeout_ms; /* of one request */
	struct str token;   /* empty: by the App, or not at all. With one the App is not used */
	struct str app_id;  /* of a GitHub App; empty = none */
	struct str app_key; /* its private key, PEM */

	struct installation *kept; /* zero at the start; github_done() frees them */
};

void github_done(struct github *github);
bool github_is_configured(const struct github *github);
bool github_is_app(const struct github *github);

/* Who asks, and until when nobody should. */
struct github_session {
	struct github *github;
	struct arena *arena;    /* of who opened it: outlives the fibers that ask with it */
	struct str bearer;      /* empty = as nobody */
	struct str repo;        /* the bearer is for the App's installation there; empty = it is another */
	bool is_kept;           /* it was not made for this session: it may have been taken back meanwhile */
	bool is_signed;         /* the App itself: GitHub reads our clock in the bearer */
	int64_t reserve;        /* as in struct github */
	int64_t pause_until_ms; /* Unix time; 0 = go on */
};

struct github_request {
	const char *method;
	struct str path; /* behind the base; made of what is safe in an address */
	struct str etag; /* of the answer that is known already; empty = none */
};

struct github_answer {
	int status;              /* 2xx, 304, or that there is no such thing: 404, 422 */
	const struct json *json; /* NULL without a body */
	struct str text;         /* the same as it came */
	struct str etag, cursor;
	int64_t date_ms; /* GitHub's clock; 0 = not said */
	bool has_next;   /* there is another page: at `cursor`, or the next number when that is empty */
};

/* E_LIMITED: the allowance is used up, or below the reserve since the answer before; call->retry_after_ms. E_AUTH: the
 * token is refused, or may not do this. E_CONFLICT: the repository has another name by now. E_UPSTREAM and what
 * net_fetch fails with: later. */
AWAITS int github_ask(struct call *call, struct github_session *session, const struct github_request *request,
		      struct github_answer *ret);
/* A session for a repository: with the token, as the App's installation there, or as nobody when there is neither.
 * E_NOT_FOUND: the App is not installed there. E_INVALID: its key cannot sign. Else as github_ask. `repo` must live as
 * long as the session, which must not outlive the call. */
AWAITS int github_session_open(struct call *call, struct github *github, struct str repo, struct github_session *ret);
/* A session as the App itself. E_INVALID. */
int github_app_session(struct call *call, struct github *github, struct github_session *ret);

#endif

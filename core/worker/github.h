/* One request to GitHub's REST API, with the manners it asks for: its limits are read from each answer, and when the
 * allowance runs low nothing more is asked. */
#ifndef WORKER_GITHUB_H
#define WORKER_GITHUB_H

#include "base/json_read.h"
#include "net/net.h"

struct github {
	struct net *net;
	struct str base;    /* "https://api.github.com", without a slash at its end */
	int64_t reserve;    /* requests that are left to others who share the token */
	struct str token;   /* empty: by the App, or not at all */
	struct str app_id;  /* of a GitHub App; empty = none */
	struct str app_key; /* its private key, PEM */
};

bool github_is_configured(const struct github *github);

/* Who asks, and until when nobody should. */
struct github_session {
	const struct github *github;
	struct str bearer;
	int64_t pause_until_ms; /* Unix time; 0 = go on */
};

struct github_request {
	const char *method;
	struct str path; /* behind the base; made of what is safe in an address */
	struct str etag; /* of the answer that is known already; empty = none */
};

struct github_answer {
	int status;              /* 2xx, 304 or 404 */
	const struct json *json; /* NULL without a body */
	struct str etag, cursor;
	bool has_next; /* there is another page: at `cursor`, or the next number when that is empty */
};

/* E_LIMITED: the allowance is used up, or below the reserve since the answer before. E_AUTH: the token is refused, or
 * may not do this. E_CONFLICT: the repository has another name by now. E_UPSTREAM and what net_fetch fails with: later.
 */
AWAITS int github_ask(struct call *call, struct github_session *session, const struct github_request *request,
		      struct github_answer *ret);
/* A session for a repository: with the token, or as the App's installation there. */
AWAITS int github_session_open(struct call *call, const struct github *github, struct str repo,
			       struct github_session *ret);
/* A session as the App itself. */
int github_app_session(struct call *call, const struct github *github, struct github_session *ret);

#endif

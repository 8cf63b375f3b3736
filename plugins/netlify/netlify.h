/* The Netlify provider, between its files.
 *
 *   main.c    settings and the operations
 *   api.c     one request to Netlify's API, and what its refusals mean
 *   deploy.c  a deploy of Netlify's as the host wants to see it, and the mark by which ours are known
 *   env.c     variables of one branch
 *   logs.c    the output of a build
 *   verify.c  what is set up wrong, before anything is deployed
 *
 * Nothing is kept between operations: what was asked of Netlify is known to Netlify. */
#ifndef NETLIFY_NETLIFY_H
#define NETLIFY_NETLIFY_H

#include <opshub/provider.h>

/* The instance. */
struct netlify {
	const struct opshub_host *host;
	const char *token, *site_id, *api_base;
};

/* ---- api.c ---- */

struct question {
	const char *method;
	const char *path;    /* below the address of the API, with its query; no secret */
	const char *purpose; /* "start a build": what Netlify was asked to do, for messages */
	const char *body;    /* JSON, NULL = none */
	uint64_t body_size;
	uint32_t flags; /* OPSHUB_HTTP_… */
};

struct answer {
	const opshub_json *json; /* NULL when the answer had no body */
	int64_t wait_ms;         /* until there are requests left again, when few are left; else 0 */
	int64_t left, limit;     /* requests of this minute; limit 0 = not said */
};

/* One exchange. Everything but 2xx with readable JSON (or no body) is a failure with a sentence for people. */
OPSHUB_AWAITS opshub_status ask(opshub_call *call, const struct netlify *n, const struct question *question,
				struct answer *ret);
OPSHUB_AWAITS opshub_status get(opshub_call *call, const struct netlify *n, const char *path, const char *purpose,
				struct answer *ret);
/* "" when there is no such member, or it is no text. */
const char *text_of(opshub_call *call, const struct netlify *n, const opshub_json *object, const char *key);

/* Are the words in the text, in any case? */
int mentions(const char *text, const char *words);

/* ---- deploy.c ---- */

/* What OpsHub writes into a deploy's title: Netlify keeps nothing else for builds of a branch. */
struct mark {
	char attempt[40];
	char sha[41]; /* the commit that was wanted: a build is asked for by branch, not by commit */
	int has_env;  /* variables were set for it */
};

const char *mark_title(opshub_call *call, const struct netlify *n, const struct opshub_deploy_request *request);
/* False for every title that is not exactly one of ours. */
int mark_read(const char *title, struct mark *ret);

void deploy_fill(opshub_call *call, const struct netlify *n, const opshub_json *deploy, struct opshub_deployment *ret);

/* ---- env.c ---- */

/* Where a branch's variables are kept. */
struct env_place {
	const char *account; /* slug or id */
	const char *site_id; /* Netlify's own, not a domain */
	const char *branch;
};

/* Sets the request's variables for its branch alone. Values that somebody else has set for this branch stay. */
OPSHUB_AWAITS opshub_status env_set(opshub_call *call, const struct netlify *n, const struct env_place *place,
				    const struct opshub_deploy_request *request);
/* Takes away what was set for this attempt; nothing when a later attempt has taken the variables over. */
OPSHUB_AWAITS opshub_status env_remove(opshub_call *call, const struct netlify *n, const struct env_place *place,
				       const char *attempt);
/* Every variable of the site that the token may see. */
OPSHUB_AWAITS opshub_status env_list(opshub_call *call, const struct netlify *n, const struct env_place *place,
				     const opshub_json **ret);

/* ---- logs.c ---- */
OPSHUB_AWAITS opshub_status logs(opshub_call *call, void *instance, const char *id, const char *cursor,
				 struct opshub_log_page *ret);

/* ---- verify.c ---- */

struct site {
	const char *id, *name, *account, *admin_url;
	const char *repo;   /* "owner/name"; "" = not linked to Git, or the token may not read it */
	const char *branch; /* what Netlify takes for production */
	int is_stopped;     /* builds are switched off */
	int has_password;
	int64_t left, limit; /* requests of this minute */
};

/* The site with this id or domain; E_INVALID when there is none that the token may see. */
OPSHUB_AWAITS opshub_status site_get(opshub_call *call, const struct netlify *n, const char *site_id, struct site *ret);
/* Could a pull request of this repository and branch be built there? fail() has said why when not. */
opshub_status site_check(opshub_call *call, const struct netlify *n, const struct site *site,
			 const struct opshub_deploy_request *request);
OPSHUB_AWAITS opshub_status verify(opshub_call *call, void *instance, struct opshub_report *ret);

#endif

/* The Netlify provider, between its files.
 *
 *   main.c    settings, and the operations but create
 *   create.c  a build is asked for, in its turn and with its variables
 *   api.c     one request to Netlify's API, and what its refusals mean
 *   deploy.c  a deploy of Netlify's as the host wants to see it, and the mark by which ours are known
 *   env.c     variables of one branch
 *   logs.c    the output of a build
 *   verify.c  what is set up wrong, before anything is deployed
 *
 * Nothing is kept between operations but when builds were started: what was asked of Netlify is known to Netlify. */
#ifndef NETLIFY_NETLIFY_H
#define NETLIFY_NETLIFY_H

#include <opshub/provider.h>

#define BUILDS_MAX 60

/* The instance. */
struct netlify {
	const struct opshub_host *host;
	const char *token, *site_id, *api_base;
	int64_t builds_per_minute; /* 0 = as many as Netlify takes */
	struct pace {
		int64_t started_ms[BUILDS_MAX]; /* 0 = none; of each build of the last minute */
		int64_t refused_until_ms;       /* Netlify takes none before */
	} pace;
};

/* ---- api.c ---- */

/* What an answer said against it, for who has something left to do before that is told. */
struct refusal {
	const char *why;  /* NULL = no answer did */
	int64_t limit_ms; /* how long it takes no more of this; 0 = it did not say that */
};

struct question {
	const char *method;
	const char *path;    /* below the address of the API, with its query; no secret */
	const char *purpose; /* "start a build": what Netlify was asked to do, for messages */
	const char *body;    /* JSON, NULL = none */
	uint64_t body_size;
	uint32_t flags;              /* OPSHUB_HTTP_… */
	struct refusal *ret_refusal; /* may be NULL */
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

/* ---- create.c ---- */

OPSHUB_AWAITS opshub_status create(opshub_call *call, void *instance, const struct opshub_deploy_request *request,
				   struct opshub_deployment *ret);

/* ---- env.c ---- */

/* Where a branch's variables are kept. */
struct env_place {
	const char *account; /* slug or id */
	const char *site_id; /* Netlify's own, not a domain */
	const char *branch;
};

/* A branch's variables as they are at Netlify. */
struct variables {
	const struct netlify *n;
	const struct env_place *place;
	const opshub_json *all;
	const char *note;    /* names of ours with a blank before each; "" = none */
	const char *attempt; /* that has set them last; "" = there are none of ours */
	unsigned n_changes;  /* in this operation, which has an end to its requests */
	struct refusal refusal;
};

OPSHUB_AWAITS opshub_status env_load(opshub_call *call, const struct netlify *n, const struct env_place *place,
				     struct variables *ret);
/* Sets the request's variables, of which there are some, for its branch alone, and removes what an earlier attempt has
 * set there. Values that somebody else has set for this branch stay. */
OPSHUB_AWAITS opshub_status env_set(opshub_call *call, struct variables *v,
				    const struct opshub_deploy_request *request);
/* Did that end because one operation has no room for more? The next one goes on. */
int env_is_cut(const struct variables *v);
/* Takes away all of ours on the branch. */
OPSHUB_AWAITS opshub_status env_clear(opshub_call *call, struct variables *v);
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

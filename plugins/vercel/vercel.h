/* Inside vercel.so: the settings, one running operation, and the parts of the plugin.
 *
 *   vercel.c      settings and description      deployments.c   create, find, status, cancel, destroy, list
 *   api.c         one request, its failures     reading.c       a deployment in an answer
 *   quota.c       when to come back             variables.c     variables of a branch, ours and nobody else's
 *                                               logs.c, verify.c
 *
 * Owns nothing: settings are the host's, everything else comes from host->alloc(). */
#ifndef VERCEL_H
#define VERCEL_H

#include <opshub/provider.h>

/* One connection: the settings. */
struct vercel {
	const struct opshub_host *host;
	const char *token, *project, *team, *bypass, *base;
};

/* One operation that is running. */
struct ask {
	opshub_call *call;
	const struct vercel *v;
	const struct opshub_host *host;
	const char *goal;   /* what the requests are for, in failures: "deploy", "find the deployment" */
	int is_create;      /* answers about limits mean: wait for it, the deployment is still wanted */
	uint32_t status;    /* of the last answer; 0 = there was none */
	const char *why;    /* the last failure that an answer meant; "" = none */
	const char *code;   /* Vercel's word for it, "not_found"; "" = none */
	int64_t wait_ms;    /* what it said about when to come back; 0 = nothing */
	int64_t remaining;  /* what the last answer's rate-limit header said is left; -1 = nothing */
	int has_set;        /* variables may have been set since ask_begin() */
	unsigned n_removed; /* variables, since then */
};

struct ask ask_begin(opshub_call *call, const struct vercel *v, const char *goal);

/* ---- api.c ---- */

/* One request; path with its query, which may be empty. OK: *ret is the answer's JSON, NULL when it was empty.
 * Otherwise host->fail() has been called with a sentence about this answer. */
OPSHUB_AWAITS opshub_status ask_get(struct ask *a, const char *path, const opshub_json **ret);
/* POST with a body, which is never sent twice. */
OPSHUB_AWAITS opshub_status ask_post(struct ask *a, const char *path, opshub_json_out *body, const opshub_json **ret);
/* PATCH or DELETE without a body: doing it twice is doing it once. */
OPSHUB_AWAITS opshub_status ask_change(struct ask *a, const char *method, const char *path);

const char *text_of(const struct ask *a, const opshub_json *object, const char *key); /* "" = absent */
int64_t number_of(const struct ask *a, const opshub_json *object, const char *key);
const char *segment(const struct ask *a, const char *text); /* percent-encoded */

/* ---- quota.c ---- */

/* How long until the limit of this answer is lifted, from whatever it says about it; 0 = it says nothing. */
int64_t quota_wait_ms(const struct ask *a, const struct opshub_http_response *response, const opshub_json *error);
/* "in 3 h 20 min, about 14:05 UTC" */
const char *quota_words(const struct ask *a, int64_t wait_ms);
/* An HTTP date as milliseconds since 1970; 0 when it is none. */
int64_t http_date_ms(const char *text);

/* ---- reading.c ---- */

/* From any of the forms in which Vercel shows a deployment: lists call some fields by other names. What is missing
 * becomes "", also the id. */
void deployment_read(const struct ask *a, const opshub_json *from, struct opshub_deployment *ret);

/* ---- variables.c ---- */

/* Variables of ours at Vercel. */
struct owned {
	const char **ids;
	uint32_t n;
};

/* Make the request's variables those of its branch: what an earlier attempt has set there and this one has not is
 * removed. What somebody else has set there stays as it is. Whatever fails, no deployment has been asked for. */
OPSHUB_AWAITS opshub_status variables_set(struct ask *a, const struct opshub_deploy_request *request,
					  const char *branch);
/* What this attempt has set there, and no later one has set again. */
OPSHUB_AWAITS opshub_status variables_of(struct ask *a, const char *attempt_id, const char *branch, struct owned *ret);
OPSHUB_AWAITS opshub_status variables_remove(struct ask *a, const struct owned *owned);

/* ---- operations ---- */

OPSHUB_AWAITS opshub_status vercel_verify(opshub_call *call, void *instance, struct opshub_report *ret);
OPSHUB_AWAITS opshub_status vercel_create(opshub_call *call, void *instance,
					  const struct opshub_deploy_request *request, struct opshub_deployment *ret);
OPSHUB_AWAITS opshub_status vercel_find(opshub_call *call, void *instance, const char *attempt_id,
					struct opshub_deployment *ret);
OPSHUB_AWAITS opshub_status vercel_status(opshub_call *call, void *instance, const char *id,
					  struct opshub_deployment *ret);
OPSHUB_AWAITS opshub_status vercel_cancel(opshub_call *call, void *instance, const char *id);
OPSHUB_AWAITS opshub_status vercel_destroy(opshub_call *call, void *instance, const char *id);
OPSHUB_AWAITS opshub_status vercel_logs(opshub_call *call, void *instance, const char *id, const char *cursor,
					struct opshub_log_page *ret);
OPSHUB_AWAITS opshub_status vercel_list(opshub_call *call, void *instance, const char *cursor,
					struct opshub_deployment_page *ret);

#endif

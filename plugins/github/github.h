/* github: a pull request says where its preview is. For each event, by itself or not at all:
 *
 *   deployments.c   a GitHub Deployment for each commit, in an environment for each pull request
 *   status.c        a commit status with the reason
 *   comment.c       one comment, found again by a hidden marker and edited in place
 *   api.c           requests and what their refusals mean
 *   app.c           who we are: a token, or a GitHub App's
 *   verify.c        what the account may do
 *   main.c          settings, events to actions
 *
 * GitHub is the only memory: each step looks for what is there before it makes something, so an event that is sent
 * twice changes nothing the second time. */
#ifndef PLUGIN_GITHUB_H
#define PLUGIN_GITHUB_H

#include <opshub/notifier.h>

#define REPO_MAX  256
#define TOKEN_MAX 2048

struct github {
	const struct opshub_host *host;
	const char *token, *app_id, *private_key, *api;
	const char *comment; /* off, on, failures */
	int64_t deployments, statuses, delete_deployments, pause_ms;
	/* An App's token for one repository, until a minute before it expires. Copied before anything waits. */
	struct {
		char repo[REPO_MAX], token[TOKEN_MAX];
		int64_t until_ms;
	} installation;
	int64_t ahead_ms;     /* of our clock before GitHub's, by the last answer that had a date */
	unsigned n_secondary; /* limits in a row that did not say for how long */
};

/* One operation. */
struct work {
	opshub_call *call;
	struct github *github;
	const struct opshub_host *host;
	const struct opshub_event *event;
	int has_written;
};

struct request {
	const char *method; /* NULL = GET */
	const char *path;   /* of ask_repository() behind the repository's, of ask_as() behind the API's address */
	const char *doing;  /* "set the commit status": for the sentence when it is refused */
	const char *needs;  /* the permission: "Commit statuses: write" */
	const char *body;
	uint64_t body_size;
	int is_repeatable; /* sending it twice is harmless */
};

/* A request to the event's repository. Failed with a sentence on every answer but 2xx. 404 is
 * E_AUTH, since GitHub says so when a permission is missing; *ret_status (may be NULL) has what it was. */
OPSHUB_AWAITS opshub_status ask_repository(struct work *work, const struct request *request, const opshub_json **ret,
					   uint32_t *ret_status);
/* The same with given credentials, to any path. */
OPSHUB_AWAITS opshub_status ask_as(struct work *work, const char *token, const struct request *request,
				   struct opshub_http_response *ret_response, const opshub_json **ret);

/* The credentials for the event's repository; *ret_is_cached: it may have been revoked meanwhile. */
OPSHUB_AWAITS opshub_status token_of(struct work *work, const char **ret, int *ret_is_cached);
void token_forget(struct work *work);
/* As the App itself, by GitHub's clock when ours goes wrong. */
OPSHUB_AWAITS opshub_status ask_as_app(struct work *work, const struct request *request,
				       struct opshub_http_response *ret_response, const opshub_json **ret);
/* "this server's clock is 300 s ahead of GitHub's"; "" = it is right, or nobody knows. */
const char *clock_words(struct work *work);

OPSHUB_AWAITS opshub_status deployment_show(struct work *work, const char *state, const char *description);
OPSHUB_AWAITS opshub_status deployments_retire(struct work *work);
OPSHUB_AWAITS opshub_status status_show(struct work *work, const char *state, const char *description);
/* Edit that comment; E_NOT_FOUND when it is not there any more. */
OPSHUB_AWAITS opshub_status comment_edit(struct work *work, const char *id);
/* Edit ours, found by its marker, or make it when `may_make`. *ret_id is NULL when there is none. */
OPSHUB_AWAITS opshub_status comment_show(struct work *work, int may_make, const char **ret_id);
OPSHUB_AWAITS opshub_status github_verify(opshub_call *call, void *instance, struct opshub_report *ret);

/* A field's value, "" when the event has none of that name. */
const char *field_of(const struct opshub_event *event, const char *label);
/* At most 140 characters, which is what GitHub takes. */
const char *short_text(struct work *work, const char *text);

#endif

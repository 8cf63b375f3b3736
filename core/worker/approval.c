/* Approvals from GitHub. */
#include "worker/approval.h"

#include "base/id.h"
#include "base/json_read.h"
#include "store/approvals.h"
#include "store/deployments.h"

#define ANSWER_MAX    (256 * 1024)
#define TIMEOUT_MS    10000
#define HEAR_OF_MS    20000 /* its pull request's own event may come after it */
#define ASK_AGAIN_MS  5000
#define MOST_PATIENCE (10 * 60 * 1000) /* then GitHub counts as not to be asked */

/* What GitHub's answer means: *ret_why is why he is refused, NULL = he may. E_NETWORK: ask again later. */
static int read_answer(struct call *call, const struct approval_row *a, const struct net_response *response,
		       const char **ret_why)
{
	const char *why = "";
	const struct json *json;

	if (response->status == 401)
		return *ret_why = "GitHub does not take the server's GITHUB_TOKEN: the operator has to renew it", OK;
	if (response->status == 404)
		return *ret_why = "GitHub does not know him as a collaborator, or does not show the server's "
				  "GITHUB_TOKEN who is one",
		       OK;
	if (response->status == 403 && !response->retry_after_ms)
		return *ret_why = "the server's GITHUB_TOKEN may not see who may push to this repository", OK;
	json = response->status == 200 ? json_parse(call->arena, response->body, NULL, &why) : NULL;
	if (!json) {
		call->retry_after_ms = response->retry_after_ms;
		return call_fail(call, E_NETWORK, "GitHub answered %d to the question who may push", response->status);
	}
	if (permission_may_push(json_text(json_get(json, "permission"), STR(""))))
		*ret_why = NULL;
	else
		*ret_why =
			arena_printf(call->arena, "%.*s may not push to %.*s", STR_FMT(a->login), STR_FMT(a->repo)).p;
	return OK;
}

static int ask_github(struct call *call, struct approver *ap, const struct approval_row *a, const char **ret_why)
{
	const struct net_header headers[] = {
		{ STR("accept"), STR("application/vnd.github+json") },
		{ STR("x-github-api-version"), STR("2022-11-28") },
		{ STR("authorization"), arena_printf(call->arena, "Bearer %.*s", STR_FMT(ap->token)) },
	};
	struct str base = str_of(ap->api_base), url;
	struct net_response response;
	int r;

	while (base.n && base.p[base.n - 1] == '/')
		base.n--;
	url = arena_printf(call->arena, "%.*s/repos/%.*s/collaborators/%.*s/permission", STR_FMT(base),
			   STR_FMT(a->repo), STR_FMT(a->login));
	const struct net_request request = { .method = "GET",
					     .url = url.p,
					     .headers = headers,
					     .n_headers = sizeof(headers) / sizeof(headers[0]),
					     .max_body = ANSWER_MAX,
					     .timeout_ms = TIMEOUT_MS,
					     .allow_private = true };

	call_secret(call, ap->token);
	r = net_fetch(call, ap->net, &request, &response);
	return r == OK ? read_answer(call, a, &response, ret_why) : r;
}

/* May he? OK with *ret_why NULL or the reason; else ask again later. */
static int judge(struct call *call, struct approver *ap, const struct approval_row *a, const char **ret_why)
{
	int r;

	*ret_why = NULL;
	if (str_eq(a->way, STR("comment")) && !association_may_push(a->association))
		*ret_why = "only those who may push to the repository approve its forks";
	else if (ap->token.n == 0)
		*ret_why = "the server cannot ask GitHub who may push: its operator has to set GITHUB_TOKEN; a "
			   "MAINTAINER can approve it in the dashboard";
	if (*ret_why)
		return OK;
	r = ask_github(call, ap, a, ret_why);
	if (r == OK || r == E_CANCELLED || a->age_ms < MOST_PATIENCE)
		return r;
	*ret_why = "GitHub could not be asked who may push; ask again later";
	return OK;
}

static int grant(struct call *call, struct approver *ap, const struct approval_row *a, const struct approval_target *t)
{
	struct str by = arena_printf(call->arena, "%.*s (%.*s at GitHub)", STR_FMT(a->login), STR_FMT(a->way)), job;
	struct str who[] = { STR("system"), STR(""), by, STR(""), STR(""), STR("") };
	struct job_push push = { .queue = STR("preview-queue") };
	struct asking asking = { .user = arena_printf(call->arena, "github:%.*s", STR_FMT(a->login)),
				 .audit_who = A_TEXTS(who, 6),
				 .may_approve = true };
	struct db_rows rows;
	char id[ID_MAX];
	int r;

	id_new(id, "audit_");
	asking.audit_id = A_TEXT(id);
	r = deployment_wish(call, ap->db, t->preview, WISH_APPROVE, t->stands, &asking, &rows, &job);
	if (r != OK)
		return r;
	push.id = job;
	if (job.n)
		queue_push(ap->queue, &(struct push_list){ &push, 1 });
	log_info("Approval", "A fork was approved at GitHub", F_STR("deploymentId", t->preview),
		 F_STR("sha", t->stands), F_STR("by", a->login), F_STR("way", a->way));
	return approval_granted(call, ap->db, t->preview,
				arena_printf(call->arena, "Approved at %.12s by %.*s",
					     arena_text(call->arena, t->stands), STR_FMT(by)));
}

static int refuse(struct call *call, struct approver *ap, const struct approval_row *a, const struct approval_target *t,
		  const char *why)
{
	log_info("Approval", "An approval at GitHub was refused", F_STR("deploymentId", t->preview),
		 F_STR("by", a->login), F_STR("way", a->way), F_TEXT("reason", why));
	return approval_refuse(call, ap->db, t->preview,
			       arena_printf(call->arena, "it waits for approval; that of %.*s by %.*s was refused: %s",
					    STR_FMT(a->login), STR_FMT(a->way), why));
}

struct outcome approve(struct call *call, void *approver, const struct job *job)
{
	struct approver *ap = approver;
	struct approval_row a;
	const char *why = NULL;
	int r = approval_load(call, ap->db, job->key, &a);

	if (r == E_NOT_FOUND)
		return OUTCOME_DONE;
	if (r == OK && a.n_targets == 0 && a.age_ms < HEAR_OF_MS)
		return OUTCOME_LATER(1000);
	if (r == OK && a.n_targets)
		r = judge(call, ap, &a, &why);
	for (size_t i = 0; r == OK && i < a.n_targets; i++) {
		const struct approval_target *t = &a.targets[i];
		const char *not_this = why ? why : approval_commit_why(a.sha, t->stands, t->stood_ms);

		r = not_this ? refuse(call, ap, &a, t, not_this) : grant(call, ap, &a, t);
		if (r == E_CONFLICT) /* pushed, closed or decided meanwhile */
			r = refuse(call, ap, &a, t, arena_str(call->arena, str_of(call->why)).p);
	}
	if (r == OK)
		r = approval_done(call, ap->db, job->key);
	if (r == OK)
		return OUTCOME_DONE;
	log_warn("Approval", "An approval at GitHub could not be decided; it is tried again",
		 F_TEXT("error", call->why));
	return (struct outcome){ .delay_ms = call->retry_after_ms > ASK_AGAIN_MS ? call->retry_after_ms : ASK_AGAIN_MS,
				 .error = str_of(call->why) };
}

/* Approvals from GitHub. */
#include "worker/approval.h"

#include "base/id.h"
#include "store/approvals.h"
#include "store/deployments.h"

#define HEAR_OF_MS       20000 /* its pull request's own event may come after it */
#define ASK_AGAIN_MS     5000
#define MOST_PATIENCE    (10 * 60 * 1000)     /* then GitHub counts as not to be asked */
#define LIMITED_PATIENCE (3 * 60 * 60 * 1000) /* the same while its allowance is used up, which lasts an hour */

/* OK with *ret_why NULL: he may, or the reason why not; else call->why. */
static int ask_github(struct call *call, struct approver *ap, const struct approval_row *a, const char **ret_why)
{
	const struct github_request request = {
		.method = "GET",
		.path = arena_printf(call->arena, "/repos/%.*s/collaborators/%.*s/permission", STR_FMT(a->repo),
				     STR_FMT(a->login)),
	};
	struct github_session session;
	struct github_answer answer;
	int r = github_session_open(call, ap->github, a->repo, &session);

	if (r == OK)
		r = github_ask(call, &session, &request, &answer);
	if (r != OK)
		return r;
	if (answer.status == 404)
		*ret_why = "GitHub does not know him as a collaborator, or does not show the server who is one: give "
			   "its token, or its App, the repository";
	else if (answer.status != 200)
		return call_fail(call, E_UPSTREAM, "GitHub answered %d to the question who may push", answer.status);
	else if (!permission_may_push(json_text(json_get(answer.json, "permission"), STR(""))))
		*ret_why =
			arena_printf(call->arena, "%.*s may not push to %.*s", STR_FMT(a->login), STR_FMT(a->repo)).p;
	return OK;
}

/* It would not be otherwise in a while: somebody has to change something first. */
static bool is_final(int r)
{
	return r == E_AUTH || r == E_NOT_FOUND || r == E_CONFLICT || r == E_INVALID;
}

/* May he? OK with *ret_why NULL or the reason; else ask again later. */
static int judge(struct call *call, struct approver *ap, const struct approval_row *a, const char **ret_why)
{
	int r;

	*ret_why = NULL;
	if (str_eq(a->way, STR("comment")) && !association_may_push(a->association))
		*ret_why = "only those who may push to the repository approve its forks";
	else if (!github_is_configured(ap->github))
		*ret_why = "the server cannot ask GitHub who may push: its operator has to set GITHUB_TOKEN, or "
			   "GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY; a MAINTAINER can approve it in the dashboard";
	if (*ret_why)
		return OK;
	r = ask_github(call, ap, a, ret_why);
	if (is_final(r))
		*ret_why = arena_str(call->arena, str_of(call->why)).p;
	else if (r == OK || r == E_CANCELLED || a->age_ms < (r == E_LIMITED ? LIMITED_PATIENCE : MOST_PATIENCE))
		return r;
	else
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

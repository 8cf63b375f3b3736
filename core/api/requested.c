/* POST /projects/:id/deployments: a preview without a webhook. What GitHub says of the pull request at this moment goes
 * the way that its webhook would have gone, for this project alone, with the project's rules; and it counts as news, so
 * that one which somebody destroyed comes back. */
#include "api/ingest.h"
#include "api/input.h"
#include "base/id.h"
#include "crypto/digest.h"
#include "http/query.h"
#include "model/names.h"
#include "store/deployments.h"
#include "store/projects.h"

#define ANSWER_MAX (2 * 1024 * 1024)
#define RETRY_MS   5000

struct request {
	int64_t number; /* 0 = look for it by: */
	struct str branch, sha;
};

static int read_request(struct exchange *x, struct request *ret)
{
	const char *why;
	struct input in;
	int r = input_open(x, &in);

	if (r != OK)
		return r;
	input_int(&in, "prNumber", INPUT_NULLABLE, 1, INT32_MAX, &ret->number);
	if (input_text(&in, "branch", INPUT_NULLABLE, 1, 255, &ret->branch) && (why = branch_why(ret->branch)))
		input_fault(&in, "branch", why);
	input_text(&in, "sha", INPUT_NULLABLE, 7, 64, &ret->sha);
	for (size_t i = 0; i < ret->sha.n; i++) {
		if (!((ret->sha.p[i] >= '0' && ret->sha.p[i] <= '9') ||
		      (ret->sha.p[i] >= 'a' && ret->sha.p[i] <= 'f'))) {
			input_fault(&in, "sha", "must be a commit's id");
			break;
		}
	}
	if ((ret->number > 0) + (ret->branch.n > 0) + (ret->sha.n > 0) != 1)
		input_fault(&in, "prNumber", "is needed, or branch, or sha: exactly one of the three");
	return input_close(&in);
}

/* ---- GitHub ---- */

/* What a failure means for who asked: try again (503, with a time), or something has to be set up first (409). */
static int refusal(struct call *call, int r)
{
	switch (r) {
	case E_CANCELLED:
		return r;
	case E_AUTH:
	case E_NOT_FOUND:
	case E_CONFLICT:
	case E_INVALID:
		return call_fail(call, E_CONFLICT, "%s", arena_text(call->arena, str_of(call->why)));
	default:
		if (call->retry_after_ms == 0)
			call->retry_after_ms = RETRY_MS;
		return call_fail(call, E_NETWORK, "GitHub could not be asked for the pull request; try again: %s",
				 arena_text(call->arena, str_of(call->why)));
	}
}

/* What GitHub says about this repository. */
static int ask(struct exchange *x, struct github_session *session, struct str repo, struct str path,
	       struct github_answer *ret)
{
	const struct github_request request = {
		.method = "GET", .path = arena_printf(x->call->arena, "/repos/%.*s%.*s", STR_FMT(repo), STR_FMT(path))
	};
	struct github_answer answer;
	int r = github_ask(x->call, session, &request, &answer);

	if (r == OK && answer.status >= 400)
		return call_fail(x->call, E_CONFLICT,
				 "GitHub knows nothing of this in %.*s, or does not show it to the server's "
				 "GITHUB_TOKEN or GitHub App",
				 STR_FMT(repo));
	if (r == OK && !answer.json)
		r = call_fail(x->call, E_UPSTREAM, "GitHub's answer is empty");
	if (r != OK)
		return refusal(x->call, r);
	*ret = answer;
	return OK;
}

static struct str encoded(struct call *call, struct str text)
{
	struct str copy;
	struct buf buf;

	buf_init(&buf, 4096);
	percent_encode(text, &buf);
	copy = arena_str(call->arena, buf_str(&buf));
	buf_done(&buf);
	return copy;
}

/* The newest open pull request of a branch of this repository, or with this commit. */
static int find_number(struct exchange *x, struct github_session *session, struct str repo,
		       const struct request *request, int64_t *ret)
{
	struct arena *arena = x->call->arena;
	struct str owner = repo, name = str_split(&owner, '/'), path;
	struct github_answer answer;
	int r;

	if (request->sha.n)
		path = arena_printf(arena, "/commits/%.*s/pulls?per_page=100", STR_FMT(request->sha));
	else
		path = arena_printf(arena, "/pulls?state=open&per_page=100&head=%.*s%%3A%.*s", STR_FMT(name),
				    STR_FMT(encoded(x->call, request->branch)));
	r = ask(x, session, repo, path, &answer);
	if (r != OK)
		return r;
	for (const struct json *pr = answer.json->kind == JSON_ARRAY ? answer.json->child : NULL; pr; pr = pr->next) {
		if (!str_eq(json_text(json_get(pr, "state"), STR("")), STR("open")))
			continue;
		*ret = json_int(json_get(pr, "number"), 0);
		return OK;
	}
	return call_fail(x->call, E_CONFLICT, "no open pull request of %.*s has this %s: a preview belongs to one",
			 STR_FMT(repo), request->sha.n ? "commit" : "branch");
}

/* ---- the delivery ---- */

/* As a webhook would have told it, with an action of its own: it is news, see model/wishes.h. */
static int delivery_of(struct exchange *x, struct str repo, int64_t number, struct str pull, struct delivery **ret)
{
	struct arena *arena = x->call->arena;
	struct pull_request *pr = arena_alloc(arena, sizeof(*pr));
	struct delivery *d = arena_alloc(arena, sizeof(*d));
	char *repo_id = arena_text(arena, repo);
	const char *field = "", *why = "";
	const struct json_limits limits = { .max_text = ANSWER_MAX };
	const struct json *body;

	text_to_lower(repo_id, repo.n);
	d->id = id_text(arena, "hook_");
	d->only_project = x->params[0];
	d->org = caller_of(x)->standing.org;
	d->audit_id = audit_id(x).text;
	d->audit_who = audit_who(x).texts;
	d->event = STR("pull_request");
	d->action = STR("requested");
	d->repo = (struct str){ repo_id, repo.n };
	d->payload = arena_printf(arena,
				  "{\"action\":\"requested\",\"number\":%lld,\"repository\":{\"full_name\":\"%.*s\"},"
				  "\"pull_request\":%.*s}",
				  (long long)number, STR_FMT(repo), STR_FMT(pull));
	sha256(&d->id, 1, d->digest);
	body = json_parse(arena, d->payload, &limits, &why);
	if (!body || !pull_request_read(body, pr, &field, &why))
		return call_fail(x->call, E_NETWORK, "GitHub's answer is not a pull request: %s %s", field, why);
	d->pr = pr;
	*ret = d;
	return OK;
}

static int answer(struct exchange *x, const struct delivery *d)
{
	const struct deployments_page page = { .limit = 1, .pr_number = d->pr->number };
	struct db_rows rows;
	struct json_out out;
	int r = deployments_list(x->call, api_of(x)->db, x->params[0], &page, &rows);

	if (r != OK)
		return r;
	if (d->declined)
		return call_fail(x->call, E_CONFLICT, "the project's rules do not deploy it: %.*s", STR_FMT(d->reason));
	if (rows.n_rows == 0)
		return call_fail(x->call, E_CONFLICT, "it is not deployed: %.*s", STR_FMT(d->reason));
	out = http_answer_json(x, 202);
	db_row_json(&rows, 0, &out);
	return OK;
}

/* The pull request as GitHub has it now. */
static int read_pull(struct exchange *x, struct str repo, const struct request *request, int64_t *ret_number,
		     struct str *ret_text)
{
	struct github_session session;
	struct github_answer said;
	int64_t number = request->number;
	int r = github_session_open(x->call, &api_of(x)->rest, repo, &session);

	if (r != OK)
		return refusal(x->call, r);
	if (number == 0)
		r = find_number(x, &session, repo, request, &number);
	if (r == OK)
		r = ask(x, &session, repo, arena_printf(x->call->arena, "/pulls/%lld", (long long)number), &said);
	if (r != OK)
		return r;
	*ret_number = number;
	*ret_text = said.text;
	return OK;
}

int deployment_request(struct exchange *x)
{
	struct request request = { 0 };
	struct str repo, text = { 0 };
	struct delivery *d = NULL;
	struct db_rows rows;
	int64_t number = 0;
	int r = read_request(x, &request);

	if (r == OK)
		r = project_repo(x->call, api_of(x)->db, x->params[0], &rows);
	if (r != OK)
		return r;
	repo = db_text(&rows, 0, "repo");
	r = read_pull(x, repo, &request, &number, &text);
	if (r == OK)
		r = delivery_of(x, repo, number, text, &d);
	if (r == OK)
		r = ingest_delivery(x->call, api_of(x)->ingest, d);
	return r == OK ? answer(x, d) : r;
}

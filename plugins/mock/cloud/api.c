/* The provider's API: JSON over HTTP, as an ordinary hosting service would offer it.
 *
 *   POST   /v1/deployments              201   create; the body's attemptId is stored
 *   GET    /v1/deployments?attemptId=&project=&limit=&cursor=
 *   GET    /v1/deployments/ID           404 once it is gone
 *   POST   /v1/deployments/ID/cancel    DELETE /v1/deployments/ID
 *   GET    /v1/deployments/ID/logs?cursor=
 *   GET    /v1/account                  for verify
 *   GET    /v1/stats, POST /v1/faults   for tests; never disturbed by a fault themselves
 *
 * Owns nothing but the memory of one request. Easy to break: a fault answers before or after the deed, and which of the
 * two is what each of them is about. */
#include "cloud.h"

#include "base/clock.h"
#include "base/json_write.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_MAX   (4 * 1024 * 1024)
#define PAGE_MAX     100
#define LOG_LINES    12
#define LATE_MS      12000 /* longer than mock.so waits for create */
#define SLOW_MS      20000
#define BUILD_MAX_MS (24 * 60 * 60 * 1000)

static const char *const stage_words[] = { "QUEUED", "BUILDING", "READY", "FAILED", "CANCELLED", "GONE" };

struct job {
	struct cloud *cloud;
	const struct request *request;
	struct arena *arena;
	struct json_out out;
	struct answer *ret;
	int64_t now_ms;
};

static void error(struct job *job, int status, const char *code, const char *message)
{
	buf_clear(&job->ret->body);
	job->out = JSON_OUT(&job->ret->body);
	job->ret->status = status;
	json_open(&job->out, '{');
	json_put_text(&job->out, "code", str_of(code));
	json_put_text(&job->out, "message", str_of(message));
	json_close(&job->out, '}');
}

static void put_deployment(struct job *job, const struct deployment *d)
{
	enum stage stage = deployment_stage(d, job->now_ms);
	struct json_out *out = &job->out;
	struct buf alias;

	buf_init(&alias, 512);
	deployment_alias(d, &alias);
	json_open(out, '{');
	json_put_text(out, "id", str_of(d->id));
	json_put_text(out, "attemptId", d->attempt_id);
	json_put_text(out, "project", d->project);
	json_put_text(out, "projectId", d->project_id);
	json_put_text(out, "repo", d->repo);
	json_put_text(out, "branch", d->branch);
	json_put_text(out, "sha", d->sha);
	json_put_int(out, "prNumber", d->pr_number);
	json_put_text(out, "state", str_of(stage_words[stage]));
	json_put_text(out, "message", str_of(stage == STAGE_FAILED ? "The build command ended with exit code 1" : ""));
	json_put_int(out, "createdMs", d->created_ms);
	json_key(out, "env");
	json_add_raw(out, d->env.n ? d->env : STR("[]"));
	json_put_text(out, "url", arena_printf(job->arena, "%s/p/%s/", job->cloud->public_url, d->id));
	json_put_text(out, "alias",
		      arena_printf(job->arena, "%s/p/%.*s/", job->cloud->public_url, STR_FMT(buf_str(&alias))));
	json_close(out, '}');
	buf_done(&alias);
}

static void answer_deployment(struct job *job, int status, const struct deployment *d)
{
	job->ret->status = status;
	put_deployment(job, d);
}

/* ---- create ---- */

static struct str text_of(const struct json *body, const char *key)
{
	return json_text(json_get(body, key), STR(""));
}

static struct str env_of(struct job *job, const struct json *list)
{
	struct buf text;
	struct str keys;
	struct json_out out = JSON_OUT(&text);

	buf_init(&text, 256 * 1024);
	json_open(&out, '[');
	for (const struct json *key = list ? list->child : NULL; key; key = key->next)
		json_add_text(&out, json_text(key, STR("")));
	json_close(&out, ']');
	keys = text.overflow ? STR("[]") : arena_str(job->arena, buf_str(&text));
	buf_done(&text);
	return keys;
}

/* Faults that turn the request away. True when the answer is made. */
static bool refuse_create(struct job *job, struct str fault, unsigned tries)
{
	if (str_eq(fault, STR("create-500")) || (str_eq(fault, STR("create-500-once")) && tries == 1)) {
		error(job, 500, "internal_error", "Something went wrong on our side");
	} else if (str_eq(fault, STR("create-429")) && tries <= 2) {
		error(job, 429, "rate_limited", "Too many deployments at once");
		job->ret->retry_after_s = 1;
	} else if (str_eq(fault, STR("quota"))) {
		error(job, 402, "quota_exceeded", "The plan's deployments for this month are used up");
	} else if (str_eq(fault, STR("auth"))) {
		error(job, 401, "unauthorized", "The token is not valid");
	} else {
		return false;
	}
	return true;
}

/* Faults that lose the answer although the deployment was made. */
static void spoil_create(struct job *job, struct str fault, unsigned tries)
{
	if (str_eq(fault, STR("lost-answer")) && tries == 1) {
		job->ret->hangs_up = true;
	} else if (str_eq(fault, STR("garbage")) && tries == 1) {
		buf_clear(&job->ret->body);
		buf_add_str(&job->ret->body, STR("<html>{\"id\": 12, [[["));
	} else if (str_eq(fault, STR("late-accept")) && tries == 1) {
		job->ret->delay_ms = LATE_MS;
	}
}

static int64_t build_ms_of(const struct job *job, const struct json *body, struct str fault)
{
	int64_t ms = json_int(json_get(body, "buildMs"), job->cloud->build_ms);

	if (str_eq(fault, STR("hang")))
		return -1;
	if (str_eq(fault, STR("slow")) && ms < SLOW_MS)
		return SLOW_MS;
	return ms < 0 ? 0 : ms > BUILD_MAX_MS ? BUILD_MAX_MS : ms;
}

static void create(struct job *job)
{
	const char *why = "";
	const struct json *body = json_parse(job->arena, job->request->body, NULL, &why);
	struct deployment wanted, *made;
	struct str fault;
	unsigned tries;

	if (!body || text_of(body, "attemptId").n == 0 || text_of(body, "project").n == 0) {
		error(job, 400, "bad_request", body ? "attemptId and project are required" : why);
		return;
	}
	fault = fault_of(&job->cloud->faults, text_of(body, "fault"), text_of(body, "branch"));
	tries = store_count_create(job->cloud->store, text_of(body, "attemptId"));
	if (refuse_create(job, fault, tries))
		return;
	wanted = (struct deployment){
		.attempt_id = text_of(body, "attemptId"),
		.project = text_of(body, "project"),
		.project_id = text_of(body, "projectId"),
		.repo = text_of(body, "repo"),
		.branch = text_of(body, "branch"),
		.sha = text_of(body, "sha"),
		.title = text_of(body, "title"),
		.fault = fault,
		.env = env_of(job, json_get(body, "env")),
		.pr_number = json_int(json_get(body, "prNumber"), 0),
		.build_ms = build_ms_of(job, body, fault),
		.created_ms = job->now_ms + (str_eq(fault, STR("late-accept")) && tries == 1 ? LATE_MS : 0),
		.fails = str_eq(fault, STR("fail-build")) || str_eq(text_of(body, "outcome"), STR("failed")),
	};
	id_new(wanted.id, "dpl_");
	made = store_create(job->cloud->store, &wanted);
	if (!made) {
		error(job, 402, "quota_exceeded", "This mock keeps no more than 100,000 deployments");
		return;
	}
	job->ret->delay_ms += json_int(json_get(body, "latencyMs"), 0);
	answer_deployment(job, 201, made);
	spoil_create(job, fault, tries);
}

/* ---- reading ---- */

static bool is_listed(const struct job *job, const struct deployment *d, struct str attempt_id, struct str project)
{
	const struct faults *faults = &job->cloud->faults;
	bool is_delayed = strcmp(faults->find, "delayed") == 0;

	if (d->destroyed_ms || !deployment_is_visible(d, job->now_ms - (is_delayed ? faults->find_delay_ms : 0)))
		return false;
	if (strcmp(faults->find, "unfiltered") == 0)
		return true;
	return (attempt_id.n == 0 || str_eq(attempt_id, d->attempt_id)) &&
	       (project.n == 0 || str_eq(project, d->project));
}

static void list(struct job *job)
{
	struct str query = job->request->query;
	struct str attempt_id = query_value(job->arena, query, "attemptId");
	struct str project = query_value(job->arena, query, "project");
	int64_t limit = PAGE_MAX, at = 0, n = 0;

	str_to_int(query_value(job->arena, query, "limit"), 1, PAGE_MAX, &limit);
	str_to_int(query_value(job->arena, query, "cursor"), 0, DEPLOYMENTS_MAX, &at);
	json_open(&job->out, '{');
	json_key(&job->out, "deployments");
	json_open(&job->out, '[');
	for (; n < limit && (size_t)at < store_size(job->cloud->store); at++) {
		const struct deployment *d = store_at(job->cloud->store, (size_t)at);
		if (!is_listed(job, d, attempt_id, project))
			continue;
		put_deployment(job, d);
		n++;
	}
	json_close(&job->out, ']');
	if ((size_t)at < store_size(job->cloud->store))
		json_put_text(&job->out, "nextCursor", arena_printf(job->arena, "%lld", (long long)at));
	json_close(&job->out, '}');
}

/* What the build has said so far: each line at its share of the build's time. */
static void logs(struct job *job, const struct deployment *d)
{
	static const char *const steps[LOG_LINES] = {
		"Cloning the repository",
		"Checking out the commit",
		"Restoring the build cache",
		"Installing dependencies",
		"Added 214 packages",
		"Running the build",
		"Compiling",
		"Compiled 48 modules",
		"Collecting pages",
		"Optimizing pages",
		"Uploading",
		"Done",
	};
	int64_t span = d->build_ms < 0 ? 60000 : d->build_ms, from = 0, i;
	int64_t until = d->cancelled_ms ? d->cancelled_ms : job->now_ms;
	enum stage stage = deployment_stage(d, job->now_ms);

	str_to_int(query_value(job->arena, job->request->query, "cursor"), 0, LOG_LINES, &from);
	json_open(&job->out, '{');
	json_key(&job->out, "lines");
	json_open(&job->out, '[');
	for (i = from; i < LOG_LINES && d->created_ms + span * i / LOG_LINES <= until; i++) {
		bool is_end = d->fails && i == LOG_LINES - 1;
		json_open(&job->out, '{');
		json_put_int(&job->out, "at", d->created_ms + span * i / LOG_LINES);
		json_put_bool(&job->out, "isError", is_end);
		json_put_text(&job->out, "text",
			      i == 1 ? arena_printf(job->arena, "%s %.*s of %.*s", steps[i], STR_FMT(d->sha),
						    STR_FMT(d->branch))
				     : str_of(is_end ? "The build command ended with exit code 1" : steps[i]));
		json_close(&job->out, '}');
	}
	json_close(&job->out, ']');
	json_put_text(&job->out, "nextCursor", arena_printf(job->arena, "%lld", (long long)i));
	json_put_bool(&job->out, "isComplete", stage != STAGE_QUEUED && stage != STAGE_BUILDING);
	json_close(&job->out, '}');
}

/* ---- one deployment ---- */

static void destroy(struct job *job, struct deployment *d)
{
	if (str_eq(fault_of(&job->cloud->faults, d->fault, d->branch), STR("destroy-fails-twice")) &&
	    d->destroy_tries++ < 2) {
		error(job, 500, "internal_error", "Something went wrong on our side");
		return;
	}
	store_destroy(job->cloud->store, d);
	json_open(&job->out, '{');
	json_put_text(&job->out, "id", str_of(d->id));
	json_put_text(&job->out, "state", STR("GONE"));
	json_close(&job->out, '}');
}

static void one(struct job *job, struct str id, struct str verb)
{
	struct deployment *d = store_find(job->cloud->store, id);
	struct str method = job->request->method;
	bool is_get = str_eq(method, STR("GET"));

	if (!deployment_is_visible(d, job->now_ms) || d->destroyed_ms) {
		error(job, 404, "not_found", "There is no such deployment");
	} else if (is_get && verb.n == 0) {
		answer_deployment(job, 200, d);
	} else if (is_get && str_eq(verb, STR("logs"))) {
		logs(job, d);
	} else if (str_eq(method, STR("POST")) && str_eq(verb, STR("cancel"))) {
		if (deployment_stage(d, job->now_ms) <= STAGE_BUILDING)
			store_cancel(job->cloud->store, d);
		answer_deployment(job, 200, d);
	} else if (str_eq(method, STR("DELETE")) && verb.n == 0) {
		destroy(job, d);
	} else {
		error(job, 405, "method_not_allowed", "GET, DELETE, GET /logs or POST /cancel");
	}
}

/* ---- for tests ---- */

static void stats(struct job *job)
{
	size_t n = store_size(job->cloud->store);
	int64_t by_stage[STAGE_GONE + 1] = { 0 };

	for (size_t i = 0; i < n; i++)
		by_stage[deployment_stage(store_at(job->cloud->store, i), job->now_ms)]++;
	json_open(&job->out, '{');
	json_put_int(&job->out, "created", (int64_t)n);
	json_put_int(&job->out, "live", by_stage[STAGE_QUEUED] + by_stage[STAGE_BUILDING] + by_stage[STAGE_READY]);
	json_put_int(&job->out, "ready", by_stage[STAGE_READY]);
	json_put_int(&job->out, "failed", by_stage[STAGE_FAILED]);
	json_put_int(&job->out, "cancelled", by_stage[STAGE_CANCELLED]);
	json_put_int(&job->out, "destroyed", by_stage[STAGE_GONE]);
	store_stats(job->cloud->store, job->now_ms, &job->out);
	json_close(&job->out, '}');
}

static void copy_word(char *to, size_t size, struct str word)
{
	snprintf(to, size, "%.*s", STR_FMT(word));
}

static void set_faults(struct job *job)
{
	const char *why = "";
	const struct json *body = json_parse(job->arena, job->request->body, NULL, &why);
	struct str mode = text_of(body, "mode"), find = json_text(json_get(body, "find"), STR("strict"));
	struct faults *faults = &job->cloud->faults;

	if (!body || !fault_is_known(mode) ||
	    !(str_eq(find, STR("strict")) || str_eq(find, STR("delayed")) || str_eq(find, STR("unfiltered")))) {
		error(job, 400, "bad_request",
		      body ? "mode must be a known fault, find one of strict, delayed, unfiltered" : why);
		return;
	}
	copy_word(faults->mode, sizeof(faults->mode), str_eq(mode, STR("none")) ? STR("") : mode);
	copy_word(faults->find, sizeof(faults->find), find);
	faults->find_delay_ms = json_int(json_get(body, "findDelayMs"), 0);
	faults->latency_ms = json_int(json_get(body, "latencyMs"), 0);
	json_open(&job->out, '{');
	json_put_text(&job->out, "mode", str_of(faults->mode));
	json_put_text(&job->out, "find", str_of(faults->find));
	json_put_int(&job->out, "findDelayMs", faults->find_delay_ms);
	json_put_int(&job->out, "latencyMs", faults->latency_ms);
	json_close(&job->out, '}');
}

static void account(struct job *job)
{
	json_open(&job->out, '{');
	json_put_text(&job->out, "name", STR("mock"));
	json_put_int(&job->out, "deployments", (int64_t)store_size(job->cloud->store));
	json_put_int(&job->out, "limit", DEPLOYMENTS_MAX);
	json_close(&job->out, '}');
}

/* ---- the table ---- */

static bool is_allowed(const struct cloud *cloud, const struct request *request)
{
	struct str given = request->authorization;

	if (strcmp(cloud->faults.mode, "auth") == 0)
		return false;
	if (!cloud->token)
		return true;
	return str_starts(given, STR("Bearer ")) &&
	       str_eq((struct str){ given.p + 7, given.n - 7 }, str_of(cloud->token));
}

static void route(struct job *job)
{
	struct str rest = job->request->path, method = job->request->method, root, id;
	bool is_get = str_eq(method, STR("GET")), is_post = str_eq(method, STR("POST"));

	if (is_get && str_eq(rest, STR("/v1/stats"))) {
		stats(job);
		return;
	}
	if (is_post && str_eq(rest, STR("/v1/faults"))) {
		set_faults(job);
		return;
	}
	job->ret->delay_ms = job->cloud->faults.latency_ms;
	if (!is_allowed(job->cloud, job->request)) {
		error(job, 401, "unauthorized", "The token is not valid");
	} else if (is_get && str_eq(rest, STR("/v1/account"))) {
		account(job);
	} else if (str_eq(rest, STR("/v1/deployments"))) {
		if (is_post)
			create(job);
		else if (is_get)
			list(job);
		else
			error(job, 405, "method_not_allowed", "GET or POST");
	} else if (str_starts(rest, STR("/v1/deployments/"))) {
		root = STR("/v1/deployments/");
		rest = (struct str){ rest.p + root.n, rest.n - root.n };
		id = str_split(&rest, '/');
		one(job, id, rest);
	} else {
		error(job, 404, "not_found", "There is nothing at this address");
	}
}

void api_answer(struct cloud *cloud, const struct request *request, struct answer *ret)
{
	struct job job = {
		.cloud = cloud, .request = request, .arena = arena_new(), .ret = ret, .now_ms = clock_wall_ms()
	};

	buf_init(&ret->body, ANSWER_MAX);
	job.out = JSON_OUT(&ret->body);
	ret->status = 200;
	ret->type = "application/json";
	route(&job);
	arena_free(job.arena);
}

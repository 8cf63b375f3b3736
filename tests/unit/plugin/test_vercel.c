/* vercel.so over a scripted network: each test says which requests must come, in which order, and what is answered.
 * The daemon's way with it is tests/api/vercel.test.mjs. */
#include "plugin/plugin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define API       "https://api.vercel.com"
#define SHA       "0123456789abcdef0123456789abcdef01234567"
#define LIST      API "/v6/deployments?projectId=prj_1&limit=100"
#define ENV       API "/v10/projects/prj_1/env"
#define STEPS_MAX 64

static struct {
	struct catalog *catalog;
	struct loop *loop;
	struct plugins *plugins;
	int64_t version;
} t;

/* ---- the script ---- */

struct step {
	const char *method, *url; /* the url's beginning */
	int status;
	const char *body;
	char sent[4096]; /* what the request held */
	char bypass[64]; /* its header */
};

static struct step script[STEPS_MAX];
static struct step *always; /* the answer to whatever comes; NULL = the script's */
static unsigned n_script, at_script;

static struct step *plan(const char *method, const char *url, int status, const char *body)
{
	assert_true(n_script < STEPS_MAX);
	script[n_script] = (struct step){ method, url, status, body, "", "" };
	return &script[n_script++];
}

static int fetch(struct call *call, void *arg, const struct net_request *request, struct net_response *ret)
{
	static const struct net_header headers[] = { { STR("location"), STR("https://vercel.com/sso-api?url=x") } };
	struct step *step = always ? always : &script[at_script++];

	(void)arg;
	if (always) {
		*ret = (struct net_response){ .status = step->status, .body = str_of(step->body) };
		return OK;
	}
	if (at_script > n_script)
		fail_msg("nobody expected %s %s", request->method, request->url);
	if (strcmp(request->method, step->method) != 0 || strncmp(request->url, step->url, strlen(step->url)) != 0)
		fail_msg("%s %s came instead of %s %s", request->method, request->url, step->method, step->url);
	snprintf(step->sent, sizeof(step->sent), "%.*s", (int)request->body.n, request->body.p ? request->body.p : "");
	for (size_t i = 0; i < request->n_headers; i++)
		if (str_eq(request->headers[i].name, STR("x-vercel-protection-bypass")))
			snprintf(step->bypass, sizeof(step->bypass), "%.*s", STR_FMT(request->headers[i].value));
	if (step->status < 0)
		return call_fail(call, step->status, "scripted failure");
	*ret = (struct net_response){
		.status = step->status, .body = str_of(step->body), .headers = headers, .n_headers = 1
	};
	return OK;
}

static void begin(void)
{
	n_script = at_script = 0;
}

static void expect_all_came(void)
{
	if (at_script != n_script)
		fail_msg("%s %s never came", script[at_script].method, script[at_script].url);
}

/* ---- running ---- */

typedef void body_fn(struct call *call, struct instance *vercel);

static const char *given_bypass = "";

static void on_fiber(struct call *call, void *arg)
{
	const struct setting_value values[] = { { STR("token"), STR("vcp_secretOfTheTest") },
						{ STR("projectId"), STR("prj_1") },
						{ STR("apiBase"), STR("https://elsewhere.example") },
						{ STR("protectionBypass"), str_of(given_bypass) } };
	const char *why = "";
	const struct instance_spec spec = { .plugin = catalog_provider(t.catalog, STR("vercel"), &why),
					    .scope = STR("proj_1"),
					    .version = ++t.version,
					    .values = values,
					    .n_values = 4 };
	struct instance *vercel = NULL;

	if (!spec.plugin || plugins_instance(call, t.plugins, &spec, &vercel) < 0)
		fail_msg("%s %s", why, call->why);
	begin();
	(*(body_fn **)arg)(call, vercel);
	instance_release(vercel);
}

static void on_done(struct call *call, void *arg)
{
	(void)arg;
	loop_stop(call->loop);
}

static void run(body_fn *body)
{
	const struct fiber_options options = { .name = "test", .timeout_ms = 30000, .on_done = on_done };

	assert_int_equal(fiber_start(t.loop, &options, on_fiber, &body, NULL), OK);
	loop_run(t.loop);
	assert_int_equal(plugins_faults(t.plugins), 0);
}

static int setup(void **state)
{
	(void)state;
	unsetenv("VERCEL_API_BASE");
	t.catalog = catalog_open(&(struct catalog_options){ .folder = OPSHUB_BUILD_DIR "/plugins", .probe_ms = -1 });
	t.loop = loop_new(0);
	t.plugins = plugins_open_with(t.loop, fetch, NULL);
	plugins_set_strict(t.plugins);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	plugins_close(t.plugins);
	loop_free(t.loop);
	catalog_close(t.catalog);
	return 0;
}

static struct opshub_deploy_request request_for(uint32_t n_env)
{
	static const struct opshub_env env[] = { { "API_KEY", "hunter2hunter2", 1, 0 },
						 { "MODE", "preview", 0, 0 },
						 { "THEIRS", "x", 0, 0 } };

	return (struct opshub_deploy_request){
		.struct_size = sizeof(struct opshub_deploy_request),
		.attempt_id = "att_2",
		.project_id = "proj_1",
		.project_name = "shop",
		.repo_full_name = "acme/shop",
		.pr_number = 7,
		.branch = "feature",
		.sha = SHA,
		.title = "x",
		.env = env,
		.n_env = n_env,
		.env_size = sizeof(env[0]),
	};
}

static const char made[] = "{\"id\":\"dpl_1\",\"readyState\":\"QUEUED\",\"url\":\"shop-1.vercel.app\",\"inspectorUrl\":"
			   "\"https://vercel.com/acme/shop/1\",\"meta\":{\"opshubAttempt\":\"att_2\"}}";
static const char variables[] =
	"{\"envs\":["
	"{\"id\":\"v1\",\"key\":\"API_KEY\",\"gitBranch\":\"feature\",\"comment\":\"OpsHub att_1\"},"
	"{\"id\":\"v2\",\"key\":\"THEIRS\",\"gitBranch\":\"feature\",\"comment\":\"set by hand\"},"
	"{\"id\":\"v3\",\"key\":\"THEIRS\",\"gitBranch\":\"feature\"},"
	"{\"id\":\"v4\",\"key\":\"MODE\",\"gitBranch\":\"other\",\"comment\":\"set by hand\"},"
	"{\"id\":\"v5\",\"key\":\"MODE\",\"gitBranch\":\"feature\",\"comment\":\"OpsHub att_2\"},"
	"{\"id\":\"v6\",\"key\":\"MODE\",\"gitBranch\":null,\"comment\":\"OpsHub att_2\"}]}";

/* ---- variables ---- */

static void sets_ours(struct call *call, struct instance *vercel)
{
	struct opshub_deploy_request request = request_for(3);
	struct deployment d;
	struct step *set, *create;

	plan("GET", ENV "?gitBranch=feature", 200, variables);
	set = plan("POST", ENV "?upsert=true", 201, "{\"created\":[],\"failed\":[]}");
	create = plan("POST", API "/v13/deployments?forceNew=1&skipAutoDetectionConfirmation=1", 200, made);
	if (provider_create(call, vercel, &request, &d) != OK)
		fail_msg("%s", call->why);
	expect_all_came();
	assert_string_equal(
		set->sent,
		"[{\"key\":\"API_KEY\",\"value\":\"hunter2hunter2\",\"type\":\"sensitive\",\"target\":[\"preview\"],"
		"\"gitBranch\":\"feature\",\"comment\":\"OpsHub att_2\"},"
		"{\"key\":\"MODE\",\"value\":\"preview\",\"type\":\"encrypted\",\"target\":[\"preview\"],"
		"\"gitBranch\":\"feature\",\"comment\":\"OpsHub att_2\"}]");
	assert_string_equal(create->sent,
			    "{\"name\":\"prj_1\",\"project\":\"prj_1\",\"gitSource\":{\"type\":\"github\",\"org\":"
			    "\"acme\",\"repo\":"
			    "\"shop\",\"ref\":\"feature\",\"sha\":\"" SHA "\"},\"meta\":{\"opshubAttempt\":\"att_2\","
			    "\"opshubProject\":\"proj_1\",\"opshubPr\":\"7\",\"opshubBranch\":\"feature\","
			    "\"opshubVariables\":\"3\"}}");
	assert_true(str_eq(d.id, STR("dpl_1")));
	assert_true(str_eq(d.url, STR("https://shop-1.vercel.app")));
	assert_true(str_eq(d.inspector_url, STR("https://vercel.com/acme/shop/1")));
}

static void takes_ours_back(struct call *call, struct instance *vercel)
{
	struct opshub_deploy_request request = request_for(2);
	struct deployment d;

	plan("GET", ENV, 200, variables);
	plan("POST", ENV, 201, "{\"created\":[],\"failed\":[]}");
	plan("POST", API "/v13/deployments", 400, "{\"error\":{\"code\":\"bad_request\",\"message\":\"No such ref\"}}");
	plan("GET", ENV, 200, variables);
	plan("DELETE", API "/v9/projects/prj_1/env/v5", 200, "{}");
	assert_int_equal(provider_create(call, vercel, &request, &d), E_INVALID);
	expect_all_came();
	assert_non_null(strstr(call->why, "No such ref"));
}

static void deploys_nothing_without(struct call *call, struct instance *vercel)
{
	struct opshub_deploy_request request = request_for(2);
	struct deployment d;

	/* the deployment was not asked for, so it may be begun again at once */
	plan("GET", ENV, 500, "");
	assert_int_equal(provider_create(call, vercel, &request, &d), E_NETWORK);
	expect_all_came();
	assert_non_null(strstr(call->why, "answered 500"));

	begin();
	plan("GET", ENV, 200, "[]");
	plan("POST", ENV, 201,
	     "{\"created\":[],\"failed\":[{\"error\":{\"code\":\"git_branch_not_found\",\"message\":\"no such branch, "
	     "value "
	     "hunter2hunter2\",\"envVarKey\":\"API_KEY\"}}]}");
	plan("GET", ENV, 200, "[]");
	assert_int_equal(provider_create(call, vercel, &request, &d), E_INVALID);
	expect_all_came();
	assert_non_null(strstr(call->why, "API_KEY"));
	assert_non_null(strstr(call->why, "git_branch_not_found"));
	assert_null(strstr(call->why, "hunter2hunter2"));
}

static void destroys_with_variables(struct call *call, struct instance *vercel)
{
	static const char shown[] = "{\"id\":\"dpl_1\",\"readyState\":\"READY\",\"meta\":{\"opshubAttempt\":\"att_2\","
				    "\"opshubBranch\":\"feature\",\"opshubVariables\":\"3\"}}";

	plan("GET", API "/v13/deployments/dpl_1", 200, shown);
	plan("GET", ENV "?gitBranch=feature", 200, variables);
	plan("DELETE", API "/v9/projects/prj_1/env/v5", 404, "{\"error\":{\"code\":\"not_found\"}}");
	plan("DELETE", API "/v13/deployments/dpl_1", 200, "{\"uid\":\"dpl_1\",\"state\":\"DELETED\"}");
	assert_int_equal(provider_destroy(call, vercel, "dpl_1"), OK);
	expect_all_came();

	begin(); /* the variables first: what fails there comes again */
	plan("GET", API "/v13/deployments/dpl_1", 200, shown);
	plan("GET", ENV, 200, variables);
	plan("DELETE", API "/v9/projects/prj_1/env/v5", 403, "");
	assert_int_equal(provider_destroy(call, vercel, "dpl_1"), E_AUTH);
	expect_all_came();

	begin();
	plan("GET", API "/v13/deployments/dpl_1", 404, "");
	assert_int_equal(provider_destroy(call, vercel, "dpl_1"), OK);
	expect_all_came();

	begin();
	plan("PATCH", API "/v12/deployments/dpl_1/cancel", 400, "{\"error\":{\"code\":\"bad_request\"}}");
	assert_int_equal(provider_cancel(call, vercel, "dpl_1"), OK);
	expect_all_came();
}

/* ---- source ---- */

static void deploys_forks(struct call *call, struct instance *vercel)
{
	struct opshub_deploy_request request = request_for(0);
	struct deployment d;
	struct step *create = plan("POST", API "/v13/deployments", 200, made);

	request.is_fork = 1;
	request.repo_id = 42;
	assert_int_equal(provider_create(call, vercel, &request, &d), OK);
	expect_all_came();
	assert_non_null(strstr(create->sent,
			       "{\"type\":\"github\",\"repoId\":42,\"ref\":\"refs/pull/7/head\",\"sha\":\"" SHA "\"}"));
}

/* ---- states ---- */

static const struct {
	const char *json;
	enum deployment_state state;
	enum deployment_reason reason;
	const char *message;
} states[] = {
	{ "\"readyState\":\"QUEUED\"", DEPLOYMENT_QUEUED, REASON_NONE, "" },
	{ "\"readyState\":\"INITIALIZING\"", DEPLOYMENT_BUILDING, REASON_NONE, "" },
	{ "\"readyState\":\"ANALYZING\"", DEPLOYMENT_BUILDING, REASON_NONE, "" },
	{ "\"readyState\":\"SOMETHING_NEW\"", DEPLOYMENT_UNKNOWN, REASON_NONE, "" },
	{ "\"readyState\":7", DEPLOYMENT_UNKNOWN, REASON_NONE, "" },
	{ "\"readyState\":\"READY\"", DEPLOYMENT_BUILDING, REASON_NONE, "" },
	{ "\"readyState\":\"READY\",\"aliasAssigned\":false", DEPLOYMENT_BUILDING, REASON_NONE, "" },
	{ "\"readyState\":\"READY\",\"aliasAssigned\":true", DEPLOYMENT_READY, REASON_NONE, "" },
	{ "\"readyState\":\"READY\",\"aliasAssigned\":1700000000000", DEPLOYMENT_READY, REASON_NONE, "" },
	{ "\"readyState\":\"READY\",\"aliasAssigned\":true,\"aliasError\":null", DEPLOYMENT_READY, REASON_NONE, "" },
	{ "\"readyState\":\"READY\",\"aliasError\":{\"code\":\"domain_taken\",\"message\":\"m\"}", DEPLOYMENT_FAILED,
	  REASON_CONFIG, "domain_taken" },
	{ "\"readyState\":\"ERROR\",\"errorCode\":\"BUILD_FAILED\",\"errorMessage\":\"exit 1\"", DEPLOYMENT_FAILED,
	  REASON_BUILD, "BUILD_FAILED: exit 1" },
	{ "\"readyState\":\"ERROR\"", DEPLOYMENT_FAILED, REASON_BUILD, "did not say why" },
	{ "\"readyState\":\"ERROR\",\"errorCode\":\"internal_server_error\"", DEPLOYMENT_FAILED, REASON_PROVIDER, "" },
	{ "\"readyState\":\"ERROR\",\"errorCode\":\"build_limit_reached\"", DEPLOYMENT_FAILED, REASON_QUOTA, "" },
	{ "\"readyState\":\"UPLOAD_ERROR\"", DEPLOYMENT_FAILED, REASON_BUILD, "" },
	{ "\"readyState\":\"BLOCKED\"", DEPLOYMENT_FAILED, REASON_CONFIG, "until a person" },
	{ "\"readyState\":\"CANCELED\"", DEPLOYMENT_CANCELLED, REASON_NONE, "" },
	{ "\"readyState\":\"READY\",\"aliasAssigned\":true,\"deletedAt\":1700000000000", DEPLOYMENT_GONE, REASON_NONE,
	  "" },
};

static void reads_states(struct call *call, struct instance *vercel)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct deployment d = { 0 };

		begin();
		plan("GET", API "/v13/deployments/dpl_1", 200,
		     arena_printf(call->arena,
				  "{\"id\":\"dpl_1\",\"url\":\"shop-1.vercel.app\",\"alias\":[\"shop-1.vercel.app\","
				  "\"shop-git-feature-acme.vercel.app\"],%s}",
				  states[i].json)
			     .p);
		assert_int_equal(provider_status(call, vercel, "dpl_1", &d), OK);
		if (d.state != states[i].state || d.reason != states[i].reason ||
		    !strstr(arena_text(call->arena, d.message), states[i].message))
			fail_msg("%s became %d, %d, %.*s", states[i].json, (int)d.state, (int)d.reason,
				 STR_FMT(d.message));
		assert_true(str_eq(d.stable_url, STR("https://shop-git-feature-acme.vercel.app")));
		assert_int_equal(d.n_probe_headers, *given_bypass ? 1 : 0);
	}
	if (*given_bypass)
		return;
	begin();
	plan("GET", API "/v13/deployments/dpl_1", 200, "{\"id\":\"dpl_2\",\"readyState\":\"READY\"}");
	assert_int_equal(provider_status(call, vercel, "dpl_1", &(struct deployment){ 0 }), E_UPSTREAM);
	begin();
	plan("GET", API "/v13/deployments/dpl_1", 200, "[\"nonsense\"]");
	assert_int_equal(provider_status(call, vercel, "dpl_1", &(struct deployment){ 0 }), E_UPSTREAM);
	begin();
	plan("GET", API "/v13/deployments/..%2Fuser", 410, "");
	assert_int_equal(provider_status(call, vercel, "../user", &(struct deployment){ 0 }), E_NOT_FOUND);
}

/* ---- lists ---- */

#define ENTRY(id, state, meta)                                                                                         \
	"{\"uid\":\"" id "\",\"state\":\"" state "\",\"url\":\"u.vercel.app\",\"meta\":{" meta "}}"

#define LISTED(entries, next) "{\"deployments\":[" entries "],\"pagination\":{\"next\":" next "}}"

/* The filter is ignored, and what was deleted is listed: every entry is looked at, on every page. */
static const char first_page[] = LISTED(
	ENTRY("dpl_9", "READY", "\"opshubAttempt\":\"att_9\"") "," ENTRY(
		"dpl_8", "DELETED", "\"opshubAttempt\":\"att_2\"") "," ENTRY("dpl_7", "READY", ""),
	"1700");
static const char second_page[] = LISTED(ENTRY("dpl_2", "BUILDING", "\"opshubAttempt\":\"att_2\""), "1600");
static const char no_page[] = LISTED("", "null");

static void finds(struct call *call, struct instance *vercel)
{
	struct deployment d;

	plan("GET", LIST "&meta-opshubAttempt=att_2", 200, first_page);
	plan("GET", LIST "&meta-opshubAttempt=att_2&until=1700", 200, second_page);
	assert_int_equal(provider_find(call, vercel, "att_2", &d), OK);
	expect_all_came();
	assert_true(str_eq(d.id, STR("dpl_2")));
	assert_int_equal(d.state, DEPLOYMENT_BUILDING);

	begin();
	plan("GET", LIST, 200, no_page);
	assert_int_equal(provider_find(call, vercel, "att_2", &d), E_NOT_FOUND);
	begin(); /* no list is not an empty list: a deployment must not be sent again for it */
	plan("GET", LIST, 200, "{}");
	assert_int_equal(provider_find(call, vercel, "att_2", &d), E_UPSTREAM);
}

static void lists(struct call *call, struct instance *vercel)
{
	struct deployment_list list;

	plan("GET", LIST, 200, first_page);
	assert_int_equal(provider_list(call, vercel, "", &list), OK);
	assert_int_equal(list.n_items, 1);
	assert_true(str_eq(list.items[0].attempt_id, STR("att_9")));
	assert_true(str_eq(list.next_cursor, STR("1700")));
	begin();
	plan("GET", LIST "&until=1700", 200, no_page);
	assert_int_equal(provider_list(call, vercel, "1700", &list), OK);
	assert_true(list.n_items == 0 && list.next_cursor.n == 0);
	begin();
	assert_int_equal(provider_list(call, vercel, "1&x=y", &list), E_INVALID);
}

/* ---- output ---- */

#define EVENT(at, id, type, text)                                                                                      \
	"{\"created\":" at ",\"type\":\"" type "\",\"payload\":{\"id\":\"" id "\",\"text\":\"" text "\"}}"

static void reads_logs(struct call *call, struct instance *vercel)
{
	struct build_log log;

	plan("GET", API "/v3/deployments/dpl_1/events?builds=1&direction=forward&limit=1000&since=0", 200,
	     "[" EVENT("1000", "a", "command", "npm ci") "," EVENT("1001", "b", "stdout", "added 7\\n") "," EVENT(
		     "1001", "c", "delimiter", "") "," EVENT("1001", "d", "stderr", "warn") "]");
	assert_int_equal(provider_logs(call, vercel, "dpl_1", "", &log), OK);
	assert_int_equal(log.n_lines, 3);
	assert_true(str_eq(log.lines[1].text, STR("added 7")));
	assert_true(log.lines[2].is_error && !log.lines[0].is_error && !log.is_complete);
	assert_int_equal(log.lines[1].at_ms, 1001);

	/* since is a millisecond, which several events share */
	begin();
	plan("GET", API "/v3/deployments/dpl_1/events?builds=1&direction=forward&limit=1000&since=1001", 200,
	     "[" EVENT("1001", "b", "stdout", "added 7") "," EVENT("1001", "d", "stderr", "warn") "," EVENT(
		     "1001", "e", "stdout",
		     "more") ","
			     "{\"created\":1002,\"type\":\"fatal\",\"id\":\"f\",\"text\":\"flat\"},"
			     "{\"created\":1003,\"type\":\"deployment-state\",\"id\":\"g\",\"info\":{\"readyState\":"
			     "\"ERROR\"}}]");
	assert_int_equal(provider_logs(call, vercel, "dpl_1", log.next_cursor.p, &log), OK);
	assert_int_equal(log.n_lines, 2);
	assert_true(str_eq(log.lines[0].text, STR("more")));
	assert_true(str_eq(log.lines[1].text, STR("flat")) && log.lines[1].is_error && log.is_complete);
	begin();
	plan("GET", API "/v3/deployments/dpl_1/events", 200, "[]");
	assert_int_equal(provider_logs(call, vercel, "dpl_1", log.next_cursor.p, &log), OK);
	assert_true(log.n_lines == 0 && str_eq(log.next_cursor, STR("1003:g")));
}

/* ---- verify ---- */

static const struct report_line *line_of(const struct report *report, const char *label)
{
	for (size_t i = 0; i < report->n_lines; i++)
		if (str_eq(report->lines[i].label, str_of(label)))
			return &report->lines[i];
	fail_msg("no line %s", label);
	return NULL;
}

static void looks_at_previews(struct call *call, struct instance *vercel)
{
	static const struct {
		int status;
		uint32_t state;
		const char *text;
	} rows[] = { { 200, OPSHUB_REPORT_OK, "answers 200" },    { 401, OPSHUB_REPORT_WARN, "is protected" },
		     { 302, OPSHUB_REPORT_WARN, "is protected" }, { 404, OPSHUB_REPORT_OK, "answers 404" },
		     { 502, OPSHUB_REPORT_WARN, "answers 502" },  { E_INVALID, OPSHUB_REPORT_WARN, "not be reached" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int n = rows[i].status == 502 ? 3 : 1; /* the host repeats what may pass */
		struct report report;
		struct step *probe = NULL;

		begin();
		plan("GET", API "/v2/user", 200, "{\"user\":{\"username\":\"octocat\"}}");
		plan("GET", API "/v9/projects/prj_1", 200,
		     "{\"name\":\"shop\",\"protectionBypass\":{\"bypass-secret\":{}},\"gitProviderOptions\":{"
		     "\"createDeployments\":\"disabled\"},\"link\":{\"type\":\"github\",\"org\":\"acme\",\"repo\":"
		     "\"shop\"}}");
		plan("GET", LIST "&since=", 200, "{\"deployments\":[" ENTRY("dpl_1", "READY", "") "]}");
		while (n-- > 0)
			probe = plan("HEAD", "https://u.vercel.app/", rows[i].status, "");
		assert_int_equal(provider_verify(call, vercel, &report), OK);
		expect_all_came();
		assert_string_equal(probe->bypass, given_bypass);
		assert_int_equal(line_of(&report, "Newest preview")->state, rows[i].state);
		assert_non_null(strstr(line_of(&report, "Newest preview")->text.p, rows[i].text));
		assert_int_equal(line_of(&report, "Repository")->state, OPSHUB_REPORT_OK);
		assert_int_equal(line_of(&report, "Deployments")->state, OPSHUB_REPORT_OK);
		assert_true(str_eq(report.account, STR("octocat")));
	}
}

static void refuses_settings(struct call *call, struct instance *vercel)
{
	static const struct setting_value rows[][3] = {
		{ { STR("token"), STR("t") }, { STR("projectId"), STR("../user") }, { STR("teamId"), STR("") } },
		{ { STR("token"), STR("t") }, { STR("projectId"), STR("prj_1") }, { STR("teamId"), STR("a/b?c=d") } },
	};

	for (size_t i = 0; i < 2; i++) {
		const struct instance_spec spec = { .plugin = instance_plugin(vercel),
						    .scope = STR("proj_2"),
						    .version = ++t.version,
						    .values = rows[i],
						    .n_values = 3 };
		struct instance *other = NULL;

		assert_int_equal(plugins_instance(call, t.plugins, &spec, &other), E_INVALID);
		assert_non_null(strstr(call->why, i == 0 ? "projectId" : "teamId"));
	}
}

/* ---- nonsense ---- */

static void ask_everything(struct call *call, struct instance *vercel, const struct step *step)
{
	struct opshub_deploy_request request = request_for(2);
	struct deployment_list list;
	struct deployment d;
	struct report report;
	struct build_log log;
	const int codes[] = {
		provider_create(call, vercel, &request, &d), provider_find(call, vercel, "att_2", &d),
		provider_status(call, vercel, "dpl_1", &d),  provider_cancel(call, vercel, "dpl_1"),
		provider_destroy(call, vercel, "dpl_1"),     provider_logs(call, vercel, "dpl_1", "", &log),
		provider_list(call, vercel, "", &list),      provider_verify(call, vercel, &report)
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i] == E_INTERNAL || plugins_faults(t.plugins))
			fail_msg("operation %zu took %d %s for %d: %s", i, step->status, step->body, codes[i],
				 call->why);
	/* none of these is a list: nothing may be taken for gone, or be sent a second time */
	if (step->status == 200 && codes[1] != E_UPSTREAM && !strstr(step->body, "deployments"))
		fail_msg("find took %s for %d", step->body, codes[1]);
}

static void stands_nonsense(struct call *call, struct instance *vercel)
{
	static const int answers[] = { 200, 201, 204, 301, 400, 402, 418, 429, 451, 500, 599 };
	static const char *const bodies[] = {
		"",
		"null",
		"7",
		"[]",
		"{}",
		"\"x\"",
		"{",
		"<html>",
		"\xff\xfe",
		"[null,7,\"x\",[],{\"type\":7,\"created\":\"x\",\"payload\":[]}]",
		"{\"deployments\":[null,7,\"x\",[],{\"meta\":7,\"uid\":[]}],\"pagination\":{\"next\":-1}}",
		"{\"deployments\":{\"a\":1},\"pagination\":[]}",
		"{\"deployments\":[],\"pagination\":{\"next\":1}}",
		"{\"id\":\"dpl_1\",\"readyState\":[],\"alias\":\"x\",\"meta\":[],\"aliasError\":7,\"url\":7}",
		"{\"id\":\"dpl_1\",\"readyState\":\"READY\",\"aliasAssigned\":true,\"alias\":[7],\"url\":\"a b<\"}",
		"{\"id\":\"dpl_1\",\"readyState\":\"ERROR\",\"errorCode\":7,\"errorMessage\":{}}",
		"{\"envs\":7}",
		"{\"envs\":[null,{\"comment\":7,\"gitBranch\":\"feature\"}],\"failed\":[null]}",
		"{\"error\":7}",
		"{\"error\":{\"code\":[],\"message\":7,\"link\":{},\"limit\":{\"reset\":1e300}}}",
		"{\"error\":{\"code\":\"\",\"message\":\"\",\"link\":\"javascript:x\",\"limit\":{\"reset\":-5}}}",
		"{\"user\":7,\"name\":7,\"link\":{\"type\":7},\"protectionBypass\":7}",
	};

	for (size_t s = 0; s < sizeof(answers) / sizeof(answers[0]); s++) {
		for (size_t b = 0; b < sizeof(bodies) / sizeof(bodies[0]); b++) {
			struct step step = { .status = answers[s], .body = bodies[b] };

			always = &step;
			ask_everything(call, vercel, &step);
			always = NULL;
		}
	}
}

#define TEST(name, body)                                                                                               \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		given_bypass = "";                                                                                     \
		run(body);                                                                                             \
		given_bypass = "bypass-secret";                                                                        \
		run(body);                                                                                             \
	}

TEST(test_sets_ours, sets_ours)
TEST(test_takes_ours_back, takes_ours_back)
TEST(test_deploys_nothing_without, deploys_nothing_without)
TEST(test_destroys_with_variables, destroys_with_variables)
TEST(test_deploys_forks, deploys_forks)
TEST(test_reads_states, reads_states)
TEST(test_finds, finds)
TEST(test_lists, lists)
TEST(test_reads_logs, reads_logs)
TEST(test_looks_at_previews, looks_at_previews)
TEST(test_refuses_settings, refuses_settings)
TEST(test_stands_nonsense, stands_nonsense)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets_ours),
		cmocka_unit_test(test_takes_ours_back),
		cmocka_unit_test(test_deploys_nothing_without),
		cmocka_unit_test(test_destroys_with_variables),
		cmocka_unit_test(test_deploys_forks),
		cmocka_unit_test(test_reads_states),
		cmocka_unit_test(test_finds),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_reads_logs),
		cmocka_unit_test(test_looks_at_previews),
		cmocka_unit_test(test_refuses_settings),
		cmocka_unit_test(test_stands_nonsense),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

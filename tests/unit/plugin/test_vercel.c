/* vercel.so: the requests of each operation. The daemon's way with it is tests/api/vercel.test.mjs. */
#include "unit/plugin/vercel.h"

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

/* Whatever says that nothing was deployed: what this attempt has set goes again, and the first failure is told. */
static void takes_ours_back(struct call *call, struct instance *vercel)
{
	static const struct {
		int status, code;
		const char *words;
		unsigned n_sent; /* what was surely not received is sent three times */
	} refusals[] = {
		{ 400, E_INVALID, "No such ref", 1 },    { 402, E_QUOTA, "No such ref", 1 },
		{ 403, E_AUTH, "No such ref", 1 },       { 409, E_CONFLICT, "No such ref", 1 },
		{ 410, E_NOT_FOUND, "No such ref", 1 },  { 426, E_INVALID, "No such ref", 1 },
		{ E_NETWORK, E_NETWORK, "scripted", 3 },
	};

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct opshub_deploy_request request = request_for(2);
		struct deployment d;

		begin();
		plan("GET", ENV, 200, variables);
		plan("POST", ENV, 201, "{\"created\":[],\"failed\":[]}");
		for (unsigned n = 0; n < refusals[i].n_sent; n++)
			plan("POST", API "/v13/deployments", refusals[i].status,
			     "{\"error\":{\"code\":\"bad_request\",\"message\":\"No such ref\"}}");
		plan("GET", ENV, 200, variables);
		plan("DELETE", API "/v9/projects/prj_1/env/v5", i % 2 ? 403 : 200, "{}"); /* its failure is not told */
		assert_int_equal(provider_create(call, vercel, &request, &d), refusals[i].code);
		expect_all_came();
		assert_non_null(strstr(call->why, refusals[i].words));
	}
}

/* An answer that was lost may be one that a deployment is there: it needs its variables. */
static void leaves_them_when_in_doubt(struct call *call, struct instance *vercel)
{
	static const int answers[] = { 500, 504, E_UPSTREAM, E_TIMEOUT };

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct opshub_deploy_request request = request_for(2);
		struct deployment d;
		int r;

		begin();
		plan("GET", ENV, 200, variables);
		plan("POST", ENV, 201, "{\"created\":[],\"failed\":[]}");
		plan("POST", API "/v13/deployments", answers[i], "");
		r = provider_create(call, vercel, &request, &d);
		assert_true(r == E_UPSTREAM || r == E_TIMEOUT);
		expect_all_came();
	}
}

/* A variable that the project has no more: of an earlier attempt on this branch, also when none are left. */
static void removes_what_is_gone(struct call *call, struct instance *vercel)
{
	struct opshub_deploy_request request = request_for(1);
	struct deployment d;

	plan("GET", ENV "?gitBranch=feature", 200, variables);
	plan("DELETE", API "/v9/projects/prj_1/env/v5", 404, "");
	plan("POST", ENV "?upsert=true", 201, "{\"created\":[],\"failed\":[]}");
	plan("POST", API "/v13/deployments", 200, made);
	assert_int_equal(provider_create(call, vercel, &request, &d), OK);
	expect_all_came();

	begin();
	request = request_for(0);
	plan("GET", ENV "?gitBranch=feature", 200, variables);
	plan("DELETE", API "/v9/projects/prj_1/env/v1", 200, "{}");
	plan("DELETE", API "/v9/projects/prj_1/env/v5", 200, "{}");
	plan("POST", API "/v13/deployments", 200, made);
	assert_int_equal(provider_create(call, vercel, &request, &d), OK);
	expect_all_came();

	/* who has no variables deploys also where none can be had */
	for (int status = 400; status <= 404; status++) {
		if (status == 402)
			continue;
		begin();
		plan("GET", ENV, status, "");
		plan("POST", API "/v13/deployments", 200, made);
		assert_int_equal(provider_create(call, vercel, &request, &d), OK);
		expect_all_came();
	}
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
	plan("POST", ENV, 504, "");
	plan("GET", ENV, 200, variables);
	plan("DELETE", API "/v9/projects/prj_1/env/v5", 200, "{}");
	assert_int_equal(provider_create(call, vercel, &request, &d), E_NETWORK);
	expect_all_came();

	begin();
	plan("GET", ENV, 200, "[]");
	plan("POST", ENV, 201,
	     "{\"created\":[],\"failed\":[{\"error\":{\"code\":\"env_too_large\",\"message\":\"too long: value "
	     "hunter2hunter2\",\"envVarKey\":\"API_KEY\"}}]}");
	plan("GET", ENV, 200, "[]");
	assert_int_equal(provider_create(call, vercel, &request, &d), E_INVALID);
	expect_all_came();
	assert_non_null(strstr(call->why, "API_KEY"));
	assert_non_null(strstr(call->why, "env_too_large"));
	assert_null(strstr(call->why, "hunter2hunter2"));
}

/* Vercel has variables for branches of the linked repository; where it refuses another one it is said what to do. */
static void explains_branches(struct call *call, struct instance *vercel)
{
	static const char *const refusals[] = {
		"{\"created\":[],\"failed\":[{\"error\":{\"code\":\"git_branch_not_found\",\"message\":\"no\"}}]}",
		"{\"error\":{\"code\":\"git_branch_not_found\",\"message\":\"no\"}}",
	};

	for (unsigned i = 0; i < 4; i++) {
		struct opshub_deploy_request request = request_for(2);
		struct deployment d;

		begin();
		request.is_fork = i % 2;
		plan("GET", i % 2 ? ENV "?gitBranch=refs%2Fpull%2F7%2Fhead" : ENV "?gitBranch=feature", 200, "[]");
		plan("POST", ENV, i / 2 ? 400 : 201, refusals[i / 2]);
		plan("GET", ENV, 200, "[]");
		assert_int_equal(provider_create(call, vercel, &request, &d), E_INVALID);
		expect_all_came();
		assert_non_null(
			strstr(call->why, i % 2 ? "comes from a fork: take the mark" : "the branch was deleted"));
	}
}

static void destroys_with_variables(struct call *call, struct instance *vercel)
{
	static const char shown[] = "{\"id\":\"dpl_1\",\"readyState\":\"READY\",\"meta\":{\"opshubAttempt\":\"att_2\","
				    "\"opshubBranch\":\"feature\",\"opshubVariables\":\"3\"}}";

	plan("GET", API "/v13/deployments/dpl_1", 200, shown);
	plan("GET", ENV "?gitBranch=feature", 200, variables);
	plan("GET", LIST "&meta-opshubAttempt=att_2", 200,
	     "{\"deployments\":[" ENTRY("dpl_1", "READY", "\"opshubAttempt\":\"att_2\"") "]}");
	plan("DELETE", API "/v9/projects/prj_1/env/v5", 404, "{\"error\":{\"code\":\"not_found\"}}");
	plan("DELETE", API "/v13/deployments/dpl_1", 200, "{\"uid\":\"dpl_1\",\"state\":\"DELETED\"}");
	assert_int_equal(provider_destroy(call, vercel, "dpl_1"), OK);
	expect_all_came();

	begin(); /* the variables first: what fails there comes again */
	plan("GET", API "/v13/deployments/dpl_1", 200, shown);
	plan("GET", ENV, 200, variables);
	plan("GET", LIST, 200, "{\"deployments\":[]}");
	plan("DELETE", API "/v9/projects/prj_1/env/v5", 403, "");
	assert_int_equal(provider_destroy(call, vercel, "dpl_1"), E_AUTH);
	expect_all_came();

	begin(); /* a later attempt has set them again: nothing to look for */
	plan("GET", API "/v13/deployments/dpl_1", 200, shown);
	plan("GET", ENV, 200,
	     "[{\"id\":\"v5\",\"key\":\"MODE\",\"gitBranch\":\"feature\",\"comment\":\"OpsHub att_3\"}]");
	plan("DELETE", API "/v13/deployments/dpl_1", 200, "{}");
	assert_int_equal(provider_destroy(call, vercel, "dpl_1"), OK);
	expect_all_came();

	begin(); /* a create that was done twice: they are the other one's as well */
	plan("GET", API "/v13/deployments/dpl_1", 200, shown);
	plan("GET", ENV, 200, variables);
	plan("GET", LIST, 200, "{\"deployments\":[" ENTRY("dpl_2", "READY", "\"opshubAttempt\":\"att_2\"") "]}");
	plan("DELETE", API "/v13/deployments/dpl_1", 200, "{}");
	assert_int_equal(provider_destroy(call, vercel, "dpl_1"), OK);
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
	struct step *create;

	plan("GET", ENV "?gitBranch=refs%2Fpull%2F7%2Fhead", 200, "[]");
	create = plan("POST", API "/v13/deployments", 200, made);
	request.is_fork = 1;
	request.repo_id = 42;
	assert_int_equal(provider_create(call, vercel, &request, &d), OK);
	expect_all_came();
	assert_non_null(strstr(create->sent,
			       "{\"type\":\"github\",\"repoId\":42,\"ref\":\"refs/pull/7/head\",\"sha\":\"" SHA "\"}"));
}

/* ---- lists ---- */

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
	for (int status = 404; status <= 410; status += 6) { /* the project is not there, or not shown: the same */
		begin();
		plan("GET", LIST, status, "{\"error\":{\"code\":\"not_found\"}}");
		assert_int_equal(provider_find(call, vercel, "att_2", &d), E_INVALID);
		assert_non_null(strstr(call->why, "projectId"));
	}
	begin(); /* nor is the end of looking the end of the list */
	for (int page = 0; page < 20; page++)
		plan("GET", LIST, 200, LISTED("", "1700"));
	assert_int_equal(provider_find(call, vercel, "att_2", &d), E_UPSTREAM);
	expect_all_came();
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

TEST(test_sets_ours, sets_ours)
TEST(test_takes_ours_back, takes_ours_back)
TEST(test_leaves_them_when_in_doubt, leaves_them_when_in_doubt)
TEST(test_removes_what_is_gone, removes_what_is_gone)
TEST(test_explains_branches, explains_branches)
TEST(test_deploys_nothing_without, deploys_nothing_without)
TEST(test_destroys_with_variables, destroys_with_variables)
TEST(test_deploys_forks, deploys_forks)
TEST(test_finds, finds)
TEST(test_lists, lists)
TEST(test_reads_logs, reads_logs)
TEST(test_refuses_settings, refuses_settings)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets_ours),
		cmocka_unit_test(test_takes_ours_back),
		cmocka_unit_test(test_leaves_them_when_in_doubt),
		cmocka_unit_test(test_removes_what_is_gone),
		cmocka_unit_test(test_explains_branches),
		cmocka_unit_test(test_deploys_nothing_without),
		cmocka_unit_test(test_destroys_with_variables),
		cmocka_unit_test(test_deploys_forks),
		cmocka_unit_test(test_finds),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_reads_logs),
		cmocka_unit_test(test_refuses_settings),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

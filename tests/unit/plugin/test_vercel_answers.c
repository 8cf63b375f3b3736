/* vercel.so: what it makes of answers, also of nonsense. */
#include "unit/plugin/vercel.h"

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

TEST(test_reads_states, reads_states)
TEST(test_looks_at_previews, looks_at_previews)
TEST(test_stands_nonsense, stands_nonsense)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_states),
		cmocka_unit_test(test_looks_at_previews),
		cmocka_unit_test(test_stands_nonsense),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

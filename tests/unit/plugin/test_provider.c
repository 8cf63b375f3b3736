/* mock.so against a real opshub-mock-cloud, through everything core/plugin has. */
#include "unit/plugin/stand.h"

static void journey(struct call *call)
{
	struct instance *mock = instance_with(call, NULL, NULL);
	struct deployment made, seen;
	struct deployment_list list;
	struct build_log log;

	assert_int_equal(create(call, mock, "att_journey", "feature", &made), OK);
	assert_string_equal(call->why, "");
	assert_true(made.state == DEPLOYMENT_QUEUED || made.state == DEPLOYMENT_BUILDING);
	assert_int_equal(page_status(call, made.url), 404);
	wait_for(call, mock, made.id.p, DEPLOYMENT_READY, &seen);
	assert_int_equal(page_status(call, seen.url), 200);
	assert_int_equal(page_status(call, seen.stable_url), 200);
	assert_true(str_eq(seen.commit_sha, STR(SHA)));
	assert_int_equal(provider_find(call, mock, "att_journey", &seen), OK);
	assert_true(str_eq(seen.id, made.id));
	assert_int_equal(provider_find(call, mock, "att_unheard_of", &seen), E_NOT_FOUND);
	assert_non_null(strstr(call->why, "att_unheard_of"));
	assert_int_equal(provider_logs(call, mock, made.id.p, "", &log), OK);
	assert_int_equal(log.n_lines, 12);
	assert_true(log.is_complete);
	assert_int_equal(provider_logs(call, mock, made.id.p, log.next_cursor.p, &log), OK);
	assert_int_equal(log.n_lines, 0);
	assert_int_equal(provider_list(call, mock, "", &list), OK);
	assert_true(list.n_items >= 1);
	assert_int_equal(provider_cancel(call, mock, made.id.p), OK);
	assert_int_equal(provider_destroy(call, mock, made.id.p), OK);
	assert_int_equal(provider_destroy(call, mock, made.id.p), OK);
	assert_int_equal(provider_status(call, mock, made.id.p, &seen), E_NOT_FOUND);
	assert_int_equal(page_status(call, made.url), 410);
	instance_release(mock);
}

static void test_journey(void **state)
{
	(void)state;
	run(journey);
}

static void faults_of_create(struct call *call)
{
	static const struct {
		const char *branch;
		int code;
		bool was_made;
	} rows[] = {
		{ "x-mock-create-500", E_UPSTREAM, false },
		{ "mock-quota-1", E_QUOTA, false },
		{ "mock-auth", E_AUTH, false },
		{ "mock-garbage", E_UPSTREAM, true },
		{ "mock-lost-answer", E_UPSTREAM, true },
		{ "mock-create-429", OK, true },
	};
	struct instance *mock = instance_with(call, NULL, NULL);
	struct deployment d;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char attempt[32];
		snprintf(attempt, sizeof(attempt), "att_fault_%zu", i);
		assert_int_equal(create(call, mock, attempt, rows[i].branch, &d), rows[i].code);
		assert_int_equal(call->why[0] == 0, rows[i].code == OK);
		assert_int_equal(provider_find(call, mock, attempt, &d), rows[i].was_made ? OK : E_NOT_FOUND);
	}
	instance_release(mock);
}

static void test_faults_of_create(void **state)
{
	(void)state;
	run(faults_of_create);
}

static void faults_of_builds(struct call *call)
{
	struct instance *mock = instance_with(call, "fault", "fail-build");
	struct deployment d;

	assert_int_equal(create(call, mock, "att_build_1", "x", &d), OK);
	wait_for(call, mock, d.id.p, DEPLOYMENT_FAILED, &d);
	assert_int_equal(d.reason, REASON_BUILD);
	assert_true(d.message.n > 0);
	instance_release(mock);
	mock = instance_with(call, "outcome", "ready");
	assert_int_equal(create(call, mock, "att_build_2", "mock-hang", &d), OK);
	assert_int_equal(provider_cancel(call, mock, d.id.p), OK);
	wait_for(call, mock, d.id.p, DEPLOYMENT_CANCELLED, &d);
	assert_int_equal(create(call, mock, "att_build_3", "mock-destroy-fails-twice", &d), OK);
	assert_int_equal(provider_destroy(call, mock, d.id.p), E_UPSTREAM);
	assert_int_equal(provider_destroy(call, mock, d.id.p), E_UPSTREAM);
	assert_int_equal(provider_destroy(call, mock, d.id.p), OK);
	instance_release(mock);
}

static void test_faults_of_builds(void **state)
{
	(void)state;
	run(faults_of_builds);
}

static void late_answer(struct call *call)
{
	struct instance *mock = instance_with(call, "latencyMs", "5s");
	struct deployment d;
	int64_t start = clock_mono_ms();

	assert_int_equal(create(call, mock, "att_late", "x", &d), E_TIMEOUT);
	assert_true(clock_mono_ms() - start < 3000);
	instance_release(mock);
}

static void test_the_deadline_holds(void **state)
{
	(void)state;
	run_for(late_answer, 500);
}

static void verify(struct call *call)
{
	struct instance *mock = instance_with(call, NULL, NULL);
	struct report report;

	assert_int_equal(provider_verify(call, mock, &report), OK);
	assert_true(str_eq(report.account, STR("mock")));
	assert_int_equal(report.n_lines, 2);
	assert_int_equal(report.lines[0].state, OPSHUB_REPORT_OK);
	instance_release(mock);
}

static void test_verify(void **state)
{
	(void)state;
	run(verify);
}

static void versions(struct call *call)
{
	const struct setting_value values[] = { { STR("url"), str_of(t.url) } };
	const char *why = "";
	struct instance_spec spec = { .plugin = catalog_find(t.catalog, STR("mock"), &why),
				      .scope = STR("proj_2"),
				      .version = 1,
				      .values = values,
				      .n_values = 1,
				      .allow_private = true };
	struct instance *first = NULL, *again = NULL, *newer = NULL;
	struct report report;

	assert_int_equal(plugins_instance(call, t.plugins, &spec, &first), OK);
	assert_int_equal(plugins_instance(call, t.plugins, &spec, &again), OK);
	assert_ptr_equal(first, again);
	spec.version = 2;
	assert_int_equal(plugins_instance(call, t.plugins, &spec, &newer), OK);
	assert_ptr_not_equal(first, newer);
	/* The old one works until its last use ends. */
	instance_release(again);
	assert_int_equal(provider_verify(call, first, &report), OK);
	instance_release(first);
	assert_int_equal(provider_verify(call, newer, &report), OK);
	instance_release(newer);
}

static void test_versions_of_settings(void **state)
{
	(void)state;
	run(versions);
}

static void private_address(struct call *call)
{
	const struct setting_value values[] = { { STR("url"), str_of(t.url) } };
	const char *why = "";
	const struct instance_spec spec = { .plugin = catalog_find(t.catalog, STR("mock"), &why),
					    .scope = STR("proj_3"),
					    .version = 1,
					    .values = values,
					    .n_values = 1 };
	struct instance *mock = NULL;
	struct report report;

	assert_int_equal(plugins_instance(call, t.plugins, &spec, &mock), OK);
	assert_int_equal(provider_verify(call, mock, &report), E_INVALID);
	instance_release(mock);
}

static void test_private_addresses_need_a_permit(void **state)
{
	(void)state;
	run(private_address);
}

static void wrong_settings(struct call *call)
{
	const struct setting_value values[] = {
		{ STR("url"), STR("ftp://x") },   { STR("buildMs"), STR("soon") },
		{ STR("outcome"), STR("maybe") }, { STR("token"), STR("sec\nret-value") },
		{ STR("colour"), STR("red") },
	};
	const char *why = "";
	const struct instance_spec spec = { .plugin = catalog_find(t.catalog, STR("mock"), &why),
					    .scope = STR("proj_4"),
					    .version = 1,
					    .values = values,
					    .n_values = 5 };
	struct instance *mock = NULL;

	assert_int_equal(plugins_instance(call, t.plugins, &spec, &mock), E_INVALID);
	assert_null(mock);
	for (size_t i = 0; i < 4; i++)
		assert_non_null(strstr(call->why, values[i].key.p));
	/* Stored settings may be older or newer than the plugin. */
	assert_null(strstr(call->why, "colour"));
	assert_null(strstr(call->why, "ret-value"));
	assert_null(strstr(call->why, "ftp"));
}

static void test_wrong_settings(void **state)
{
	(void)state;
	run(wrong_settings);
}

static void odd_answers(struct call *call)
{
	struct instance *odd = odd_instance(call, "foreign-memory");
	struct deployment d;

	assert_int_equal(create(call, odd, "att_odd", "x", &d), OK);
	assert_int_equal(d.state, DEPLOYMENT_UNKNOWN);
	assert_int_equal(d.url.n, 0);
	assert_int_equal(d.poll_after_ms, 0);
	assert_true(d.message.n <= 900 && str_is_text(d.message) && str_is_text(d.id));
	assert_int_equal(provider_destroy(call, odd, "id"), OK);
	assert_true(str_starts(d.id, STR("id??")));
	instance_release(odd);
	odd = odd_instance(call, "unknown-status");
	assert_int_equal(provider_destroy(call, odd, "id"), E_INTERNAL);
	assert_non_null(strstr(call->why, "unknown status -4711"));
	instance_release(odd);
	odd = odd_instance(call, "silent");
	assert_int_equal(create(call, odd, "att_odd", "x", &d), E_UPSTREAM);
	assert_non_null(strstr(call->why, "without saying why"));
	assert_int_equal(provider_find(call, odd, "att_odd", &d), E_UNSUPPORTED);
	instance_release(odd);
}

static void test_odd_answers(void **state)
{
	(void)state;
	run(odd_answers);
}

static int64_t counted;

static void add_count(void *arg, const char *plugin, const char *metric, int64_t value)
{
	(void)arg;
	if (strcmp(plugin, "blocking") == 0 && strcmp(metric, "blocked") == 0)
		counted += value;
}

static void blocking(struct call *call)
{
	struct instance *odd = odd_instance(call, "blocking");
	int64_t stalls = loop_stalls(call->loop);
	struct deployment d;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(create(call, odd, "att_thread", "x", &d), OK);
		assert_true(str_eq(d.id, STR("odd-1")));
	}
	assert_int_equal(loop_stalls(call->loop), stalls);
	plugins_each_count(t.plugins, add_count, NULL);
	assert_int_equal(counted, 3);
	instance_release(odd);
}

static void test_blocking_plugins_run_on_a_thread(void **state)
{
	(void)state;
	run(blocking);
}

/* What stands in POST /v1/faults. */
static void set_faults(struct call *call, const char *body)
{
	const struct net_request request = { .method = "POST",
					     .url = arena_printf(call->arena, "%s/v1/faults", t.url).p,
					     .body = str_of(body),
					     .allow_private = true };
	struct net_response response = { 0 };

	assert_int_equal(net_fetch(call, t.net, &request, &response), OK);
	assert_int_equal(response.status, 200);
}

static void finding(struct call *call)
{
	struct instance *mock = instance_with(call, NULL, NULL);
	struct deployment first, second, found;

	assert_int_equal(create(call, mock, "att_find_1", "x", &first), OK);
	assert_int_equal(create(call, mock, "att_find_2", "x", &second), OK);
	set_faults(call, "{\"find\":\"unfiltered\"}");
	assert_int_equal(provider_find(call, mock, "att_find_2", &found), OK);
	assert_true(str_eq(found.id, second.id));
	assert_int_equal(provider_find(call, mock, "att_find_3", &found), E_NOT_FOUND);
	set_faults(call, "{\"find\":\"delayed\",\"findDelayMs\":600}");
	assert_int_equal(create(call, mock, "att_find_4", "x", &first), OK);
	assert_int_equal(provider_find(call, mock, "att_find_4", &found), E_NOT_FOUND);
	fiber_sleep(call, 700);
	assert_int_equal(provider_find(call, mock, "att_find_4", &found), OK);
	assert_true(str_eq(found.id, first.id));
	set_faults(call, "{\"mode\":\"auth\"}");
	assert_int_equal(provider_status(call, mock, first.id.p, &found), E_AUTH);
	set_faults(call, "{}");
	instance_release(mock);
}

static void test_find_does_not_trust_the_list(void **state)
{
	(void)state;
	run(finding);
}

static void impatient(struct call *call)
{
	struct instance *mock = instance_with(call, "createTimeoutMs", "200ms");
	struct deployment d;

	assert_int_equal(create(call, mock, "att_accepted_late", "mock-late-accept", &d), E_TIMEOUT);
	/* Not there yet; a provider that accepts late shows it only then. */
	assert_int_equal(provider_find(call, mock, "att_accepted_late", &d), E_NOT_FOUND);
	instance_release(mock);
}

static void test_late_accept(void **state)
{
	(void)state;
	run(impatient);
}

static void cancelled(struct call *call)
{
	struct instance *mock = instance_with(call, "latencyMs", "5s");
	struct deployment d;

	fiber_cancel(call->fiber);
	assert_int_equal(create(call, mock, "att_cancelled", "x", &d), E_CANCELLED);
	assert_true(call->why[0] != 0);
	instance_release(mock);
}

static void test_a_cancel_ends_the_operation(void **state)
{
	(void)state;
	run(cancelled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journey),
		cmocka_unit_test(test_faults_of_create),
		cmocka_unit_test(test_faults_of_builds),
		cmocka_unit_test(test_the_deadline_holds),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_versions_of_settings),
		cmocka_unit_test(test_private_addresses_need_a_permit),
		cmocka_unit_test(test_wrong_settings),
		cmocka_unit_test(test_odd_answers),
		cmocka_unit_test(test_blocking_plugins_run_on_a_thread),
		cmocka_unit_test(test_find_does_not_trust_the_list),
		cmocka_unit_test(test_late_accept),
		cmocka_unit_test(test_a_cancel_ends_the_operation),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

/* Who asks at GitHub that a fork may be deployed, and for which commit: comments, labels, and what they mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "model/approval.h"

static bool ask(struct arena *arena, const char *body, struct approval_request *ret)
{
	struct str text = arena_printf(
		arena,
		"{\"action\":\"created\",\"repository\":{\"full_name\":\"Acme/"
		"shop\"},\"issue\":{\"number\":7,\"state\":"
		"\"open\",\"pull_request\":{}},\"comment\":{\"user\":{\"login\":\"octocat\"},\"author_association\":"
		"\"MEMBER\",\"created_at\":\"2026-01-02T03:04:05Z\",\"body\":\"%s\"}}",
		body);
	const char *why = "";
	const struct json *json = json_parse(arena, text, NULL, &why);

	assert_non_null(json);
	return approval_in_comment(json, ret);
}

static void comments(void **state)
{
	static const struct {
		const char *body, *sha; /* sha NULL = it asks for nothing */
	} rows[] = {
		{ "/opshub approve", "" },
		{ "  /opshub approve  ", "" },
		{ "Fine.\\r\\n/opshub approve\\r\\n", "" },
		{ "/opshub approve 1a2b3c4", "1a2b3c4" },
		{ "/opshub approve   1a2b3c4d5e6f\\r\\nthanks", "1a2b3c4d5e6f" },
		{ "/opshub approve maybe\\n/opshub approve", "" },
		{ "", NULL },
		{ "hello", NULL },
		{ "> /opshub approve", NULL },
		{ "please /opshub approve", NULL },
		{ "`/opshub approve`", NULL },
		{ "/opshub approved", NULL },
		{ "/opshub", NULL },
		{ "/opshub approve 1a2b3c", NULL },
		{ "/opshub approve 1A2B3C4", NULL },
		{ "/opshub approve 1a2b3c4 5d6e7f8", NULL },
		{ "/opshub approve main", NULL },
		{ "/OPSHUB APPROVE", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct approval_request request = { 0 };
		struct arena *arena = arena_new();
		bool asks = ask(arena, rows[i].body, &request);

		if (asks != (rows[i].sha != NULL) || (asks && !str_eq(request.sha, str_of(rows[i].sha))))
			fail_msg("%s: %s \"%.*s\"", rows[i].body, asks ? "asks for" : "asks for nothing",
				 STR_FMT(request.sha));
		if (asks) {
			assert_true(str_eq(request.repo, STR("Acme/shop")));
			assert_int_equal(request.number, 7);
			assert_int_equal(request.said_at_ms, 1767323045000);
		}
		arena_free(arena);
	}
}

static void labels(void **state)
{
	struct pull_request pr = { .open = true,
				   .from_fork = true,
				   .label_set = STR("ok"),
				   .sender = STR("octocat"),
				   .sha = STR("1a2b3c4"),
				   .repo = STR("acme/shop"),
				   .number = 7 };
	struct approval_request request = { 0 };

	(void)state;
	assert_true(approval_in_label(&pr, &request));
	assert_true(str_eq(request.sha, pr.sha));
	assert_true(str_eq(request.login, pr.sender));
	pr.from_fork = false;
	assert_false(approval_in_label(&pr, &request));
	pr.from_fork = true;
	pr.open = false;
	assert_false(approval_in_label(&pr, &request));
	pr.open = true;
	pr.sender = STR("../octocat");
	assert_false(approval_in_label(&pr, &request));
	pr.sender = STR("octocat");
	pr.label_set = (struct str){ 0 };
	assert_false(approval_in_label(&pr, &request));
}

static void commits(void **state)
{
	const struct str stands = STR("1a2b3c4d5e6f");

	(void)state;
	assert_null(approval_commit_why(STR("1a2b3c4"), stands, -1));
	assert_null(approval_commit_why(stands, stands, 0));
	assert_non_null(approval_commit_why(STR("9a2b3c4"), stands, 3600000));
	assert_null(approval_commit_why(STR(""), stands, APPROVAL_STANDS_MS));
	assert_non_null(approval_commit_why(STR(""), stands, APPROVAL_STANDS_MS - 1));
	assert_non_null(approval_commit_why(STR(""), stands, -1));
}

static void people(void **state)
{
	static const char *const words[] = { "admin", "write", "read", "none", "", "triage", "maintain", "WRITE" };
	static const char *const associations[] = { "OWNER", "MEMBER", "COLLABORATOR", "CONTRIBUTOR",
						    "NONE",  "",       "FIRST_TIMER",  "owner" };

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(permission_may_push(str_of(words[i])), i < 2);
		assert_int_equal(association_may_push(str_of(associations[i])), i < 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(comments), cmocka_unit_test(labels),
					    cmocka_unit_test(commits), cmocka_unit_test(people) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Reading a pull_request event: GitHub's own sample payloads, and a named fault for whatever is missing or wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "model/pull_request.h"

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static const struct json *parse(struct str text)
{
	const char *why = "";
	const struct json *json = json_parse(arena, text, NULL, &why);

	if (!json)
		fail_msg("%s", why);
	return json;
}

/* ---- samples ---- */

static struct str read_sample(const char *name)
{
	char path[512];
	char *text = arena_raw(arena, 200000);
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), OPSHUB_SOURCE_DIR "/tests/contract/github-webhooks/pull_request.%s.json", name);
	file = fopen(path, "r");
	assert_non_null(file);
	n = fread(text, 1, 200000, file);
	assert_true(feof(file));
	fclose(file);
	return (struct str){ text, n };
}

static const struct sample {
	const char *name, *action, *repo;
	int64_t number;
	const char *author, *association, *branch, *base, *sha, *before, *updated_at, *label;
	bool open, draft, from_fork;
} samples[] = {
#define HELLO(name, action, before, at, open, draft)                                                                   \
	{                                                                                                              \
		name, action, "Codertocat/Hello-World", 2, "Codertocat", "OWNER", "changes", "master",                 \
			"ec26c3e57ca3a959ca5aad62de7213c562f8c821", before, at, "bug", open, draft, false              \
	}
#define FORK(name, action, number, sha, before, branch, at, open)                                                      \
	{                                                                                                              \
		name, action, "ailisp/gcbapp-buildconfig-example", number, "byao1276", "NONE", branch, "master", sha,  \
			before, at, "", open, false, true                                                              \
	}
	HELLO("opened", "opened", "", "2019-05-15T15:20:33Z", true, false),
	HELLO("opened.null-body", "opened", "", "2019-05-15T15:20:33Z", true, false),
	HELLO("labeled", "labeled", "", "2019-05-15T15:20:35Z", true, false),
	HELLO("reopened", "reopened", "", "2019-05-15T15:20:33Z", true, false),
	HELLO("closed", "closed", "", "2019-05-15T15:21:18Z", false, false),
	HELLO("converted_to_draft", "converted_to_draft", "", "2019-05-15T15:21:18Z", true, true),
	HELLO("ready_for_review", "ready_for_review", "", "2019-05-15T15:21:18Z", true, false),
	HELLO("synchronize", "synchronize", "f95f852bd8fca8fcc58a9a2d6c842781e32a215e", "2019-05-15T15:20:33Z", true,
	      false),
	FORK("opened.fork", "opened", 3, "7b5a809ab03679215c55926f7d111156ec98b865", "", "byao1276-patch-1",
	     "2019-11-13T01:28:51Z", true),
	FORK("closed.merged.fork", "closed", 3, "7b5a809ab03679215c55926f7d111156ec98b865", "", "byao1276-patch-1",
	     "2019-11-26T07:01:13Z", false),
	FORK("synchronize.fork", "synchronize", 2, "7d1b24db3fde2747f9dadfb0f8abf0c8e6f40cad",
	     "411a0fbb93b25e1ba1d7ef7d437315c2a411ed52", "master", "2019-11-07T00:06:41Z", true),
	{ "opened.fork.with-installation", "opened", "openshift-pipelines/pipelines-as-code", 79, "chmouel", "MEMBER",
	  "yamls-beurk", "main", "acf31f1e7b1f6982b596273b2492d86e5655c7f8", "", "2021-05-21T09:26:19Z", "", true,
	  false, true },
};

static void check_text(struct str text, const char *expected)
{
	if (!str_eq(text, str_of(expected)))
		fail_msg("\"%.*s\", not \"%s\"", STR_FMT(text), expected);
}

static void samples_of_github_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];
		struct pull_request pr;
		const char *field = "", *why = "";
		int64_t at = 0;

		if (!pull_request_read(parse(read_sample(s->name)), &pr, &field, &why))
			fail_msg("%s: %s %s", s->name, field, why);
		check_text(pr.action, s->action);
		check_text(pr.repo, s->repo);
		assert_int_equal(pr.number, s->number);
		assert_true(pr.title.n > 0);
		check_text(pr.author, s->author);
		check_text(pr.association, s->association);
		check_text(pr.branch, s->branch);
		check_text(pr.base_branch, s->base);
		check_text(pr.sha, s->sha);
		check_text(pr.before_sha, s->before);
		assert_true(str_starts(pr.html_url, STR("https://github.com/")));
		assert_true(time_parse(str_of(s->updated_at), &at));
		assert_int_equal(pr.updated_at_ms, at);
		assert_int_equal(pr.open, s->open);
		assert_int_equal(pr.draft, s->draft);
		assert_int_equal(pr.from_fork, s->from_fork);
		assert_int_equal(pr.n_labels, *s->label ? 1 : 0);
		if (pr.n_labels)
			check_text(pr.labels[0], s->label);
		assert_true(pull_request_action_matters(pr.action));
	}
}

/* ---- one change at a time ---- */

#define SHA "0123456789abcdef0123456789abcdef01234567"
static const char document[] = "{\"action\":\"opened\",\"number\":7,\"repository\":{\"full_name\":\"o/r\"},"
			       "\"pull_request\":{\"number\":7,\"state\":\"open\","
			       "\"title\":\"T\",\"html_url\":\"https://h/"
			       "7\",\"user\":{\"login\":\"u\"},\"updated_at\":\"2019-05-15T15:20:33Z\","
			       "\"draft\":false,\"labels\":[],\"head\":{\"ref\":\"topic\",\"sha\":\"" SHA
			       "\",\"repo\":{\"id\":1}},"
			       "\"base\":{\"ref\":\"main\",\"repo\":{\"id\":1}}}}";

/* The document with one part replaced; '#' in the replacement stands for 70,000 letters. */
static const struct json *with(const char *part, const char *instead)
{
	const char *at = strstr(document, part), *filled = instead;

	assert_non_null(at);
	if (strchr(instead, '#')) {
		char *many = arena_raw(arena, 70001);

		memset(many, 'x', 70000);
		many[70000] = '\0';
		filled = arena_printf(arena, "%.*s%s%s", (int)(strchr(instead, '#') - instead), instead, many,
				      strchr(instead, '#') + 1)
				 .p;
	}
	return parse(arena_printf(arena, "%.*s%s%s", (int)(at - document), document, filled, at + strlen(part)));
}

static const struct {
	const char *part, *instead, *field, *why;
} faults[] = {
	{ "\"action\":\"opened\",", "", "action", "is missing" },
	{ "\"opened\"", "1", "action", "is not a text" },
	{ "\"opened\"", "\"\"", "action", "is empty" },
	{ "\"opened\"", "\"#\"", "action", "is too long" },
	{ "\"repository\":{\"full_name\":\"o/r\"},", "", "repository", "is missing" },
	{ "{\"full_name\":\"o/r\"}", "\"o/r\"", "repository", "is not an object" },
	{ "\"full_name\":\"o/r\"", "", "repository.full_name", "is missing" },
	{ "\"o/r\"", "null", "repository.full_name", "is not a text" },
	{ "\"o/r\"", "\"#\"", "repository.full_name", "is too long" },
	{ "\"pull_request\":{", "\"pull\":{", "pull_request", "is missing" },
	{ "\"pull_request\":{", "\"pull_request\":[],\"x\":{", "pull_request", "is not an object" },
	{ "\"pull_request\":{", "\"pull_request\":null,\"x\":{", "pull_request", "is not an object" },
	{ "\"number\":7,", "", "number", "is missing" },
	{ ":7,", ":\"7\",", "number", "is not a positive 32-bit integer" },
	{ ":7,", ":0,", "number", "is not a positive 32-bit integer" },
	{ ":7,", ":-7,", "number", "is not a positive 32-bit integer" },
	{ ":7,", ":7.5,", "number", "is not a positive 32-bit integer" },
	{ ":7,", ":2147483648,", "number", "is not a positive 32-bit integer" },
	{ "{\"number\":7,", "{", "pull_request.number", "is not the event's number" },
	{ "{\"number\":7,", "{\"number\":8,", "pull_request.number", "is not the event's number" },
	{ "\"state\":\"open\",", "", "pull_request.state", "is missing" },
	{ "\"open\",", "true,", "pull_request.state", "is not a text" },
	{ "\"open\",", "\"merged\",", "pull_request.state", "is neither \"open\" nor \"closed\"" },
	{ "\"open\",", "\"OPEN\",", "pull_request.state", "is neither \"open\" nor \"closed\"" },
	{ "\"open\",", "\"open and closed at once\",", "pull_request.state", "is too long" },
	{ "\"title\":\"T\",", "", "pull_request.title", "is missing" },
	{ "\"T\"", "null", "pull_request.title", "is not a text" },
	{ "\"T\"", "\"#\"", "pull_request.title", "is too long" },
	{ "\"html_url\":\"https://h/7\",", "", "pull_request.html_url", "is missing" },
	{ "\"https://h/7\"", "{}", "pull_request.html_url", "is not a text" },
	{ "\"https://h/7\"", "\"https://#\"", "pull_request.html_url", "is too long" },
	{ "\"user\":{\"login\":\"u\"},", "", "pull_request.user.login", "is missing" },
	{ "{\"login\":\"u\"}", "\"u\"", "pull_request.user.login", "is missing" },
	{ "{\"login\":\"u\"}", "{}", "pull_request.user.login", "is missing" },
	{ "\"u\"", "5", "pull_request.user.login", "is not a text" },
	{ "\"u\"", "\"#\"", "pull_request.user.login", "is too long" },
	{ "\"updated_at\":\"2019-05-15T15:20:33Z\",", "", "pull_request.updated_at", "is missing" },
	{ "\"2019-05-15T15:20:33Z\"", "1557933633", "pull_request.updated_at", "is not a text" },
	{ "\"2019-05-15T15:20:33Z\"", "\"yesterday\"", "pull_request.updated_at", "is not a time" },
	{ "\"2019-05-15T15:20:33Z\"", "\"2019-02-30T15:20:33Z\"", "pull_request.updated_at", "is not a time" },
	{ "\"2019-05-15T15:20:33Z\"", "\"#\"", "pull_request.updated_at", "is too long" },
	{ "\"head\":{", "\"tail\":{", "pull_request.head", "is missing" },
	{ "\"head\":{", "\"head\":\"topic\",\"x\":{", "pull_request.head", "is not an object" },
	{ "\"ref\":\"topic\",", "", "pull_request.head.ref", "is missing" },
	{ "\"topic\"", "1", "pull_request.head.ref", "is not a text" },
	{ "\"topic\"", "\"#\"", "pull_request.head.ref", "is too long" },
	{ "\"sha\":\"" SHA "\",", "", "pull_request.head.sha", "is missing" },
	{ "\"" SHA "\"", "1", "pull_request.head.sha", "is not a text" },
	{ "\"" SHA "\"", "\"\"", "pull_request.head.sha", "is empty" },
	{ SHA, "0123456789abcdef", "pull_request.head.sha", "is not a commit id" },
	{ SHA, "0123456789ABCDEF0123456789abcdef01234567", "pull_request.head.sha", "is not a commit id" },
	{ SHA, "g123456789abcdef0123456789abcdef01234567", "pull_request.head.sha", "is not a commit id" },
	{ SHA, SHA SHA, "pull_request.head.sha", "is too long" },
	{ "\"base\":{", "\"x\":{", "pull_request.base", "is missing" },
	{ "\"base\":{", "\"base\":null,\"x\":{", "pull_request.base", "is not an object" },
	{ "\"ref\":\"main\",", "", "pull_request.base.ref", "is missing" },
	{ "\"main\"", "\"\"", "pull_request.base.ref", "is empty" },
	{ "\"main\"", "\"#\"", "pull_request.base.ref", "is too long" },
};

static void each_fault_names_its_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct pull_request pr;
		const char *field = "nothing", *why = "taken";

		memset(&pr, 0x5a, sizeof(pr));
		pull_request_read(with(faults[i].part, faults[i].instead), &pr, &field, &why);
		if (strcmp(field, faults[i].field) != 0 || strcmp(why, faults[i].why) != 0)
			fail_msg("row %zu: %s %s, not %s %s", i, field, why, faults[i].field, faults[i].why);
		assert_int_equal(pr.number, 0x5a5a5a5a5a5a5a5a); /* nothing was written */
	}
	for (int kind = 0; kind < 3; kind++) {
		static const struct str roots[] = { STR("null"), STR("[]"), STR("\"opened\"") };
		const char *field = "", *why = "";

		assert_false(pull_request_read(parse(roots[kind]), &(struct pull_request){ 0 }, &field, &why));
		assert_string_equal(field, "action");
	}
}

static struct pull_request read_with(const char *part, const char *instead)
{
	struct pull_request pr = { 0 };
	const char *field = "", *why = "";

	if (!pull_request_read(with(part, instead), &pr, &field, &why))
		fail_msg("%s: %s %s", instead, field, why);
	return pr;
}

static void what_may_be_absent(void **state)
{
	struct pull_request pr;

	(void)state;
	pr = read_with("\"draft\":false,\"labels\":[],", "");
	assert_false(pr.draft);
	assert_int_equal(pr.n_labels, 0);
	assert_int_equal(pr.association.n, 0);
	assert_int_equal(pr.before_sha.n, 0);
	assert_false(pr.from_fork);
	/* not known to be ours is a fork: the fork was deleted, or GitHub did not say */
	assert_true(read_with("\"repo\":{\"id\":1}},\"base\"", "\"repo\":null},\"base\"").from_fork);
	assert_true(read_with(",\"repo\":{\"id\":1}},\"base\"", "},\"base\"").from_fork);
	assert_true(read_with("\"repo\":{\"id\":1}},\"base\"", "\"repo\":{\"id\":\"1\"}},\"base\"").from_fork);
	assert_true(read_with("\"repo\":{\"id\":1}},\"base\"", "\"repo\":{\"id\":2}},\"base\"").from_fork);
	assert_true(read_with("\"main\",\"repo\":{\"id\":1}", "\"main\"").from_fork);
	check_text(read_with("{\"login\":\"u\"}", "null").author, "ghost"); /* the account was deleted */
	check_text(read_with("\"action\"", "\"before\":\"" SHA "\",\"action\"").before_sha, SHA);
	check_text(read_with("\"action\"", "\"before\":\"nonsense\",\"action\"").before_sha, "");
	assert_int_equal(read_with(SHA, SHA "0123456789abcdef01234567").sha.n, 64);
	assert_false(read_with("\"open\",", "\"closed\",").open);
}

static void titles_are_cut_between_characters(void **state)
{
	char title[400] = "\"";
	struct pull_request pr;

	(void)state;
	for (size_t lead = 250; lead < 260; lead++) {
		memset(title + 1, 'a', lead);
		memcpy(title + 1 + lead, "\xf0\x9f\x9a\x80 more text\"", 16);
		pr = read_with("\"T\"", title);
		assert_in_range(pr.title.n, 253, 256);
		assert_true(str_is_text(pr.title));
	}
	memset(title + 1, 'a', 256);
	memcpy(title + 257, "\"", 2);
	assert_int_equal(read_with("\"T\"", title).title.n, 256);
}

static void labels_have_a_limit_and_need_a_name(void **state)
{
	struct buf buf;
	struct pull_request pr;

	(void)state;
	pr = read_with("[]", "[{\"name\":\"a\"},{},{\"name\":\"\"},{\"name\":3},null,\"b\",{\"name\":\"c d\"}]");
	assert_int_equal(pr.n_labels, 2);
	check_text(pr.labels[0], "a");
	check_text(pr.labels[1], "c d");
	assert_int_equal(read_with("[]", "{\"name\":\"a\"}").n_labels, 0);
	buf_init(&buf, 100000);
	for (int i = 0; i < 150; i++)
		buf_printf(&buf, "%s{\"name\":\"label%d\"}", i ? "," : "[", i);
	buf_add_char(&buf, ']');
	pr = read_with("[]", buf.p);
	buf_done(&buf);
	assert_int_equal(pr.n_labels, PR_LABELS);
	check_text(pr.labels[PR_LABELS - 1], "label99");
}

static void actions_that_change_nothing(void **state)
{
	static const char *const others[] = { "",        "assigned", "unassigned", "review_requested",   "locked",
					      "Opened",  "opened ",  "milestoned", "auto_merge_enabled", "dequeued",
					      "enqueued" };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(pull_request_action_matters(str_of(others[i])));
	assert_true(pull_request_action_matters(STR("unlabeled")));
	assert_true(pull_request_action_matters(STR("edited")));
}

static void programs_and_who_did_it(void **state)
{
	struct pull_request pr = read_with("\"u\"", "\"u\"");

	(void)state;
	assert_false(pr.from_bot);
	assert_int_equal(pr.sender.n, 0);
	assert_int_equal(pr.label_set.n, 0);
	assert_true(read_with("\"login\":\"u\"", "\"login\":\"renovate[bot]\"").from_bot);
	assert_true(read_with("\"login\":\"u\"", "\"login\":\"ci\",\"type\":\"Bot\"").from_bot);
	assert_false(read_with("\"login\":\"u\"", "\"login\":\"bot\",\"type\":\"User\"").from_bot);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(samples_of_github_are_read),
		CASE(each_fault_names_its_field),
		CASE(what_may_be_absent),
		CASE(titles_are_cut_between_characters),
		CASE(labels_have_a_limit_and_need_a_name),
		CASE(actions_that_change_nothing),
		CASE(programs_and_who_did_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

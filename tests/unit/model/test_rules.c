/* What deploys: every rule, which of two outranks the other, and rules nobody can read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "model/roles.h"
#include "model/rules.h"

#define YES  DESIRED_DEPLOYED
#define NO   DESIRED_DESTROYED
#define HELD DESIRED_HELD

static const struct row {
	const char *rules; /* JSON; NULL = none stored */
	struct {
		bool closed, draft, fork;
		const char *association, *labels, *base, *author,
			*title; /* labels: separated by ','; NULL = the usual */
	} pr;
	enum desired desired;
	const char *rule;
} rows[] = {
	/* nothing said */
	{ NULL, { 0 }, YES, "DEFAULT" },
	{ "{}", { 0 }, YES, "DEFAULT" },
	{ NULL, { .closed = true }, NO, "CLOSED" },
	{ NULL, { .draft = true }, NO, "DRAFT" },
	{ NULL, { .fork = true }, HELD, "FORK" },
	{ NULL, { .title = "Fix [skip preview] it" }, NO, "SKIP_MARKER" },
	{ NULL, { .title = "Fix [SKIP Preview]" }, NO, "SKIP_MARKER" },
	{ NULL, { .title = "skip preview" }, YES, "DEFAULT" },
	{ NULL, { .labels = "bug,wip", .base = "weird/branch", .author = "dependabot[bot]" }, YES, "DEFAULT" },
	/* drafts */
	{ "{\"drafts\":\"deploy\"}", { .draft = true }, YES, "DEFAULT" },
	{ "{\"drafts\":\"deploy\"}", { .draft = true, .fork = true }, HELD, "FORK" },
	{ "{\"drafts\":\"skip\"}", { .draft = true }, NO, "DRAFT" },
	{ "{\"drafts\":\"skip\"}", { 0 }, YES, "DEFAULT" },
	/* forks: each policy and association */
	{ "{\"forks\":\"approve\"}", { .fork = true, .association = "OWNER" }, HELD, "FORK" },
	{ "{\"forks\":\"approve\"}", { .fork = true, .association = "MEMBER" }, HELD, "FORK" },
	{ "{\"forks\":\"approve\"}", { .fork = true, .association = "COLLABORATOR" }, HELD, "FORK" },
	{ "{\"forks\":\"approve\"}", { .fork = true, .association = "CONTRIBUTOR" }, HELD, "FORK" },
	{ "{\"forks\":\"approve\"}", { .fork = true, .association = "" }, HELD, "FORK" },
	{ "{\"forks\":\"trusted\"}", { .fork = true, .association = "OWNER" }, YES, "DEFAULT" },
	{ "{\"forks\":\"trusted\"}", { .fork = true, .association = "MEMBER" }, YES, "DEFAULT" },
	{ "{\"forks\":\"trusted\"}", { .fork = true, .association = "COLLABORATOR" }, YES, "DEFAULT" },
	{ "{\"forks\":\"trusted\"}", { .fork = true, .association = "CONTRIBUTOR" }, HELD, "FORK" },
	{ "{\"forks\":\"trusted\"}", { .fork = true, .association = "FIRST_TIME_CONTRIBUTOR" }, HELD, "FORK" },
	{ "{\"forks\":\"trusted\"}", { .fork = true, .association = "FIRST_TIMER" }, HELD, "FORK" },
	{ "{\"forks\":\"trusted\"}", { .fork = true, .association = "MANNEQUIN" }, HELD, "FORK" },
	{ "{\"forks\":\"trusted\"}", { .fork = true, .association = "NONE" }, HELD, "FORK" },
	{ "{\"forks\":\"trusted\"}", { .fork = true, .association = "" }, HELD, "FORK" },
	{ "{\"forks\":\"trusted\"}", { .fork = true, .association = "owner" }, HELD, "FORK" },
	{ "{\"forks\":\"trusted\"}", { .association = "NONE" }, YES, "DEFAULT" },
	{ "{\"forks\":\"deploy\"}", { .fork = true, .association = "NONE" }, YES, "DEFAULT" },
	{ "{\"forks\":\"deploy\"}", { .fork = true, .association = "" }, YES, "DEFAULT" },
	{ "{\"forks\":\"skip\"}", { .fork = true, .association = "OWNER" }, NO, "FORK" },
	{ "{\"forks\":\"skip\"}", { .fork = true, .association = "NONE" }, NO, "FORK" },
	{ "{\"forks\":\"skip\"}", { .association = "NONE" }, YES, "DEFAULT" },
	/* labels */
	{ "{\"labelsAny\":[\"preview\"]}", { 0 }, NO, "LABEL_MISSING" },
	{ "{\"labelsAny\":[\"preview\"]}", { .labels = "preview" }, YES, "DEFAULT" },
	{ "{\"labelsAny\":[\"preview\"]}", { .labels = "bug,Preview" }, YES, "DEFAULT" },
	{ "{\"labelsAny\":[\"preview\"]}", { .labels = "previews" }, NO, "LABEL_MISSING" },
	{ "{\"labelsAny\":[\"a\",\"preview\"]}", { .labels = "bug,preview" }, YES, "DEFAULT" },
	{ "{\"labelsAny\":[]}", { 0 }, YES, "DEFAULT" },
	{ "{\"labelsNone\":[\"wip\"]}", { 0 }, YES, "DEFAULT" },
	{ "{\"labelsNone\":[\"wip\"]}", { .labels = "WIP" }, NO, "LABEL_EXCLUDED" },
	{ "{\"labelsNone\":[\"wip\"]}", { .labels = "bug,wip" }, NO, "LABEL_EXCLUDED" },
	{ "{\"labelsNone\":[\"wip\"]}", { .labels = "wip2" }, YES, "DEFAULT" },
	{ "{\"labelsNone\":[\"no*\"]}", { .labels = "none" }, YES, "DEFAULT" },
	{ "{\"labelsAny\":[\"preview\"],\"labelsNone\":[\"wip\"]}", { .labels = "preview,wip" }, NO, "LABEL_EXCLUDED" },
	{ "{\"labelsAny\":[\"preview\"],\"labelsNone\":[\"wip\"]}", { .labels = "wip" }, NO, "LABEL_EXCLUDED" },
	/* base branches */
	{ "{\"baseBranches\":[\"main\"]}", { 0 }, YES, "DEFAULT" },
	{ "{\"baseBranches\":[\"main\"]}", { .base = "Main" }, NO, "BASE_BRANCH" },
	{ "{\"baseBranches\":[\"main\"]}", { .base = "main2" }, NO, "BASE_BRANCH" },
	{ "{\"baseBranches\":[\"main\",\"release/*\"]}", { .base = "release/1.2" }, YES, "DEFAULT" },
	{ "{\"baseBranches\":[\"main\",\"release/*\"]}", { .base = "release" }, NO, "BASE_BRANCH" },
	{ "{\"baseBranches\":[\"*\"]}", { .base = "x/y/z" }, YES, "DEFAULT" },
	{ "{\"baseBranches\":[]}", { .base = "x" }, YES, "DEFAULT" },
	/* authors */
	{ "{\"skipAuthors\":[\"dependabot[bot]\"]}", { .author = "dependabot[bot]" }, NO, "AUTHOR" },
	{ "{\"skipAuthors\":[\"*[bot]\"]}", { .author = "renovate[bot]" }, NO, "AUTHOR" },
	{ "{\"skipAuthors\":[\"*[bot]\"]}", { .author = "botanist" }, YES, "DEFAULT" },
	/* a login has no case, a branch has */
	{ "{\"skipAuthors\":[\"OctoCat\"]}", { .author = "octocat" }, NO, "AUTHOR" },
	{ "{\"skipAuthors\":[\"octo*\"]}", { .author = "OctoCat" }, NO, "AUTHOR" },
	{ "{\"skipAuthors\":[\"*[Bot]\"]}", { .author = "Dependabot[BOT]" }, NO, "AUTHOR" },
	{ "{\"skipAuthors\":[\"octocat\"]}", { .author = "octocats" }, YES, "DEFAULT" },
	{ "{\"skipAuthors\":[\"a[b\"]}", { .author = "a{b" }, YES, "DEFAULT" }, /* '[' and '{' differ by one bit */
	{ "{\"baseBranches\":[\"Main\"]}", { .base = "main" }, NO, "BASE_BRANCH" },
	/* the marker */
	{ "{\"skipMarker\":\"#nodeploy\"}", { .title = "Fix it #NoDeploy" }, NO, "SKIP_MARKER" },
	{ "{\"skipMarker\":\"#nodeploy\"}", { .title = "[skip preview]" }, YES, "DEFAULT" },
	{ "{\"skipMarker\":\"\"}", { .title = "[skip preview]" }, YES, "DEFAULT" },
	{ "{\"skipMarker\":\"abc\"}", { .title = "ab" }, YES, "DEFAULT" },
	{ "{\"skipMarker\":\"abc\"}", { .title = "aabc" }, NO, "SKIP_MARKER" },
	/* which outranks which: each speaks, the first in the order decides */
	{ "{\"labelsNone\":[\"wip\"],\"skipAuthors\":[\"*\"]}",
	  { .closed = true, .draft = true, .fork = true, .labels = "wip" },
	  NO,
	  "CLOSED" },
	{ "{\"drafts\":\"deploy\",\"forks\":\"deploy\"}",
	  { .closed = true, .draft = true, .fork = true },
	  NO,
	  "CLOSED" },
	{ "{\"labelsNone\":[\"wip\"]}", { .draft = true, .labels = "wip", .fork = true }, NO, "DRAFT" },
	{ "{\"labelsNone\":[\"wip\"],\"baseBranches\":[\"x\"]}", { .labels = "wip" }, NO, "LABEL_EXCLUDED" },
	{ "{\"labelsAny\":[\"go\"],\"baseBranches\":[\"x\"]}", { .fork = true }, NO, "LABEL_MISSING" },
	{ "{\"baseBranches\":[\"x\"],\"skipAuthors\":[\"*\"]}", { .fork = true }, NO, "BASE_BRANCH" },
	{ "{\"skipAuthors\":[\"alice\"]}", { .fork = true, .title = "[skip preview]" }, NO, "AUTHOR" },
	{ NULL, { .fork = true, .title = "[skip preview]" }, NO, "SKIP_MARKER" },
	{ "{\"labelsAny\":[\"go\"],\"forks\":\"trusted\"}", { .fork = true, .labels = "go" }, HELD, "FORK" },
	/* what cannot be read has its default, and the default is the careful one */
	{ "{\"drafts\":true,\"forks\":1,\"labelsAny\":\"x\",\"labelsNone\":{},\"baseBranches\":null,\"skipMarker\":[]}",
	  { .draft = true },
	  NO,
	  "DRAFT" },
	{ "{\"drafts\":true,\"forks\":1,\"labelsAny\":\"x\",\"labelsNone\":{},\"baseBranches\":null,\"skipMarker\":[]}",
	  { .fork = true },
	  HELD,
	  "FORK" },
	{ "{\"drafts\":\"DEPLOY\"}", { .draft = true }, NO, "DRAFT" },
	{ "{\"forks\":\"everybody\"}", { .fork = true, .association = "OWNER" }, HELD, "FORK" },
	{ "{\"unknown\":1,\"labelsAny\":[1,null,\"\"]}", { 0 }, YES, "DEFAULT" },
	{ "[]", { .fork = true }, HELD, "FORK" },
	{ "\"deploy\"", { .draft = true }, NO, "DRAFT" },
};

static struct pull_request pr_of(const struct row *row)
{
	struct str labels = str_of(row->pr.labels);
	struct pull_request pr = {
		.open = !row->pr.closed,
		.draft = row->pr.draft,
		.from_fork = row->pr.fork,
		.association = str_of(row->pr.association ? row->pr.association : "CONTRIBUTOR"),
		.base_branch = str_of(row->pr.base ? row->pr.base : "main"),
		.author = str_of(row->pr.author ? row->pr.author : "alice"),
		.title = str_of(row->pr.title ? row->pr.title : "Add a button"),
	};

	while (labels.n)
		pr.labels[pr.n_labels++] = str_split(&labels, ',');
	return pr;
}

static struct rules rules_of(struct arena *arena, const char *text)
{
	const char *why = "";
	const struct json *json = text ? json_parse(arena, str_of(text), NULL, &why) : NULL;

	if (text && !json)
		fail_msg("%s: %s", text, why);
	return rules_read(json);
}

static void the_table(void **state)
{
	(void)state;
	assert_true(sizeof(rows) / sizeof(rows[0]) >= 60);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new();
		struct rules rules = rules_of(arena, rows[i].rules);
		struct pull_request pr = pr_of(&rows[i]);
		struct decision d = rules_decide(&rules, &pr);

		if (d.desired != rows[i].desired || strcmp(d.rule, rows[i].rule) != 0)
			fail_msg("row %zu (%s): %s by %s", i, rows[i].rules ? rows[i].rules : "no rules",
				 desired_word(d.desired), d.rule);
		assert_true(strlen(d.why) > 10);
		/* the trace ends with the rule that decided, and no other did */
		assert_in_range(d.n_trace, 1, TRACE_MAX);
		for (unsigned k = 0; k < d.n_trace; k++)
			assert_int_equal(d.trace[k].decided, k + 1 == d.n_trace);
		assert_string_equal(d.trace[d.n_trace - 1].rule, d.rule);
		for (unsigned k = 1; k < d.n_trace; k++) /* and each stands there once */
			assert_string_not_equal(d.trace[k].rule, d.trace[k - 1].rule);
		arena_free(arena);
	}
}

static void a_list_takes_32_words(void **state)
{
	struct arena *arena = arena_new();
	struct buf buf;
	struct rules rules;

	(void)state;
	buf_init(&buf, 10000);
	for (int i = 0; i < 40; i++)
		buf_printf(&buf, "%s\"label%d\"", i ? "," : "{\"labelsNone\":[", i);
	buf_add_str(&buf, STR("]}"));
	rules = rules_of(arena, buf.p);
	assert_int_equal(rules.labels_none.n, RULE_WORDS);
	assert_true(str_eq(rules.labels_none.words[RULE_WORDS - 1], STR("label31")));
	buf_done(&buf);
	arena_free(arena);
}

static void a_decision_can_be_read(void **state)
{
	struct pull_request pr = { .open = true, .draft = true };
	struct rules rules = rules_read(NULL);
	struct decision d = rules_decide(&rules, &pr);
	struct buf buf;
	struct json_out out;

	(void)state;
	buf_init(&buf, 4096);
	out = JSON_OUT(&buf);
	json_open(&out, '{');
	decision_write(&d, &out);
	json_close(&out, '}');
	assert_string_equal(
		buf.p,
		"{\"desired\":\"destroyed\",\"rule\":\"DRAFT\",\"reason\":\"drafts are not deployed: mark it ready "
		"for review, or set rule drafts to \\\"deploy\\\"\",\"trace\":[{\"rule\":\"CLOSED\","
		"\"decided\":false},{\"rule\":\"DRAFT\",\"decided\":true}]}");
	buf_done(&buf);
	assert_string_equal(desired_word(DESIRED_DEPLOYED), "deployed");
	assert_string_equal(desired_word(DESIRED_HELD), "held");
}

/* What is written reads back as the same, whatever was left out. */
static void rules_are_written_with_their_defaults(void **state)
{
	static const char *const table[][2] = {
		{ "{}", "{\"drafts\":\"skip\",\"forks\":\"approve\",\"labelsAny\":[],\"labelsNone\":[],"
			"\"baseBranches\":[],\"skipAuthors\":[],\"skipMarker\":\"[skip "
			"preview]\",\"approveLabel\":\"\",\"decoys\":false,\"maxBuilds\":0,"
			"\"maxPreviews\":0,\"ttlMs\":0}" },
		{ "{\"drafts\":\"deploy\",\"forks\":\"trusted\",\"labelsAny\":[\"a\",\"\\\"\"],\"labelsNone\":[\"b\"],"
		  "\"baseBranches\":[\"release/"
		  "*\"],\"skipAuthors\":[\"*[bot]\"],\"skipMarker\":\"\",\"approveLabel\":\"ok to "
		  "deploy\",\"decoys\":true,\"maxBuilds\":3,"
		  "\"maxPreviews\":20,\"ttlMs\":86400000}",
		  NULL },
	};
	struct arena *arena = arena_new();
	const char *why = "";

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct rules rules = rules_read(json_parse(arena, str_of(table[i][0]), NULL, &why));
		struct buf text;
		struct json_out out = JSON_OUT(&text);

		buf_init(&text, 4096);
		json_open(&out, '{');
		rules_write(&rules, &out);
		json_close(&out, '}');
		assert_string_equal(buf_str(&text).p, table[i][1] ? table[i][1] : table[i][0]);
		buf_done(&text);
	}
	arena_free(arena);
}

static void nothing_deploys_while_a_project_is_being_deleted(void **state)
{
	struct rules rules = rules_read(NULL);
	struct pull_request pr = { .open = true, .title = STR("Fine") };
	struct decision d;

	(void)state;
	rules.is_deleting = true;
	d = rules_decide(&rules, &pr);
	assert_int_equal(d.desired, DESIRED_DESTROYED);
	assert_string_equal(d.rule, "DELETING");
	assert_int_equal(d.n_trace, 1);
}

static void globs(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} globs[] = {
		{ "", "", true },
		{ "", "a", false },
		{ "*", "", true },
		{ "*", "abc", true },
		{ "**", "", true },
		{ "a", "a", true },
		{ "a", "b", false },
		{ "a", "", false },
		{ "a*", "a", true },
		{ "a*", "ba", false },
		{ "*a", "ba", true },
		{ "*a", "ab", false },
		{ "a*b", "ab", true },
		{ "a*b", "axxb", true },
		{ "a*b", "axxbx", false },
		{ "a*b*c", "a-b-b-c", true },
		{ "*ab", "aab", true },
		{ "*abab", "abaabab", true },
		{ "a**b", "ab", true },
		{ "release/*", "release/", true },
		{ "release/*", "release/1/2", true },
		{ "?", "a", false },
		{ "[a]", "a", false },
		{ "a.c", "abc", false },
		{ "\\*", "*", false },
		{ "*x*", "abc", false },
		{ "*x*", "axc", true },
		{ "***a***", "a", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(globs) / sizeof(globs[0]); i++)
		if (glob_matches(str_of(globs[i].pattern), str_of(globs[i].text)) != globs[i].matches)
			fail_msg("%s with %s", globs[i].pattern, globs[i].text);
	assert_true(glob_matches((struct str){ 0 }, (struct str){ 0 }));
	assert_true(glob_matches(STR("a*c"), STR("a\0c")));
}

/* Against a definition that is slow and plain, over every short pattern and text of two letters. */
static bool matches_plainly(const char *p, const char *t)
{
	if (!*p)
		return !*t;
	if (*p == '*')
		return matches_plainly(p + 1, t) || (*t && matches_plainly(p, t + 1));
	return *p == *t && matches_plainly(p + 1, t + 1);
}

static void spell(unsigned number, unsigned base, const char *letters, char ret[8])
{
	size_t n = 0;

	for (; number > 0; number /= base + 1)
		if (number % (base + 1) > 0)
			ret[n++] = letters[number % (base + 1) - 1];
	ret[n] = '\0';
}

static void globs_agree_with_their_definition(void **state)
{
	char pattern[8], text[8];

	(void)state;
	for (unsigned p = 0; p < 1024; p++) {
		spell(p, 3, "ab*", pattern);
		for (unsigned t = 0; t < 729; t++) {
			spell(t, 2, "ab", text);
			if (glob_matches(str_of(pattern), str_of(text)) != matches_plainly(pattern, text))
				fail_msg("%s with %s", pattern, text);
		}
	}
}

static void evil_globs_take_no_time(void **state)
{
	static const char *const patterns[] = { "*a*a*a*a*b", "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
						"**********************b", "*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab" };
	static char text[10241];
	clock_t begin = clock();

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		for (int n = 0; n < 10; n++)
			assert_false(glob_matches(str_of(patterns[i]), str_of(text)));
	assert_in_range((clock() - begin) * 1000 / CLOCKS_PER_SEC, 0, 500);
}

static void roles_have_words(void **state)
{
	(void)state;
	for (enum role role = ROLE_VIEWER; role <= ROLE_OWNER; role++)
		assert_int_equal(role_read(str_of(role_word(role))), role);
	assert_true(ROLE_OWNER > ROLE_MAINTAINER && ROLE_MAINTAINER > ROLE_DEVELOPER && ROLE_DEVELOPER > ROLE_VIEWER);
	assert_int_equal(role_read(STR("owner")), ROLE_NONE);
	assert_int_equal(role_read(STR("NONE")), ROLE_NONE);
	assert_int_equal(role_read(STR("")), ROLE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(a_list_takes_32_words),
		cmocka_unit_test(a_decision_can_be_read),
		cmocka_unit_test(rules_are_written_with_their_defaults),
		cmocka_unit_test(nothing_deploys_while_a_project_is_being_deleted),
		cmocka_unit_test(globs),
		cmocka_unit_test(globs_agree_with_their_definition),
		cmocka_unit_test(evil_globs_take_no_time),
		cmocka_unit_test(roles_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

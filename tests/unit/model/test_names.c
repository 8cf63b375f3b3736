/* Slugs, repositories, logins, branches, e-mail addresses: what is taken and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/names.h"
#include "model/roles.h"

typedef const char *why_fn(struct str text);

static void all(why_fn *why, bool good, const char *const *texts)
{
	for (; *texts; texts++)
		if ((why(str_of(*texts)) == NULL) != good)
			fail_msg("\"%s\" should be %s", *texts, good ? "taken" : "refused");
}

#define GOOD(why, ...) all(why, true, (const char *const[]){ __VA_ARGS__, NULL })
#define BAD(why, ...)  all(why, false, (const char *const[]){ __VA_ARGS__, NULL })

#define TEN    "0123456789"
#define THIRTY TEN TEN TEN
#define FORTY  THIRTY TEN
#define A255   FORTY FORTY FORTY FORTY FORTY FORTY "012345678901234"

static void slugs(void **state)
{
	(void)state;
	GOOD(slug_why, "ab", "a1", "0-9", "a-b-c", FORTY, "api2", "my-api");
	BAD(slug_why, "", "a", FORTY "0", "A1", "a--b", "-a", "a-", "a_b", "a.b", "a b", "\xc3\xa9t\xc3\xa9", "api",
	    "orgs", "webhooks", "--");
}

static void slugs_from_names(void **state)
{
	static const char *const table[][2] = {
		{ "Acme Tools", "acme-tools" },
		{ "  A  &  B!  ", "a-b" },
		{ "Z\xc3\xbcrich", "z-rich" },
		{ "---", "" },
		{ "", "" },
		{ "\xe6\x9d\xb1\xe4\xba\xac", "" },
		{ FORTY "tail", FORTY },
		{ "012345678901234567890123456789012345678 x", "012345678901234567890123456789012345678" },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_string_equal(slug_from_name(arena, str_of(table[i][0])).p, table[i][1]);
	arena_free(arena);
}

static void repositories(void **state)
{
	(void)state;
	GOOD(repo_why, "a/b", "acme/shop", "a-b/.github", "0/_", "a/...", "a/b.c-d_e", "a/gi", "a/.gi",
	     "012345678901234567890123456789012345678/x", "a/" FORTY FORTY TEN TEN);
	BAD(repo_why, "", "/", "a", "a/", "/b", "a/b/c", "a/b/", "a/.", "a/..", "a/b.git", "a/.git", "a/b.GIT", "a b/c",
	    "a/b c", "-a/b", "a-/b", "a--b/c", "a_b/c", FORTY "/x", "a/" FORTY FORTY TEN TEN "0", "a/\xc3\xa9",
	    "https://github.com/a/b");
	assert_non_null(strstr(repo_why(STR("a/b.git")), "drop it"));
	assert_non_null(repo_why((struct str){ "a/b\0", 4 }));
}

static void logins(void **state)
{
	(void)state;
	GOOD(github_login_why, "a", "a-b", "A1", "0", "012345678901234567890123456789012345678");
	BAD(github_login_why, "", "-", "-a", "a-", "a--b", "a_b", "a.b", "a b", FORTY, "dependabot[bot]");
}

static void branches(void **state)
{
	(void)state;
	GOOD(branch_why, "main", "feature/x", "a@b", "a.b", "a-", "x{}", "lock", "a.lockx", "Head", "\xc3\xbc", A255);
	BAD(branch_why, "", "@", "HEAD", "-a", "/a", "a/", "a//b", "a..b", ".a", "a/.b", "a.", "a.lock", "a.lock/b",
	    "a b", "a~", "a^", "a:", "a?", "a*", "a[", "a\\b", "a@{b", "a\x7f", "a\nb", A255 "x");
}

static void emails(void **state)
{
	(void)state;
	GOOD(email_why, "a@b", "a.b+c@example.org", "\xc3\xbc@example.org");
	BAD(email_why, "", "@", "a@", "@b", "ab", "a@b@c", "a b@c", "<a@b>", "a@b,c@d", "a@b;", "\"a\"@b", "a@b\n");
}

static void managing(void **state)
{
	(void)state;
	for (int role = ROLE_NONE; role <= ROLE_OWNER; role++) {
		assert_true(role_manages(ROLE_OWNER, (enum role)role));
		assert_int_equal(role_manages(ROLE_MAINTAINER, (enum role)role), role < ROLE_MAINTAINER);
		assert_false(role_manages(ROLE_DEVELOPER, (enum role)role));
		assert_false(role_manages(ROLE_VIEWER, (enum role)role));
		assert_false(role_manages(ROLE_NONE, (enum role)role));
	}
}

static void keys_of_variables(void **state)
{
	(void)state;
	GOOD(variable_key_why, "A", "_", "A1_B", "__", "PATH", "K" FORTY FORTY FORTY);
	BAD(variable_key_why, "", "1", "1A", "a", "A-B", "A B", "A.B", "A=", "\xc3\x84", "A\n",
	    "K" FORTY FORTY FORTY TEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_variables),
		cmocka_unit_test(slugs),
		cmocka_unit_test(slugs_from_names),
		cmocka_unit_test(repositories),
		cmocka_unit_test(logins),
		cmocka_unit_test(branches),
		cmocka_unit_test(emails),
		cmocka_unit_test(managing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

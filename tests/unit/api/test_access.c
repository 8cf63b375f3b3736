/* What the guard remembers: for whom, how long, and what makes it forget. */
#include "api/access.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#define BEARER STR("a bearer's text")

static struct call call;
static struct access_cache *cache;

static int set_up(void **state)
{
	(void)state;
	call = (struct call){ .arena = arena_new(), .why = "" };
	cache = access_cache_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	access_cache_free(cache);
	arena_free(call.arena);
	return 0;
}

static const struct identity olivia = { .person = { STR("user_1"), STR("o@x"), STR("Olivia\nOwner"), STR("") },
					.token = STR("tok_1"),
					.only_project = STR("proj_1"),
					.scope = SCOPE_WRITE };

static void test_identity(void **state)
{
	struct identity found;

	(void)state;
	assert_false(access_known_identity(&call, cache, BEARER, &found));
	access_remember_identity(cache, access_age(cache), BEARER, &olivia);
	assert_true(access_known_identity(&call, cache, BEARER, &found));
	assert_true(str_eq(found.person.name, olivia.person.name));
	assert_true(str_eq(found.token, olivia.token) && str_eq(found.only_project, olivia.only_project));
	assert_int_equal(found.scope, SCOPE_WRITE);
	assert_int_equal(found.session.n + found.person.avatar_url.n, 0);
	assert_false(access_known_identity(&call, cache, STR("a bearer's tex"), &found));
}

static void test_forgetting(void **state)
{
	const struct target target = { .project = STR("proj_1") };
	const struct standing standing = { ROLE_DEVELOPER, STR("org_1"), STR("proj_1") };
	struct identity found;
	struct standing at;
	uint64_t age = access_age(cache);

	(void)state;
	access_remember_identity(cache, age, BEARER, &olivia);
	access_remember_standing(&call, cache, age, STR("user_1"), &target, &standing);
	assert_true(access_known_standing(&call, cache, STR("user_1"), &target, &at));
	assert_true(at.role == ROLE_DEVELOPER && str_eq(at.org, standing.org) && str_eq(at.project, standing.project));
	assert_false(access_known_standing(&call, cache, STR("user_2"), &target, &at));
	access_forget(cache);
	assert_false(access_known_identity(&call, cache, BEARER, &found));
	assert_false(access_known_standing(&call, cache, STR("user_1"), &target, &at));
	access_remember_identity(cache, age, BEARER, &olivia); /* asked for before it was forgotten */
	assert_false(access_known_identity(&call, cache, BEARER, &found));
}

static void test_time(void **state)
{
	struct identity found;
	int64_t until = clock_mono_ms() + ACCESS_TTL_MS + 1000;

	(void)state;
	access_remember_identity(cache, access_age(cache), BEARER, &olivia);
	while (access_known_identity(&call, cache, BEARER, &found) && clock_mono_ms() < until)
		usleep(20000);
	assert_true(clock_mono_ms() < until);
}

/* A stranger is asked about again each time: whoever is let in need not wait. What does not fit is not kept. */
static void test_not_kept(void **state)
{
	const struct target target = { .org = STR("org_1") };
	const struct standing nobody = { .role = ROLE_NONE };
	struct identity found, large = olivia;
	struct standing at;
	static char name[1000];

	(void)state;
	access_remember_standing(&call, cache, access_age(cache), STR("user_1"), &target, &nobody);
	assert_false(access_known_standing(&call, cache, STR("user_1"), &target, &at));
	large.person.name = (struct str){ name, sizeof(name) };
	access_remember_identity(cache, access_age(cache), BEARER, &large);
	assert_false(access_known_identity(&call, cache, BEARER, &found));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_identity, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_forgetting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_kept, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

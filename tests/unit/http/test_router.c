/* The route tree: which path and method lead where. */
#include "http/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct http_route table[] = {
	{ .method = HTTP_GET, .path = "/" },
	{ .method = HTTP_GET, .path = "/projects" },
	{ .method = HTTP_POST, .path = "/projects" },
	{ .method = HTTP_GET, .path = "/projects/:id" },
	{ .method = HTTP_DELETE, .path = "/projects/:id" },
	{ .method = HTTP_GET, .path = "/projects/recent" },
	{ .method = HTTP_GET, .path = "/projects/:id/deployments" },
	{ .method = HTTP_POST, .path = "/projects/:id/deployments/:deployment/retry" },
	{ .method = HTTP_GET, .path = "/projects/recent/failed" },
	{ .method = HTTP_GET, .path = "/a/:b/:c/:d/:e" },
	{ 0 },
};

struct sample {
	const char *path;
	int method;
	int route; /* index in the table; -1: nothing at this path; -2: not this method */
	const char *params[HTTP_PARAMS];
};

static void test_paths(void **state)
{
	static const struct sample samples[] = {
		{ "/", HTTP_GET, 0, { 0 } },
		{ "/projects", HTTP_GET, 1, { 0 } },
		{ "/projects", HTTP_POST, 2, { 0 } },
		{ "/projects", HTTP_PUT, -2, { 0 } },
		{ "/projects/p1", HTTP_GET, 3, { "p1" } },
		{ "/projects/p1", HTTP_DELETE, 4, { "p1" } },
		{ "/projects/recent", HTTP_GET, 5, { 0 } },
		{ "/projects/recent/deployments", HTTP_GET, 6, { "recent" } }, /* turns back */
		{ "/projects/recent/failed", HTTP_GET, 8, { 0 } },
		{ "/projects/p1/deployments/d2/retry", HTTP_POST, 7, { "p1", "d2" } },
		{ "/projects/p1/deployments/d2/retry", HTTP_GET, -2, { 0 } },
		{ "/a/1/2/3/4", HTTP_GET, 9, { "1", "2", "3", "4" } },
		{ "/a/1/2/3", HTTP_GET, -1, { 0 } },
		{ "/a/1/2/3/4/5", HTTP_GET, -1, { 0 } },
		{ "", HTTP_GET, -1, { 0 } },
		{ "projects", HTTP_GET, -1, { 0 } },
		{ "//", HTTP_GET, -1, { 0 } },
		{ "//projects", HTTP_GET, -1, { 0 } },
		{ "/projects/", HTTP_GET, -1, { 0 } },
		{ "/projects//deployments", HTTP_GET, -1, { 0 } },
		{ "/Projects", HTTP_GET, -1, { 0 } },
		{ "/projects/:id/other", HTTP_GET, -1, { 0 } },
	};
	struct router *router = router_new(table);

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];
		struct router_match match;
		bool found = router_find(router, str_of(s->path), &match);
		size_t params = 0;

		if (s->route == -1) {
			if (found)
				fail_msg("%s was found", s->path);
			continue;
		}
		if (!found)
			fail_msg("%s was not found", s->path);
		assert_ptr_equal(match.routes[s->method], s->route < 0 ? NULL : &table[s->route]);
		while (s->route >= 0 && params < HTTP_PARAMS && s->params[params]) {
			assert_true(str_eq(match.params[params], str_of(s->params[params])));
			params++;
		}
		if (s->route >= 0)
			assert_int_equal(match.n_params, params);
	}
	assert_null(router_free(router));
	assert_null(router_free(NULL));
}

static void test_methods(void **state)
{
	(void)state;
	assert_int_equal(router_method(STR("GET")), HTTP_GET);
	assert_int_equal(router_method(STR("HEAD")), HTTP_GET);
	assert_int_equal(router_method(STR("DELETE")), HTTP_DELETE);
	assert_int_equal(router_method(STR("get")), -1);
	assert_int_equal(router_method(STR("TRACE")), -1);
	assert_int_equal(router_method(STR("OPTIONS")), -1);
	assert_int_equal(router_method(STR("")), -1);
}

static void test_allow(void **state)
{
	struct router *router = router_new(table);
	struct arena *arena = arena_new();
	struct router_match match;

	(void)state;
	assert_true(router_find(router, STR("/projects"), &match));
	assert_string_equal(router_allow(&match, arena).p, "GET, HEAD, POST, OPTIONS");
	assert_true(router_find(router, STR("/projects/x/deployments/y/retry"), &match));
	assert_string_equal(router_allow(&match, arena).p, "POST, OPTIONS");
	arena_free(arena);
	router_free(router);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_allow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The origin of a URL, as browsers write it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/http.h"

static void urls_have_one_origin(void **state)
{
	static const struct {
		const char *url, *origin; /* NULL = none */
	} rows[] = {
		{ "https://opshub.example", "https://opshub.example" },
		{ "https://opshub.example/", "https://opshub.example" },
		{ "https://OpsHub.Example/App?x=1#y", "https://opshub.example" },
		{ "https://opshub.example?x=/", "https://opshub.example" },
		{ "https://opshub.example:443/app", "https://opshub.example" },
		{ "http://localhost:80", "http://localhost" },
		{ "http://localhost:3000", "http://localhost:3000" },
		{ "https://opshub.example:80", "https://opshub.example:80" },
		{ "http://[::1]:4000/", "http://[::1]:4000" },
		{ "http://a", "http://a" },
		{ "https://", NULL },
		{ "https:///path", NULL },
		{ "http://:80", NULL },
		{ "http://a:80:80", NULL },
		{ "http://[::1]:80:80", NULL },
		{ "http://[::1", NULL },
		{ "http://a b", NULL },
		{ "http://a'b", NULL },
		{ "https://user:password@opshub.example", NULL },
		{ "ftp://opshub.example", NULL },
		{ "opshub.example", NULL },
		{ "", NULL },
	};
	char origin[HTTP_ORIGIN_MAX], url[400] = "https://";

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool found = http_origin_of(str_of(rows[i].url), origin);

		assert_int_equal(found, rows[i].origin != NULL);
		if (found)
			assert_string_equal(origin, rows[i].origin);
	}
	memset(url + 8, 'a', 300);
	assert_false(http_origin_of((struct str){ url, 308 }, origin));
	assert_false(http_origin_of((struct str){ url, HTTP_ORIGIN_MAX }, origin));
	assert_true(http_origin_of((struct str){ url, HTTP_ORIGIN_MAX - 1 }, origin));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_have_one_origin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

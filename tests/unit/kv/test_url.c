/* Which Redis urls are taken, and what is said of the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kv/inner.h"

#include <string.h>

static void test_good(void **state)
{
	static const struct {
		const char *url, *host, *user, *password;
		int port, db;
	} cases[] = {
		{ "redis://localhost", "localhost", "", "", 6379, 0 },
		{ "redis://127.0.0.1:6380/3", "127.0.0.1", "", "", 6380, 3 },
		{ "redis://h:1/", "h", "", "", 1, 0 },
		{ "redis://:pass@h", "h", "", "pass", 6379, 0 },
		{ "redis://user:p%40ss%2F@h:65535/1023", "h", "user", "p@ss/", 65535, 1023 },
		{ "redis://:a@b@h", "h", "", "a@b", 6379, 0 },
		{ "redis://[::1]", "::1", "", "", 6379, 0 },
		{ "redis://:p@[fd00::1]:7/1", "fd00::1", "", "p", 7, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kv_url url;

		assert_null(kv_url_parse(cases[i].url, &url));
		assert_string_equal(url.host, cases[i].host);
		assert_string_equal(url.user, cases[i].user);
		assert_string_equal(url.password, cases[i].password);
		assert_int_equal(url.port, cases[i].port);
		assert_int_equal(url.db, cases[i].db);
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *url, *why;
	} cases[] = {
		{ NULL, "does not begin with redis://" },
		{ "", "does not begin with redis://" },
		{ "localhost:6379", "does not begin with redis://" },
		{ "http://h", "does not begin with redis://" },
		{ "rediss://:hunter22@h", "TLS tunnel" },
		{ "redis://", "names no host" },
		{ "redis://:hunter22@", "names no host" },
		{ "redis://:6379", "names no host" },
		{ "redis://h:0", "port" },
		{ "redis://h:65536", "port" },
		{ "redis://h:", "port" },
		{ "redis://h:6379x", "port" },
		{ "redis://h/x", "database" },
		{ "redis://h/-1", "database" },
		{ "redis://h/1024", "database" },
		{ "redis://h/0?tls=1", "database" },
		{ "redis://:hunter%@h", "decoded" },
		{ "redis://:hunter%zz@h", "decoded" },
		{ "redis://:hunter22%00@h", "decoded" },
		{ "redis://hunter22@h", "no password" },
		{ "redis://h h", "space" },
		{ "redis://h\r\nFLUSHALL", "control" },
		{ "redis://[::1", "without its ]" },
		{ "redis://[::1]6379", "between ]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *why = kv_url_check(cases[i].url);

		assert_non_null(why);
		assert_non_null(strstr(why, cases[i].why));
		assert_null(strstr(why, "hunter"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

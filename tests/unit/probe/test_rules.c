/* Where probes may go: the operator's lists, addresses, and what an url comes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "probe/rules.h"

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static struct probe_rules rules_of(const char *cidrs, const char *ports)
{
	struct probe_rules rules;
	const char *why = NULL;

	if (!probe_rules_read(arena, str_of(cidrs), str_of(ports), &rules, &why))
		fail_msg("\"%s\" and \"%s\": %s", cidrs, ports, why);
	return rules;
}

static void lists_are_read(void **state)
{
	struct probe_rules rules = rules_of(" 10.1.2.3/8 ,, fd00::/8,192.168.1.1 ", "80, 8000-8999");

	(void)state;
	assert_int_equal(rules.n_cidrs, 3);
	assert_string_equal(probe_cidr_text(arena, &rules.cidrs[0]).p, "10.0.0.0/8");
	assert_string_equal(probe_cidr_text(arena, &rules.cidrs[1]).p, "fd00::/8");
	assert_string_equal(probe_cidr_text(arena, &rules.cidrs[2]).p, "192.168.1.1/32");
	assert_true(probe_port_allowed(&rules, 80));
	assert_false(probe_port_allowed(&rules, 81));
	assert_false(probe_port_allowed(&rules, 7999));
	assert_true(probe_port_allowed(&rules, 8000));
	assert_true(probe_port_allowed(&rules, 8999));
	assert_false(probe_port_allowed(&rules, 9000));
	assert_false(probe_port_allowed(&rules, 0));
}

static void wrong_lists_say_what_is_wrong(void **state)
{
	static const char *const rows[][3] = {
		{ "10.0.0.0/33", "80", "entry 1" },
		{ "10.0.0.0/8,::/129", "80", "entry 2" },
		{ "10.0.0.0/", "80", "entry 1" },
		{ "10.0.0.0/-1", "80", "entry 1" },
		{ "10.0.0/8", "80", "no network" },
		{ "example.com", "80", "no network" },
		{ "0.0.0.0/0", "80", "private networks only" },
		{ "::/0", "80", "private networks only" },
		{ "169.254.0.0/16", "80", "nobody may go" },
		{ "::ffff:127.0.0.1/128", "80", "nobody may go" },
		{ "", "", "is empty" },
		{ "", "0", "no port" },
		{ "", "65536", "no port" },
		{ "", "80,x", "entry 2" },
		{ "", "90-80", "no range" },
		{ "", "80-", "no range" },
		{ "", "-80", "no port" },
	};
	struct probe_rules rules;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = NULL;

		if (probe_rules_read(arena, str_of(rows[i][0]), str_of(rows[i][1]), &rules, &why))
			fail_msg("\"%s\" and \"%s\" are taken", rows[i][0], rows[i][1]);
		if (!strstr(why, rows[i][2]))
			fail_msg("\"%s\" and \"%s\": %s", rows[i][0], rows[i][1], why);
	}
}

static bool allowed(const struct probe_rules *rules, const char *text, bool allow_private)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	const char *word = NULL;
	bool good;

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		good = probe_address_allowed(rules, (struct sockaddr *)&v4, allow_private, &word);
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
		good = probe_address_allowed(rules, (struct sockaddr *)&v6, allow_private, &word);
	}
	assert_non_null(word);
	return good;
}

static void what_is_forbidden_stays_forbidden(void **state)
{
	struct probe_rules none = rules_of("", "80"), some = rules_of("127.0.0.0/30,100.64.0.0/10,fd00::/8,::1", "80");
	static const struct {
		const char *text;
		bool none, some, preview;
	} rows[] = {
		{ "8.8.8.8", true, true, true },
		{ "2606:4700::1", true, true, true },
		{ "127.0.0.1", false, true, true },
		{ "127.0.0.3", false, true, true },
		{ "127.0.0.4", false, false, true },
		{ "10.0.0.1", false, false, true },
		{ "::1", false, true, true },
		{ "fd00::1", false, true, true },
		{ "fc00::1", false, false, true },
		{ "fd00:ec2::254", false, false, false },
		{ "100.64.0.1", false, true, true },
		{ "100.100.100.200", false, false, false },
		{ "169.254.169.254", false, false, false },
		{ "0.0.0.0", false, false, false },
		{ "::ffff:127.0.0.1", false, false, false },
		{ "::127.0.0.1", false, false, false },
		{ "64:ff9b::7f00:1", false, false, false },
		{ "2002:7f00:1::", false, false, false },
		{ "224.0.0.1", false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (allowed(&none, rows[i].text, false) != rows[i].none ||
		    allowed(&some, rows[i].text, false) != rows[i].some ||
		    allowed(&none, rows[i].text, true) != rows[i].preview)
			fail_msg("%s", rows[i].text);
}

static void urls_are_written_again(void **state)
{
	struct probe_rules rules = rules_of("127.0.0.0/8,::1", "1-65535");
	static const char *const rows[][2] = {
		{ "http://Example.COM", "http://example.com/" },
		{ "HTTPS://example.com.:443/a?b#c", "https://example.com:443/a?b" },
		{ "http://127.1:3000/", "http://127.0.0.1:3000/" },
		{ "http://0x7f.1/", "http://127.0.0.1/" },
		{ "http://017700000001/a", "http://127.0.0.1/a" },
		{ "http://[0::1]:80/", "http://[::1]:80/" },
		{ "http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/" },
		{ "http://under_score.example/%C3%A4", "http://under_score.example/%C3%A4" },
		{ "http://intranet:8080/", "http://intranet:8080/" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str url = { 0 };
		const char *why = probe_url_check(arena, &rules, str_of(rows[i][0]), false, &url);

		if (why)
			fail_msg("%s %s", rows[i][0], why);
		assert_string_equal(url.p, rows[i][1]);
	}
}

static void wrong_urls_say_what_is_wrong(void **state)
{
	struct probe_rules rules = rules_of("", "80,443");
	static const char *const rows[][2] = {
		{ "", "missing" },
		{ "example.com", "must start with" },
		{ "ftp://example.com/", "must start with" },
		{ "http://a b/", "space" },
		{ "http://a\\b/", "backslash" },
		{ "http://a/\r\nX: y", "control" },
		{ "http://b\xc3\xbc"
		  "cher.example/",
		  "xn--" },
		{ "http://user:secret@example.com/", "user name" },
		{ "http://example.com:8081/", "port 8081" },
		{ "http://10.0.0.1/", "(private)" },
		{ "http://169.254.169.254/", "(link-local)" },
		{ "http://[::ffff:8.8.8.8]/", "IPv4 written as IPv6" },
		{ "http://localhost/", "private network" },
		{ "http://db/", "private network" },
		{ "http://x.internal/", "private network" },
		{ "http://-a.example/", "neither a name" },
		{ "http://a..b/", "neither a name" },
		{ "http://1.2.3.4.5/", "neither a name" },
		{ "http://", "cannot be read" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str url = { 0 };
		const char *why = probe_url_check(arena, &rules, str_of(rows[i][0]), false, &url);

		if (!why || !strstr(why, rows[i][1]))
			fail_msg("%s: %s", rows[i][0], why ? why : "is taken");
		assert_null(url.p);
		assert_null(strstr(why, "secret"));
	}
}

static void urls_of_10_kb_are_refused(void **state)
{
	struct probe_rules rules = rules_of("", "80");
	char url[10241] = "http://example.com/";
	struct str taken = { 0 };

	(void)state;
	memset(url + 19, 'a', sizeof(url) - 20);
	url[sizeof(url) - 1] = '\0';
	assert_non_null(probe_url_check(arena, &rules, str_of(url), false, &taken));
	assert_null(probe_url_check(arena, &rules, (struct str){ url, PROBE_URL_MAX }, false, &taken));
	assert_int_equal(taken.n, PROBE_URL_MAX);
	assert_non_null(probe_url_check(arena, &rules, (struct str){ url, PROBE_URL_MAX + 1 }, false, &taken));
	assert_non_null(probe_url_check(arena, &rules, (struct str){ "http://a.example/\0x", 19 }, false, &taken));
}

static void a_preview_of_the_operators_provider_may_be_private(void **state)
{
	struct probe_rules rules = rules_of("", "80");
	struct str url = { 0 };

	(void)state;
	assert_null(probe_url_check(arena, &rules, STR("http://127.0.0.1:31000/"), true, &url));
	assert_null(probe_url_check(arena, &rules, STR("http://cloud:31000/"), true, &url));
	assert_non_null(probe_url_check(arena, &rules, STR("http://169.254.169.254/"), true, &url));
}

/* Each line of the list, whatever it comes to, is nothing a check may be made of. */
static void the_list_of_spellings(void **state)
{
	struct probe_rules rules = rules_of("", "1-65535");
	FILE *file = fopen(OPSHUB_SOURCE_DIR "/tests/contract/ssrf/spellings.txt", "r");
	char line[512];
	int n = 0, taken = 0;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		struct str url = { 0 };
		char *port;

		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "# ", 2) == 0)
			continue;
		port = strstr(line, "PORT");
		if (port)
			memcpy(port, "8080", 4);
		if (!probe_url_check(arena, &rules, str_of(line), false, &url)) {
			print_error("%s is taken as %s\n", line, url.p);
			taken++;
		}
		n++;
	}
	fclose(file);
	assert_true(n > 300);
	assert_int_equal(taken, 0);
}

static void headers_that_a_user_may_not_set(void **state)
{
	(void)state;
	assert_null(probe_header_check(STR("X-Mine"), STR("a\tb")));
	assert_null(probe_header_check(STR("Authorization"), STR("")));
	assert_non_null(probe_header_check(STR("X"), STR("a\r\nHost: b")));
	assert_non_null(probe_header_check(STR("X"), STR("a\nb")));
	assert_non_null(probe_header_check(STR("X"), STR("a\0b")));
	assert_non_null(probe_header_check(STR("X\r"), STR("a")));
	assert_non_null(probe_header_check(STR(""), STR("a")));
	assert_non_null(probe_header_check(STR("X:"), STR("a")));
	assert_non_null(probe_header_check(STR("hOst"), STR("a")));
	assert_non_null(probe_header_check(STR("Metadata-Flavor"), STR("Google")));
	assert_non_null(probe_header_check(STR("Transfer-Encoding"), STR("chunked")));
}

static void secrets_go_where_they_were_meant_to(void **state)
{
	struct probe_rules strict = rules_of("", "1-65535"), open = rules_of("10.0.0.0/8", "1-65535");

	(void)state;
	assert_true(
		probe_same_origin(arena, STR("https://shop.example.org/a?x"), STR("https://SHOP.example.org:443/b")));
	assert_false(probe_same_origin(arena, STR("https://shop.example.org/"), STR("http://shop.example.org/")));
	assert_false(probe_same_origin(arena, STR("https://shop.example.org/"), STR("https://shop.example.org:8443/")));
	assert_false(
		probe_same_origin(arena, STR("https://shop.example.org/"), STR("https://shop.example.org.evil.org/")));
	assert_false(probe_same_origin(arena, STR("nonsense"), STR("nonsense")));
	assert_true(probe_is_in_clear(&strict, STR("http://shop.example.org/")));
	assert_false(probe_is_in_clear(&strict, STR("https://shop.example.org/")));
	assert_false(probe_is_in_clear(&strict, STR("http://shop.internal/")));
	assert_true(probe_is_in_clear(&open, STR("http://192.0.9.1/")));
	assert_false(probe_is_in_clear(&open, STR("http://10.1.2.3/")));
	assert_false(probe_is_in_clear(&open, STR("http://shop.example.org/"))); /* the probe finds out */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_read),
		cmocka_unit_test(wrong_lists_say_what_is_wrong),
		cmocka_unit_test(what_is_forbidden_stays_forbidden),
		cmocka_unit_test(urls_are_written_again),
		cmocka_unit_test(wrong_urls_say_what_is_wrong),
		cmocka_unit_test(urls_of_10_kb_are_refused),
		cmocka_unit_test(a_preview_of_the_operators_provider_may_be_private),
		cmocka_unit_test(the_list_of_spellings),
		cmocka_unit_test(headers_that_a_user_may_not_set),
		cmocka_unit_test(secrets_go_where_they_were_meant_to),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

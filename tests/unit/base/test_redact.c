/* Secrets are found in every form and at every place, also where a text was cut, and in the time of the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/redact.h"

#define MAX (64 * 1024 * 1024)

static struct redactor *with(const char *name, struct str secret)
{
	struct redactor *r = redactor_new(MAX);

	assert_true(redactor_add(r, str_of(name), secret));
	return r;
}

static void check_all(const struct redactor *const *all, size_t n, struct str text, bool cut, const char *expected)
{
	struct buf buf;

	buf_init(&buf, MAX);
	redact(all, n, text, cut, &buf);
	assert_string_equal(buf_str(&buf).p, expected);
	buf_done(&buf);
}

static void check(const struct redactor *r, const char *text, const char *expected)
{
	check_all(&r, 1, str_of(text), false, expected);
}

static void a_secret_is_found_as_it_is(void **state)
{
	struct redactor *r = with("[KEY]", STR("s3cr3t-value"));

	(void)state;
	check(r, "", "");
	check(r, "nothing", "nothing");
	check(r, "a s3cr3t-value b", "a [KEY] b");
	check(r, "s3cr3t-values3cr3t-value", "[KEY][KEY]");
	check(r, "s3cr3t-valu", "s3cr3t-valu");
	assert_true(redactor_add(r, STR("[SHORT]"), STR("12345")));
	assert_true(redactor_add(r, STR("[EMPTY]"), STR("")));
	check(r, "12345", "12345");
	redactor_free(r);
	r = with("[SHORT]", STR("12345"));
	check(r, "12345", "12345");
	assert_null(redactor_free(r));
	assert_null(redactor_free(NULL));
}

/* encodeURIComponent, RFC 3986, forms, lower case digits, everything encoded: whoever encodes decides what is. */
static void percent_signs_hide_nothing(void **state)
{
	struct redactor *r = with("[KEY]", STR("a b/c+d=\xc3\xa4?100%41"));

	(void)state;
	check(r, "x=a%20b%2Fc%2Bd%3D%C3%A4%3F100%2541&y", "x=[KEY]&y");
	check(r, "x=a+b%2fc%2bd%3d%c3%a4%3f100%2541&y", "x=[KEY]&y");
	check(r, "x=%61%20%62/c+d=\xc3\xa4%3F%3100%2541&y=50%", "x=[KEY]&y=50%");
	check(r, "a b/c+d=\xc3\xa4?100%41 %zz %", "[KEY] %zz %");
	check(r, "a%20b%2Fc%2Bd%3D%C3%A4%3F100%2542", "a%20b%2Fc%2Bd%3D%C3%A4%3F100%2542");
	redactor_free(r);
}

static size_t encode(const char *letters, const unsigned char *bytes, size_t n, char *ret)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t three = (uint32_t)bytes[i] << 16 | (i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0) |
				 (i + 2 < n ? bytes[i + 2] : 0);

		for (int k = 0; k < 4; k++)
			ret[at++] = i + (size_t)k > n ? '=' : letters[three >> (18 - 6 * k) & 63];
	}
	ret[at] = '\0';
	return at;
}

/* Wherever in what was encoded it stands, nothing of it but a few bits at its ends is left. */
static void base64_hides_nothing(void **state)
{
	static const char *const alphabets[] = {
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
	};
	static const char secret[] = "\xfb\xff\xbfhunter\xfe\xff?22~~";
	struct redactor *r = with("[KEY]", STR("\xfb\xff\xbfhunter\xfe\xff?22~~"));

	(void)state;
	for (size_t alphabet = 0; alphabet < 2; alphabet++)
		for (size_t before = 0; before < 7; before++)
			for (size_t after = 0; after < 4; after++) {
				unsigned char bytes[64];
				char text[128];
				struct buf out;
				size_t n = before + sizeof(secret) - 1 + after;

				memset(bytes, 'x', sizeof(bytes));
				memcpy(bytes + before, secret, sizeof(secret) - 1);
				encode(alphabets[alphabet], bytes, n, text);
				buf_init(&out, 1000);
				redact((const struct redactor *const *)&r, 1, str_of(text), false, &out);
				assert_non_null(strstr(buf_str(&out).p, "[KEY]"));
				/* what holds no bit of it is left: whole characters before and after */
				assert_int_equal(out.n, strlen("[KEY]") + 8 * before / 6 + strlen(text) -
								(8 * (n - after) + 5) / 6);
				buf_done(&out);
			}
	redactor_free(r);
}

static void lines_of_a_secret_are_secrets(void **state)
{
	static const char key[] = "-----BEGIN KEY-----\r\nMIIEvQIBADANBgkqhkiG\r\nshort\r\n-----END KEY-----\r\n";
	struct redactor *r = with("[PEM]", str_of(key));

	(void)state;
	check(r, key, "[PEM]");
	check(r, "1: MIIEvQIBADANBgkqhkiG", "1: [PEM]");
	check(r, "it is short", "it is short");
	/* a line of one secret may be another secret: then it is looked for in all forms */
	assert_true(redactor_add(r, STR("[LINE]"), STR("MIIEvQIBADANBgkqhkiG")));
	check(r, "TUlJRXZRSUJBREFOQmdrcWhraUc=", "[LINE]=");
	redactor_free(r);
}

static void several_redactors_work_together(void **state)
{
	struct redactor *a = with("[A]", STR("abcdefgh")), *b = with("[B]", STR("efghijkl"));
	const struct redactor *const all[] = { a, NULL, b };

	(void)state;
	check_all(all, 3, STR("-abcdefgh efghijkl abcdefghijkl-"), false, "-[A] [B] [A]-");
	redactor_free(a);
	redactor_free(b);
}

static void what_does_not_fit_is_said(void **state)
{
	struct redactor *r = redactor_new(1000);
	char secret[100];

	(void)state;
	memset(secret, 'x', sizeof(secret));
	assert_true(redactor_add(r, STR("[A]"), STR("a secret")));
	assert_false(redactor_add(r, STR("[B]"), (struct str){ secret, sizeof(secret) }));
	redactor_free(r);
}

/* ---- cut texts ---- */

/* No part of the secret that is long enough to be looked for. */
static void nothing_of(struct str secret, struct str text)
{
	for (size_t i = 0; i + REDACT_SHORTEST <= secret.n; i++)
		for (size_t k = 0; k + REDACT_SHORTEST <= text.n; k++)
			if (memcmp(secret.p + i, text.p + k, REDACT_SHORTEST) == 0)
				fail_msg("byte %zu of the secret is at %zu of %.*s", i, k, STR_FMT(text));
}

static void cut_everywhere(const struct redactor *r, struct str text, const struct str *forms, size_t n)
{
	for (size_t at = 0; at <= text.n; at++) {
		struct buf out;

		buf_init(&out, 10000);
		redact(&r, 1, (struct str){ text.p, at }, true, &out);
		buf_add_char(&out, '|');
		redact(&r, 1, (struct str){ text.p + at, text.n - at }, true, &out);
		for (size_t i = 0; i < n; i++)
			nothing_of(forms[i], buf_str(&out));
		assert_non_null(strstr(buf_str(&out).p, "keep this"));
		assert_false(out.overflow);
		buf_done(&out);
	}
}

static void a_cut_at_any_place_shows_nothing(void **state)
{
	static const struct str forms[] = { STR("passwd/w\xc3\xb6rd abcabcabd"), STR("passwd%2Fw%C3%B6rd%20abcabcabd"),
					    STR("cGFzc3dkL3fDtnJkIGFiY2FiY2FiZ"), STR("other.secret") };
	struct redactor *r = with("[A]", forms[0]);
	struct buf text;

	(void)state;
	redactor_add(r, STR("[B]"), forms[3]);
	buf_init(&text, 10000);
	for (size_t i = 0; i < 4; i++) {
		buf_add_str(&text, STR("keep this<"));
		buf_add_str(&text, forms[i]);
		buf_add_str(&text, STR(">keep this"));
	}
	cut_everywhere(r, buf_str(&text), forms, 4);
	check(r, buf_str(&text).p,
	      "keep this<[A]>keep thiskeep this<[A]>keep thiskeep this<[A]>keep thiskeep this<[B]>keep this");
	buf_done(&text);
	redactor_free(r);
}

/* A provider that hands over what it has read ends lines, and pages of them, in the middle of a secret. */
static void lines_that_break_inside_of_a_secret_show_nothing(void **state)
{
	static const struct str forms[] = { STR("passwd/w\xc3\xb6rd abcabcabd"), STR("passwd%2Fw%C3%B6rd%20abcabcabd"),
					    STR("cGFzc3dkL3fDtnJkIGFiY2FiY2FiZ") };
	struct redactor *r = with("[A]", forms[0]);

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (size_t at = 1; at < forms[i].n; at++) {
			char text[100];

			snprintf(text, sizeof(text), "keep\n%.*s\n%.*s\nthis\n", (int)at, forms[i].p,
				 (int)(forms[i].n - at), forms[i].p + at);
			check_all((const struct redactor *const *)&r, 1, str_of(text), true, "keep\n[A]\nthis\n");
			if (at < REDACT_SHORTEST || forms[i].p[at - 1] == '%' || forms[i].p[at - 2] == '%')
				continue;
			snprintf(text, sizeof(text), "keep\n%.*s\n\n", (int)at, forms[i].p);
			check_all((const struct redactor *const *)&r, 1, str_of(text), true, "keep\n[A]\n\n");
			snprintf(text, sizeof(text), "\n%s\nthis\n", forms[i].p + forms[i].n - at);
			check_all((const struct redactor *const *)&r, 1, str_of(text), true, "[A]\nthis\n");
		}
	redactor_free(r);
}

/* Random secrets in random texts over few letters, so that they overlap, repeat and begin alike, against a search that
 * has no ideas. */
static void nothing_is_left_and_nothing_else_goes(void **state)
{
	unsigned seed = 20261123;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct redactor *r = redactor_new(MAX);
		char secrets[5][24], text[200];
		size_t n = 1 + (size_t)rand_r(&seed) % 5, covered = 0, marked = 0;
		bool cover[200] = { false };
		struct buf out;

		for (size_t i = 0; i < n; i++) {
			size_t length = 6 + (size_t)rand_r(&seed) % 10;

			for (size_t k = 0; k < length; k++)
				secrets[i][k] = (char)('a' + rand_r(&seed) % 2);
			secrets[i][length] = '\0';
			redactor_add(r, STR("#"), str_of(secrets[i]));
		}
		for (size_t i = 0; i < sizeof(text) - 1; i++)
			text[i] = (char)('a' + rand_r(&seed) % (2 + round % 2));
		text[sizeof(text) - 1] = '\0';
		for (size_t i = 0; i < n; i++)
			for (const char *at = strstr(text, secrets[i]); at; at = strstr(at + 1, secrets[i]))
				memset(cover + (at - text), true, strlen(secrets[i]));
		for (size_t i = 0; i < sizeof(text) - 1; i++)
			covered += cover[i];
		buf_init(&out, 1000);
		redact((const struct redactor *const *)&r, 1, str_of(text), false, &out);
		for (size_t i = 0; i < out.n; i++)
			marked += out.p[i] == '#';
		assert_int_equal(out.n - marked, sizeof(text) - 1 - covered);
		buf_done(&out);
		redactor_free(r);
	}
}

static void secrets_that_begin_alike_have_a_limit(void **state)
{
	struct redactor *r = redactor_new(MAX);
	char secret[32];
	int n = 0;

	(void)state;
	do
		snprintf(secret, sizeof(secret), "https://%d.example", n);
	while (redactor_add(r, STR("[A]"), str_of(secret)) && ++n < 10000);
	assert_in_range(n, 250, 512);
	redactor_free(r);
}

static void too_many_lines_are_said(void **state)
{
	struct redactor *r = redactor_new(MAX);
	struct buf lines;

	(void)state;
	buf_init(&lines, MAX);
	for (int i = 0; i < 10000; i++)
		buf_printf(&lines, "%06d of many\n", i);
	assert_true(redactor_add(r, STR("[A]"), buf_str(&lines)));
	for (int i = 10000; i < 20000; i++)
		buf_printf(&lines, "%06d of many\n", i);
	assert_false(redactor_add(r, STR("[A]"), buf_str(&lines)));
	buf_done(&lines);
	redactor_free(r);
}

/* Two hundred and fifty long secrets might all begin at the end of this text: that is not compared, but taken out. */
static void borders_that_cost_too_much_are_taken_whole(void **state)
{
	static char secret[8000], text[40000];
	struct redactor *r = redactor_new(MAX);
	struct buf out;

	(void)state;
	memset(secret, 'a', sizeof(secret));
	for (size_t i = 0; i < 250; i++) {
		memcpy(secret + 6, &(uint16_t){ (uint16_t)(0x4141 + i) }, 2);
		assert_true(redactor_add(r, STR("[A]"), (struct str){ secret, sizeof(secret) }));
	}
	memset(text, '.', sizeof(text));
	memcpy(text + sizeof(text) - 7990, "aaaaaa", 6);
	buf_init(&out, MAX);
	redact((const struct redactor *const *)&r, 1, (struct str){ text, sizeof(text) }, true, &out);
	assert_int_equal(out.n, sizeof(text) - 7999 + 3);
	assert_true(str_ends(buf_str(&out), STR(".[A]")));
	buf_done(&out);
	redactor_free(r);
}

/* A text of one letter and secrets of the same: every place nearly fits, or fits. */
static void a_hostile_text_costs_no_more(void **state)
{
	static char secret[60000], text[512 * 1024];
	struct redactor *r = redactor_new(MAX);
	struct buf out;
	int64_t began;

	(void)state;
	memset(secret, 'a', sizeof(secret));
	memset(text, 'a', sizeof(text));
	redactor_add(r, STR("[A]"), (struct str){ secret, sizeof(secret) });
	for (size_t i = 0; i < 20; i++) {
		secret[sizeof(secret) - 1] = (char)('b' + i);
		redactor_add(r, STR("[B]"), (struct str){ secret, sizeof(secret) });
	}
	buf_init(&out, MAX);
	began = clock_mono_ms();
	redact((const struct redactor *const *)&r, 1, (struct str){ text, sizeof(text) }, true, &out);
	assert_null(strstr(buf_str(&out).p, "aaaaaa"));
	assert_true(clock_mono_ms() - began < 30000); /* some 30 thousand million comparisons if it were quadratic */
	buf_done(&out);
	redactor_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_found_as_it_is),
		cmocka_unit_test(percent_signs_hide_nothing),
		cmocka_unit_test(base64_hides_nothing),
		cmocka_unit_test(lines_of_a_secret_are_secrets),
		cmocka_unit_test(several_redactors_work_together),
		cmocka_unit_test(what_does_not_fit_is_said),
		cmocka_unit_test(a_cut_at_any_place_shows_nothing),
		cmocka_unit_test(lines_that_break_inside_of_a_secret_show_nothing),
		cmocka_unit_test(secrets_that_begin_alike_have_a_limit),
		cmocka_unit_test(too_many_lines_are_said),
		cmocka_unit_test(borders_that_cost_too_much_are_taken_whole),
		cmocka_unit_test(nothing_is_left_and_nothing_else_goes),
		cmocka_unit_test(a_hostile_text_costs_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Text into HTML, SVG and XML. */
#include "base/markup.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void check(struct str text, const char *wanted)
{
	struct buf buf;

	buf_init(&buf, 1024);
	markup_add(&buf, text);
	buf_add_char(&buf, '\0');
	assert_string_equal(buf.p, wanted);
	buf_done(&buf);
}

static void test_markup(void **state)
{
	(void)state;
	check(STR(""), "");
	check(STR("plain text, \xc3\xa9\xe4\xb8\xad\xf0\x9f\x92\xa9"),
	      "plain text, \xc3\xa9\xe4\xb8\xad\xf0\x9f\x92\xa9");
	check(STR("<script>alert('1')</script>"), "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;");
	check(STR("\" onload=\"x"), "&quot; onload=&quot;x");
	check(STR("]]>&amp;"), "]]&gt;&amp;amp;");
}

static void test_what_is_not_shown(void **state)
{
	(void)state;
	check(STR("a\x01\x7f"
		  "b\xc2\x85"),
	      "a\xef\xbf\xbd\xef\xbf\xbd"
	      "b\xef\xbf\xbd");
	check((struct str){ "a\0b", 3 }, "a\xef\xbf\xbd"
					 "b");
	check(STR("a\xe2\x80\xae"
		  "b\xe2\x81\xa6\xd8\x9c"),
	      "a\xef\xbf\xbd"
	      "b\xef\xbf\xbd\xef\xbf\xbd"); /* right-to-left override, isolate, mark */
	check(STR("\xef\xbf\xbf\xf0\x9f\xbf\xbe"), "\xef\xbf\xbd\xef\xbf\xbd"); /* no characters of XML */
	check(STR("\xff\xc3"), "\xef\xbf\xbd\xef\xbf\xbd");                     /* no UTF-8, and cut off */
	check(STR("\xc3<"), "\xef\xbf\xbd&lt;");
	check(STR("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* half a surrogate pair */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_markup), cmocka_unit_test(test_what_is_not_shown) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

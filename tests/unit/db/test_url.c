/* Which DATABASE_URLs are taken, and which of them keep everything on this machine or encrypt it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "db/url.h"

static const struct {
	const char *url;
	bool is_protected;
} urls[] = {
	/* this machine */
	{ "postgresql://", true },
	{ "postgresql:///opshub", true },
	{ "postgresql://u:p@/opshub", true },
	{ "postgresql://u@localhost/x", true },
	{ "postgres://LOCALHOST:5433/x", true },
	{ "postgresql://u@127.0.0.1/x", true },
	{ "postgresql://u@127.8.9.1/x?sslmode=disable", true },
	{ "postgresql://u@[::1]:5432/x", true },
	{ "postgresql://u@[::ffff:127.0.0.1]/x", true },
	{ "postgresql://u@%2Fvar%2Frun%2Fpostgresql/x", true },
	{ "postgresql:///x?host=/var/run/postgresql", true },
	{ "postgresql:///x?host=@abstract", true },
	{ "postgresql://u@127.0.0.1,[::1],localhost/x", true },
	{ "postgresql://u@db.internal/x?hostaddr=127.0.0.1", true },
	{ "postgresql://u@a,b/x?hostaddr=127.0.0.1,::1", true },
	/* encrypted */
	{ "postgresql://u@db.internal/x?sslmode=require", true },
	{ "postgresql://u@db.internal/x?sslmode=verify-ca", true },
	{ "postgresql://u@db.internal/x?sslmode=verify-full&connect_timeout=3", true },
	{ "postgresql://u@db.internal/x?ssl=true", true },
	{ "postgresql://u@db1.internal,db2.internal/x?sslmode=require", true },
	/* neither */
	{ "postgresql://u@db.internal/x", false },
	{ "postgresql://u@db.internal/x?sslmode=prefer", false },
	{ "postgresql://u@db.internal/x?sslmode=allow", false },
	{ "postgresql://u@10.0.0.1/x", false },
	{ "postgresql://u@[2001:db8::1]/x", false },
	{ "postgresql://u@128.0.0.1/x", false },
	{ "postgresql://u@localhost,db.internal/x", false },
	{ "postgresql://u@db.internal,localhost/x", false },
	{ "postgresql://u@localhost/x?hostaddr=10.0.0.1", false },
	{ "postgresql://u@localhost,localhost/x?hostaddr=127.0.0.1,10.0.0.1", false },
	{ "postgresql://u@/x?service=elsewhere", false },
	/* looks like it, and is not */
	{ "postgresql://u@localhost.evil.example/x", false },
	{ "postgresql://u@127.0.0.1.evil.example/x", false },
	{ "postgresql://u:p%40localhost@db.internal/x", false },
	{ "postgresql://u:p%40%2F@db.internal/x", false },
	{ "postgresql://db.internal/x?application_name=sslmode%3Drequire", false },
	{ "postgresql://db.internal/x?application_name=@localhost", false },
	{ "postgresql://db.internal/x?options=-c%20a.b%3D@127.", false },
	{ "postgresql://db.internal/sslmode=require", false },
	{ "postgresql://db.internal/x?passfile=/host%3D/x", false },
};

static void each_is_judged_as_libpq_reads_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		const char *why = db_url_check(urls[i].url, true);

		if (db_url_check(urls[i].url, false))
			fail_msg("%s: %s", urls[i].url, db_url_check(urls[i].url, false));
		if (!why != urls[i].is_protected)
			fail_msg("%s: %s", urls[i].url, why ? why : "taken");
		assert_true(!why || strstr(why, "sslmode=verify-full"));
	}
}

static void what_is_no_url_is_refused_and_not_shown(void **state)
{
	static const char *const bad[] = {
		"",
		"mysql://u:hidden@h/x",
		"host=/var/run/postgresql password=hidden",
		"postgresql://u:hidden@h/x?no_such=1",
		"postgresql://u:hidden@h/x?sslmode",
		"postgresql://u:hid%zzden@h/x",
		"postgresql://u:hidden@[::1/x",
		"postgresql://u:hidden@h:port:1/x?hostaddr",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *why = db_url_check(bad[i], false);

		if (!why)
			fail_msg("%s was taken", bad[i]);
		assert_null(strstr(why, "hid"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_judged_as_libpq_reads_it),
		cmocka_unit_test(what_is_no_url_is_refused_and_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

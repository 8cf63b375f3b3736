/* The statements of these tests, in place of the product's. */
#ifndef TEST_QUERIES_H
#define TEST_QUERIES_H

#include "db/db.h"

enum {
	T_ONE,
	T_SLEEP,
	T_ECHO,
	T_DIVIDE,
	T_ADD,
	T_COUNT,
	T_GET,
	T_ROWS,
	T_PID,
	T_TEXTS,
	T_BLOB,
	T_BIG,
	T_NOTIFY,
	T_END,
	test_query_count
};

static const struct query_text test_queries[] = {
	[T_ONE] = { "one", "select $1::int8 as n" },
	[T_SLEEP] = { "sleep", "select pg_sleep($1::float8)" },
	[T_ECHO] = { "echo",
		     "select $1::text as t, $2::int8 as i, $3::bool as b, $4::float8 as d, $5::bytea as y, "
		     "$6::text[]::text as ts, $7::bigint[]::text as is, $8::timestamptz as at, $9::text as nothing" },
	[T_DIVIDE] = { "divide", "select 1 / $1::int as n" },
	[T_ADD] = { "add", "insert into t (id, name) values ($1::int8, $2::text)" },
	[T_COUNT] = { "count", "select count(*) as n from t where name like $1::text" },
	[T_GET] = { "get", "select id, name from t where id = $1::int8" },
	[T_ROWS] = { "rows", "select i as id, 'it''s \"quoted\" <b>' || i as \"aText\", i % 2 = 0 as flag, null::text "
			     "as nothing, "
			     "1.5::float8 as real, 'NaN'::float8 as nan, 0.25::float4 as exact, '{\"a\": "
			     "[1]}'::jsonb as doc, "
			     "'2023-12-01 10:00:00.123456+00'::timestamptz as \"createdAt\", "
			     "'2023-12-01 12:00:00+02'::timestamptz as \"updatedAt\", 'hidden' as _hidden "
			     "from generate_series(1, $1::int) i" },
	[T_PID] = { "pid", "select pg_backend_pid() as pid" },
	[T_TEXTS] = { "texts", "select coalesce(x, 'is null') as x from unnest($1::text[]) with ordinality u (x, n) "
			       "order by n" },
	[T_BLOB] = { "blob", "insert into blobs (data) values ($1::bytea)" },
	[T_BIG] = { "big", "select repeat('x', $1::int) as x" },
	[T_NOTIFY] = { "notify", "select pg_notify('news', '')" },
	[T_END] = { "end", "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and "
			   "application_name = $1::text" },
};

#define Q(name) ((enum query)(name))

#endif

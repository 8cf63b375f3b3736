-- Partitions of samples and rollups (sql/migrations/0023_samples.sql), and what does not go with one.

-- name: partition_step
-- $1 days of samples, $2 of rollups of five minutes, $3 of hours.
select done, name, coalesce(moved, 0) as moved from health_partition_step(now(), $1::int, $2::int, $3::int);

-- name: partition_strays
-- Rows that have no partition of their own; counted up to a thousand of each table.
select (select count(*) from (select from health_samples_default limit 1000) s) as samples,
	(select count(*) from (select from health_rollups_5m_default limit 1000) m) + (select count(*)
		from (select from health_rollups_1h_default limit 1000) h) as rollups;

-- name: retention_stray_samples
-- $1 days, $2 how many.
delete from health_samples_default where ctid = any (array(
	select ctid from health_samples_default where created_at < (date_trunc('day', now() at time zone 'UTC') - $1::int * interval '1 day')
		at time zone 'UTC' limit $2::int for update skip locked))
returning 1 as n;

-- name: retention_stray_rollups_5m
-- $1 days, $2 how many.
delete from health_rollups_5m_default where ctid = any (array(
	select ctid from health_rollups_5m_default where at < (date_trunc('day', now() at time zone 'UTC') - $1::int * interval '1 day')
		at time zone 'UTC' limit $2::int for update skip locked))
returning 1 as n;

-- name: retention_stray_rollups_1h
-- $1 days, $2 how many.
delete from health_rollups_1h_default where ctid = any (array(
	select ctid from health_rollups_1h_default where at < (date_trunc('day', now() at time zone 'UTC') - $1::int * interval '1 day')
		at time zone 'UTC' limit $2::int for update skip locked))
returning 1 as n;

-- name: retention_rollups
-- Those of days. $1 days, $2 how many.
delete from health_rollups_1d where ctid = any (array(
	select ctid from health_rollups_1d where at < now() - $1::int * interval '1 day' order by at limit $2::int for update skip locked))
returning 1 as n;

-- name: retention_gone_checks
-- $1 how many.
with g as materialized (
	select array(select check_id from health_gone limit $1::int for update skip locked) as ids
), r as (
	delete from health_rollups where step in (60, 1440) and check_id = any ((select ids from g)::text[])
)
delete from health_gone where check_id = any ((select ids from g)::text[])
returning check_id;

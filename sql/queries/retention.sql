-- What is kept for a while only. A batch at a time, oldest first; rows that somebody else holds are left for the next time.

-- name: retention_deliveries
-- $1 whole days, $2 how many.
delete from deliveries
where id = any (array(
	select id from deliveries
	where (received_at at time zone 'UTC')::date < (now() at time zone 'UTC')::date - $1::int
	order by (received_at at time zone 'UTC')::date limit $2::int for update skip locked))
returning id;

-- name: retention_build_logs
-- Build output of deployments that went away so long ago. $1 days, $2 of how many attempts.
with old as materialized (
	select id from preview_attempts
	where gone_at is not null and log_bytes > 0 and gone_at < now() - $1::bigint * interval '1 day'
	order by gone_at limit $2::int for update skip locked
), deleted as (
	delete from build_logs l using old where l.attempt_id = old.id
)
update preview_attempts a set log_bytes = 0 from old where a.id = old.id
returning a.id;

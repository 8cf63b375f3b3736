-- Probes that somebody waits for. A claim of the check puts its fence on those that are open, and its result answers them.

-- name: health_run_ask
-- $1 run, $2 check, $3 who. A check that is claimed is asked for when the claim ends, by health_run_look.
with asked as (
	insert into health_runs (id, check_id, asked_by) select $1::text, id, $3::text from health_checks where id = $2::text
	returning check_id
), due as (
	update health_states s set due_at = now() from asked where s.check_id = asked.check_id and s.worker is null
)
select c.timeout_ms, pg_notify('health_runs', '')::text as "_told" from health_checks c where c.id = $2;

-- name: health_run_look
-- $1 run. What came of it; while it is open and its check is free, the check is made due.
with due as (
	update health_states s set due_at = now() from health_runs r
	where r.id = $1::text and r.finished_at is null and s.check_id = r.check_id and s.worker is null
		and (s.due_at is null or s.due_at > now())
	returning pg_notify('health_runs', '')
)
select result, fence is not null as taken, (select count(*) from due) as "_due" from health_runs where id = $1;

-- name: health_runs_delete
-- Those older than $1 days, at most $2.
delete from health_runs where id = any (array(
	select id from health_runs where asked_at < now() - $1::bigint * interval '1 day' order by asked_at limit $2::int))
returning id;

-- The queue's protocol. Claims, leases and fences; see core/worker/queue.h.

-- name: jobs_claim
-- $1 ids from Redis, $2 worker, $3 lease in ms. A doubled or stale id claims nothing.
update jobs set state = 'active', worker = $2::text, lease_until = now() + $3::bigint * interval '1 ms',
	fence = fence + 1, attempts = attempts + 1, again = false
-- state || '' keeps the planner from reading every waiting job instead of these
where id = any (array(select id from jobs where id = any ($1::text[]) and state || '' = 'waiting' for update skip locked))
returning id, kind, key, fence, attempts, crashes;

-- name: jobs_claim_next
-- The same without Redis. $1 queue, $2 worker, $3 lease in ms, $4 how many.
update jobs set state = 'active', worker = $2::text, lease_until = now() + $3::bigint * interval '1 ms',
	fence = fence + 1, attempts = attempts + 1, again = false
where id = any (array(select id from jobs where queue = $1::text and state = 'waiting' order by run_at limit $4::int for update skip locked))
returning id, kind, key, fence, attempts, crashes;

-- name: jobs_done
-- $1 ids, $2 fences. What was asked for again while it ran waits again; its ids come back.
with done as materialized (
	select j.id, j.again
	from jobs j join unnest($1::text[], $2::bigint[]) as d (id, fence) on j.id = d.id and j.fence = d.fence
	where j.state || '' = 'active' -- as in jobs_claim: these jobs, not all that are active
	order by j.key
	for update of j
), deleted as (
	delete from jobs j using done d where j.id = d.id and not d.again
)
update jobs j set state = 'waiting', again = false, attempts = 0, run_at = now(), lease_until = null, worker = null
from done d where j.id = d.id and d.again
returning j.id, j.queue;

-- name: jobs_delay
-- $1 id, $2 fence, $3 ms from now, $4 error or null. Not delayed when it was asked for again meanwhile.
update jobs set state = case when again then 'waiting' else 'delayed' end, again = false, attempts = 0,
	run_at = now() + $3::bigint * interval '1 ms', lease_until = null, worker = null, last_error = $4::text
where id = $1::text and fence = $2::bigint and state = 'active'
returning id, queue, state;

-- name: jobs_extend
-- $1 ids, $2 fences, $3 lease in ms.
with held as materialized (
	select j.id
	from jobs j join unnest($1::text[], $2::bigint[]) as d (id, fence) on j.id = d.id and j.fence = d.fence
	where j.state || '' = 'active' -- as in jobs_claim: these jobs, not all that are active
	order by j.key
	for update of j
)
update jobs j set lease_until = now() + $3::bigint * interval '1 ms' from held h where j.id = h.id;

-- name: jobs_release
-- $1 worker: everything it holds goes back. For an orderly stop, and by the successor of a worker that died.
update jobs set state = 'waiting', again = false, lease_until = null, worker = null, run_at = now()
where worker = $1::text and state = 'active'
returning id, queue;

-- name: jobs_crashed
-- $1 job, $2 worker that died running it, $3 what crashed, $4 how many strikes, $5 event id.
-- The strike counts when that worker still held it.
with struck as (
	update jobs set crashes = crashes + 1, last_error = $3::text, again = false, lease_until = null, worker = null,
		state = case when crashes + 1 >= $4::int then 'dead' else 'waiting' end, run_at = now()
	where id = $1::text and worker = $2::text and state = 'active'
	returning id, queue, kind, key, state, crashes
), preview as (
	update previews p set status = 'ERROR', detail = 'DEAD', error_reason = 'PLUGIN_CRASH', message = $3::text, updated_at = now(),
		settled_generation = generation
	from struck where struck.kind = 'reconcile' and struck.state = 'dead' and p.id = struck.key
	returning p.id, p.project_id, p.attempt_id
), event as (
	insert into deploy_events (id, project_id, preview_id, attempt_id, stage, message)
	select $5::text, project_id, id, attempt_id, 'ERROR', $3::text from preview
)
select id, queue, state, crashes from struck;

-- name: jobs_sweep
-- Expired leases go back, due delayed jobs wait, a job that keeps losing its worker without a word dies.
-- $1 most attempts. What waits again comes back.
with swept as (
	update jobs j set
		state = case when j.state = 'active' and j.attempts >= $1::int then 'dead' else 'waiting' end,
		last_error = case when j.state = 'active' then 'the worker ' || coalesce(j.worker, '?') || ' lost its lease' else j.last_error end,
		again = false, lease_until = null, worker = null
	where j.id = any (array(select id from jobs where state = 'active' and lease_until < now() limit 1000 for update skip locked)
		|| array(select id from jobs where state = 'delayed' and run_at <= now() order by run_at limit 1000 for update skip locked))
	returning j.id, j.queue, j.kind, j.key, j.state, j.last_error
), preview as (
	update previews p set status = 'ERROR', detail = 'DEAD', error_reason = 'UNKNOWN', message = s.last_error, updated_at = now(),
		settled_generation = generation
	from swept s where s.state = 'dead' and s.kind = 'reconcile' and p.id = s.key
)
select id, queue from swept where state = 'waiting';

-- name: jobs_waiting_ids
-- What should stand in the Redis list for a while already, oldest first. $1 queue, $2 how many.
select id from jobs where queue = $1::text and state = 'waiting' and run_at < now() - interval '2 s' order by run_at limit $2::int;

-- name: jobs_heal
-- A preview that is not settled and has no job gets one: the net under every other path. The job's id has the preview's body.
insert into jobs (id, queue, kind, key)
select 'job_' || substr(p.id, 8), 'preview-queue', 'reconcile', p.id
from previews p
where p.settled_generation < p.generation and p.updated_at < now() - interval '10 s'
	and not exists (select 1 from jobs j where j.kind = 'reconcile' and j.key = p.id)
limit 100
on conflict do nothing
returning id, queue;

-- name: jobs_fill
-- Empty jobs, for tests/bench: $1 prefix, $2 how many.
insert into jobs (id, queue, kind, key)
select $1::text || n, 'preview-queue', 'noop', $1 || n from generate_series(1, $2::int) n
returning id;

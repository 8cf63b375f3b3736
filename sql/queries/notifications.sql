-- The outbox, as workers read it; what fills it is a trigger (sql/migrations/0011_notifications.sql).

-- name: notify_schedule
-- A job for every notifier that has something due and no job; one that died goes on after a minute. Reads one row of each notifier
-- that has any.
with recursive waiting as (
	(select notifier_id from notifications where state = 'waiting' order by notifier_id limit 1)
	union all
	select (select n.notifier_id from notifications n where n.state = 'waiting' and n.notifier_id > w.notifier_id order by n.notifier_id limit 1)
	from waiting w where w.notifier_id is not null
)
insert into jobs as j (id, queue, kind, key)
select 'job_' || substr(c.id, 5), 'notify-queue', 'notify', c.id
from waiting w join project_notifiers c on c.id = w.notifier_id
where c.enabled and (c.paused_until is null or c.paused_until <= now())
	and exists (select from notifications n where n.notifier_id = c.id and n.state = 'waiting' and n.next_at <= now())
	and not exists (select from jobs o where o.kind = 'notify' and o.key = c.id
		and (o.state <> 'dead' or o.run_at > now() - interval '1 minute'))
order by c.id
limit 1000
on conflict (kind, key) do update set state = 'waiting', again = false, attempts = 0, crashes = 0, run_at = now()
	where j.state = 'dead'
returning id, queue;

-- name: notify_take
-- The next row of the job's notifier: the oldest that is due and first of its thread. It is marked, so that whoever finds it again
-- knows that somebody had begun to send it. $1 job, $2 fence, $3 the call's time-out plus margin in ms: a lease that ends sooner sends
-- nothing. No row: nothing is due, or the lease is lost.
with j as (
	select key from jobs where id = $1::text and fence = $2::bigint and state = 'active'
		and lease_until > now() + $3::bigint * interval '1 ms' for share
), c as (
	select c.* from j join project_notifiers c on c.id = j.key
	where c.enabled and (c.paused_until is null or c.paused_until <= now())
), n as (
	update notifications n set began_at = now(), tries = n.tries + 1, interrupted = n.interrupted + (n.began_at is not null)::int
	where n.seq = (
		select d.seq from c join notifications d on d.notifier_id = c.id
		where d.state = 'waiting' and d.next_at <= now() and not exists (
			select from notifications e
			where e.notifier_id = d.notifier_id and e.state = 'waiting' and e.thread_key = d.thread_key and d.thread_key <> '' and e.seq < d.seq)
		order by d.seq limit 1)
	returning n.*
)
select n.seq, n.id, n.kind, n.thread_key, n.facts, n.tries, n.interrupted, n.created_at, coalesce(t.receipt, '') as receipt,
	c.id as notifier_id, c.notifier, c.settings, c.settings_version, c.failures,
	(select coalesce(jsonb_object_agg(s.key, encode(s.sealed, 'hex')), '{}') from notifier_secrets s where s.notifier_id = c.id) as secrets,
	(select encode(k.wrapped, 'hex') from project_keys k where k.project_id = c.project_id) as wrapped,
	p.id as project_id, p.name as project, p.repo_full_name as repo, o.name as org
from n join c on c.id = n.notifier_id
	join projects p on p.id = c.project_id
	join organizations o on o.id = p.org_id
	left join notification_threads t on t.notifier_id = n.notifier_id and t.thread_key = n.thread_key;

-- name: notify_sent
-- It has arrived: true whoever holds the job by now, so no fence. $1 seq, $2 receipt of a new message or null (as it was).
with d as (
	delete from notifications where seq = $1::bigint returning notifier_id, thread_key
), t as (
	insert into notification_threads as t (notifier_id, thread_key, receipt)
	select notifier_id, thread_key, $2::text from d where thread_key <> '' and $2 is not null
	on conflict (notifier_id, thread_key) do update set receipt = excluded.receipt, updated_at = now()
), touched as (
	update notification_threads t set updated_at = now() from d
	where $2 is null and t.notifier_id = d.notifier_id and t.thread_key = d.thread_key and t.updated_at < now() - interval '1 day'
)
update project_notifiers c set last_success_at = now(), failures = 0, paused_until = null from d where c.id = d.notifier_id;

-- name: notify_failed
-- $1 seq, $2 this try's number, $3 it is dead, $4 ms until it is tried again, $5 ms in which nothing is sent to this notifier, $6 code,
-- $7 what happened. A row that somebody else has begun to send since is left to him.
with n as (
	update notifications set began_at = null, last_error = $7::text, next_at = now() + $4::bigint * interval '1 ms',
		state = case when $3::bool then 'dead' else 'waiting' end
	where seq = $1::bigint and tries = $2::int
	returning notifier_id
)
update project_notifiers c set failures = c.failures + 1, last_error_at = now(), last_error = $7, last_error_code = $6::text,
	paused_until = case when $5::bigint > 0 then now() + $5 * interval '1 ms' else c.paused_until end
from n where c.id = n.notifier_id;

-- name: notify_put_back
-- The worker stops before it was sent, or nobody knows: tried again at once. $1 seq, $2 this try's number.
update notifications set began_at = null where seq = $1::bigint and tries = $2::int;

-- name: notify_skip
-- Nothing is sent to that notifier, by the operator's wish. $1 seq.
delete from notifications where seq = $1::bigint;

-- name: notify_expire
-- What could not be sent for so long never will be. $1 ms, $2 how many.
with n as (
	update notifications set state = 'dead', began_at = null,
		last_error = 'it could not be sent in time' || coalesce(': ' || last_error, '')
	where seq = any (array(select seq from notifications
		where created_at < now() - $1::bigint * interval '1 ms' and state = 'waiting'
		order by created_at limit $2::int for update skip locked))
	returning notifier_id
)
select c.id, c.notifier, c.project_id, count(*) as rows
from n join project_notifiers c on c.id = n.notifier_id
group by c.id, c.notifier, c.project_id;

-- name: notify_clean_dead
-- $1 days, $2 how many.
delete from notifications where seq = any (array(select seq from notifications
	where created_at < now() - $1::bigint * interval '1 day' and state = 'dead' order by created_at limit $2::int for update skip locked));

-- name: notify_clean_threads
-- Threads of previews that are no more, or that were not heard of for long. $1 days, $2 how many.
delete from notification_threads t where ctid = any (array(select ctid from notification_threads
	where updated_at < now() - $1::bigint * interval '1 day' order by updated_at limit $2::int for update skip locked));

-- name: notify_defaults
-- What workers found in their environment. $1 notifiers that it sets up completely. One that it sets up no more goes from the projects
-- that had it by default.
with gone as (
	delete from notifier_defaults where notifier <> all ($1::text[]) returning notifier
), fresh as (
	insert into notifier_defaults (notifier) select unnest($1) on conflict do nothing
)
delete from project_notifiers where by_default and notifier <> all ($1);

-- name: notify_test_take
-- What a test needs. $1 job, $2 fence.
select c.id as notifier_id, c.notifier, c.settings, c.settings_version, c.failures,
	(select coalesce(jsonb_object_agg(s.key, encode(s.sealed, 'hex')), '{}') from notifier_secrets s where s.notifier_id = c.id) as secrets,
	(select encode(k.wrapped, 'hex') from project_keys k where k.project_id = c.project_id) as wrapped,
	p.id as project_id, p.name as project, p.repo_full_name as repo, o.name as org
from jobs j join project_notifiers c on c.id = j.key
	join projects p on p.id = c.project_id
	join organizations o on o.id = p.org_id
where j.id = $1::text and j.fence = $2::bigint and j.state = 'active';

-- name: notify_test_save
-- $1 notifier, $2 whether all is well, $3 code or null, $4 what is wrong or null, $5 the result (JSON). When it is well, what waits is
-- sent now.
with c as (
	update project_notifiers set tested_at = now(), test = $5::jsonb,
		last_success_at = case when $2::bool then now() else last_success_at end,
		failures = case when $2 then 0 else failures end,
		paused_until = case when $2 then null else paused_until end,
		last_error_at = case when $2 then last_error_at else now() end,
		last_error = case when $2 then last_error else $4::text end,
		last_error_code = case when $2 then last_error_code else $3::text end
	where id = $1::text
	returning id
)
update notifications n set next_at = now() from c where $2 and n.notifier_id = c.id and n.state = 'waiting' and n.next_at > now();

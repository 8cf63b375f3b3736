-- Who goes next when there is room again, and what has had its time. Run by every worker, again and again.

-- name: build_line_wake
-- $1 most builds of one account. Jobs of those for whom there is room wait no longer.
update jobs set state = 'waiting', run_at = now()
where id = any (array(
	select j.id from build_admission($1::int) b join jobs j on j.kind = 'reconcile' and j.key = b.preview_id
	where b.why is null and j.state = 'delayed'
	for update of j skip locked))
returning id, queue;

-- name: previews_expire
-- $1 ids for their events: so many at most. They come back with a push, a reopening or a retry.
with late as (
	select id from previews where expires_at <= now() and desired = 'deployed' order by expires_at
	limit cardinality($1::text[]) for update skip locked
), v as (
	update previews v set desired = 'destroyed', desired_why = 'EXPIRED', generation = v.generation + 1, changed_by = 'expiry',
		detail = 'DESTROYING', error_reason = null, message = null, expires_at = null, updated_at = now()
	from late where v.id = late.id
	returning v.id, v.project_id, v.attempt_id
), numbered as (
	select v.*, ($1)[row_number() over ()] as event_id from v
), e as (
	insert into deploy_events (id, project_id, preview_id, attempt_id, stage, message)
	select event_id, project_id, id, attempt_id, 'EXPIRED', 'Its time is over: a push, a reopening or a retry brings it back'
	from numbered
)
insert into jobs as j (id, queue, kind, key)
select 'job_' || substr(id, 8), 'preview-queue', 'reconcile', id from v order by id
on conflict (kind, key) do update set again = j.state = 'active',
	state = case when j.state = 'active' then j.state else 'waiting' end, run_at = now(), attempts = 0, crashes = 0,
	last_error = null
returning id, queue, state;

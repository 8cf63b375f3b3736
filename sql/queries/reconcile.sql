-- What the reconciler reads and writes. Every write carries the job's fence: a worker that lost its lease writes nothing.

-- name: reconcile_preview
-- $1 job, $2 fence.
select p.id, p.project_id, p.pr_number, p.title, p.branch, p.sha, p.generation, p.desired, p.desired_why, p.from_fork,
	p.status, p.detail, p.settled_generation, p.created_at,
	r.name as project_name, r.repo_full_name, r.provider, s.settings as provider_settings, r.settings_version,
	i.id as instance_id, o.frozen_at is not null or p.frozen_at is not null as frozen,
	case when o.frozen_at is null then p.frozen_why else '' end as frozen_why, coalesce(r.rules->'decoys' = 'true', false) as decoys, now() as now
from jobs j
	join previews p on p.id = j.key
	join projects r on r.id = p.project_id
	join organizations o on o.id = r.org_id
	join project_settings s on s.project_id = r.id
	join instance i on i.only_row
where j.id = $1::text and j.fence = $2::bigint and j.state = 'active';

-- name: reconcile_attempts
-- Every attempt of the job's preview that may still exist at its provider, oldest first; the newest 100, because the wanted one must
-- be among them. $1 job.
select * from (
	select a.id, a.generation, a.sha, a.branch, a.provider, a.state, a.status, a.provider_id, a.url, a.tries, a.cancelled,
		a.next_at, a.deadline_at, a.sent_at, a.created_at, a.log_cursor, a.log_bytes, a.error_reason,
		exists (select from attempt_variables t where t.attempt_id = a.id) as has_variables,
		exists (select from decoys d where d.attempt_id = a.id) as has_decoy
	from jobs j join preview_attempts a on a.preview_id = j.key
	where j.id = $1::text and a.state <> 'gone'
	order by a.generation desc, a.created_at desc
	limit 100
) newest order by generation, created_at;

-- name: attempt_insert
-- When there is room for it; else what is shown says what it waits for. $1 job, $2 fence, $3 attempt id, $4 generation, $5 provider,
-- $6 event id, $7 deadline in ms, $8 most builds of one account.
with l as materialized ( -- the preview first, then the job: the order in which webhook_ingest locks them
	select id from previews where id = (select key from jobs where id = $1::text) for no key update
), j as materialized (
	select j.key from l join jobs j on j.key = l.id
	where j.id = $1 and j.fence = $2::bigint and j.state = 'active' for share of j
), room as materialized (
	select j.key, r.* from j, lateral build_admit(j.key, $4::int, $5::text, $8::int) r
), p as (
	update previews set attempt_id = $3::text, attempts = attempts + 1, provider = $5::text, status = 'QUEUED', detail = 'CREATING',
		error_reason = null, message = null, updated_at = now(),
		expires_at = case when room.ttl_ms > 0 then greatest(expires_at, now() + room.ttl_ms * interval '1 ms') end
	from room where previews.id = room.key and generation = $4::int and room.admitted
	returning id, project_id, sha, branch
), a as (
	insert into preview_attempts (id, preview_id, generation, sha, branch, provider, state, deadline_at, account)
	select $3, p.id, $4, sha, branch, $5, 'intent', now() + $7::bigint * interval '1 ms', room.account from p, room
), e as (
	insert into deploy_events (id, project_id, preview_id, attempt_id, stage, message, duration_ms)
	select $6::text, project_id, id, $3, 'QUEUED', 'Deploying ' || substr(sha, 1, 12) || ' of ' || branch || ' with ' || $5, 0 from p
), waits as (
	update previews set status = 'QUEUED', detail = 'WAITING', error_reason = null, updated_at = now(),
		message = case room.why
			when 'previews' then 'it waits until another preview of this project goes: rule maxPreviews is ' || room.allowed
			when 'builds' then 'it waits for other builds of this project: rule maxBuilds is ' || room.allowed
			when 'account' then 'it waits for other builds of this provider account: BUILDS_PER_ACCOUNT is ' || room.allowed
			else 'it waits for its turn' end || coalesce('; place ' || room.place || ' in line', '')
	from room where previews.id = room.key and generation = $4::int and not room.admitted
	returning id
)
select (select count(*) from j) as fenced, (select count(*) from p) + (select count(*) from waits) as written,
	(select count(*) from waits) > 0 as waits;

-- name: attempt_sent
-- Immediately before the provider is called. $1 job, $2 fence, $3 attempt, $4 the call's time-out plus margin in ms: a lease that
-- ends sooner sends nothing, and so does one whose organization was locked down meanwhile, or of whose variables another version counts
-- by now. The variables that it is sent with, in place of those of an earlier time: $5 ids, $6 versions, $7 fingerprints. $8 SHA-256 of
-- its decoy's token, or null.
with j as (
	select id from jobs where id = $1::text and fence = $2::bigint and state = 'active'
		and lease_until > now() + $4::bigint * interval '1 ms' for share
), a as (
	update preview_attempts set state = 'sent', sent_at = now(), tries = tries + 1
	from j where preview_attempts.id = $3::text and state in ('intent', 'sent')
		and not exists (
			select 1 from previews p join projects r on r.id = p.project_id join organizations o on o.id = r.org_id
			where p.id = preview_attempts.preview_id and (o.frozen_at is not null or p.frozen_at is not null))
		and not exists (
			select 1 from unnest($5::text[], $6::bigint[]) as i (var_id, version) where not exists (
				select 1 from env_var_versions s where s.var_id = i.var_id and s.version = i.version and (s.state = 'ACTIVE'
					or (s.state = 'PENDING' and s.trial_preview_id = preview_attempts.preview_id))))
	returning preview_attempts.id, preview_attempts.preview_id, preview_attempts.sha
), gone as (
	delete from attempt_variables t using a where t.attempt_id = a.id and t.var_id <> all ($5::text[])
), v as (
	insert into attempt_variables as t (attempt_id, var_id, version, fingerprint)
	select a.id, i.var_id, i.version, i.fingerprint
	from a, unnest($5::text[], $6::bigint[], $7::text[]) as i (var_id, version, fingerprint)
	on conflict (attempt_id, var_id) do update set version = excluded.version, fingerprint = excluded.fingerprint
), d as (
	insert into decoys (token_hash, preview_id, attempt_id, sha)
	select $8::bytea, a.preview_id, a.id, a.sha from a where $8 is not null
	on conflict do nothing
)
select id from a;

-- name: attempt_write
-- The result of one step. $1 job, $2 fence, $3 attempt; null leaves a column as it is: $4 state, $5 status, $6 provider id,
-- $7 url, $8 inspector url, $9 error reason, $10 message, $11 tries, $12 cancelled; $13 ms until the next step; $14 deadline in ms or null.
-- Of the preview, when it still wants generation $15: $16 status, $17 detail, $18 settled. $19 event id or null, $20 stage, $21 text. $22 what
-- requests to it are to be sent with, sealed, in hex, or null, $23 id of its key.
with l as materialized ( -- the preview first, then the job: the order in which webhook_ingest locks them
	select id from previews where id = (select key from jobs where id = $1::text) for no key update
), j as materialized (
	select j.key from l join jobs j on j.key = l.id
	where j.id = $1 and j.fence = $2::bigint and j.state = 'active' for share of j
), a as (
	update preview_attempts a set
		state = coalesce($4::text, a.state),
		status = coalesce($5::text, a.status),
		provider_id = coalesce($6::text, a.provider_id),
		url = coalesce($7::text, a.url),
		inspector_url = coalesce($8::text, a.inspector_url),
		error_reason = coalesce($9::text, a.error_reason),
		message = coalesce($10::text, a.message),
		tries = coalesce($11::int, a.tries),
		cancelled = coalesce($12::bool, a.cancelled),
		next_at = now() + $13::bigint * interval '1 ms',
		deadline_at = case when $14::bigint is null then a.deadline_at else now() + $14 * interval '1 ms' end,
		upstream_at = case when $4 = 'created' and a.upstream_at is null then now() else a.upstream_at end,
		building_at = case when $5 = 'BUILDING' and a.building_at is null then now() else a.building_at end,
		ready_at = case when $5 = 'READY' and a.ready_at is null then now() else a.ready_at end,
		failed_at = case when $5 = 'FAILED' and a.failed_at is null then now() else a.failed_at end,
		gone_at = case when $4 = 'gone' then now() else a.gone_at end
	from j where a.id = $3::text and a.preview_id = j.key
	returning a.id, a.preview_id, a.created_at
), h as (
	insert into attempt_probe_headers as h (attempt_id, sealed, key_id)
	select a.id, decode($22::text, 'hex'), $23::text from a where $22 is not null
	on conflict (attempt_id) do update set sealed = excluded.sealed, key_id = excluded.key_id
), no_h as (
	delete from attempt_probe_headers h using a where h.attempt_id = a.id and $4 = 'gone'
), p as (
	update previews p set
		status = coalesce($16::text, p.status),
		detail = coalesce($17::text, p.detail),
		url = case when $16 = 'READY' then $7 else p.url end,
		error_reason = case when $16 = 'ERROR' then $9 when $16 is null then p.error_reason end,
		message = case when $16 is null and $10 is null then p.message else $10 end,
		ready_at = case when $16 = 'READY' then now() else p.ready_at end,
		destroyed_at = case when $16 is not null then null else p.destroyed_at end,
		settled_generation = case when $18::bool then p.generation else p.settled_generation end,
		updated_at = now()
	from a where p.id = a.preview_id and p.generation = $15::int and ($16::text is not null or $17::text is not null or $18::bool)
	returning p.id
), e as (
	insert into deploy_events (id, project_id, preview_id, attempt_id, stage, message, duration_ms)
	select $19::text, p.project_id, p.id, a.id, $20::text, $21::text, (extract(epoch from now() - a.created_at) * 1000)::bigint
	from a join previews p on p.id = a.preview_id where $19 is not null
)
select (select count(*) from j) as fenced, (select count(*) from a) as written;

-- name: preview_settle
-- Nothing is left to do for this generation. $1 job, $2 fence, $3 generation, $4 status or null, $5 detail, $6 error reason, $7 message,
-- $8 event id or null, $9 stage, $10 url of what stays up or null.
with l as materialized ( -- the preview first, then the job: the order in which webhook_ingest locks them
	select id from previews where id = (select key from jobs where id = $1::text) for no key update
), j as materialized (
	select j.key from l join jobs j on j.key = l.id
	where j.id = $1 and j.fence = $2::bigint and j.state = 'active' for share of j
), p as (
	update previews p set settled_generation = p.generation,
		status = coalesce($4::text, p.status), detail = coalesce($5::text, p.detail),
		url = case when $4 is null then p.url else $10::text end,
		error_reason = case when $4 is null then p.error_reason else $6::text end,
		message = case when $4 is null then p.message else $7::text end,
		destroyed_at = case when $4 = 'DESTROYED' then now() else p.destroyed_at end,
		updated_at = now()
	from j where p.id = j.key and p.generation = $3::int
	returning p.id, p.project_id, p.attempt_id
), e as (
	insert into deploy_events (id, project_id, preview_id, attempt_id, stage, message)
	select $8::text, project_id, id, attempt_id, $9::text, coalesce($7, $5, '') from p where $8 is not null
), w as (
	delete from build_line where preview_id = (select id from p)
)
select (select count(*) from j) as fenced, (select count(*) from p) as written;

-- name: preview_hold
-- It is not deployed for now; what is shown says why. $1 job, $2 fence, $3 generation, $4 detail, $5 message.
with l as materialized ( -- the preview first, then the job: the order in which webhook_ingest locks them
	select id from previews where id = (select key from jobs where id = $1::text) for no key update
), j as materialized (
	select j.key from l join jobs j on j.key = l.id
	where j.id = $1 and j.fence = $2::bigint and j.state = 'active' for share of j
), p as (
	update previews p set status = 'QUEUED', detail = $4::text, error_reason = null, message = $5::text, updated_at = now()
	from j where p.id = j.key and p.generation = $3::int
	returning p.id
)
select (select count(*) from j) as fenced, (select count(*) from p) as written;

-- name: build_log_add
-- $1 job, $2 fence, $3 attempt, $4 text, $5 cursor, $6 bytes.
with j as (
	select id from jobs where id = $1::text and fence = $2::bigint and state = 'active' for share
), a as (
	update preview_attempts a set log_cursor = $5::text, log_bytes = a.log_bytes + $6::int
	from j where a.id = $3::text
	returning a.id
)
insert into build_logs (attempt_id, seq, text)
select a.id, coalesce((select max(seq) from build_logs where attempt_id = a.id), 0) + 1, $4 from a where $4 <> '';

-- name: reap_projects
-- One project for each set of provider settings, to list what the provider has of ours. A secret may belong to an account of its
-- own, so a project that has one stands for itself.
select distinct on (s.provider, s.settings, s.owner) s.project_id as id, s.provider, (select settings from project_settings where project_id = s.project_id) as provider_settings,
	s.settings_version, i.id as instance_id
from (
	select p.id as project_id, c.provider, coalesce(c.settings, '{}') as settings, p.settings_version,
		(select min(x.project_id) from provider_secrets x where x.project_id = p.id and x.provider = c.provider) as owner
	from projects p cross join lateral (
		select pp.provider, pp.settings from project_providers pp where pp.project_id = p.id
		union all
		select p.provider, null where p.provider <> ''
			and not exists (select 1 from project_providers pp where pp.project_id = p.id and pp.provider = p.provider)
	) c
) s join instance i on i.only_row
order by s.provider, s.settings, s.owner, s.project_id
limit 1000;

-- name: reap_known
-- What we know of attempts that a provider listed. $1 attempt ids.
select a.id, a.provider_id, a.state, v.project_id
from preview_attempts a join previews v on v.id = a.preview_id where a.id = any ($1::text[]);

-- name: reap_revive
-- A deployment stands at the provider although its attempt is written off: the preview's reconciler has to look again.
-- $1 attempt, $2 provider's id, $3 new job id.
with a as (
	update preview_attempts set state = 'created', provider_id = $2::text, next_at = now(), tries = 0, gone_at = null,
		generation = 0, status = 'CANCELLED' -- of no generation that is wanted: it is destroyed
	where id = $1::text and state = 'gone'
	returning preview_id
), p as (
	update previews set settled_generation = least(settled_generation, generation - 1), updated_at = now()
	from a where previews.id = a.preview_id
	returning previews.id
)
insert into jobs as j (id, queue, kind, key)
select $3::text, 'preview-queue', 'reconcile', id from p
on conflict (kind, key) do update set again = j.state = 'active', state = case when j.state = 'active' then j.state else 'waiting' end
returning id, queue, state;

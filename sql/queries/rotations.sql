-- Rotations: begun, brought to their end, listed. What changes several rows in order is a function in sql/migrations/0018_rotation.sql.

-- name: rotations_start
-- $1 project, $2 policy or null, $3 generator, $4 notify, $5 verify, $6 state: WAITING, or REMINDED (people are told, nothing else is
-- done), $7 ids, $8 variables, $9 ids of audit rows, $10 who, $11 the versions that were ACTIVE when it was decided, $12 when
-- their periods began. One that is under way is not begun again, nor one whose value is another by now; nobody is reminded twice.
with given as (
	select r.id as project_id, r.org_id, g.id, g.audit_id, v.id as var_id, v.key, v.environment_id, a.version, g.since_ms,
		coalesce((select name from secret_policies where id = $2::text), '') as policy
	from unnest($7::text[], $8::text[], $9::text[], $11::bigint[], $12::bigint[]) as g (id, var_id, audit_id, version, since_ms)
		join env_vars v on v.id = g.var_id and v.deleted_at is null
		join environments e on e.id = v.environment_id and e.project_id = $1::text
		join projects r on r.id = e.project_id and r.deleting_at is null
		join env_var_versions a on a.var_id = v.id and a.state = 'ACTIVE' and a.version = g.version
), o as (
	insert into rotations as o (id, project_id, environment_id, var_id, key, policy_id, policy, actor, generator, notify, verify, state,
		base_version, since_ms, ended_at)
	select id, project_id, environment_id, var_id, key, (select p.id from secret_policies p where p.id = $2), policy, $10::text[], $3::jsonb,
		$4::bool, $5::bool, $6::text, version, since_ms, case when $6 = 'REMINDED' then now() end
	from given order by var_id
	on conflict do nothing -- of either index: under way, or reminded of
	returning o
), job as (
	insert into jobs (id, queue, kind, key)
	select 'job_' || substr((o).id, 5), 'preview-queue', 'rotate', (o).id from o where (o).ended_at is null
	on conflict do nothing
	returning id, key
)
select (o).id, (o).var_id, coalesce(job.id, '') as job,
	case when (o).ended_at is not null then rotation_tell(o, 'rotation.reminder', 'It is due for a new value, which only a person can give it.') end as "_told",
	audit_add(g.audit_id, g.org_id, $10, case when (o).ended_at is null then 'rotation.start' else 'rotation.reminder' end, 'variable',
		(o).var_id, (o).project_id, null, jsonb_build_object('rotation', (o).id, 'key', (o).key, 'policy', (o).policy)) as "_audit"
from o join given g on g.id = (o).id left join job on job.key = (o).id;

-- name: rotation_load
-- All that decides its next step. $1 id.
select r.state, r.verify, r.key, r.base_version, r.version, r.tries, r.generator, r.reason, r.project_id, r.environment_id, e.name as environment,
	r.deadline_at is not null and r.deadline_at <= now() as late, r.next_at > now() as early,
	(extract(epoch from r.next_at - now()) * 1000)::bigint as early_ms, p.org_id, p.name as project, v.last_version,
	o.frozen_at is not null as frozen, exists (select from rotations q where q.project_id = r.project_id and q.id <> r.id
		and q.ended_at is null and q.state = 'PENDING' and q.verify) as queued, p.deleting_at is not null or rotation_is_superseded(r) as superseded,
	coalesce((select encode(sealed, 'hex') from env_var_versions s where s.var_id = r.var_id and s.version = r.version), '') as sealed,
	t.id as preview_id, t.pr_number, coalesce(t.desired = 'deployed' and t.pr_open, false) as wanted, t.status, t.url, t.error_reason,
	t.message, t.provider, t.settled_generation >= t.generation and t.generation >= r.trial_generation as settled,
	exists (select from attempt_variables u where u.attempt_id = t.attempt_id and u.var_id = r.var_id and u.version = r.version) as carried,
	h.attempt_id as probe_attempt, h.sealed as probe_headers
from rotations r join environments e on e.id = r.environment_id join projects p on p.id = r.project_id
	join organizations o on o.id = p.org_id join env_vars v on v.id = r.var_id
	left join previews t on t.id = r.trial_preview_id left join lateral preview_probe_headers(t.id) h on true
where r.id = $1::text and r.ended_at is null;

-- name: rotation_pend
select rotation_pend($1::text, $2::bigint, $3::int, $4::bytea, $5::text, $6::text, $7::text, $8::text, $9::bigint) as done;

-- name: rotation_try
select rotation_try($1::text, $2::bigint, $3::bigint) as came;

-- name: rotation_verify
select rotation_verify($1::text, $2::bigint, $3::text, $4::bigint) as done;

-- name: rotation_promote
select rotation_promote($1::text, $2::bigint, $3::text, $4::text) as done;

-- name: rotation_fail
select rotation_fail($1::text, $2::bigint, $3::text, $4::text, $5::bigint, $6::text) as done;

-- name: rotations_heal
-- One that is due and has no job gets one; one whose job died goes on after ten minutes.
insert into jobs as j (id, queue, kind, key)
select 'job_' || substr(r.id, 5), 'preview-queue', 'rotate', r.id
from rotations r
where r.ended_at is null and r.next_at <= now() and r.started_at < now() - interval '2 s'
	and not exists (select from jobs o where o.kind = 'rotate' and o.key = r.id
		and (o.state <> 'dead' or o.run_at > now() - interval '10 minutes'))
order by r.next_at
limit 100
on conflict (kind, key) do update set state = 'waiting', again = false, attempts = 0, crashes = 0, run_at = now() where j.state = 'dead'
returning id, queue;

-- name: versions_retire
-- What nothing runs with any more; ten seconds after its end every deployment that had read it as the active one has written that down.
update env_var_versions g set state = 'RETIRED', ended_at = now()
where ctid = any (array(select s.ctid from env_var_versions s
	where s.state = 'GRACE' and s.ended_at < now() - interval '10 s' and not exists (select from attempt_variables u join preview_attempts a on a.id = u.attempt_id
		where u.var_id = s.var_id and u.version = s.version and a.state <> 'gone')
	limit 500 for update skip locked))
returning g.var_id;

-- name: rotations_list
-- $1 project, $2 before this id, $3 how many, $4 key or null.
select r.id, r.key, e.name as environment, r.state, r.reason, r.policy_id as "policyId", nullif(r.policy, '') as policy, r.version,
	r.base_version as "formerVersion", r.tries, r.trial_preview_id as "trialDeploymentId", r.public_key as "publicKey",
	r.actor[3] as "startedBy", r.started_at as "startedAt", r.ended_at as "endedAt",
	case when r.state = 'WAITING' and r.next_at > now() then r.next_at end as "nextTryAt"
from rotations r join environments e on e.id = r.environment_id
where r.project_id = $1::text and r.id < $2::text and ($4::text is null or r.key = $4)
order by r.id desc
limit $3::int;

-- Policies of rotation. Each change writes its audit row.

-- name: policies_of
-- $1 project, $2 only this one or null. Newest first; there are at most 50.
select p.id, p.name, e.name as environment, p.key_pattern as "keyPattern", p.rotate_every_days as "rotateEveryDays", p.generator,
	p.notify, p.verify, p.enabled, p.last_evaluated_at as "lastEvaluatedAt", p.created_at as "createdAt", p.updated_at as "updatedAt",
	p.project_id as "_project"
from secret_policies p join environments e on e.id = p.environment_id
where p.project_id = $1::text and ($2::text is null or p.id = $2)
order by p.id desc
limit 50;

-- name: policy_add
-- $1 project, $2 id, $3 name, $4 environment, $5 pattern, $6 days, $7 generator, $8 notify, $9 verify, $10 enabled; audit: $11 row id, $12 who;
-- $13 most of a project. No row: it has that many, or is being deleted.
with r as (
	select id, org_id from projects where id = $1::text and deleting_at is null for no key update
), p as (
	insert into secret_policies (id, project_id, environment_id, name, key_pattern, rotate_every_days, generator, notify, verify, enabled)
	select $2::text, r.id, e.id, $3::text, $5::text, $6::int, $7::jsonb, $8::bool, $9::bool, $10::bool
	from r join environments e on e.project_id = r.id and e.name = $4::text
	where (select count(*) from secret_policies where project_id = r.id) < $13::int
	returning id
)
select p.id, audit_add($11::text, r.org_id, $12::text[], 'policy.add', 'policy', p.id, r.id, null,
	jsonb_build_object('name', $3, 'environment', $4, 'keyPattern', $5, 'rotateEveryDays', $6, 'generator', $7, 'notify', $8, 'verify', $9,
		'enabled', $10)) as "_audit"
from p, r;

-- name: policy_change
-- $1 project, $2 id; null leaves a column as it is: $3 name, $4 environment, $5 pattern, $6 days, $7 generator, $8 notify, $9 verify,
-- $10 enabled; audit: $11 row id, $12 who. It is evaluated anew.
with old as (
	select p.id, r.org_id, r.id as project_id, jsonb_build_object('name', p.name, 'environment', e.name, 'keyPattern', p.key_pattern,
		'rotateEveryDays', p.rotate_every_days, 'generator', p.generator, 'notify', p.notify, 'verify', p.verify, 'enabled', p.enabled) as was
	from projects r join secret_policies p on p.project_id = r.id join environments e on e.id = p.environment_id
	where r.id = $1::text and p.id = $2::text and r.deleting_at is null for no key update of r, p
), p as (
	update secret_policies p set name = coalesce($3::text, p.name), key_pattern = coalesce($5::text, p.key_pattern),
		environment_id = coalesce((select e.id from environments e where e.project_id = $1 and e.name = $4::text), p.environment_id),
		rotate_every_days = coalesce($6::int, p.rotate_every_days), generator = coalesce($7::jsonb, p.generator),
		notify = coalesce($8::bool, p.notify), verify = coalesce($9::bool, p.verify), enabled = coalesce($10::bool, p.enabled),
		updated_at = now(), next_at = now()
	from old where p.id = old.id
	returning p.id, jsonb_build_object('name', p.name, 'environment', (select name from environments where id = p.environment_id),
		'keyPattern', p.key_pattern, 'rotateEveryDays', p.rotate_every_days, 'generator', p.generator, 'notify', p.notify,
		'verify', p.verify, 'enabled', p.enabled) as became
)
select p.id, audit_add($11::text, old.org_id, $12::text[], 'policy.change', 'policy', p.id, old.project_id, differing(old.was, p.became),
	differing(p.became, old.was)) as "_audit"
from p, old;

-- name: policy_delete
-- What it has begun goes on. $1 project, $2 id; audit: $3 row id, $4 who.
with r as (
	select id, org_id from projects where id = $1::text for no key update
), p as (
	delete from secret_policies p using r where p.project_id = r.id and p.id = $2::text
	returning p.id, jsonb_build_object('name', p.name, 'keyPattern', p.key_pattern, 'rotateEveryDays', p.rotate_every_days) as was
)
select p.id, audit_add($3::text, r.org_id, $4::text[], 'policy.remove', 'policy', p.id, r.id, p.was, null) as "_audit"
from p, r;

-- name: policy_claim
-- One that is due, for $1 worker; nobody else has it before $2 ms are over. What was missed is caught up once.
update secret_policies p set worker = $1::text, next_at = now() + $2::bigint * interval '1 ms'
where p.id = (select d.id from secret_policies d join projects r on r.id = d.project_id
	where d.enabled and d.next_at <= now() and r.deleting_at is null order by d.next_at limit 1 for update of d skip locked)
returning p.id, p.project_id;

-- name: policy_evaluated
-- $1 id, $2 worker or null (by hand), $3 ms until the next time.
update secret_policies set last_evaluated_at = now(),
	next_at = case when $2::text is null then next_at else now() + $3::bigint * interval '1 ms' end
where id = $1::text and ($2::text is null or worker = $2::text);

-- name: rotation_candidates
-- What could be rotated: all variables of a project that have a value. `since`: from when on a period counts; a rotation by hand that
-- failed does not move it. `reminded`: the latest time, which counts for policies that remind.
select v.id, v.key, e.name as environment, a.version,
	greatest(coalesce(a.activated_at, a.created_at), (select max(o.ended_at) from rotations o where o.var_id = v.id and o.state = 'FAILED'
		and o.policy_id is not null)) as since,
	(select max(o.ended_at) from rotations o where o.var_id = v.id and o.state = 'REMINDED') as reminded,
	(select o.id from rotations o where o.var_id = v.id and o.ended_at is null) as rotation, now() as now
from environments e join env_vars v on v.environment_id = e.id and v.deleted_at is null
	join env_var_versions a on a.var_id = v.id and a.state = 'ACTIVE'
where e.project_id = $1::text
order by v.key, e.name
limit 3000;

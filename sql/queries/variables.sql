-- Environments and their variables, as the API shows and changes them. Columns that begin with _ are for us, not for the answer.
--
-- Whoever changes a variable takes its environment's lock first, in a statement of its own (environment_lock): what the next
-- statement of the transaction reads stays true until the commit.

-- name: environments_of_project
-- $1 project.
select e.id, e.name, (
	select coalesce(jsonb_agg(jsonb_build_object('key', v.key, 'mask', a.mask, 'version', a.version, 'forkSafe', v.fork_safe,
		'buildOnly', v.build_only) order by v.key), '[]')
	from env_vars v left join env_var_versions a on a.var_id = v.id and a.state = 'ACTIVE'
	where v.environment_id = e.id and v.deleted_at is null) as vars, e.created_at as "createdAt"
from environments e
where e.project_id = $1::text
order by array_position(array['PREVIEW', 'STAGING', 'PRODUCTION'], e.name)
limit 3;

-- name: variables_of
-- $1 environment, $2 key, or null for all: there are at most 1,000.
select v.id, v.key, a.mask, a.version, v.fork_safe as "forkSafe", v.build_only as "buildOnly", a.source, a.created_by as "changedBy",
	(select p.version from env_var_versions p where p.var_id = v.id and p.state = 'PENDING') as "pendingVersion",
	v.created_at as "createdAt", v.updated_at as "updatedAt"
from env_vars v left join env_var_versions a on a.var_id = v.id and a.state = 'ACTIVE'
where v.environment_id = $1::text and ($2::text is null or v.key = $2) and v.deleted_at is null
order by v.key
limit 1000;

-- name: variable_versions
-- Newest first. $1 environment, $2 key, $3 only versions below it or null, $4 limit. Also of a variable that was deleted.
select x.version, x.state, x.source, x.mask, x.created_at as "createdAt", x.created_by as "createdBy", x.activated_at as "activatedAt",
	x.ended_at as "endedAt", nullif(x.reason, '') as reason
from env_vars v join env_var_versions x on x.var_id = v.id
where v.environment_id = $1::text and v.key = $2::text and ($3::int is null or x.version < $3)
order by x.version desc
limit $4::int;

-- name: variable_sealed
-- $1 environment, $2 key, $3 version or null (the active one). version is null when there is no such one, sealed when it was forgotten.
select v.id, v.deleted_at is not null as deleted, x.version, x.state, x.sealed
from env_vars v left join env_var_versions x on x.var_id = v.id and case when $3::int is null then x.state = 'ACTIVE' else x.version = $3 end
where v.environment_id = $1::text and v.key = $2::text;

-- name: variables_sealed
-- All that deployments get of it. $1 environment.
select v.key, a.version, a.sealed
from env_vars v left join env_var_versions a on a.var_id = v.id and a.state = 'ACTIVE'
where v.environment_id = $1::text and v.deleted_at is null
order by v.key
limit 1000;

-- name: variable_revealed
-- $1 environment, $2 variable, $3 version, $4 reason; audit: $5 row id, $6 who.
select audit_add($5::text, p.org_id, $6::text[], 'variable.reveal', 'variable', v.id, p.id, null, jsonb_build_object('key', v.key,
	'environment', e.name, 'version', $3::int, 'reason', $4::text)) as "_audit"
from env_vars v join environments e on e.id = v.environment_id join projects p on p.id = e.project_id
where e.id = $1::text and v.id = $2::text;

-- name: variables_exported
-- $1 environment, $2 keys, $3 their versions, $4 reason; audit: $5 row id, $6 who.
select audit_add($5::text, p.org_id, $6::text[], 'variable.export', 'environment', e.id, p.id, null, jsonb_build_object(
	'environment', e.name, 'reason', $4::text, 'variables',
	(select coalesce(jsonb_object_agg(n.key, n.version), '{}') from unnest($2::text[], $3::bigint[]) as n (key, version)))) as "_audit"
from environments e join projects p on p.id = e.project_id
where e.id = $1::text;

-- name: environment_lock
-- One change of an environment at a time. $1 environment. No row: it is gone, or its project is being deleted.
select e.id from environments e join projects p on p.id = e.project_id
where e.id = $1::text and p.deleting_at is null for no key update of e;

-- name: variables_now
-- $1 environment, $2 keys: one row for each, in their order. id is null when there was never such a one; total and bytes count what
-- the environment has.
with v as (
	select * from env_vars where environment_id = $1::text and key = any ($2::text[]) order by key for no key update
)
select v.id, v.deleted_at is not null as deleted, v.fork_safe, v.build_only, v.last_version, a.version, a.fingerprint, a.sealed,
	(select count(*) from env_vars where environment_id = $1 and deleted_at is null) as total,
	(select coalesce(sum(octet_length(x.sealed)), 0)::int8 from env_vars o join env_var_versions x on x.var_id = o.id and x.state = 'ACTIVE'
		where o.environment_id = $1 and o.deleted_at is null) as bytes
from unnest($2) with ordinality as n (key, i) left join v on v.key = n.key
	left join env_var_versions a on a.var_id = v.id and a.state = 'ACTIVE'
order by n.i;

-- name: variables_write
-- $1 environment, $2 source, $3 by whom, for people; $4 who, for the audit; one row for each variable: $5 ids of audit rows, $6 ids of
-- variables, $7 keys, $8 last versions, $9 fork-safe, $10 build-only (1 and 0), and of a new version, else null: $11 sealed in hex,
-- $12 key ids, $13 masks, $14 fingerprints.
with n as (
	select * from unnest($5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[], $12::text[],
		$13::text[], $14::text[]) as n (audit, id, key, version, fork_safe, build_only, sealed, key_id, mask, fingerprint)
), was as (
	select v.id, variable_facts(v) as facts from n join env_vars v on v.id = n.id where v.deleted_at is null
), ended as (
	update env_var_versions x set ended_at = now(),
		state = case x.state when 'PENDING' then 'FAILED' else variable_end_state(x.var_id, x.version) end,
		reason = case x.state when 'PENDING' then 'another value was set while it waited' else x.reason end
	from n
	where n.sealed is not null and x.var_id = n.id and x.state in ('ACTIVE', 'PENDING')
	returning x.var_id
), v as (
	insert into env_vars as v (id, environment_id, key, fork_safe, build_only, last_version)
	select n.id, $1::text, n.key, n.fork_safe = 1, n.build_only = 1, n.version from n
	on conflict (id) do update set fork_safe = excluded.fork_safe, build_only = excluded.build_only, last_version = excluded.last_version,
		updated_at = now(), deleted_at = null
	returning v.id, v.fork_safe, v.build_only
), fresh as (
	-- not before the others have ended: there is one ACTIVE at most
	insert into env_var_versions (var_id, version, state, sealed, key_id, mask, fingerprint, source, created_by, activated_at)
	select n.id, n.version, 'ACTIVE', decode(n.sealed, 'hex'), n.key_id, n.mask, n.fingerprint, $2::text, $3::text, now()
	from n, (select count(*) from ended) first
	where n.sealed is not null
	returning var_id, version, mask
)
select n.id, audit_add(n.audit, p.org_id, $4::text[],
	case when was.id is null and $2 <> 'ROLLBACK' then 'variable.add' when fresh.var_id is not null and $2 = 'ROLLBACK' then 'variable.rollback'
		else 'variable.change' end,
	'variable', n.id, p.id, was.facts, coalesce(was.facts, '{}') || jsonb_build_object('key', n.key, 'environment', e.name,
		'forkSafe', v.fork_safe, 'buildOnly', v.build_only)
		|| case when fresh.var_id is null then '{}' else jsonb_build_object('version', fresh.version, 'mask', fresh.mask, 'source', $2) end)
	as "_audit"
from n join v on v.id = n.id join environments e on e.id = $1 join projects p on p.id = e.project_id
	left join was on was.id = n.id left join fresh on fresh.var_id = n.id
order by n.key;

-- name: variable_delete
-- After environment_lock, in its transaction. $1 environment, $2 key; audit: $3 row id, $4 who. No row: there is none.
with v as (
	select v.id, variable_facts(v) as facts from env_vars v
	where v.environment_id = $1::text and v.key = $2::text and v.deleted_at is null for no key update
), gone as (
	update env_vars t set deleted_at = now(), updated_at = now() from v where t.id = v.id
), ended as (
	update env_var_versions x set ended_at = now(),
		state = case x.state when 'PENDING' then 'FAILED' else variable_end_state(x.var_id, x.version) end,
		reason = case x.state when 'PENDING' then 'the variable was deleted while it waited' else x.reason end
	from v where x.var_id = v.id and x.state in ('ACTIVE', 'PENDING')
)
select v.id, audit_add($3::text, p.org_id, $4::text[], 'variable.remove', 'variable', v.id, p.id, v.facts, null) as "_audit"
from v, environments e join projects p on p.id = e.project_id
where e.id = $1;

-- The master key: the canary that tells whether it fits the database, and its change.

-- name: canary
-- $1 id of the process's current master key. secret_master: of the newest secret from before there was a canary.
select coalesce(encode(canary, 'hex'), '') as canary, coalesce(canary_master, '') as canary_master,
	$1::text = any (retired_masters) as retired,
	case when canary is null then coalesce((select s.key_id from (
		select master_id as key_id, wrapped_at as updated_at from project_keys
		union all
		select key_id, updated_at from provider_secrets where not exists (select from project_keys)
		union all
		select key_id, updated_at from notifier_secrets where not exists (select from project_keys)) s
		order by s.updated_at desc limit 1), '') else '' end as secret_master
from instance;

-- name: canary_make
-- $1 canary, $2 id of the master key that sealed it. Another process may have been first.
update instance set canary = $1::bytea, canary_master = $2::text where canary is null;

-- name: masters_retire
-- $1 ids of master keys with which nothing new may be sealed, $2 the one with which everything is from now on.
update instance set retired_masters = array(
	select distinct id from unnest(retired_masters || $1::text[]) id where id <> $2::text order by id);

-- name: keys_in_use
-- What each master key seals, by kind, and what is still to be sealed by a data key.
select id, sum(projects)::int8 as projects, sum(secrets)::int8 as secrets, bool_or(canary) as canary
from (
	select master_id as id, count(*) as projects, 0::int8 as secrets, false as canary from project_keys group by master_id
	union all
	select key_id, 0, count(*), false from secrets_of_masters group by key_id
	union all
	select canary_master, 0, 0, true from instance where canary_master is not null
) u group by id order by id;

-- name: keys_to_wrap
-- $1 id of the current master key, $2 after this project, $3 how many.
select project_id, encode(wrapped, 'hex') as wrapped, master_id from project_keys
where (master_id <> $1::text or key_id = '') and project_id > $2::text order by project_id limit $3::int;

-- name: keys_wrap
-- $1 projects, $2 their wrapped keys as they were and $3 as they become, in hex, $4 ids of these keys, $5 id of the master key. A key
-- that somebody else has wrapped meanwhile stays as he left it. Locked in one order: two rotations may run at once.
with l as materialized (
	select project_id, wrapped from project_keys where project_id = any ($1::text[]) order by project_id for no key update
), u as (
	update project_keys k set wrapped = decode(n.fresh, 'hex'), master_id = $5::text, key_id = n.key_id, wrapped_at = now()
	from l join unnest($1, $2::text[], $3::text[], $4::text[]) as n (id, was, fresh, key_id) on n.id = l.project_id
	where k.project_id = l.project_id and l.wrapped = decode(n.was, 'hex')
	returning 1
)
select count(*) as n from u;

-- name: secrets_to_seal
-- The next secrets that a master key has sealed itself. After this one: $1 place, $2 owner, $3 plugin, $4 key, $5 version; $6 how many.
select place, owner, plugin, key, version, project_id, org_id, environment_id, encode(sealed, 'hex') as sealed, key_id
from secrets_of_masters
where (place, owner, plugin, key, version) > ($1::text, $2::text, $3::text, $4::text, $5::int)
order by place, owner, plugin, key, version limit $6::int;

-- name: provider_secret_seal
-- $1 project, $2 provider, $3 key, $4 as it was, $5 as it becomes, in hex, $6 id of its key. Not when somebody has changed it meanwhile.
update provider_secrets set sealed = decode($5::text, 'hex'), key_id = $6::text
where project_id = $1::text and provider = $2::text and key = $3::text and sealed = decode($4::text, 'hex') returning key_id;

-- name: notifier_secret_seal
-- $1 notifier, $2 key, $3 as it was, $4 as it becomes, in hex, $5 id of its key. Not when somebody has changed it meanwhile.
update notifier_secrets set sealed = decode($4::text, 'hex'), key_id = $5::text
where notifier_id = $1::text and key = $2::text and sealed = decode($3::text, 'hex') returning key_id;

-- name: variable_seal_anew
-- $1 variable, $2 version, $3 as it was, in hex, $4 as it becomes, $5 id of its key, $6 fingerprint.
update env_var_versions set sealed = $4::bytea, key_id = $5::text, fingerprint = $6::text
where var_id = $1::text and version = $2::int and sealed = decode($3::text, 'hex') returning key_id;

-- name: masters_audit
-- $1 row id, $2 who, $3 id of the current master key, $4 how many project keys, $5 how many secrets, $6 whether the others are free, $7 the
-- canary sealed anew, or null.
with c as (
	update instance set canary = $7::bytea, canary_master = $3::text where $7::bytea is not null
)
select audit_add($1::text, '', $2::text[], 'installation.keys', 'installation', '', null, null,
	jsonb_build_object('master', $3::text, 'projects', $4::int8, 'secrets', $5::int8, 'previousMayGo', $6::bool)) as "_audit";

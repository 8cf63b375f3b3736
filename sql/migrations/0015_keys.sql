-- Change of the master key: which one the database is sealed with, and what a change has to reach.

alter table instance
	add canary bytea,       -- sealed by the master key at the first start: a process with another key does not start
	add canary_master text, -- id of that key
	add retired_masters text[] not null default '{}'; -- a rotation has replaced them: nothing new may be sealed with them

alter table project_keys add key_id text not null default ''; -- of the data key itself
alter table project_keys alter key_id drop default;

-- With the project's data key beside the secrets that it seals.
create or replace view project_settings as
select r.id as project_id, coalesce((
	select jsonb_object_agg(p.provider, jsonb_build_object('settings', p.settings, 'secrets', (
		select coalesce(jsonb_object_agg(s.key, encode(s.sealed, 'hex')), '{}')
		from provider_secrets s where s.project_id = p.project_id and s.provider = p.provider),
		'key', (select encode(k.wrapped, 'hex') from project_keys k where k.project_id = p.project_id)))
	from project_providers p where p.project_id = r.id), '{}')::text as settings
from projects r;

-- Secrets that their project's data key has not sealed: a master key did, before there were data keys.
create view secrets_of_masters as
select 'provider_secrets' as place, s.project_id as owner, s.provider as plugin, s.key, 0 as version,
	s.project_id, '' as org_id, '' as environment_id, s.sealed, s.key_id
from provider_secrets s left join project_keys k on k.project_id = s.project_id
where s.key_id is distinct from k.key_id
union all
select 'notifier_secrets', s.notifier_id, c.notifier, s.key, 0, c.project_id, '', '', s.sealed, s.key_id
from notifier_secrets s join project_notifiers c on c.id = s.notifier_id left join project_keys k on k.project_id = c.project_id
where s.key_id is distinct from k.key_id
union all
select 'env_var_versions', s.var_id, '', v.key, s.version, e.project_id, p.org_id, e.id, s.sealed, s.key_id
from env_var_versions s join env_vars v on v.id = s.var_id join environments e on e.id = v.environment_id
	join projects p on p.id = e.project_id left join project_keys k on k.project_id = e.project_id
where s.sealed is not null and s.key_id is distinct from k.key_id;

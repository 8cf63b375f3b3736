-- What a project deploys with, secrets included, and what taking a project down needs.

-- Settings of each provider that a project ever used: what was deployed with an earlier one is destroyed with its settings.
create table project_providers (
	project_id text not null references projects on delete cascade,
	provider text not null,
	settings jsonb not null default '{}', -- by the plugin's own keys, without its secrets
	updated_at timestamptz not null default now(),
	primary key (project_id, provider)
);
insert into project_providers (project_id, provider, settings)
select id, provider, provider_settings from projects where provider <> '';
alter table projects drop column provider_settings;

create table provider_secrets (
	project_id text not null,
	provider text not null,
	key text not null,
	sealed bytea not null, -- see core/crypto/envelope.h; its context is the table's name and the primary key
	key_id text not null,  -- of the key that sealed it
	mask text not null,    -- what people see of it
	updated_at timestamptz not null default now(),
	primary key (project_id, provider, key),
	foreign key (project_id, provider) references project_providers on delete cascade
);
create index provider_secrets_key_id on provider_secrets (key_id);

create index projects_deleting on projects (id) where deleting_at is not null;
create index organizations_deleting on organizations (id) where deleting_at is not null;
create index invitations_org on invitations (org_id, id);

-- A time inside of JSON, as the API shows times.
create function iso_time(at timestamptz) returns text language sql stable as $$
	select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- The members of `a` that `b` has not, or has otherwise: differing(was, became) and the other way round are an audit row's before
-- and after.
create function differing(a jsonb, b jsonb) returns jsonb language sql immutable as $$
	select coalesce(jsonb_object_agg(m.key, m.value), '{}') from jsonb_each(a) m where b -> m.key is distinct from m.value
$$;

-- The stored form of every provider's settings, for a worker: {"vercel":{"settings":{...},"secrets":{"token":"<hex>"}}}. A view and no
-- function: it becomes part of the statements that each step of a job runs, and of their plans.
create view project_settings as
select r.id as project_id, coalesce((
	select jsonb_object_agg(p.provider, jsonb_build_object('settings', p.settings, 'secrets', (
		select coalesce(jsonb_object_agg(s.key, encode(s.sealed, 'hex')), '{}')
		from provider_secrets s where s.project_id = p.project_id and s.provider = p.provider)))
	from project_providers p where p.project_id = r.id), '{}')::text as settings
from projects r;

-- What people see of it: settings, and masks in place of secrets. Clients know the settings of vercel and netlify by names of their
-- own as well ("vercelToken"): the provider's name and the key (core/api/provider.c reads them).
create function provider_config(project text, name text) returns jsonb language sql stable as $$
	select m.members || coalesce((select jsonb_object_agg(name || upper(left(key, 1)) || substr(key, 2), value)
			from jsonb_each(m.members) where name in ('vercel', 'netlify')), '{}')
		|| jsonb_build_object('provider', upper(name))
	from (select coalesce((select settings from project_providers where project_id = project and provider = name), '{}')
		|| coalesce((select jsonb_object_agg(key, mask) from provider_secrets where project_id = project and provider = name), '{}')
		as members) m
$$;

-- Variables of environments, sealed, each change a version; and the keys that seal them.

-- A project's data key seals its secrets and is itself sealed by the master key: a change of the master key seals these rows anew
-- and touches no secret.
create table project_keys (
	project_id text collate "C" primary key references projects on delete cascade,
	wrapped bytea not null,  -- see core/crypto/envelope.h; its context is the table's name and the primary key
	master_id text not null, -- of the master key that sealed it
	created_at timestamptz not null default now(),
	wrapped_at timestamptz not null default now()
);
create index project_keys_master on project_keys (master_id);

create table environments (
	id text collate "C" primary key,
	project_id text collate "C" not null references projects on delete cascade,
	name text not null check (name in ('PREVIEW', 'STAGING', 'PRODUCTION')),
	created_at timestamptz not null default now(),
	unique (project_id, name)
);

create table env_vars (
	id text collate "C" primary key,
	environment_id text collate "C" not null references environments on delete cascade,
	key text collate "C" not null,
	fork_safe bool not null default false,  -- previews of forks get it
	build_only bool not null default false, -- the build gets it, what runs does not
	last_version int not null default 0,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	deleted_at timestamptz, -- the row and its versions stay, so that numbers go on where they were
	unique (environment_id, key)
);

-- ACTIVE is what deployments get. PENDING waits to be tried (a rotation); GRACE was ACTIVE and is in a live preview; RETIRED is in
-- none; FAILED was tried and was not good.
create table env_var_versions (
	var_id text collate "C" not null references env_vars on delete cascade,
	version int not null,
	state text not null check (state in ('ACTIVE', 'PENDING', 'GRACE', 'RETIRED', 'FAILED')),
	sealed bytea,         -- context: core/store/variable_secrets.h; null = forgotten
	key_id text not null, -- of the key that sealed it
	mask text not null,
	fingerprint text not null, -- hex, of the value under the project's key: tells equal values, and nothing of them
	source text not null check (source in ('SET', 'IMPORT', 'ROLLBACK', 'ROTATION')),
	trial_preview_id text collate "C" references previews on delete set null, -- of a PENDING one: which preview deploys with it
	reason text not null default '', -- why it FAILED
	created_by text not null default '', -- a name for people: an e-mail address, a policy
	created_at timestamptz not null default now(),
	activated_at timestamptz,
	ended_at timestamptz, -- since when it is GRACE, RETIRED or FAILED
	primary key (var_id, version)
);
create unique index env_var_versions_active on env_var_versions (var_id) where state = 'ACTIVE';
create unique index env_var_versions_pending on env_var_versions (var_id) where state = 'PENDING';
create index env_var_versions_grace on env_var_versions (var_id) where state = 'GRACE';
create index env_var_versions_key on env_var_versions (key_id);

-- What an attempt was sent with.
create table attempt_variables (
	attempt_id text collate "C" not null references preview_attempts on delete cascade,
	var_id text collate "C" not null references env_vars on delete cascade,
	version int not null,
	fingerprint text not null,
	primary key (attempt_id, var_id)
);
create index attempt_variables_var on attempt_variables (var_id, version);

create function environments_of(project text) returns void language sql as $$
	insert into environments (id, project_id, name)
	select 'env_' || replace(gen_random_uuid()::text, '-', ''), project, n
	from unnest(array['PREVIEW', 'STAGING', 'PRODUCTION']) n
	on conflict do nothing
$$;
create function projects_environments() returns trigger language plpgsql as $$
begin
	perform environments_of(new.id);
	return null;
end $$;
create trigger projects_environments after insert on projects for each row execute function projects_environments();
select environments_of(id) from projects;

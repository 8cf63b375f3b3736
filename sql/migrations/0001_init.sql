-- Who: organizations, people, what they may do, and their sessions.

create table instance (
	only_row bool primary key default true check (only_row),
	id text not null, -- inst_...: what our deployments carry at the providers, so that two installations can share an account
	created_at timestamptz not null default now()
);
insert into instance (id) values ('inst_' || replace(gen_random_uuid()::text, '-', ''));

create table organizations (
	id text collate "C" primary key,
	name text not null,
	slug text not null unique,
	description text not null default '',
	created_at timestamptz not null default now()
);

create table users (
	id text collate "C" primary key,
	email text not null,
	name text not null default '',
	avatar_url text not null default '',
	active bool not null default true,
	created_at timestamptz not null default now()
);
create unique index users_email on users (lower(email));

create table members (
	org_id text not null references organizations on delete cascade,
	user_id text not null references users on delete cascade,
	role text not null check (role in ('OWNER', 'MAINTAINER', 'DEVELOPER', 'VIEWER')),
	created_at timestamptz not null default now(),
	primary key (org_id, user_id)
);
create index members_user on members (user_id);

create table sessions (
	id text collate "C" primary key,
	user_id text not null references users on delete cascade,
	created_at timestamptz not null default now(),
	expires_at timestamptz not null,
	revoked_at timestamptz
);
create index sessions_user on sessions (user_id);

-- What is deployed: projects, what GitHub told us, what we want, and what the providers have.

create table projects (
	id text collate "C" primary key,
	org_id text not null references organizations on delete cascade,
	name text not null,
	repo_full_name text not null,
	default_branch text not null default 'main',
	description text not null default '',
	provider text not null default '',                     -- name of a provider plugin, '' = not chosen yet
	provider_settings jsonb not null default '{}',         -- what the plugin declared, without its secrets
	settings_version int not null default 1,               -- a change opens a new plugin instance
	rules jsonb not null default '{}',                     -- what deploys: see core/model/rules.h
	created_at timestamptz not null default now()
);
create index projects_repo on projects (lower(repo_full_name));
create index projects_org on projects (org_id);

-- One row per accepted webhook. The body is kept as it came: jsonb and text refuse some of what GitHub may send.
create table deliveries (
	id text collate "C" primary key,          -- hook_ + X-GitHub-Delivery
	digest bytea not null unique, -- sha256(event, signature of the body): the id is not signed, the body is
	event text not null,
	action text not null,
	repo_full_name text not null,
	pr_number int,
	outcome text not null, -- accepted, ignored
	reason text not null,
	decisions text not null,      -- JSON; per project: what was decided and why
	payload bytea not null,
	received_at timestamptz not null default now()
) with (toast_tuple_target = 8160);
-- A GitHub payload shrinks to about a fifth; kept in the row (toast_tuple_target) it costs no second table and index.
alter table deliveries alter payload set compression lz4;
create index deliveries_received on deliveries using brin (received_at);

-- One row per (project, pull request): what it should look like, and what was last seen of it.
-- Tables that every webhook and every step write have neither checks nor a foreign key to projects: their words are C enums, and
-- PostgreSQL parses a check's text anew for each statement, an eighth of a webhook's cost. A project is only deleted after
-- its previews are.
create table previews (
	id text collate "C" primary key, -- deploy_...
	project_id text not null,
	pr_number int not null,
	title text not null,
	branch text not null,
	base_branch text not null,
	author text not null,
	html_url text not null,
	from_fork bool not null,
	pr_open bool not null,
	pr_updated_at timestamptz not null, -- an event older than this changes nothing
	reopened bool not null,             -- by the newest event
	-- desired
	desired text not null,              -- deployed, destroyed, held
	desired_why text not null,          -- code of the deciding rule: DRAFT, FORK, CLOSED ...
	sha text not null,
	before_sha text not null,           -- what the last push replaced: orders two pushes of one second
	generation int not null default 1,  -- counts changes of (desired, sha) and retries
	changed_by text not null,           -- delivery or request that made this generation
	-- observed
	settled_generation int not null default 0, -- the reconciler has brought this one to its end
	status text not null,               -- QUEUED, BUILDING, READY, ERROR, DESTROYED
	detail text not null,
	visible bool not null,              -- was ever wanted: a pull request that no rule deploys is not listed
	provider text not null default '',
	attempt_id text,
	attempts int not null default 0,
	url text,
	error_reason text,
	message text,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	ready_at timestamptz,
	destroyed_at timestamptz,
	unique (project_id, pr_number)
) with (fillfactor = 75);
create index previews_list on previews (project_id, created_at, id);
create index previews_unsettled on previews (id) where settled_generation < generation;

-- One row per attempt to create a deployment. Written before the provider is called (SENT), so that after a crash the
-- deployment can be found again by the attempt's id, which it carries at the provider.
create table preview_attempts (
	id text collate "C" primary key, -- att_...
	preview_id text not null references previews on delete cascade,
	generation int not null,
	sha text not null,
	branch text not null,
	provider text not null,
	state text not null, -- intent, sent, created, gone
	status text not null default 'UNKNOWN', -- the provider's: QUEUED, BUILDING, READY, FAILED, CANCELLED
	provider_id text,
	url text,
	inspector_url text,
	error_reason text,
	message text,
	tries int not null default 0,       -- of the current step
	cancelled bool not null default false,
	next_at timestamptz not null default now(), -- the next step is not due before
	deadline_at timestamptz not null,
	log_cursor text not null default '',
	log_bytes int not null default 0,
	created_at timestamptz not null default now(),
	sent_at timestamptz,
	upstream_at timestamptz, -- the provider answered with an id
	building_at timestamptz,
	ready_at timestamptz,
	failed_at timestamptz,
	gone_at timestamptz
);
create index preview_attempts_preview on preview_attempts (preview_id, generation);

create table build_logs (
	attempt_id text not null references preview_attempts on delete cascade,
	seq int not null,
	text text not null,
	created_at timestamptz not null default now(),
	primary key (attempt_id, seq)
);

create table deploy_events (
	id text collate "C" primary key, -- evt_...
	project_id text not null,
	preview_id text not null references previews on delete cascade,
	attempt_id text,
	stage text not null,
	message text not null,
	duration_ms bigint, -- since the attempt began
	created_at timestamptz not null default now()
);
create index idx_deploy_events_project_created on deploy_events (project_id, created_at);
create index deploy_events_preview on deploy_events (preview_id, id);

-- The queue. The row is the truth; Redis only carries its id to a worker faster.
create table jobs (
	id text collate "C" primary key,
	queue text not null,
	kind text not null,
	key text not null, -- what it is about; unique while the job is open, so work is never queued twice
	state text not null default 'waiting', -- waiting, active, delayed, dead
	again bool not null default false, -- asked for once more while it ran
	attempts int not null default 0,   -- claims since the last orderly return
	crashes int not null default 0,    -- of the worker, attributed to this job
	fence bigint not null default 0,   -- of the newest claim; what an older claim writes is refused
	run_at timestamptz not null default now(),
	lease_until timestamptz,
	worker text,
	last_error text,
	created_at timestamptz not null default now(),
	unique (kind, key)
) with (fillfactor = 70);
create index jobs_waiting on jobs (queue, run_at) where state = 'waiting';
create index jobs_delayed on jobs (run_at) where state = 'delayed';
create index jobs_leases on jobs (lease_until) where state = 'active';

-- What the workers found in the plugin folder: the API reads it here, it never runs a plugin's code.
create table plugins (
	file text primary key,
	name text not null,
	kind text not null,
	version text not null,
	abi text not null,
	summary text not null,
	license text not null,
	state text not null check (state in ('loaded', 'refused', 'disabled')),
	reason text not null, -- why it was refused: one sentence
	settings jsonb not null,
	updated_at timestamptz not null default now()
);

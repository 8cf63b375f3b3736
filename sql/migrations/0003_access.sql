-- Who may do what, and who did: logins by GitHub, invitations, roles in one project, API tokens, audit.

alter table users
	add column github_id bigint unique,                    -- null: never logged in by GitHub
	add column github_login text not null default '',
	add column last_seen_at timestamptz;
create index users_github_login on users (lower(github_login)) where github_login <> '';

alter table organizations
	add column frozen_at timestamptz,                      -- lockdown: nothing is deployed while it is set
	add column frozen_why text not null default '',
	add column deleting_at timestamptz;                    -- its projects are being taken down; then it goes

alter table projects
	add column deleting_at timestamptz;                    -- its previews are being destroyed; then it goes
create unique index projects_name on projects (org_id, lower(name));

-- A role in one project, above the one in its organization. Only what is higher counts.
create table project_members (
	project_id text not null references projects on delete cascade,
	user_id text not null references users on delete cascade,
	role text not null check (role in ('MAINTAINER', 'DEVELOPER', 'VIEWER')),
	created_at timestamptz not null default now(),
	primary key (project_id, user_id)
);
create index project_members_user on project_members (user_id);

-- Asked in before they have ever logged in: by GitHub login or by e-mail, resolved at the first login.
create table invitations (
	id text collate "C" primary key, -- inv_...
	org_id text not null references organizations on delete cascade,
	github_login text not null default '',
	email text not null default '',
	role text not null check (role in ('OWNER', 'MAINTAINER', 'DEVELOPER', 'VIEWER')),
	invited_by text not null,
	created_at timestamptz not null default now(),
	expires_at timestamptz not null,
	check ((github_login = '') <> (email = ''))
);
create unique index invitations_login on invitations (lower(github_login), org_id) where github_login <> '';
create unique index invitations_email on invitations (lower(email), org_id) where email <> '';

create table api_tokens (
	id text collate "C" primary key, -- tok_...
	user_id text not null references users on delete cascade,
	name text not null,
	hash bytea not null unique,      -- SHA-256 of the token, which is shown once and never stored
	scope text not null check (scope in ('read', 'write', 'admin')),
	project_id text references projects on delete cascade, -- null: all that its owner may
	created_at timestamptz not null default now(),
	expires_at timestamptz,
	last_used_at timestamptz,
	revoked_at timestamptz
);
create index api_tokens_user on api_tokens (user_id, id);

alter table sessions
	add column ip text not null default '',
	add column user_agent text not null default '';

-- What was done, by whom, from where. Each organization has a chain of its own: a row's hash covers the hash before it, so that a
-- row that is changed or taken out later is found (opshubd audit verify). org_id '' is the installation itself: logins, its settings.
-- No foreign keys: the record outlives what it is about.
create table audit_log (
	org_id text collate "C" not null,
	seq bigint not null,
	id text collate "C" not null unique, -- audit_...
	at timestamptz not null,
	actor_kind text not null,        -- user, token, system, cli
	actor_id text not null,
	actor_name text not null,        -- e-mail at that time
	ip text not null,
	user_agent text not null,
	request_id text not null,
	action text not null,            -- project.update, member.add, deployment.retry, login.failed ...
	target_kind text not null,       -- organization, project, member, deployment, token ...
	target_id text not null,
	project_id text not null,        -- '' when it is not about one
	before text not null,            -- JSON of the fields that changed; secrets are masked; '' = was not there
	after text not null,
	prev_hash bytea not null,
	hash bytea not null,
	primary key (org_id, seq)
);
create index audit_log_at on audit_log (org_id, at);
create index audit_log_actor on audit_log (org_id, actor_id, seq);

create table audit_heads (
	org_id text collate "C" primary key,
	seq bigint not null,
	hash bytea not null
);

-- What a row's hash covers, besides the hash before it. opshubd audit verify computes the same outside of the database.
create function audit_content(r audit_log) returns bytea language sql stable as $$
	select convert_to(jsonb_build_array(r.org_id, r.seq, r.id, (extract(epoch from r.at) * 1000000)::bigint, r.actor_kind, r.actor_id,
		r.actor_name, r.ip, r.user_agent, r.request_id, r.action, r.target_kind, r.target_id, r.project_id, r.before,
		r.after)::text, 'UTF8')
$$;

-- Adds a row to the organization's chain, in the transaction of the change it is about; whoever changes something at the same time
-- waits for the head's lock. `who`: actor kind, actor id, actor name, ip, user agent, request id.
create function audit_add(row_id text, org text, who text[], what text, kind text, target text, project text, was jsonb, became jsonb)
returns bigint language plpgsql as $$
declare
	r audit_log;
begin
	insert into audit_heads as h (org_id, seq, hash) values (org, 1, '') on conflict (org_id) do update set seq = h.seq + 1
	returning h.seq, h.hash into r.seq, r.prev_hash;
	r.org_id := org;
	r.id := row_id;
	r.at := clock_timestamp();
	r.actor_kind := who[1];
	r.actor_id := who[2];
	r.actor_name := who[3];
	r.ip := who[4];
	r.user_agent := left(who[5], 400);
	r.request_id := who[6];
	r.action := what;
	r.target_kind := kind;
	r.target_id := coalesce(target, '');
	r.project_id := coalesce(project, '');
	r.before := coalesce(was::text, '');
	r.after := coalesce(became::text, '');
	r.hash := sha256(r.prev_hash || audit_content(r));
	insert into audit_log select r.*;
	update audit_heads set hash = r.hash where org_id = org;
	return r.seq;
end
$$;

-- Every process remembers for some seconds who may do what. Whatever takes rights away is told to all of them with its commit,
-- whichever way it was done. A trigger of each row: one of each statement fires for a sweep that finds nothing as well. Equal
-- notifications of one transaction are sent once.
create function access_changed() returns trigger language plpgsql as $$
begin
	perform pg_notify('opshub_access', '');
	return null;
end
$$;
create trigger access_changed after update or delete on members for each row execute function access_changed();
create trigger access_changed after update or delete on project_members for each row execute function access_changed();
create trigger access_changed after update of revoked_at or delete on sessions for each row execute function access_changed();
create trigger access_changed after update of revoked_at, expires_at, scope or delete on api_tokens
	for each row execute function access_changed();
create trigger access_changed after update of active or delete on users for each row execute function access_changed();
create trigger access_changed after update of deleting_at or delete on projects for each row execute function access_changed();
create trigger access_changed after update of deleting_at or delete on organizations
	for each row execute function access_changed();

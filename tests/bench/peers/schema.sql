-- The peers' own tables, beside ours in the same database: what such a service would have.
drop schema if exists peer cascade;
create schema peer;

create table peer.users (id text primary key, email text not null unique);
create table peer.projects (id text primary key, org_id text not null, name text not null, repo_full_name text not null);
create index projects_repo on peer.projects (lower(repo_full_name));
create table peer.members (
	org_id text not null,
	user_id text not null references peer.users,
	role text not null,
	primary key (org_id, user_id)
);
create table peer.webhook_events (
	id text primary key, -- X-GitHub-Delivery
	event text not null,
	action text not null,
	payload jsonb not null,
	received_at timestamptz not null default now()
);
create table peer.previews (
	id uuid primary key default gen_random_uuid(),
	project_id text not null references peer.projects,
	pr_number int not null,
	title text not null,
	branch text not null,
	sha text not null,
	provider text not null default 'mock',
	status text not null,
	detail text not null default '',
	url text,
	error_reason text,
	message text,
	attempts int not null default 0,
	html_url text not null,
	pr_updated_at timestamptz not null,
	created_at timestamptz not null default now(),
	ready_at timestamptz,
	destroyed_at timestamptz,
	unique (project_id, pr_number)
);
create index previews_list on peer.previews (project_id, created_at desc);

insert into peer.users values ('user_bench', 'owner@bench.example');
insert into peer.projects values ('proj_bench', 'org_bench', 'hello-world', 'Codertocat/Hello-World');
insert into peer.projects values ('proj_list', 'org_bench', 'list', 'Codertocat/List');
insert into peer.members values ('org_bench', 'user_bench', 'OWNER');
insert into peer.previews (project_id, pr_number, title, branch, sha, status, detail, url, attempts, html_url, pr_updated_at, created_at, ready_at)
select 'proj_list', n, 'Change number ' || n, 'feature-' || n, md5(n::text) || '00000000', 'READY', 'READY',
	'http://127.0.0.1:4010/p/deploy-' || n || '/', 1, 'https://github.com/Codertocat/List/pull/' || n, now(),
	now() - (1000 - n) * interval '1 minute', now()
from generate_series(1, 200) n;

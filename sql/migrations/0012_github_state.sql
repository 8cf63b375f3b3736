-- What the workers ask GitHub about pull requests whose webhooks may have been missed, and what providers have that nobody wants.

create table github_repos (
	repo text collate "C" primary key,           -- in lower case; there while a project deploys it
	spelled text not null,                       -- as a project spells it
	next_at timestamptz not null default now(),  -- the next sweep is not due before
	lease_until timestamptz,                     -- a worker sweeps it
	worker text,
	etags text not null default '',              -- of the pages of the last complete list, one a line
	projects text not null default '',           -- which that list was compared with
	hook_id bigint not null default 0,           -- our webhook of this repository; 0 = not known
	deliveries_since timestamptz,                -- deliveries before this one are settled
	swept_at timestamptz,                        -- the last sweep that came to its end
	last_error text                              -- why the last one did not
);

-- Pull requests that a sweep would take down, and does not yet: seen missing once, or too many at once.
create table github_closings (
	repo text not null references github_repos on delete cascade,
	pr_number int not null,
	why text not null,                           -- closed, gone, rules
	first_at timestamptz not null default now(), -- seen so since
	held_at timestamptz,                         -- too many at once: waits for a person
	confirmed_at timestamptz,                    -- who has said yes
	primary key (repo, pr_number)
);

-- The ledger: where a provider's inventory and our rows differ.
create table orphans (
	id text collate "C" primary key, -- orph_...
	project_id text references projects on delete cascade, -- null: nobody's for certain, for the operator's eyes alone
	found_by text not null,          -- the project with whose settings the provider was asked
	provider text not null,
	provider_id text not null,
	attempt_id text not null,
	kind text not null,              -- UNKNOWN, DUPLICATE, UNWANTED, VANISHED
	action text not null,            -- NAMED, DESTROYED, DESTROYING
	url text,
	first_seen_at timestamptz not null default now(),
	last_seen_at timestamptz not null default now(),
	resolved_at timestamptz,         -- a complete inventory did not show it any more
	unique (provider, provider_id)
);
create index orphans_project on orphans (project_id, id);
create index orphans_open on orphans (provider, found_by) where resolved_at is null;
create index preview_attempts_ready on preview_attempts (provider) where state = 'created' and status = 'READY';

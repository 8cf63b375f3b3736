-- Whose turn it is to ask a provider's account what it has of ours.

create table inventories (
	project_id text not null references projects on delete cascade, -- with whose settings the provider is asked
	provider text not null,
	next_at timestamptz not null, -- the next inventory is not due before
	lease_until timestamptz,      -- a worker is at it
	worker text,
	primary key (project_id, provider)
);

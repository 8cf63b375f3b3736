-- Decoys: a value that is given to a fork's deployment and to nobody else, so that its use names who took it.

create table decoys (
	token_hash bytea primary key, -- SHA-256; the token itself is computed from the project's key
	preview_id text collate "C" not null references previews on delete cascade,
	attempt_id text collate "C" not null references preview_attempts on delete cascade,
	sha text not null,
	visits bigint not null default 0,
	first_at timestamptz,
	last_at timestamptz,
	created_at timestamptz not null default now()
);
create index decoys_preview on decoys (preview_id);
create index decoys_attempt on decoys (attempt_id);

-- A preview that was frozen: nothing of it is deployed until somebody lifts that, whatever is pushed.
alter table previews add frozen_at timestamptz, add frozen_why text not null default '';

-- The table of migrations itself: run each time, before anything else.
create table if not exists schema_migrations (
	name text primary key,
	checksum text not null, -- sha256 of the file: a migration that was changed after it ran is refused
	applied_at timestamptz not null default now()
);

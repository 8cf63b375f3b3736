-- Logging in with GitHub.

-- A state that came back from GitHub, so that a second callback with it is refused by whichever process gets it.
create table used_login_states (
	hash bytea primary key, -- SHA-256 of the state
	used_at timestamptz not null default now()
);
create index used_login_states_age on used_login_states (used_at);

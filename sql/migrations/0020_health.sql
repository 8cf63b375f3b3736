-- Health: checks, what is known of each, its samples and rollups, incidents and alerts, windows of maintenance, status pages.
-- docs/health.md has the picture. Until now nothing wrote to the tables of 0002, so they are made anew.

drop table health_samples;
drop table health_checks;

create table health_checks (
	id text collate "C" primary key, -- check_...
	project_id text collate "C" not null references projects on delete cascade,
	preview_id text collate "C" references previews on delete cascade, -- made for it, follows its URL and goes with it
	name text not null,
	url text not null,
	method text not null default 'GET',
	headers jsonb not null default '{}',         -- {"Name": "value"}; secret ones are rows of health_check_headers
	expected_min int not null default 200,
	expected_max int not null default 399,
	response_contains text,
	response_matches text,                       -- core/model/key_pattern.h
	json_path text,                              -- core/model/expectation.h
	json_equals text,                            -- JSON
	latency_max_ms int,
	interval_ms int not null default 60000,
	timeout_ms int not null default 5000,
	redirects int not null default 0,            -- followed at most
	verify_tls bool not null default true,
	http_version text not null default 'auto' check (http_version in ('auto', '1.1', '2')),
	failure_threshold int not null default 3,
	recovery_threshold int not null default 2,
	alert_cooldown_min int not null default 30,
	reminder_min int not null default 240,       -- 0 = none
	flap_changes int not null default 6,         -- of the status within the window; 0 = never flapping
	flap_window_min int not null default 60,
	depends_on text[] not null default '{}',     -- checks of the same project
	enabled bool not null default true,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now()
);
create index health_checks_list on health_checks (project_id, id);
create unique index health_checks_preview on health_checks (preview_id) where preview_id is not null;
create index health_checks_parents on health_checks using gin (depends_on) where depends_on <> '{}';

create table health_check_headers (
	check_id text collate "C" not null references health_checks on delete cascade,
	name text not null,
	sealed bytea not null, -- see core/crypto/envelope.h
	key_id text not null,
	mask text not null,
	updated_at timestamptz not null default now(),
	primary key (check_id, name)
);
create index health_check_headers_key_id on health_check_headers (key_id);

-- What a provider says must be sent to get past its own protection, of the attempt that is a preview's READY one: lines of "name: value", sealed.
-- Goes to that preview's host alone.
create table attempt_probe_headers (
	attempt_id text collate "C" primary key references preview_attempts on delete cascade,
	sealed bytea not null,
	key_id text not null
);
create index attempt_probe_headers_key_id on attempt_probe_headers (key_id);

alter table projects add preview_checks bool not null default true; -- each READY preview gets a check

-- What is known of a check: written by whoever probes it. A claim moves due_at behind the lease, like the visibility time-out of a
-- queue: who dies over a probe leaves it due. Narrow, and with room in each page: every probe updates its row twice.
create table health_states (
	check_id text collate "C" primary key references health_checks on delete cascade,
	due_at timestamptz,                   -- the next slot; while it is claimed, the end of the lease. null = not probed
	slot_at timestamptz,                  -- which slot is claimed
	worker text,                          -- by whom; null = nobody
	fence bigint not null default 0,      -- counts claims: a result of an older one is dropped
	-- the state machine's, core/model/health.h
	status text check (status in ('OK', 'DEGRADED')),
	failures int not null default 0,      -- in a row
	successes int not null default 0,     -- in a row
	failing_since timestamptz,            -- the first of those failures
	changes timestamptz[] not null default '{}', -- of the status, newest last
	flapping bool not null default false,
	incident_id text collate "C",         -- the open one
	told bool not null default false,     -- people were told that it opened
	told_at timestamptz,                  -- the newest alert: cooldown and reminders
	acknowledged bool not null default false,
	-- the newest look
	last_ok bool,
	last_verdict text,                    -- OK, FAILED, INCONCLUSIVE, MAINTENANCE
	last_error text,
	last_status_code int,
	last_latency_ms int,
	last_checked_at timestamptz,
	-- the certificate it saw last
	certificate text,                     -- SHA-256 of it, hex
	certificate_expires_at timestamptz,
	certificate_warned int,               -- the smallest number of days that people were warned of, for this one
	-- the five minutes under way, which are no row of health_rollups yet
	acc_at timestamptz,
	acc_ok int not null default 0,
	acc_failed int not null default 0,
	acc_inconclusive int not null default 0,
	acc_latency_sum bigint not null default 0, -- of those that were OK, ms
	acc_latency_min int,
	acc_latency_max int
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
create index health_states_due on health_states (due_at) where due_at is not null;

-- Each check has its state. A new one is due at once; later slots are spread over the interval by a hash of the id.
create function health_slot(check_id text, interval_ms bigint, after timestamptz) returns timestamptz language sql immutable as $$
	select to_timestamp((n * interval_ms + phase)::numeric / 1000)
	from (select phase, floor((extract(epoch from after) * 1000 - phase) / interval_ms)::bigint + 1 as n
		from (select (hashtextextended(check_id, 0) & 9223372036854775807) % interval_ms as phase) p) s
$$;
create function health_check_made() returns trigger language plpgsql as $$
begin
	insert into health_states (check_id, due_at) values (new.id, case when new.enabled then now() end);
	return null;
end
$$;
create trigger health_check_made after insert on health_checks for each row execute function health_check_made();
-- One that is switched on is due now, another interval acts at once; a claim that is under way ends first.
create function health_check_changed() returns trigger language plpgsql as $$
begin
	update health_states s
	set due_at = case when not new.enabled then null when s.worker is not null then s.due_at
			when not old.enabled then now() else least(s.due_at, health_slot(new.id, new.interval_ms, now())) end,
		worker = case when new.enabled then s.worker end
	where s.check_id = new.id;
	return null;
end
$$;
create trigger health_check_changed after update of enabled, interval_ms on health_checks for each row
	when ((old.enabled, old.interval_ms) is distinct from (new.enabled, new.interval_ms)) execute function health_check_changed();

-- Somebody wants it probed now, and waits for the answer.
create table health_runs (
	id text collate "C" primary key, -- run_...
	check_id text collate "C" not null references health_checks on delete cascade,
	asked_by text not null,
	asked_at timestamptz not null default now(),
	fence bigint,                    -- the claim that is to answer it; null = nobody took it yet
	finished_at timestamptz,
	result jsonb
);
create index health_runs_open on health_runs (check_id) where finished_at is null;
create index health_runs_age on health_runs (asked_at);

-- By day, UTC; partitions are made ahead and dropped by the workers. Rows that find none go to the default one.
create table health_samples (
	id text not null,                    -- sample_...
	project_id text not null,
	health_check_id text collate "C" not null,
	ok bool not null,
	verdict text not null,               -- OK, FAILED, INCONCLUSIVE, MAINTENANCE: only the first two count
	status_code int,
	latency_ms int,
	error text,                          -- a code of docs/health.md
	slot_at timestamptz not null,        -- which slot it is of: a check has one sample of each
	created_at timestamptz not null default now()
) partition by range (created_at);
create table health_samples_default partition of health_samples default;
create index idx_health_samples_check_created on health_samples (health_check_id, created_at);

-- step: minutes of a row, 5, 60 or 1440. The five minutes under way stand in health_states.
create table health_rollups (
	check_id text collate "C" not null,
	step int not null,
	at timestamptz not null,
	ok int not null,
	failed int not null,
	inconclusive int not null,
	latency_sum bigint not null,
	latency_min int,
	latency_max int,
	primary key (check_id, step, at)
) partition by list (step);
create table health_rollups_5m partition of health_rollups for values in (5) partition by range (at);
create table health_rollups_5m_default partition of health_rollups_5m default;
create table health_rollups_1h partition of health_rollups for values in (60) partition by range (at);
create table health_rollups_1h_default partition of health_rollups_1h default;
create table health_rollups_1d partition of health_rollups for values in (1440);

-- From the first confirmed failure to the recovery.
create table health_incidents (
	id text collate "C" primary key, -- inc_...
	project_id text collate "C" not null references projects on delete cascade,
	check_id text collate "C" not null references health_checks on delete cascade,
	began_at timestamptz not null,   -- the first failure
	opened_at timestamptz not null default now(),
	ended_at timestamptz,
	end_reason text,                 -- RECOVERED, DISABLED
	error text,                      -- of the failure that opened it
	message text not null,           -- one sentence
	cause text not null,             -- incidents of one cause are told together
	flapping bool not null default false, -- it was, at some time
	acknowledged_at timestamptz,
	acknowledged_by text,            -- a name
	note text,
	thread_key text not null         -- of the notifications: its own, or that of those told together with it
);
create unique index health_incidents_open on health_incidents (check_id) where ended_at is null;
create index health_incidents_project on health_incidents (project_id, id);
create index health_incidents_check on health_incidents (check_id, id);

-- What people are to be told. One that is not announced yet waits for others of its cause.
create table health_alerts (
	id text collate "C" primary key, -- alert_...
	project_id text collate "C" not null references projects on delete cascade,
	check_id text collate "C" not null references health_checks on delete cascade,
	incident_id text collate "C" references health_incidents on delete cascade, -- null: of a certificate
	kind text not null check (kind in ('OPENED', 'REMINDER', 'RECOVERED', 'FLAPPING', 'STABLE', 'ACKNOWLEDGED', 'DISABLED', 'CERTIFICATE')),
	error text,
	message text not null,
	created_at timestamptz not null default now(),
	announced_at timestamptz,        -- the notifications were written, in the same commit
	group_id text                    -- those that were told in one message
);
create index health_alerts_check on health_alerts (check_id, id);
create index health_alerts_waiting on health_alerts (created_at) where announced_at is null;

create table maintenance_windows (
	id text collate "C" primary key, -- window_...
	project_id text collate "C" not null references projects on delete cascade,
	name text not null,
	check_ids text[],                -- null = all of the project
	-- once
	starts_at timestamptz,
	ends_at timestamptz,
	-- weekly
	weekdays int[],                  -- ISO: 1 = Monday
	start_time time,                 -- on the clock of the zone
	duration_min int,
	time_zone text,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	check ((starts_at is not null and ends_at > starts_at and weekdays is null)
		or (starts_at is null and ends_at is null and weekdays is not null and start_time is not null and duration_min between 1 and 10079 and time_zone is not null))
);
create index maintenance_windows_project on maintenance_windows (project_id, id);

-- The status page of a project: public, when it is enabled.
create table status_pages (
	project_id text collate "C" primary key references projects on delete cascade,
	slug text collate "C" not null unique,
	title text not null,
	enabled bool not null,
	check_ids text[],                -- null = all but those of previews
	updated_at timestamptz not null default now()
);

-- CIDRs that probes may reach although they are not public, as the workers last found them in their configuration: a change is
-- written into the audit of every organization.
create table probe_networks (
	cidr text primary key,
	since timestamptz not null default now()
);

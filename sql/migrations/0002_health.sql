-- Health checks and their samples, in daily partitions. Index names are those of the operations guide.

create table health_checks (
	id text collate "C" primary key,
	project_id text not null references projects on delete cascade,
	name text not null,
	url text not null,
	created_at timestamptz not null default now()
);
create index health_checks_project on health_checks (project_id);

create table health_samples (
	id text not null,
	project_id text not null,
	health_check_id text not null,
	ok bool not null,
	status_code int,
	latency_ms int,
	error text,
	created_at timestamptz not null default now()
) partition by range (created_at);
create table health_samples_default partition of health_samples default;
create index idx_health_samples_check_created on health_samples (health_check_id, created_at);

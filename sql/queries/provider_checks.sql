-- Asking a project's provider whether a deployment would work: the question by the API, the answer by a worker.

-- name: provider_check_ask
-- $1 project, $2 job id; audit: $3 row id, $4 who. Who asks while a worker is at it is answered by one that begins later.
with r as (
	select id, org_id, provider from projects where id = $1::text for no key update
), c as (
	insert into provider_checks as c (project_id) select id from r on conflict (project_id) do update set asked = c.asked + 1
	returning project_id, asked
), job as (
	insert into jobs as j (id, queue, kind, key)
	select $2::text, 'preview-queue', 'verify', project_id from c
	on conflict (kind, key) do update set again = j.state = 'active',
		state = case when j.state = 'active' then j.state else 'waiting' end, run_at = now(), attempts = 0, crashes = 0,
		last_error = null
	returning id, state
)
select c.asked, case when job.state = 'waiting' then job.id end as "_job",
	audit_add($3::text, r.org_id, $4::text[], 'project.provider.verify', 'project', r.id, r.id, null,
		jsonb_build_object('provider', r.provider)) as "_audit"
from r, c, job;

-- name: provider_check_report
-- $1 project, $2 the question. No row until it is answered.
select (jsonb_build_object('checkedAt', iso_time(answered_at)) || report)::text as report
from provider_checks where project_id = $1::text and answered >= $2::bigint;

-- name: provider_check_begin
-- $1 job, $2 fence.
select c.asked, r.id as project_id, r.provider, s.settings as provider_settings, r.settings_version
from jobs j
	join provider_checks c on c.project_id = j.key
	join projects r on r.id = c.project_id
	join project_settings s on s.project_id = r.id
where j.id = $1::text and j.fence = $2::bigint and j.state = 'active';

-- name: provider_check_end
-- $1 job, $2 fence, $3 the question that was read at the beginning, $4 report.
with j as (
	select key from jobs where id = $1::text and fence = $2::bigint and state = 'active' for share
)
update provider_checks set answered = $3::bigint, report = $4::jsonb, answered_at = now()
from j where project_id = j.key;
